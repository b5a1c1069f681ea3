"""Learnable weight scaling: the classifier as it was trained, and one factor a class for classes of equal weight."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import lightning as L
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor, nn

from lightning_imbalance.callbacks.heads import find_head
from lightning_imbalance.callbacks.posthoc import task_of
from lightning_imbalance.callbacks.scaled_linear import ScaledLinear, is_plain_linear
from lightning_imbalance.callbacks.second_stage import SecondStage
from lightning_imbalance.callbacks.tau_normalization import TauNormalization
from lightning_imbalance.class_state import ClassState
from lightning_imbalance.weighting import Weighting


class LearnableWeightScaling(SecondStage):
    r"""Freezes the whole network at an epoch, and learns one factor of the logits a class for classes of equal weight.

    Kang et al. 2020, "Decoupling Representation and Classifier for Long-Tailed Recognition", learnable weight scaling
    (LWS): :math:`\tilde z_c = s_c (w_c \cdot x + b_c)`, with each s_c from 1 on. The direction of each class vector
    stays, and its length is learned, where :class:`~lightning_imbalance.callbacks.TauNormalization` has a formula for
    it. The paper scales w alone; here, as in the authors' code, the bias is scaled too. The paper draws
    class-balanced batches; here the class weights become ``weighting``, whose mean over all samples is the same. To
    draw as the paper does, pass ``weighting=None`` and ``RebalancedDataModule(dm, "deferred")``, as for
    :class:`~lightning_imbalance.callbacks.ClassifierRetraining`. Nothing but training data is looked at.

    The factors are a parameter of the last layer from the beginning of the fit, without effect and gradient until the
    start epoch. So they are trained by the module's optimizer, with its learning rate, schedule and weight decay (which
    draws them to 0), and saved and restored with it. The learning rate must not be at its end at the start epoch.

    Every state dict and checkpoint has the factors multiplied into weight and bias: it has the same keys as without
    this callback, loads into the module without it, and gives the scaled logits. What a resumed fit needs beside, the
    last layer without factors and the factors, is in the callback's state. After the fit they are multiplied into the
    layer itself. A fit that began without this callback cannot be resumed with it, nor the other way round: begin
    another with ``start_epoch=0``.

    Args:
        start_epoch: The epoch, counted from 0, from which on only the factors are trained.
        start: The same as a share of ``max_epochs``, from 0 to below 1. One of both is given.
        head: Path of the last layer, such as ``"model.fc"``; by default the last ``torch.nn.Linear``. Its outputs must
            be the logits.
        weighting: Class weights from then on, as :func:`~lightning_imbalance.class_weights` takes them; ``None`` leaves
            them.
        update_bn: Let the statistics of batch normalization move with the batches, as they do in the authors' code,
            where the frozen network is in training mode. By default they are frozen too.

    Attributes:
        started: Whether the network is frozen.
        scales: The factors, shape ``(C,)``, on the CPU; ``None`` before the start.

    Raises:
        TypeError: In ``setup``: the last layer is no plain ``torch.nn.Linear``, or the module has no class weights and
            ``weighting`` is not ``None``.
        ValueError: None or both of ``start_epoch`` and ``start`` are given. In ``setup``: there is no such epoch or
            layer, the module is not multiclass, another callback would change the same, or the strategy cannot train a
            part of the parameters. When the fit begins: the checkpoint that it is resumed from was made without this
            callback.

    Example:
        >>> import torch
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> from lightning_imbalance import WeightedClassifier
        >>> data = TensorDataset(torch.randn(60, 4), torch.tensor([0] * 50 + [1] * 10))
        >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> model = WeightedClassifier(network, weighting="uniform")
        >>> scaling = LearnableWeightScaling(start_epoch=2)
        >>> trainer = L.Trainer(max_epochs=3, callbacks=[scaling], logger=False, enable_checkpointing=False,
        ...                     enable_progress_bar=False, enable_model_summary=False, accelerator="cpu")
        >>> trainer.fit(model, DataLoader(data, batch_size=20, shuffle=True))
        >>> scaling.scales.shape, list(network[2].state_dict())
        (torch.Size([2]), ['weight', 'bias'])
    """

    part = "the factors of the last layer"

    def __init__(
        self,
        start_epoch: int | None = None,
        *,
        start: float | None = None,
        head: str | None = None,
        weighting: Weighting | None = "balanced",
        update_bn: bool = False,
    ) -> None:
        super().__init__(start_epoch, start=start, head=head, weighting=weighting, update_bn=update_bn)
        self._layer: ScaledLinear | None = None
        self._kept: dict[str, Tensor] = {}

    @property
    def scales(self) -> Tensor | None:
        """The factors, shape ``(C,)``, on the CPU; ``None`` before the start."""
        state = self._state() if self.started else {}
        return state["scale"].cpu() if state else None

    def state_dict(self) -> dict[str, Any]:
        """Return whether the network is frozen, and then the last layer without the factors, and the factors."""
        return {**super().state_dict(), **(self._state() if self.started else {})}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep it for the beginning of the fit."""
        super().load_state_dict(state_dict)
        self._kept = {name: value for name, value in state_dict.items() if name != "started"}

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Refuse what cannot work, and put the factors into the last layer before an optimizer is made."""
        super().setup(trainer, pl_module, stage)
        if stage == "fit":
            _, head = find_head(pl_module, self.head)
            assert isinstance(head, nn.Linear), "checked just above"  # noqa: S101  # for the type checker
            self._layer = ScaledLinear(head)

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Refuse a checkpoint whose optimizer does not know the factors."""
        del pl_module
        if trainer.state.fn == "fit" and self.state_key not in checkpoint["callbacks"]:
            msg = (
                "a fit must have LearnableWeightScaling from its beginning to be resumed with it, got a checkpoint "
                "made without. Load the model from it, and begin a fit with `LearnableWeightScaling(start_epoch=0)`."
            )
            raise ValueError(msg)

    def check(self, name: str, head: nn.Module, pl_module: L.LightningModule) -> None:
        """Refuse a last layer that factors cannot be multiplied into, or whose factors decide nothing."""
        task = task_of(pl_module)
        if task != "multiclass":
            msg = (
                f"weight scaling needs classes that compete, `task='multiclass'`, got {task!r}, where a factor of a "
                "logit changes no decision."
            )
            raise ValueError(msg)
        if not is_plain_linear(head):
            msg = (
                "`head` must name a torch.nn.Linear for weight scaling, with a weight of its own that the factors can "
                f"be multiplied into, got {type(head).__name__} for {name!r}."
            )
            raise TypeError(msg)
        classes = pl_module.num_classes if isinstance(pl_module, ClassState) else None
        outputs: Any = head.out_features
        if outputs == 1 or classes not in (None, outputs):
            msg = (
                f"`head` must have an output for each of the {classes or 'two or more'} classes, got {outputs} of "
                f'{name!r}. Name the last layer: `LearnableWeightScaling(head="model.fc")`.'
            )
            raise ValueError(msg)
        shared = [path for path, each in pl_module.named_parameters(remove_duplicate=False) if each is head.weight]
        if len(shared) > 1:
            got = " and ".join(map(repr, shared))
            msg = f"the weight of the last layer must be its own to be scaled, got one that is {got}."
            raise ValueError(msg)

    def trained(self, head: nn.Module) -> Iterable[nn.Parameter]:
        """Return the factors."""
        del head
        assert self._layer is not None, "setup has made it"  # noqa: S101  # for the type checker
        return [self._layer.scale]

    def begin(self, trainer: L.Trainer, name: str, head: nn.Module) -> None:
        """Let the factors take effect."""
        del head
        assert self._layer is not None, "setup has made it"  # noqa: S101  # for the type checker
        self._layer.start()
        rank_zero_info(
            f"LearnableWeightScaling: from epoch {trainer.current_epoch} on only one factor a class of {name!r} is "
            "trained."
        )

    def resume(self, head: nn.Module) -> None:
        """Take the last layer and the factors apart again."""
        del head
        assert self._layer is not None, "setup has made it"  # noqa: S101  # for the type checker
        self._layer.restore(self._kept)
        self._layer.start()

    def _state(self) -> dict[str, Tensor]:
        return self._kept if self._layer is None else self._layer.state()

    def _release(self) -> None:
        super()._release()
        if self._layer is not None:
            self._kept = self._layer.state()
            self._layer.fold()
            self._layer = None

    def _refuse_others(self, trainer: L.Trainer) -> None:
        super()._refuse_others(trainer)
        callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]  # Lightning sets it
        if any(isinstance(other, TauNormalization) for other in callbacks):
            msg = (
                "the lengths of the class vectors must be changed by one callback, got LearnableWeightScaling and "
                "TauNormalization. Leave one out."
            )
            raise ValueError(msg)
