from __future__ import annotations

import logging
from functools import partial

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchdata.stateful_dataloader import StatefulDataLoader

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier, class_weights
from lightning_imbalance.callbacks import ApplyClassWeights, DeferredReweighting
from lightning_imbalance.weighting import EffectiveNumber

COUNTS = [20, 8, 4]
DISTRIBUTION = ClassDistribution(COUNTS)
EFFECTIVE = class_weights(DISTRIBUTION, "effective_number")
BALANCED = class_weights(DISTRIBUTION)


class Rows(Logger):
    """Keeps what it is given."""

    name, version = "rows", 0

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics, step=None):
        self.rows.append((step, dict(metrics)))

    def log_hyperparams(self, *_args, **_kwargs):
        pass

    def weights(self) -> list[tuple[int, dict[str, float]]]:
        logged = [(row["epoch"], {name: row[name] for name in row if "class_weight" in name}) for _, row in self.rows]
        return [(epoch, weights) for epoch, weights in logged if weights]


class Theirs(L.LightningModule):
    """Somebody else's module, which knows nothing of this package."""

    def __init__(self, criterion=None, outputs: int = 3) -> None:
        super().__init__()
        self.layer = nn.Linear(3, outputs)
        self.criterion = nn.CrossEntropyLoss() if criterion is None else criterion

    def training_step(self, batch, _batch_idx):
        return self.criterion(self.layer(batch[0]), batch[1])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Seen(L.Callback):
    """Keeps the weights of each batch's epoch."""

    def __init__(self) -> None:
        self.weights: dict[int, list[float]] = {}

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        held = pl_module.class_weights if isinstance(pl_module, WeightedClassifier) else pl_module.criterion.weight
        self.weights[trainer.current_epoch] = held.tolist()


def classifier(weighting="uniform", **arguments) -> WeightedClassifier:
    arguments = {"optimizer": partial(torch.optim.Adam, lr=0.05)} | arguments
    return WeightedClassifier(nn.Linear(3, 3), weighting=weighting, **arguments)


@pytest.fixture
def loader(blobs):
    return DataLoader(blobs(COUNTS), 8)


@pytest.fixture
def run(tiny_trainer, loader):
    """Fit; return the weights of each epoch."""

    def fit(module, *callbacks, data=loader, **options):
        trainer = tiny_trainer(callbacks=[*callbacks, seen := Seen()], **{"max_epochs": 5} | options)
        trainer.fit(module, data)
        return [seen.weights[epoch] for epoch in sorted(seen.weights)]

    return fit


# --- which weights, when -----------------------------------------------------------------------------------------

UNIFORM = [1.0, 1.0, 1.0]


def test_the_program_of_the_documentation_defers_the_weights(run):
    model = classifier()

    weights = run(model, DeferredReweighting(start=0.8, scheme="effective_number"), ImbalanceMonitor())

    assert weights == [UNIFORM] * 4 + [EFFECTIVE.tolist()]
    assert torch.equal(model.class_weights, EFFECTIVE)


@pytest.mark.parametrize("first", [True, False])
def test_the_criterion_of_apply_class_weights_is_changed_whichever_stands_first(first, run):
    module = Theirs()
    deferred = DeferredReweighting(start_epoch=2)
    callbacks = [deferred, ApplyClassWeights("criterion", weighting="uniform")]

    assert run(module, *callbacks[:: 1 if first else -1]) == [UNIFORM] * 2 + [EFFECTIVE.tolist()] * 3
    assert torch.equal(callbacks[1].weights, EFFECTIVE)


def test_the_scheme_of_the_authors_code(run):
    weights = run(classifier(), DeferredReweighting(start_epoch=4, scheme=EffectiveNumber(beta=0.9999)))

    per_class = [(1 - 0.9999) / (1 - 0.9999**count) for count in COUNTS]
    assert weights[-1] == pytest.approx([weight / sum(per_class) * 3 for weight in per_class])


@pytest.mark.parametrize("scheme", ["balanced", "inverse"])
def test_a_ramp_goes_there_in_steps_whatever_the_scale_of_the_scheme(scheme, run):
    weights = run(classifier(), DeferredReweighting(start_epoch=1, scheme=scheme, ramp="linear", ramp_epochs=3))

    shares = (torch.tensor(weights) * torch.tensor(COUNTS)).double()
    shares = shares / shares.sum(1, keepdim=True)
    assert weights[0] == UNIFORM
    assert weights[4] == class_weights(DISTRIBUTION, scheme).tolist()
    torch.testing.assert_close(shares.diff(dim=0), (shares[4] - shares[0]).expand(4, 3) / 4)


def test_other_weights_before_are_said_and_used(run):
    with pytest.warns(UserWarning, match="uniform") as caught:
        weights = run(classifier("balanced"), DeferredReweighting(start_epoch=3, scheme="inverse_sqrt"))

    assert weights == [BALANCED.tolist()] * 3 + [class_weights(DISTRIBUTION, "inverse_sqrt").tolist()] * 2
    assert [str(warning.message) for warning in caught if "weighting" in str(warning.message)] == [
        "`weighting` should be \"uniform\" with DeferredReweighting, as in Cao et al. 2019, got 'balanced': its weights are used before epoch 3."
    ]


def test_a_binary_pos_weight_is_the_quotient(tiny_trainer, blobs):
    inputs, target = blobs([12, 4, 4])[:]
    module = Theirs(nn.BCEWithLogitsLoss(), outputs=1)
    apply = ApplyClassWeights(task="binary", weighting="uniform")
    data = DataLoader(TensorDataset(inputs, (target > 1).float()[:, None]), 8)
    trainer = tiny_trainer(max_epochs=2, callbacks=[apply, DeferredReweighting(start_epoch=1, scheme="balanced")])

    trainer.fit(module, data)

    negative, positive = class_weights(ClassDistribution([16, 4], task="binary")).tolist()
    assert module.criterion.pos_weight.tolist() == pytest.approx([positive / negative])


def test_a_second_fit_begins_anew_and_on_its_own_data(run, blobs):
    model, deferred = classifier(), DeferredReweighting(start_epoch=1, scheme="balanced")
    run(model, deferred, max_epochs=2)

    weights = run(model, deferred, data=DataLoader(blobs([9, 8, 3]), 8), max_epochs=2)

    assert weights == [UNIFORM, class_weights(ClassDistribution([9, 8, 3])).tolist()]


def test_an_absent_class_is_named_once(run):
    data = DataLoader(TensorDataset(torch.randn(6, 3), torch.tensor([0, 0, 0, 0, 1, 1])), 3)

    with pytest.warns(UserWarning, match="no training sample") as caught:
        run(classifier(num_classes=3), DeferredReweighting(start_epoch=2), data=data)

    assert sum("no training sample" in str(warning.message) for warning in caught) == 1


def test_a_run_of_one_batch_to_try_the_program_works(run):
    assert run(classifier(), DeferredReweighting(start_epoch=160), max_epochs=200, fast_dev_run=True) == [UNIFORM]
    assert run(classifier(), DeferredReweighting(), max_epochs=200, fast_dev_run=True) == [EFFECTIVE.tolist()]


def test_an_epoch_works_where_only_steps_are_given(run):
    weights = run(classifier(), DeferredReweighting(start_epoch=1), max_epochs=None, max_steps=6)

    assert weights == [UNIFORM, EFFECTIVE.tolist()]


# --- losses that are not of this package -------------------------------------------------------------------------


def test_a_loss_of_torch_is_weighted_when_the_weights_come(tiny_trainer, loader, tmp_path):
    model = classifier(loss=F.cross_entropy)
    logits, target = torch.randn(9, 3), torch.arange(9) % 3
    trainer = tiny_trainer(callbacks=[DeferredReweighting(start_epoch=1)], max_epochs=2)

    trainer.fit(model, loader)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = WeightedClassifier.load_from_checkpoint(
        tmp_path / "model.ckpt", model=nn.Linear(3, 3), loss=F.cross_entropy
    )

    for fitted in (model, again):
        torch.testing.assert_close(fitted.compute_loss(logits, target), F.cross_entropy(logits, target, EFFECTIVE))


def test_a_loss_that_cannot_be_weighted_is_refused_before_the_weights_come(run):
    def mean(logits, target):
        return F.cross_entropy(logits, target)

    assert run(classifier(loss=mean), max_epochs=1) == [UNIFORM]
    with pytest.raises(ValueError, match="`loss` must return one value a target"):
        run(classifier(loss=mean), DeferredReweighting(start_epoch=4))


# --- checkpoints -------------------------------------------------------------------------------------------------


class Stop(L.Callback):
    def __init__(self, epoch: int, batch: int, path) -> None:
        self.at, self.path = (epoch, batch), path

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == self.at:
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt


@pytest.fixture
def cut(tiny_trainer, blobs):
    """Fit, from a checkpoint or up to an interruption; return the module."""

    def fit(*callbacks, path=None, theirs=False, shuffle=True, **options):
        torch.manual_seed(1)
        module = Theirs() if theirs else classifier()
        deferred = DeferredReweighting(start_epoch=2, scheme="balanced", ramp="cosine", ramp_epochs=2)
        applied = [ApplyClassWeights("criterion", weighting="uniform")] if theirs else []
        trainer = tiny_trainer(max_epochs=6, callbacks=[deferred, *applied, *callbacks], **options)
        try:
            trainer.fit(module, StatefulDataLoader(blobs(COUNTS), 8, shuffle=shuffle), ckpt_path=path)
        except (KeyboardInterrupt, SystemExit):
            return module
        return module

    return fit


def bits(module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


@pytest.mark.parametrize("theirs", [False, True])
@pytest.mark.parametrize("at", [(0, 1), (1, 2), (2, 0), (3, 2), (5, 1)], ids=str)
def test_a_fit_that_is_cut_anywhere_goes_on_with_the_same_bits(theirs, at, cut, tmp_path):
    path = tmp_path / "cut.ckpt"
    whole, stopped = cut(theirs=theirs), cut(Stop(*at, path), theirs=theirs)
    seen = Seen()

    resumed = cut(seen, path=path, theirs=theirs)

    held = torch.load(path, weights_only=True)["callbacks"]["DeferredReweighting"]
    assert held["mixture"] == pytest.approx({2: 0.25, 3: 0.75, 5: 1}.get(at[0], 0))
    assert not torch.equal(bits(stopped), bits(whole))
    assert torch.equal(bits(resumed), bits(whole))
    assert seen.weights[5] == BALANCED.tolist()


def test_a_fit_goes_on_with_the_same_bits_after_the_end_of_an_epoch(cut, tmp_path):
    keep = partial(ModelCheckpoint, tmp_path, "{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    # A new epoch draws another order, from a random state that no checkpoint holds.
    whole = cut(keep(), shuffle=False, enable_checkpointing=True)

    for epoch in range(5):
        seen = Seen()
        path = tmp_path / f"epoch={epoch}.ckpt"
        resumed = cut(keep(), seen, path=path, shuffle=False, enable_checkpointing=True)

        assert min(seen.weights) == epoch + 1
        assert torch.equal(bits(resumed), bits(whole))


def test_a_checkpoint_holds_the_weights_in_force(tiny_trainer, loader, tmp_path):
    keep = ModelCheckpoint(tmp_path, "{epoch}", save_top_k=-1, save_on_train_epoch_end=True)
    trainer = tiny_trainer(
        callbacks=[keep, DeferredReweighting(start_epoch=1)], max_epochs=2, enable_checkpointing=True
    )

    trainer.fit(classifier(), loader)

    held = [
        torch.load(tmp_path / f"epoch={epoch}.ckpt", weights_only=True)["state_dict"]["class_weights"]
        for epoch in (0, 1)
    ]
    assert [weights.tolist() for weights in held] == [UNIFORM, EFFECTIVE.tolist()]


def test_a_fit_without_it_can_be_resumed_with_it(run, tiny_trainer, loader, tmp_path):
    trainer = tiny_trainer(max_epochs=2)
    trainer.fit(classifier(), loader)
    trainer.save_checkpoint(tmp_path / "plain.ckpt")
    seen = Seen()

    trainer = tiny_trainer(max_epochs=4, callbacks=[DeferredReweighting(start_epoch=3), seen])
    trainer.fit(classifier(), loader, ckpt_path=tmp_path / "plain.ckpt")

    assert seen.weights == {2: UNIFORM, 3: EFFECTIVE.tolist()}


def test_a_resumed_fit_on_other_data_recomputes_both_weights_if_asked(tiny_trainer, blobs, loader, tmp_path):
    trainer = tiny_trainer(max_epochs=2, callbacks=[DeferredReweighting(start_epoch=1, scheme="balanced")])
    trainer.fit(classifier(), loader)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    seen = Seen()

    trainer = tiny_trainer(max_epochs=3, callbacks=[DeferredReweighting(start_epoch=1, scheme="balanced"), seen])
    model = classifier(on_changed_data="recompute")
    trainer.fit(model, DataLoader(blobs([9, 8, 3]), 8), ckpt_path=tmp_path / "model.ckpt")

    assert seen.weights == {2: class_weights(ClassDistribution([9, 8, 3])).tolist()}


def test_a_start_that_moves_behind_the_checkpoint_is_named(tiny_trainer, loader, tmp_path):
    trainer = tiny_trainer(max_epochs=5, callbacks=[DeferredReweighting()])
    trainer.fit(classifier(), loader)
    trainer.save_checkpoint(tmp_path / "model.ckpt")

    trainer = tiny_trainer(max_epochs=10, callbacks=[DeferredReweighting(), seen := Seen()])
    with pytest.warns(UserWarning, match="must") as caught:
        trainer.fit(classifier(), loader, ckpt_path=tmp_path / "model.ckpt")

    assert [str(warning.message) for warning in caught if "must" in str(warning.message)] == [
        "the start must stay where it was for weights to stay in force, got epoch 8 now: in the checkpoint 100% of them were, and in epoch 5 0% are. Pass `start_epoch`, which does not move with `max_epochs`."
    ]
    assert seen.weights[5] == UNIFORM


# --- what is logged ----------------------------------------------------------------------------------------------


def test_weights_are_logged_when_they_change(run, caplog):
    rows = Rows()

    with caplog.at_level(logging.INFO, logger="lightning.pytorch"):
        run(classifier(), DeferredReweighting(start_epoch=3), logger=rows)

    named = {f"class_weight/{index}": weight for index, weight in enumerate(EFFECTIVE.tolist())}
    assert rows.weights() == [(0, dict.fromkeys(named, 1.0)), (3, pytest.approx(named))]
    assert [message for message in caplog.messages if message.startswith("Class weights")] == [
        "Class weights from epoch 0 on, 0% of 'effective_number': 0 1, 1 1, 2 1.",
        "Class weights from epoch 3 on, 100% of 'effective_number': 0 0.3552, 1 0.8828, 2 1.762.",
    ]


def test_a_resumed_fit_does_not_log_them_again(cut, tmp_path):
    cut(Stop(5, 1, tmp_path / "cut.ckpt"))

    cut(path=tmp_path / "cut.ckpt", logger=(rows := Rows()))

    assert rows.weights() == []


def test_many_classes_go_to_the_loggers_at_once(run):
    counts = [3] * 100 + [1]
    target = torch.arange(101).repeat_interleave(torch.tensor(counts))
    data = DataLoader(TensorDataset(torch.randn(len(target), 3), target), 200)
    rows = Rows()
    model = WeightedClassifier(nn.Linear(3, 101), weighting="uniform")

    run(model, DeferredReweighting(start_epoch=1), data=data, logger=rows, max_epochs=2)

    logged = [(step, len(row)) for step, row in rows.rows if "class_weight/100" in row]
    assert logged == [(0, 101), (2, 101)]  # two batches an epoch


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["blanced", [-1.0, 2.0]])
def test_a_scheme_that_does_not_exist_is_refused_at_once(scheme):
    with pytest.raises(ValueError, match="the weighting must"):
        DeferredReweighting(scheme=scheme)


def test_a_start_that_cannot_be_is_refused_at_once():
    with pytest.raises(ValueError, match="`start` must be a share of the epochs, above 0 and below 1, got 160"):
        DeferredReweighting(start=160)


@pytest.mark.parametrize(
    ("module", "callbacks", "options", "kind", "message"),
    [
        (
            Theirs,
            [],
            {},
            TypeError,
            'DeferredReweighting must have class weights to change, those of a WeightedClassifier or of one ApplyClassWeights in the same Trainer, got Theirs and 0 ApplyClassWeights. Add `ApplyClassWeights("criterion", weighting="uniform")`.',
        ),
        (
            Theirs,
            [ApplyClassWeights("criterion"), ApplyClassWeights("other")],
            {},
            TypeError,
            "DeferredReweighting must have class weights to change, those of a WeightedClassifier or of one ApplyClassWeights in the same Trainer, got Theirs and 2 ApplyClassWeights.",
        ),
        (
            classifier,
            [],
            {"max_epochs": -1, "max_steps": 5},
            ValueError,
            "`start` must be a share of the Trainer's `max_epochs`, got start=0.8 and max_epochs=-1. Pass `start_epoch=...`, or `Trainer(max_epochs=...)`.",
        ),
        (
            partial(classifier, "effective_number"),
            [],
            {},
            ValueError,
            "`scheme` must give other weights than the module has from the beginning, got 'effective_number' after 'effective_number', which weight a mean the same for 32 samples ('0' 20, '1' 8, '2' 4).",
        ),
    ],
)
def test_what_cannot_take_effect_is_refused_before_training(module, callbacks, options, kind, message, run):
    with pytest.raises(kind) as error:
        run(module(), DeferredReweighting(), *callbacks, **options)

    assert str(error.value) == message


def test_a_scheme_that_only_scales_what_the_module_uses_is_refused(run):
    with pytest.raises(ValueError, match="got 'inverse' after 'balanced', which weight a mean the same"):
        run(classifier("balanced"), DeferredReweighting(scheme="inverse"))


def test_a_start_after_the_end_is_refused(run):
    with pytest.raises(ValueError, match="in force before the fit ends, at epoch 5, got start_epoch=160"):
        run(classifier(), DeferredReweighting(start_epoch=160))
