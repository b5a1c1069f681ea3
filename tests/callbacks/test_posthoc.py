"""What holds for every callback that is fitted on validation logits, shown with the smallest one."""

from __future__ import annotations

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lightning_imbalance import WeightedClassifier
from lightning_imbalance.callbacks.posthoc import PostHoc, ignored_by, task_of


class Shift(PostHoc):
    """Adds to every logit how many validation samples there were, and remembers each fit."""

    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.fits = []

    def fit_on(self, logits, target, task, pl_module):
        if len(target) == 13:
            msg = "the number of samples must not be 13, got 13."
            raise ValueError(msg)
        self.fits.append((logits.clone(), target.clone(), task))
        self.result = len(target)

    def parameters(self):
        return None if self.result is None else {"samples": self.result}

    def take(self, parameters):
        self.result = parameters["samples"]

    def transform(self, logits):
        return logits + self.result * torch.arange(logits.shape[1])


class Later(Shift):
    """Another one, for the order."""


def said(warned) -> list[str]:
    """What these callbacks warned of; Lightning warns of its own matters too."""
    return [message for message in (str(each.message) for each in warned) if message.startswith(("Shift", "Later"))]


def fitted(tiny_trainer, blobs, *callbacks, counts=(9, 8, 7), **options):
    model = WeightedClassifier(nn.Linear(3, 3))
    trainer = tiny_trainer(callbacks=list(callbacks), **options)
    trainer.fit(model, DataLoader(blobs([20, 5, 5]), 8), DataLoader(blobs(list(counts)), 5))
    return model, trainer


def test_a_fit_ends_with_one_fit_on_the_last_validation(tiny_trainer, blobs):
    shift = Shift()

    model, _ = fitted(tiny_trainer, blobs, shift, max_epochs=3)

    ((logits, target, task),) = shift.fits
    inputs, truth = blobs([9, 8, 7]).tensors
    assert torch.allclose(logits, model(inputs), atol=1e-6)
    assert torch.equal(target, truth)
    assert task == "multiclass"


def test_predictions_alone_are_changed(tiny_trainer, blobs):
    shift, inputs = Shift(), blobs([9, 8, 7]).tensors[0]
    model, trainer = fitted(tiny_trainer, blobs, shift)
    plain = model(inputs)
    loss = trainer.callback_metrics["val_loss"]

    (predicted,) = trainer.predict(model, DataLoader(inputs, 24))

    assert torch.allclose(predicted, (plain + 24 * torch.arange(3)).softmax(1), atol=1e-6)
    assert torch.equal(model(inputs), plain)
    assert model.posthoc == []
    (logged,) = trainer.validate(model, DataLoader(blobs([9, 8, 7]), 5), verbose=False)
    assert logged["val_loss"] == pytest.approx(loss.item())


def test_validate_fits_too(tiny_trainer, blobs):
    shift = Shift()
    model = WeightedClassifier(nn.Linear(3, 3), num_classes=3)

    tiny_trainer(callbacks=[shift]).validate(model, DataLoader(blobs([4, 3, 2]), 5), verbose=False)

    assert shift.result == 9


def test_test_data_and_the_sanity_check_are_never_seen(tiny_trainer, blobs):
    shift = Shift()
    model, trainer = fitted(tiny_trainer, blobs, shift, limit_val_batches=2)

    trainer.test(model, DataLoader(blobs([1, 1, 1])), verbose=False)

    assert [len(target) for _, target, _ in shift.fits] == [10]


def test_those_after_another_see_what_it_makes_of_the_logits(tiny_trainer, blobs):
    shift, later = Shift(), Later()
    model, trainer = fitted(tiny_trainer, blobs, shift, later)
    inputs = blobs([9, 8, 7]).tensors[0]

    (predicted,) = trainer.predict(model, DataLoader(inputs, 24))

    assert torch.allclose(later.fits[0][0], model(inputs) + 24 * torch.arange(3), atol=1e-5)
    assert torch.allclose(predicted, (model(inputs) + 48 * torch.arange(3)).softmax(1), atol=1e-6)


def test_functions_of_the_users_own_come_first(tiny_trainer, blobs):
    shift = Shift()
    model = WeightedClassifier(nn.Linear(3, 3), num_classes=3)
    model.posthoc.append(lambda logits: 2 * logits)
    inputs = blobs([4, 3, 2]).tensors[0]

    tiny_trainer(callbacks=[shift]).validate(model, DataLoader(blobs([4, 3, 2]), 5), verbose=False)

    assert torch.allclose(shift.fits[0][0], 2 * model(inputs), atol=1e-6)


def test_a_checkpoint_holds_what_fits_its_weights(tiny_trainer, blobs, tmp_path):
    shift, saver = Shift(), ModelCheckpoint(tmp_path, save_top_k=-1)
    fitted(tiny_trainer, blobs, shift, saver, max_epochs=2, enable_checkpointing=True)

    for path in tmp_path.glob("*.ckpt"):
        saved = torch.load(path, weights_only=True)["callbacks"][shift.state_key]
        assert saved == {"parameters": {"samples": 24}}
    assert len(shift.fits) == 2
    assert not torch.equal(shift.fits[0][0], shift.fits[1][0])


def test_predictions_from_a_checkpoint_are_those_of_the_fit(tiny_trainer, blobs, tmp_path):
    inputs = blobs([9, 8, 7]).tensors[0]
    model, trainer = fitted(tiny_trainer, blobs, Shift())
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    (before,) = trainer.predict(model, DataLoader(inputs, 24))

    fresh = WeightedClassifier(nn.Linear(3, 3))
    trainer = tiny_trainer(callbacks=[Shift()])
    (after,) = trainer.predict(fresh, DataLoader(inputs, 24), ckpt_path=tmp_path / "model.ckpt")

    assert torch.equal(before, after)


def test_a_checkpoint_from_before_the_fit_leaves_what_is_here():
    shift = Shift()
    shift.take({"samples": 3})

    shift.load_state_dict(Shift().state_dict())

    assert shift.result == 3


def test_a_new_fit_forgets_what_was_fitted_on_another_model(tiny_trainer, blobs):
    shift = Shift()
    shift.take({"samples": 3})
    trainer = tiny_trainer(callbacks=[shift])

    trainer.fit(WeightedClassifier(nn.Linear(3, 3)), DataLoader(blobs([20, 5, 5]), 8))

    assert shift.result is None


def test_a_last_validation_before_the_last_step_is_named(tiny_trainer, blobs):
    shift = Shift()
    message = "Shift must be fitted on the logits of the final weights, got a last validation 4 optimizer steps before the end. Run `trainer.validate` to fit it again."

    with pytest.warns(UserWarning, match="final weights") as warned:
        fitted(tiny_trainer, blobs, shift, max_epochs=3, check_val_every_n_epoch=2)

    assert said(warned) == [message]
    assert shift.result == 24


def test_one_of_several_dataloaders_is_fitted_on(tiny_trainer, blobs):
    shift = Shift(dataloader_idx=1)
    loaders = [DataLoader(blobs([4, 3, 2]), 5), DataLoader(blobs([1, 2, 3]), 5)]

    tiny_trainer(callbacks=[shift]).validate(WeightedClassifier(nn.Linear(3, 3), num_classes=3), loaders, verbose=False)

    assert shift.fits[0][1].tolist() == [0, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("task", "shape"), [("multiclass", (2, 3, 4)), ("binary", (2, 1, 4)), ("multilabel", (2, 3, 4))]
)
def test_pixels_become_rows(task, shape, tiny_trainer):
    shift, logits = Shift(), torch.randn(shape)
    target = torch.randint(2, shape if task == "multilabel" else (2, 4))
    model = WeightedClassifier(nn.Identity(), num_classes=2 if task == "binary" else 3, task=task)

    tiny_trainer(callbacks=[shift]).validate(model, DataLoader(TensorDataset(logits, target), 1), verbose=False)

    rows, truth, _ = shift.fits[0]
    assert torch.equal(rows, logits.flatten() if task == "binary" else logits.movedim(1, -1).reshape(8, 3))
    assert torch.equal(truth, target.movedim(1, -1).reshape(8, 3) if task == "multilabel" else target.flatten())


# --- what goes wrong ---------------------------------------------------------------------------------------------


def test_a_refusal_does_not_end_a_fit_and_is_raised_where_it_matters(tiny_trainer, blobs):
    with pytest.warns(UserWarning, match="13") as warned:
        model, trainer = fitted(tiny_trainer, blobs, Shift(), counts=(5, 5, 3), max_epochs=2)

    reason = "the number of samples must not be 13, got 13."
    assert said(warned) == [f"Shift is not fitted: {reason}"]
    with pytest.raises(RuntimeError) as error:
        trainer.predict(model, DataLoader(torch.zeros(2, 3)))
    assert str(error.value) == f"Shift must be fitted before predictions, got a fit that was refused: {reason}"


def test_validate_raises_a_refusal_at_once(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(3, 3), num_classes=3)

    with pytest.raises(ValueError, match="must not be 13"):
        tiny_trainer(callbacks=[Shift()]).validate(model, DataLoader(blobs([5, 5, 3])), verbose=False)


def test_predictions_before_a_fit_are_refused(tiny_trainer):
    with pytest.raises(RuntimeError) as error:
        tiny_trainer(callbacks=[Shift()]).predict(
            WeightedClassifier(nn.Linear(3, 3), num_classes=3), DataLoader(torch.zeros(2, 3))
        )

    assert str(error.value) == (
        "Shift must be fitted before predictions, got none yet. Run `trainer.fit` with validation data, or `trainer.validate`, first."
    )


def test_a_module_that_applies_nothing_is_refused(tiny_trainer):
    class Foreign(L.LightningModule):
        def predict_step(self, batch):
            return batch

    shift = Shift()
    shift.take({"samples": 3})

    with pytest.raises(TypeError) as error:
        tiny_trainer(callbacks=[shift]).predict(Foreign(), DataLoader(torch.zeros(2, 3)))

    assert str(error.value) == (
        "the module must apply the functions in its list `posthoc` to its logits in `predict_step`, as WeightedClassifier does, got Foreign without one. Apply `Shift.transform` to its logits yourself."
    )


def test_predictions_that_fail_leave_the_module_as_it_was(tiny_trainer, blobs):
    model, trainer = fitted(tiny_trainer, blobs, Shift())

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        trainer.predict(model, DataLoader(torch.zeros(2, 7)))

    assert model.posthoc == []


def test_a_dataloader_that_is_not_there_is_named(tiny_trainer, blobs):
    model = WeightedClassifier(nn.Linear(3, 3), num_classes=3)

    with pytest.raises(ValueError) as error:
        tiny_trainer(callbacks=[Shift(dataloader_idx=2)]).validate(model, DataLoader(blobs([2, 2, 2])), verbose=False)

    assert str(error.value) == (
        "there must be samples in validation dataloader 2, got none. Pass another `dataloader_idx`."
    )


def test_one_after_a_refusal_is_refused(tiny_trainer, blobs):
    with pytest.warns(UserWarning, match="is not fitted") as warned:
        fitted(tiny_trainer, blobs, Shift(), Later(), counts=(5, 5, 3))

    assert said(warned)[-1] == ("Later is not fitted: Shift, which comes before, must be fitted first, got a refusal.")


def test_what_another_module_means_by_the_same_names_is_left_alone():
    module = L.LightningModule()
    module.task, module.ignore_index = "detection", "none"

    assert (task_of(module), ignored_by(module)) == ("multiclass", None)
