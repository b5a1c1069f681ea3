"""The report of an inspection says what the inspection found."""

from __future__ import annotations

import pytest

from lightning_imbalance import ClassDistribution
from lightning_imbalance.inspection import Inspection, split_off
from lightning_imbalance.reports import Code, DataTable, Notice, Picture, Text
from lightning_imbalance.reports.inspection import inspection_page

SKIN = ClassDistribution([2400, 310, 85, 0], class_names=["nevus", "keratosis", "melanoma", "wart"])


def page(distribution=SKIN, **settings):
    return inspection_page(Inspection(distribution, split_off(distribution)), "photos/", **settings)


def section(found, title):
    (each,) = (each for each in found.sections if each.title == title)
    return each


def test_the_report_has_what_is_printed_and_the_pictures():
    looked_at = Inspection(SKIN, split_off(SKIN))
    found = inspection_page(
        looked_at, "photos/", warnings=["a file is broken."], note="15 %", command="inspect photos/"
    )

    assert found.title == "The classes of photos/"
    assert found.lead == "4 classes with 2,795 training samples. There are 3 warnings."
    assert found.facts.facts == (
        ("classes", "4"), ("samples", "2,795"), ("imbalance ratio", "28.2"), ("samples of the rarest class", "85"),
    )  # fmt: skip
    assert [each.title for each in found.sections] == [
        "What to try first", "Warnings", "Classes", "Weightings", "Environment",
    ]  # fmt: skip
    assert [each.text for each in section(found, "Warnings").blocks] == ["a file is broken.", *looked_at.warnings]
    table, note, picture = section(found, "Classes").blocks
    assert (table.table.rows, table.table.title) == (looked_at.classes_table().rows, "")
    assert note == Text("15 %")
    assert "Classes by size: 2 many, 1 medium, 1 few" in picture.description
    said, schemes, priors = section(found, "Weightings").blocks
    assert looked_at.complement in said.text
    assert schemes == DataTable(looked_at.schemes_table())
    assert isinstance(priors, Picture)
    assert found.command == "inspect photos/"


def test_the_suggestion_comes_first_with_the_command_for_it():
    first = section(page(train_command="lightning-imbalance fit"), "What to try first").blocks

    assert first[0].text.startswith("Weighting 'uniform' with the loss 'logit_adjusted'. The most frequent class has")
    assert first[1:] == [
        Code("lightning-imbalance fit"),
        Text("Whether that helps here, only training with and without it says."),
    ]


@pytest.mark.parametrize(
    ("warnings", "lead"),
    [
        ([], "Nothing stands in the way of training or of validation."),
        (["one."], "There is one warning."),
    ],
)
def test_the_lead_says_how_many_warnings_there_are(warnings, lead):
    found = page(ClassDistribution([2000, 1000]), warnings=warnings)

    assert found.lead == f"2 classes with 3,000 training samples. {lead}"
    assert [each.title for each in found.sections if each.title == "Warnings"] == ["Warnings"] * len(warnings)
    assert [block for each in found.sections for block in each.blocks if isinstance(block, Notice)] == [
        Notice(each) for each in warnings
    ]


def test_one_class_alone_has_nothing_to_weigh():
    with pytest.raises(ValueError, match="2 classes"):
        page(ClassDistribution([5, 0]))
