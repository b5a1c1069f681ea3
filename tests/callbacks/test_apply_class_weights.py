from __future__ import annotations

import copy
import pickle

import lightning as L
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchdata.stateful_dataloader import StatefulDataLoader

from lightning_imbalance import ClassDistribution, ImbalanceMonitor, WeightedClassifier, class_weights
from lightning_imbalance.callbacks import ApplyClassWeights, DeferredReweighting
from lightning_imbalance.samplers import ClassBalancedSampler

NAMES = ["nevus", "keratosis", "melanoma"]
COUNTS = [20, 8, 4]
BALANCED = class_weights(ClassDistribution(COUNTS))


class Theirs(L.LightningModule):
    """Somebody else's module, which knows nothing of this package."""

    def __init__(self, criterion=None, outputs: int = 3) -> None:
        super().__init__()
        self.layer = nn.Linear(3, outputs)
        self.criterion = nn.CrossEntropyLoss() if criterion is None else criterion

    def training_step(self, batch, _batch_idx):
        logits = self.layer(batch[0])
        loss = self.loss_of(logits, batch[1])
        self.log("loss", loss)
        return {"loss": loss, "logits": logits, "target": batch[1]}

    validation_step = test_step = training_step

    def loss_of(self, logits, target):
        return self.criterion(logits, target)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Nested(Theirs):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.ModuleDict({"head": nn.Identity(), "criterion": self.criterion})
        self.criterion = None

    def loss_of(self, logits, target):
        return self.model["criterion"](logits, target)


class Attribute(Theirs):
    """Its loss is a function, which takes an attribute."""

    def __init__(self) -> None:
        super().__init__(nn.Identity())
        self.class_weights = None

    def loss_of(self, logits, target):
        return nn.functional.cross_entropy(logits, target, self.class_weights)


class Late(Theirs):
    """Makes its criterion anew in ``setup``."""

    def setup(self, stage):
        self.criterion = nn.CrossEntropyLoss()


class Data(L.LightningDataModule):
    def __init__(self, train) -> None:
        super().__init__()
        self.train = train

    def train_dataloader(self):
        return DataLoader(self.train, batch_size=8)

    val_dataloader = test_dataloader = train_dataloader


@pytest.fixture
def data(blobs):
    return Data(blobs(COUNTS, NAMES))


@pytest.fixture
def fitted(tiny_trainer, data):
    """Fit a module with a callback on it; return the Trainer."""

    def fit(module, callback, datamodule=data, **options):
        trainer = tiny_trainer(callbacks=[callback], **options)
        trainer.fit(module, datamodule=datamodule)
        return trainer

    return fit


# --- weights -----------------------------------------------------------------------------------------------------


def test_the_program_of_the_documentation_weights_a_module_that_cannot_be_changed(tiny_trainer, data):
    module = Theirs()
    apply = ApplyClassWeights("criterion", weighting="balanced")

    tiny_trainer(callbacks=[apply, monitor := ImbalanceMonitor()]).fit(module, datamodule=data)

    assert torch.equal(module.criterion.weight, BALANCED)
    assert torch.equal(apply.weights, BALANCED)
    assert apply.distribution == ClassDistribution(COUNTS, NAMES)
    assert apply.class_names == tuple(NAMES)
    assert "balanced_accuracy" in monitor.results["val"]


def test_the_fit_is_that_of_a_criterion_with_those_weights(fitted):
    theirs, by_hand = Theirs(), Theirs(nn.CrossEntropyLoss(weight=BALANCED))
    by_hand.layer.load_state_dict(theirs.layer.state_dict())

    fitted(theirs, ApplyClassWeights("criterion"), max_epochs=3)
    fitted(by_hand, L.Callback(), max_epochs=3)

    assert torch.equal(theirs.layer.weight, by_hand.layer.weight)


@pytest.mark.parametrize("name", ["model.criterion", "model.criterion.weight", None])
def test_a_criterion_may_sit_in_a_submodule(name, fitted):
    fitted(module := Nested(), ApplyClassWeights(name))

    assert torch.equal(module.model["criterion"].weight, BALANCED)


def test_an_attribute_that_a_functional_loss_reads_is_filled(fitted):
    fitted(module := Attribute(), ApplyClassWeights("class_weights"))

    assert torch.equal(module.class_weights, BALANCED)
    assert "class_weights" not in module.state_dict()


def test_a_criterion_that_setup_makes_anew_is_filled(fitted):
    fitted(module := Late(), ApplyClassWeights())

    assert torch.equal(module.criterion.weight, BALANCED)


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_binary_pos_weight_is_the_quotient_of_both_weights(shape, fitted, blobs):
    inputs, target = blobs([12, 4, 4])[:]
    target = (target > 1).float()[:, None]
    module = Theirs(nn.BCEWithLogitsLoss(pos_weight=torch.ones(shape) if shape == () else None), outputs=1)
    apply = ApplyClassWeights(task="binary")

    fitted(module, apply, Data(TensorDataset(inputs, target)))

    distribution = ClassDistribution([16, 4], task="binary")
    negative, positive = class_weights(distribution).tolist()
    assert apply.distribution == distribution
    assert apply.weights.tolist() == [negative, positive]
    assert module.criterion.pos_weight.item() == pytest.approx(positive / negative)
    assert module.criterion.pos_weight.shape == shape


def test_a_multilabel_pos_weight_is_that_of_class_weights(fitted):
    target = torch.tensor([[1, 0, 1], [1, 0, 0], [1, 1, 0], [0, 0, 0]]).float()
    module = Theirs(nn.BCEWithLogitsLoss())
    module.task = "multilabel"

    fitted(module, ApplyClassWeights(), Data(TensorDataset(torch.randn(4, 3), target)))

    distribution = ClassDistribution([3, 1, 1], task="multilabel", num_samples=4)
    assert torch.equal(module.criterion.pos_weight, class_weights(distribution))


def test_the_given_distribution_is_taken_without_a_look_at_the_data(fitted):
    class Unlabelled(torch.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return torch.zeros(3), torch.full((3,), 1 / 3)

    distribution = ClassDistribution([100, 10, 1], NAMES)
    module = Theirs()

    fitted(module, apply := ApplyClassWeights(distribution=distribution), Data(Unlabelled()))

    assert apply.distribution is distribution
    assert torch.equal(module.criterion.weight, class_weights(distribution))


def test_targets_that_the_criterion_ignores_are_not_counted(fitted, blobs):
    data = blobs(COUNTS)
    data.tensors[1][:10] = -100

    fitted(Theirs(), apply := ApplyClassWeights(), Data(data))

    assert apply.distribution == ClassDistribution([10, 8, 4])


@pytest.mark.parametrize(
    "weighting", [[1.0, 2.0, 10.0], {"nevus": 1, "keratosis": 2, "melanoma": 10}, lambda d: d.priors.rsqrt()]
)
def test_each_form_of_a_weighting_works(weighting, fitted):
    fitted(module := Theirs(), ApplyClassWeights(weighting=weighting))

    assert torch.equal(module.criterion.weight, class_weights(ClassDistribution(COUNTS, NAMES), weighting))


def test_the_number_of_classes_may_be_that_of_the_weights_that_are_there(fitted):
    module = Theirs(nn.CrossEntropyLoss(weight=torch.ones(4)), outputs=4)

    with pytest.warns(UserWarning, match="no training sample of class '3'"):
        fitted(module, ApplyClassWeights(), Data(TensorDataset(torch.randn(6, 3), torch.tensor([0, 0, 0, 1, 1, 2]))))

    assert module.criterion.weight.shape == (4,)


def test_weights_follow_the_precision_of_the_module(fitted, blobs):
    data = blobs(COUNTS)
    data.tensors = (data.tensors[0].double(), data.tensors[1])

    fitted(module := Theirs(), ApplyClassWeights(), Data(data), precision="64-true")

    assert module.criterion.weight.dtype == torch.float64


def test_each_of_two_criteria_has_a_callback_of_its_own(tiny_trainer, data, tmp_path):
    module = Theirs()
    module.other = nn.NLLLoss()
    first, second = ApplyClassWeights("criterion"), ApplyClassWeights("other", weighting="inverse_sqrt")
    trainer = tiny_trainer(callbacks=[first, second])

    trainer.fit(module, datamodule=data)
    trainer.save_checkpoint(tmp_path / "two.ckpt")

    assert torch.equal(module.criterion.weight, BALANCED)
    assert torch.equal(module.other.weight, class_weights(ClassDistribution(COUNTS), "inverse_sqrt"))
    assert len(torch.load(tmp_path / "two.ckpt", weights_only=True)["callbacks"]) == 2


# --- fits one after another --------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [None, torch.ones(3)])
def test_a_second_fit_takes_the_weights_of_its_own_data(weight, fitted, blobs):
    module = Theirs(nn.CrossEntropyLoss(weight=weight))
    fitted(module, ApplyClassWeights())

    trainer = fitted(module, ApplyClassWeights(weighting="inverse_sqrt"))
    assert torch.equal(module.criterion.weight, class_weights(ClassDistribution(COUNTS), "inverse_sqrt"))
    trainer.fit(module, datamodule=Data(blobs([5, 5, 2])))
    assert torch.equal(module.criterion.weight, class_weights(ClassDistribution([5, 5, 2]), "inverse_sqrt"))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])  # noqa: S301
def test_callback_and_module_can_be_copied_and_sent_to_another_process(duplicate, fitted):
    module, apply = Theirs(), ApplyClassWeights()
    fitted(module, apply)

    again, other = duplicate(module), duplicate(apply)

    assert torch.equal(other.weights, BALANCED)
    fitted(again, other)
    assert torch.equal(again.criterion.weight, BALANCED)


# --- checkpoints -------------------------------------------------------------------------------------------------


class Loadable(Theirs):
    def __init__(self, replaced: bool = False) -> None:  # noqa: FBT001, FBT002
        super().__init__(nn.CrossEntropyLoss(weight=torch.tensor([1.0, 1.0, 9.0])) if replaced else None)
        self.save_hyperparameters()


@pytest.mark.parametrize("replaced", [False, True])
def test_checkpoints_of_either_load_strictly_into_the_other(replaced, fitted, tmp_path):
    trainer = fitted(Loadable(replaced), ApplyClassWeights("criterion", replace=replaced))
    trainer.save_checkpoint(tmp_path / "with.ckpt")
    plain = fitted(Loadable(replaced), L.Callback())
    plain.save_checkpoint(tmp_path / "without.ckpt")

    keys = [
        list(torch.load(tmp_path / f"{name}.ckpt", weights_only=True)["state_dict"]) for name in ("with", "without")
    ]
    assert keys[0] == keys[1]
    again = Loadable.load_from_checkpoint(tmp_path / "with.ckpt")
    assert torch.equal(again.layer.weight, trainer.lightning_module.layer.weight)
    with pytest.warns(UserWarning, match="callbacks used to create the checkpoint need to be provided"):
        plain.fit(Loadable(replaced), datamodule=trainer.datamodule, ckpt_path=tmp_path / "with.ckpt")
    trainer.fit(module := Loadable(replaced), datamodule=trainer.datamodule, ckpt_path=tmp_path / "without.ckpt")
    assert torch.equal(module.criterion.weight, BALANCED)


def test_a_module_with_weights_of_its_own_keeps_their_key(fitted):
    fitted(module := Loadable(replaced=True), ApplyClassWeights(replace=True))

    assert torch.equal(module.state_dict()["criterion.weight"], BALANCED)


@pytest.mark.parametrize("run", ["test", "validate"])
def test_an_evaluation_with_a_checkpoint_has_its_weights_in_a_fresh_module(run, fitted, tiny_trainer, tmp_path):
    trainer = fitted(module := Theirs(), ApplyClassWeights("criterion"))
    trainer.save_checkpoint(path := tmp_path / "model.ckpt")
    expected = getattr(trainer, run)(module, trainer.datamodule, verbose=False)

    fresh = tiny_trainer(callbacks=[apply := ApplyClassWeights("criterion")])
    loader = DataLoader(trainer.datamodule.train, 8)
    got = getattr(fresh, run)(other := Theirs(), loader, ckpt_path=path, verbose=False)

    assert torch.equal(other.criterion.weight, BALANCED)
    assert apply.class_names == tuple(NAMES)
    assert got == expected


def test_an_evaluation_without_a_checkpoint_leaves_a_fresh_module_as_it_is(tiny_trainer, data):
    tiny_trainer(callbacks=[ApplyClassWeights()]).test(module := Theirs(), data, verbose=False)

    assert module.criterion.weight is None


def test_an_evaluation_has_the_weights_of_the_given_distribution(tiny_trainer, data):
    apply = ApplyClassWeights(distribution=ClassDistribution(COUNTS))

    tiny_trainer(callbacks=[apply]).test(module := Theirs(), data, verbose=False)

    assert torch.equal(module.criterion.weight, BALANCED)


class Stop(L.Callback):
    def __init__(self, path) -> None:
        self.path = path

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if (trainer.current_epoch, batch_idx) == (1, 1):
            trainer.save_checkpoint(self.path)
            raise KeyboardInterrupt


def test_a_resumed_fit_goes_on_with_the_same_bits(tiny_trainer, data, tmp_path):
    def fit(callbacks=(), path=None):
        torch.manual_seed(1)
        module = Theirs()
        loader = StatefulDataLoader(data.train, 8, shuffle=True)
        try:
            tiny_trainer(max_epochs=3, callbacks=[ApplyClassWeights(), *callbacks]).fit(module, loader, ckpt_path=path)
        except (KeyboardInterrupt, SystemExit):
            return module
        return module

    whole, stopped = fit(), fit([Stop(tmp_path / "stopped.ckpt")])
    resumed = fit(path=tmp_path / "stopped.ckpt")

    assert not torch.equal(stopped.layer.weight, whole.layer.weight)
    assert torch.equal(resumed.layer.weight, whole.layer.weight)


def test_a_resumed_fit_on_other_data_keeps_the_checkpoints_weights_and_says_so(fitted, tiny_trainer, blobs, tmp_path):
    fitted(Theirs(), ApplyClassWeights()).save_checkpoint(tmp_path / "model.ckpt")

    trainer = tiny_trainer(callbacks=[ApplyClassWeights()], max_epochs=2)
    with pytest.warns(UserWarning, match="must") as caught:
        trainer.fit(module := Theirs(), DataLoader(blobs([9, 8, 3], NAMES), 8), ckpt_path=tmp_path / "model.ckpt")

    assert [str(warning.message) for warning in caught if "must" in str(warning.message)] == [
        "the training data must be those of the checkpoint for the same weights, got others: it was trained on 32 samples ('nevus' 20, 'keratosis' 8, 'melanoma' 4), and now there are 20 samples ('nevus' 9, 'keratosis' 8, 'melanoma' 3). The checkpoint's weights are kept; fit without `ckpt_path` for those of the new data."
    ]
    assert torch.equal(module.criterion.weight, BALANCED)


def test_another_weighting_than_the_checkpoints_is_named(fitted, tiny_trainer, data, tmp_path):
    fitted(Theirs(), ApplyClassWeights()).save_checkpoint(tmp_path / "model.ckpt")

    trainer = tiny_trainer(callbacks=[ApplyClassWeights(weighting="log")])
    with pytest.warns(UserWarning, match="must") as caught:
        trainer.test(module := Theirs(), data, ckpt_path=tmp_path / "model.ckpt", verbose=False)

    assert [str(warning.message) for warning in caught if "must" in str(warning.message)] == [
        "`weighting` must be that of the checkpoint, 'balanced', got 'log'. The checkpoint's weights are kept; a new fit would use its own."
    ]
    assert torch.equal(module.criterion.weight, BALANCED)


# --- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"criterion": nn.CrossEntropyLoss()},
            TypeError,
            "`criterion` must be the name of an attribute of the module, got CrossEntropyLoss.",
        ),
        (
            {"weighting": "blanced"},
            ValueError,
            "the weighting must be one of 'uniform', 'balanced', 'complement', 'inverse', 'inverse_sqrt', 'effective_number', 'median_frequency', 'log', got 'blanced'. Did you mean 'balanced'?",
        ),
        ({"task": "multi"}, ValueError, "`task` must be one of 'multiclass', 'binary', 'multilabel', got 'multi'."),
        ({"distribution": [3, 1]}, TypeError, "`distribution` must be a ClassDistribution, got list."),
        (
            {"distribution": ClassDistribution([3, 1]), "num_classes": 2},
            ValueError,
            "`num_classes` must be left out with `distribution`, which says it, got 2.",
        ),
        (
            {"distribution": ClassDistribution([3, 1]), "weighting": [1.0, 2.0, 3.0]},
            ValueError,
            "the weighting must give one weight for each of the 2 classes, got shape (3,).",
        ),
    ],
)
def test_arguments_that_cannot_work_are_refused_at_once(arguments, kind, message):
    with pytest.raises(kind) as error:
        ApplyClassWeights(**arguments)

    assert str(error.value) == message


@pytest.mark.parametrize(
    ("module", "arguments", "kind", "message"),
    [
        (
            Theirs(nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))),
            {},
            ValueError,
            "`criterion.weight` must be None or all 1 before it is filled, got [1.0, 2.0, 3.0]. Pass `ApplyClassWeights(..., replace=True)` to train with others.",
        ),
        (
            WeightedClassifier(nn.Linear(3, 3)),
            {},
            TypeError,
            "the module must have a criterion that does not weight by class yet, got WeightedClassifier, which does. Pass `weighting=...` to it and leave the callback out.",
        ),
        (
            Theirs(nn.BCEWithLogitsLoss()),
            {},
            ValueError,
            "`task` must be 'binary' or 'multilabel' for BCEWithLogitsLoss (one yes-or-no question, or several labels), got None.",
        ),
        (
            Theirs(),
            {"task": "binary"},
            ValueError,
            "`task` must be 'multiclass' for CrossEntropyLoss, got 'binary'.",
        ),
        (
            Theirs(),
            {"distribution": ClassDistribution([3, 1], task="binary")},
            ValueError,
            "`task` must be 'multiclass' for CrossEntropyLoss, got 'binary'.",
        ),
        (
            Theirs(),
            {"ignore_index": 2},
            ValueError,
            "`ignore_index` must be -100, that of the CrossEntropyLoss, got 2. Leave it out.",
        ),
        (
            Theirs(),
            {"num_classes": 2},
            ValueError,
            "`num_classes` must equal the number of the data's class names, 3 ('nevus', 'keratosis', 'melanoma'), got 2. Pass a name for each output of the model as `class_names`. ApplyClassWeights also takes what you counted: `distribution=ClassDistribution(...)`.",
        ),
        (
            Theirs(nn.CrossEntropyLoss(weight=torch.ones(2))),
            {"num_classes": 3},
            ValueError,
            "`criterion.weight` must have 3 entries, one a class, got 2.",
        ),
        (
            Theirs(nn.Identity()),
            {},
            ValueError,
            "`criterion` must name an nn.CrossEntropyLoss, nn.NLLLoss or nn.BCEWithLogitsLoss of the module, or a tensor in it, got None and Theirs, which has no such criterion. Pass its name, for example `ApplyClassWeights('criterion')`.",
        ),
    ],
)
def test_what_does_not_fit_the_module_is_refused_in_setup(module, arguments, kind, message, fitted):
    with pytest.raises(kind) as error:
        fitted(module, ApplyClassWeights(**arguments))

    assert str(error.value) == message


def test_a_positive_class_cannot_be_weighted_against_nothing(fitted, blobs):
    inputs, target = blobs([12, 4, 4])[:]
    data = Data(TensorDataset(inputs, (target > 1).float()[:, None]))

    with pytest.raises(ValueError) as error:
        fitted(Theirs(nn.BCEWithLogitsLoss(), outputs=1), ApplyClassWeights(task="binary", weighting=[0.0, 1.0]), data)

    assert str(error.value) == (
        "the weighting must give the negative class a weight above 0, since `pos_weight` is the positive's divided by it, got [0.0, 1.0]."
    )


def test_two_callbacks_for_one_criterion_are_refused(tiny_trainer, data):
    trainer = tiny_trainer(callbacks=[ApplyClassWeights("criterion"), ApplyClassWeights()])

    with pytest.raises(ValueError) as error:
        trainer.fit(Theirs(), datamodule=data)

    assert str(error.value) == (
        "each ApplyClassWeights must have a criterion of its own, got two for `criterion.weight`. Leave one out."
    )


def test_weights_are_changed_only_in_a_run():
    with pytest.raises(RuntimeError) as error:
        ApplyClassWeights().reweight(torch.ones(2))

    assert str(error.value) == (
        "a Trainer must have set the callback up before weights are changed, got one that none has."
    )


@pytest.mark.parametrize("late", [False, True])
def test_a_balanced_sampler_beside_balanced_weights_is_named_once(late, tiny_trainer):
    labels = torch.arange(3).repeat_interleave(torch.tensor(COUNTS))
    data = TensorDataset(torch.randn(32, 3), labels)
    loader = DataLoader(data, 8, sampler=ClassBalancedSampler(labels))
    callbacks = [ApplyClassWeights(weighting="uniform" if late else "balanced")]
    callbacks += [DeferredReweighting(start_epoch=1, scheme="balanced")] if late else []

    with pytest.warns(UserWarning, match="corrected for once") as warned:
        tiny_trainer(max_epochs=3, callbacks=callbacks).fit(Theirs(), loader)

    assert [str(each.message) for each in warned if "corrected" in str(each.message)] == [
        (
            "the counts must be corrected for once, got a sampler that draws the rare classes more often and weights. The "
            "model learns the class prior '0' 0.118, '1' 0.294, '2' 0.588. Pass `weighting=\"uniform\"` and "
            '`loss="cross_entropy"`, or leave out the sampler.'
        )
    ]


def test_a_sampler_beside_uniform_weights_is_no_second_correction(tiny_trainer):
    labels = torch.tensor([0] * 12 + [1] * 4)
    data = TensorDataset(torch.randn(16, 3), labels.float()[:, None])
    loader = DataLoader(data, 8, sampler=ClassBalancedSampler(labels))
    callback = ApplyClassWeights(weighting="uniform", task="binary")

    tiny_trainer(callbacks=[callback]).fit(Theirs(nn.BCEWithLogitsLoss(), outputs=1), loader)

    assert callback.weights.tolist() == [1, 1]
