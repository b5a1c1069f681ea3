"""What a checkpoint holds, and who can read it: also a fresh process without any data."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from lightning_imbalance import ClassDistribution, WeightedClassifier, class_weights
from lightning_imbalance.losses import WeightedCrossEntropy
from lightning_imbalance.weighting import EffectiveNumber

COUNTS = [12, 5, 3]
NAMES = ("nevus", "keratosis", "melanoma")


def network(inputs: int = 3) -> nn.Module:
    return nn.Linear(inputs, 3)


class Flowers(WeightedClassifier):
    def __init__(self, width: int = 4) -> None:
        super().__init__(num_classes=3, weighting="effective_number")
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 3))

    def forward(self, x):
        return self.net(x)


class Inferred(WeightedClassifier):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 3))

    def forward(self, x):
        return self.net(x)


@pytest.fixture
def saved(tiny_trainer, blobs, tmp_path):
    """Fit a model, and give the path of its checkpoint."""

    def save(model, name="model.ckpt") -> str:
        trainer = tiny_trainer()
        trainer.fit(model, DataLoader(blobs(COUNTS, NAMES), batch_size=8))
        path = tmp_path / name
        trainer.save_checkpoint(path)
        return str(path)

    return save


def same(one: WeightedClassifier, other: WeightedClassifier) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return list(ours) == list(theirs) and all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("arguments", [{"num_classes": 3}, {}, {"class_names": list(NAMES)}], ids=str)
def test_a_model_with_a_network_loads_without_data_when_the_network_is_given_again(arguments, saved):
    model = WeightedClassifier(network(), **arguments)

    loaded = WeightedClassifier.load_from_checkpoint(saved(model), model=network())

    assert same(loaded, model)
    assert loaded.class_weights.tolist() == class_weights(ClassDistribution(COUNTS)).tolist()
    assert loaded.class_counts.tolist() == COUNTS
    assert loaded.distribution == ClassDistribution(COUNTS, NAMES)
    assert loaded.class_names == NAMES


@pytest.mark.parametrize("cls", [Flowers, Inferred])
def test_a_subclass_loads_by_itself(cls, saved):
    model = cls(width=7)

    loaded = cls.load_from_checkpoint(saved(model))

    assert same(loaded, model)
    assert loaded.net[0].out_features == 7
    assert loaded.class_names == NAMES


def test_a_model_without_its_network_says_that_it_must_be_given_again(saved):
    path = saved(WeightedClassifier(network()))

    with pytest.raises(TypeError) as error:
        WeightedClassifier.load_from_checkpoint(path)

    assert str(error.value) == (
        "`model` must be given, a torch.nn.Module that maps inputs to logits (or `forward` defined in a subclass), got "
        "None. A checkpoint does not hold the model: pass it again, `load_from_checkpoint(path, model=...)`."
    )


def test_a_loaded_model_computes_the_same_loss_and_probabilities(saved, blobs):
    model = WeightedClassifier(network())
    loaded = WeightedClassifier.load_from_checkpoint(saved(model), model=network())
    inputs, target = blobs(COUNTS).tensors

    assert torch.equal(loaded.compute_loss(loaded(inputs), target), model.compute_loss(model(inputs), target))
    assert torch.equal(loaded.predict_step(inputs, 0), model.predict_step(inputs, 0))


@pytest.mark.parametrize("run", ["validate", "test", "predict"])
@pytest.mark.parametrize("arguments", [{"num_classes": 3}, {}], ids=["given", "inferred"])
def test_a_checkpoint_and_a_dataloader_are_enough(run, arguments, saved, tiny_trainer, blobs):
    model = WeightedClassifier(network())
    path, loader = saved(model), DataLoader(blobs([2, 2, 2]), 4)
    fresh = WeightedClassifier(network(), **arguments)

    result = getattr(tiny_trainer(), run)(fresh, loader, ckpt_path=path)

    assert same(fresh, model)
    assert fresh.class_names == NAMES
    if run == "predict":
        assert torch.equal(torch.cat(result), model(loader.dataset.tensors[0]).softmax(1).detach())
    else:
        expected = model.compute_loss(model(loader.dataset.tensors[0]), loader.dataset.tensors[1]).item()
        assert result[0][f"{run[:4].replace('vali', 'val')}_loss"] == pytest.approx(expected, rel=1e-5)


IN_A_SCRIPT = """
import sys
from torch import nn
from lightning_imbalance import WeightedClassifier

class Own(WeightedClassifier):
    def __init__(self, width):
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Linear(3, 3 * width)

    def forward(self, x):
        return self.net(x)[:, :3]
"""


def test_a_fresh_process_loads_models_with_a_network_and_subclasses(saved, tmp_path):
    names: dict = {"__name__": "fresh"}
    exec(IN_A_SCRIPT, names)  # noqa: S102  # the same lines here and there
    paths = [
        saved(WeightedClassifier(network(), num_classes=3), "given.ckpt"),
        saved(WeightedClassifier(network()), "inferred.ckpt"),
        saved(names["Own"](width=5), "subclass.ckpt"),
    ]
    script = tmp_path / "fresh.py"
    script.write_text(
        IN_A_SCRIPT
        + """
given, inferred, subclass = sys.argv[1:]
for model in (
    WeightedClassifier.load_from_checkpoint(given, model=nn.Linear(3, 3)),
    WeightedClassifier.load_from_checkpoint(inferred, model=nn.Linear(3, 3)),
    Own.load_from_checkpoint(subclass),
):
    print(type(model).__name__, model.num_classes, model.class_counts.tolist(), model.class_names)
"""
    )

    done = subprocess.run([sys.executable, script, *paths], capture_output=True, text=True, check=False)

    expected = f"3 {COUNTS} {NAMES}\n"
    assert done.stdout == f"WeightedClassifier {expected}WeightedClassifier {expected}Own {expected}", done.stderr


def test_loading_for_other_numbers_of_classes_is_refused_by_torch(saved):
    path = saved(WeightedClassifier(network()))

    with pytest.raises(RuntimeError, match="size mismatch for class_weights"):
        WeightedClassifier.load_from_checkpoint(path, model=network(), num_classes=4)


def test_a_model_saved_before_its_classes_were_known_loads():
    model, loaded = Inferred(), Inferred()

    loaded.load_state_dict(model.state_dict())

    assert loaded.num_classes is None
    assert same(loaded, model)


def test_the_weights_of_the_same_network_trained_without_this_package_load():
    plain, model = nn.Sequential(), WeightedClassifier(network(), 3, weighting=[1.0, 2.0, 3.0])
    plain.add_module("model", network())

    model.load_state_dict(plain.state_dict())

    assert torch.equal(model.model.weight, plain.model.weight)
    assert model.class_weights.tolist() == [1, 1, 1]


def test_loading_does_not_add_to_the_state_that_it_reads():
    state = {f"model.{name}": value for name, value in network().state_dict().items()}

    WeightedClassifier(network(), 3).load_state_dict(state)

    assert set(state) == {"model.weight", "model.bias"}


def test_a_part_of_a_larger_module_loads_its_buffers_too():
    one, other = nn.Sequential(WeightedClassifier(network(), 3)), nn.Sequential(WeightedClassifier(network()))
    one[0].class_weights.mul_(5)

    other.load_state_dict(one.state_dict())

    assert other[0].class_weights.tolist() == [5, 5, 5]


def test_a_resumed_fit_keeps_the_weights_of_the_checkpoint(saved, tiny_trainer, blobs):
    path = saved(WeightedClassifier(network()))
    model, trainer = WeightedClassifier(network()), tiny_trainer(max_epochs=2)

    with pytest.warns(UserWarning, match="must be those of the checkpoint"):
        trainer.fit(model, DataLoader(blobs([4, 4, 4]), 8), ckpt_path=path)

    assert trainer.current_epoch == 2
    assert model.class_counts.tolist() == COUNTS
    assert torch.equal(model.class_weights, class_weights(ClassDistribution(COUNTS)))
    assert model.distribution == ClassDistribution(COUNTS, NAMES)


def test_a_loaded_model_can_be_fitted_to_other_data(saved, tiny_trainer, blobs):
    model = WeightedClassifier.load_from_checkpoint(saved(WeightedClassifier(network())), model=network())

    tiny_trainer().fit(model, DataLoader(blobs([4, 4, 2], ["a", "b", "c"]), 8))

    assert model.distribution == ClassDistribution([4, 4, 2], ["a", "b", "c"])
    assert model.class_names == ("a", "b", "c")
    assert torch.equal(model.class_weights, class_weights(ClassDistribution([4, 4, 2])))


PLAIN = {
    "name": ({"weighting": "inverse"}, {"weighting": "inverse"}),
    "list": ({"weighting": [1.0, 2.0, 3.0]}, {"weighting": [1.0, 2.0, 3.0]}),
    "tensor": ({"weighting": torch.tensor([1.0, 2.0, 3.0])}, {"weighting": [1.0, 2.0, 3.0]}),
    "array": ({"weighting": np.array([1.0, 2.0, 3.0])}, {"weighting": [1.0, 2.0, 3.0]}),
    "numpy scalars": ({"weighting": list(np.array([1.0, 2.0, 3.0]))}, {"weighting": [1.0, 2.0, 3.0]}),
    "mapping": (
        {"weighting": {name: np.float64(i + 1) for i, name in enumerate(NAMES)}},
        {"weighting": dict(zip(NAMES, (1.0, 2.0, 3.0), strict=True))},
    ),
    "lambda": ({"weighting": lambda d: d.priors.rsqrt()}, {}),
    "scheme": (
        {"weighting": EffectiveNumber(beta=0.9)},
        {
            "weighting": {
                "class_path": "lightning_imbalance.weighting.EffectiveNumber",
                "init_args": {"beta": 0.9},
            }
        },
    ),
    "torch loss": ({"loss": nn.CrossEntropyLoss(label_smoothing=0.1)}, {"weighting": "balanced"}),
    "our loss": (
        {"loss": WeightedCrossEntropy(label_smoothing=0.1)},
        {
            "loss": {
                "class_path": "lightning_imbalance.losses.WeightedCrossEntropy",
                "init_args": {"reduction": "mean", "ignore_index": None, "label_smoothing": 0.1},
            }
        },
    ),
    "function": ({"loss": partial(F.cross_entropy, reduction="none")}, {"weighting": "balanced"}),
    "optimizer": (
        {
            "optimizer": partial(torch.optim.SGD, lr=0.1),
            "lr_scheduler": partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5),
        },
        {"weighting": "balanced", "loss": "cross_entropy"},
    ),
    "numpy names": ({"class_names": list(np.array(NAMES))}, {"class_names": NAMES}),
    "array of names": ({"class_names": np.array(NAMES)}, {"class_names": NAMES}),
    "numpy number": ({"num_classes": np.int64(3)}, {"num_classes": 3}),
}


@pytest.mark.parametrize(("arguments", "kept"), PLAIN.values(), ids=PLAIN)
def test_hyper_parameters_are_read_back_by_a_safe_load(arguments, kept, saved):
    model = WeightedClassifier(network(), **arguments)
    path = saved(model)

    parameters = torch.load(path, weights_only=True)["hyper_parameters"]

    assert kept.items() <= parameters.items()
    unsaved = {"model", "optimizer", "lr_scheduler"} | {
        name for name in ("weighting", "loss") if callable(arguments.get(name)) and name not in kept
    }
    assert set(parameters) == {
        "model", "num_classes", "task", "weighting", "loss", "optimizer", "lr_scheduler", "class_names", "ignore_index",
        "target_prior", "exact_mean", "on_changed_data", "validate", "batch_transform",
    } - unsaved  # fmt: skip
    again = {name: arguments[name] for name in ("loss", "weighting") if callable(arguments.get(name))}
    assert same(WeightedClassifier.load_from_checkpoint(path, model=network(), **again), model)


def test_a_loss_that_is_not_given_again_is_named(saved):
    path = saved(WeightedClassifier(network(), loss=partial(F.cross_entropy, reduction="none")))

    with pytest.warns(UserWarning, match="given again") as warned:
        WeightedClassifier.load_from_checkpoint(path, model=network())

    assert [str(warning.message) for warning in warned] == [
        (
            "`loss` must be given again where it is no hyper-parameter: the checkpoint was trained with "
            "UnreducedLoss(cross_entropy), and this model has WeightedCrossEntropy(). Predictions are the same; the losses it logs are not."
        )
    ]


def test_names_of_numpy_in_an_override_are_read_back_by_a_safe_load(tiny_trainer, blobs, tmp_path):
    class Own(WeightedClassifier):
        def class_distribution(self):
            return ClassDistribution(COUNTS, list(np.array(NAMES)))

    trainer = tiny_trainer()
    trainer.fit(Own(network()), DataLoader(blobs(COUNTS), 8))
    trainer.save_checkpoint(tmp_path / "model.ckpt")

    state = torch.load(tmp_path / "model.ckpt", weights_only=True)
    assert state["lightning_imbalance"]["class_distribution"]["class_names"] == list(NAMES)


def test_a_loss_that_is_given_again_is_the_one_that_evaluates(saved):
    loss = nn.CrossEntropyLoss(label_smoothing=0.2)
    path = saved(WeightedClassifier(network(), loss=loss))

    loaded = WeightedClassifier.load_from_checkpoint(path, model=network(), loss=loss)

    assert loaded._loss.label_smoothing == 0.2


def rarest_first(distribution):
    return 1 / distribution.counts.double()


def test_a_parametrised_scheme_comes_back_by_itself(saved):
    path = saved(WeightedClassifier(network(), weighting=EffectiveNumber(beta=0.9)))

    assert WeightedClassifier.load_from_checkpoint(path, model=network()).weighting == EffectiveNumber(beta=0.9)


def test_a_weighting_that_is_not_given_again_is_named(saved):
    path = saved(WeightedClassifier(network(), weighting=rarest_first))

    with pytest.warns(UserWarning, match="given again") as warned:
        WeightedClassifier.load_from_checkpoint(path, model=network())

    assert [str(warning.message) for warning in warned] == [
        (
            "`weighting` must be given again where it is no hyper-parameter: the checkpoint was trained with "
            "rarest_first, and this model has 'balanced'. Its weights are the checkpoint's; a new fit would "
            "use its own."
        )
    ]
