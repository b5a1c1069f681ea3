"""Where a module that knows nothing of this package keeps its class weights, and how other weights get there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

# The one tensor of each criterion that has an entry a class.
CRITERIA: dict[type[nn.Module], str] = {
    nn.CrossEntropyLoss: "weight",
    nn.NLLLoss: "weight",
    nn.BCEWithLogitsLoss: "pos_weight",
}
_EXPECTED = (
    "`criterion` must name an nn.CrossEntropyLoss, nn.NLLLoss or nn.BCEWithLogitsLoss of the module, or a tensor in it"
)
# Set on the owner, where it is copied and pickled with the weights that it speaks of.
_FILLED = "_filled_class_weights"


@dataclass(frozen=True)
class WeightSlot:
    """An attribute of a module that holds class weights, or ``None`` so far.

    Args:
        owner: The module that has the attribute.
        attribute: Its name.
        path: How a user reaches it from the LightningModule: ``"model.criterion.weight"``.

    Example:
        >>> criterion = nn.CrossEntropyLoss()
        >>> WeightSlot(criterion, "weight", "criterion.weight").fill(torch.tensor([1.0, 5.0]))
        >>> criterion.weight, list(criterion.state_dict())
        (tensor([1., 5.]), [])
    """

    owner: nn.Module
    attribute: str
    path: str

    @property
    def value(self) -> Tensor | None:
        """The weights that are there."""
        value: Tensor | None = getattr(self.owner, self.attribute)
        return value

    @property
    def is_pos_weight(self) -> bool:
        """Whether it is the ``pos_weight`` of a criterion, which has no entry for negatives."""
        return isinstance(self.owner, nn.BCEWithLogitsLoss)

    @property
    def is_taken(self) -> bool:
        """Whether somebody else has put weights there; weights that are all 1 say nothing."""
        value = self.value
        return value is not None and not self._is_filled and not bool((value == 1).all())

    def fill(self, weights: Tensor) -> None:
        """Put weights there, in the shape, type and place of those that are there.

        Where there were none, a buffer is made that the state dict leaves out: it follows the module, and checkpoints
        have the same keys with and without it.

        Args:
            weights: As many as the criterion takes.

        Raises:
            ValueError: There is a tensor with another number of entries.
        """
        value = self.value
        if value is not None:
            if value.numel() != weights.numel():
                msg = f"`{self.path}` must have {weights.numel()} entries, one a class, got {value.numel()}."
                raise ValueError(msg)
            weights = weights.view_as(value)
        if value is not None and self._is_filled:
            # The same object: DistributedDataParallel and compiled code hold it.
            with torch.no_grad():
                value.copy_(weights)
            return
        # A copy, as the tensor that was there may be the user's own, and `weights` is the caller's.
        held = weights.detach().clone() if value is None else weights.detach().to(value, copy=True)
        owner, name = self.owner, self.attribute
        persistent = value is not None and name in owner._buffers and name not in owner._non_persistent_buffers_set  # noqa: SLF001  # torch has no other way to ask
        vars(owner).pop(name, None)
        owner.register_buffer(name, held, persistent=persistent)
        setattr(owner, _FILLED, (*getattr(owner, _FILLED, ()), name))

    @property
    def _is_filled(self) -> bool:
        return self.attribute in getattr(self.owner, _FILLED, ())


def find_slot(module: nn.Module, path: str | None = None) -> WeightSlot:
    """Return where a module keeps its class weights.

    Args:
        module: Anything with a criterion in it.
        path: Attribute names with dots between them: of a criterion, or of the tensor itself. By default the only
            criterion that there is.

    Returns:
        The place.

    Raises:
        TypeError: The path leads to something that is no criterion and no tensor, or to a parameter.
        ValueError: The path leads nowhere; without a path, there is no criterion, or there are several.

    Example:
        >>> find_slot(nn.ModuleDict({"net": nn.Linear(2, 2), "criterion": nn.CrossEntropyLoss()})).path
        'criterion.weight'
    """
    if path is None:
        found = [(name, part) for name, part in module.named_modules() if _attribute_of(part)]
        if len(found) != 1:
            got = f"{type(module).__name__}, which has {_criteria_in(module)}"
            msg = f"{_EXPECTED}, got None and {got}. Pass its name, for example `ApplyClassWeights('criterion')`."
            raise ValueError(msg)
        path = found[0][0]
    owner: object = module
    value: object = module
    for part in filter(None, path.split(".")):
        owner = value
        if not hasattr(owner, part):
            there = f"{type(owner).__name__} has no {part!r} when `setup` begins"
            msg = f"{_EXPECTED}, got {path!r}: {there}. The module has {_criteria_in(module)}."
            raise ValueError(msg)
        value = getattr(owner, part)
    if isinstance(value, nn.Module):
        name = _attribute_of(value)
        if name is None:
            msg = f"{_EXPECTED}, got {path!r}: {_described(value)}. The module has {_criteria_in(module)}."
            raise TypeError(msg)
        return WeightSlot(value, name, f"{path}.{name}" if path else name)
    name = path.rpartition(".")[2]
    problem = _unusable(owner, name, value)
    if problem:
        msg = f"{_EXPECTED}, got {path!r}: {problem}. The module has {_criteria_in(module)}."
        raise TypeError(msg)
    assert isinstance(owner, nn.Module), "checked just above"  # noqa: S101  # for the type checker
    return WeightSlot(owner, name, path)


def _attribute_of(part: nn.Module) -> str | None:
    return next((name for cls, name in CRITERIA.items() if isinstance(part, cls)), None)


def _unusable(owner: object, name: str, value: object) -> str | None:
    if not (value is None or isinstance(value, Tensor)):
        return f"it is {_described(value)}"
    if isinstance(value, nn.Parameter):
        return "it is a parameter, which the optimizer trains"
    if not isinstance(owner, nn.Module):
        return f"{type(owner).__name__} is no nn.Module, so that nothing would move its tensor to the device"
    if isinstance(owner, nn.BCEWithLogitsLoss) and name != "pos_weight":
        return "it weights positives and negatives alike; name `pos_weight`"
    if name not in vars(owner) and name not in owner._buffers:  # noqa: SLF001  # torch has no other way to ask
        return f"it belongs to the class {type(owner).__name__}; set it in `__init__`"
    return None


def _criteria_in(module: nn.Module) -> str:
    found = [(name or "itself", part) for name, part in module.named_modules() if _attribute_of(part)]
    return ", ".join(f"{name!r} ({type(part).__name__})" for name, part in found) or "no such criterion"


def _described(value: object) -> str:
    kind = type(value).__name__
    return f"an {kind}" if kind[0] in "AEIOUaeiou" else f"a {kind}"
