"""Readers that users register."""

from __future__ import annotations

import pytest
import torch

from lightning_imbalance.labels import Labels, read, register, registry


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(registry, "_readers", {})


class Beans:
    targets = (0, 0, 0)

    def __len__(self):
        return 3

    def __getitem__(self, index):
        raise AssertionError

    def class_labels(self):
        return [1, 1, 1]


class MoreBeans(Beans):
    classes = ("black", "white", "green")


def test_a_registered_reader_wins_over_everything():
    register(Beans, lambda _: [2, 0, 1])
    assert read(Beans()).values.tolist() == [2, 0, 1]


def test_class_labels_wins_over_attributes():
    assert read(Beans()).values.tolist() == [1, 1, 1]


def test_the_nearest_class_decides():
    register(Beans, lambda _: [2, 0, 1])
    register(MoreBeans, lambda _: [0, 0, 2])
    assert read(MoreBeans()).values.tolist() == [0, 0, 2]
    assert read(Beans()).values.tolist() == [2, 0, 1]


def test_a_subclass_is_served_too_and_names_come_from_its_classes():
    register(Beans, lambda _: [2, 0, 1])
    assert read(MoreBeans()).class_names == ("black", "white", "green")


def test_register_is_a_decorator_that_leaves_the_function_alone():
    def reader(_):
        return Labels(torch.tensor([1, 0, 1]), ["a", "b"])

    assert register(Beans)(reader) is reader
    assert read(Beans(), indices=[2, 1]).values.tolist() == [1, 0]
    assert read(Beans()).class_names == ("a", "b")


def test_a_reader_may_leave_it_to_a_scan():
    register(Beans, lambda _: None)
    assert read(Beans()) is None


def test_a_reader_for_something_else_than_a_class_is_refused():
    with pytest.raises(TypeError) as error:
        register("Beans", list)
    assert str(error.value) == "`type_` must be a class, got 'Beans'."


def test_a_reader_that_cannot_be_called_is_refused():
    with pytest.raises(TypeError) as error:
        register(Beans, [0, 1])
    assert str(error.value) == "`reader` must be a function from a Beans to its labels, got [0, 1]."


def test_a_reader_that_skips_samples_is_refused():
    register(Beans, lambda _: [2, 0])
    with pytest.raises(ValueError, match=r"^the registered") as error:
        read(Beans())
    assert str(error.value) == "the registered reader of Beans must give one label a sample, 3, got 2."


def test_class_labels_that_skip_samples_are_refused():
    class Fewer(Beans):
        def class_labels(self):
            return torch.tensor([1])

    with pytest.raises(ValueError, match=r"^`Fewer") as error:
        read(Fewer())
    assert str(error.value) == "`Fewer.class_labels()` must give one label a sample, 3, got 1."
