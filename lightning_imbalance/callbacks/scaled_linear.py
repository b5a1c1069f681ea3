"""A linear layer whose outputs are multiplied by one learnable number a class, which its state dict does not show."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_SCALE = "class_scale"
_ACTIVE = "class_scale_is_active"


class ScaledLinear:
    """Puts a parameter s of ones into a linear layer, which then gives s_c·(w_c·x + b_c).

    The parameter is one of the layer from here on, so that an optimizer and DistributedDataParallel that are made later
    know it; the outputs are multiplied from :meth:`start` on. The layer's state dict has the keys and the outputs of a
    layer that was never scaled: s is multiplied into weight and bias there, and in the layer itself by :meth:`fold`.
    Loading a state dict sets s to 1.

    Args:
        layer: See :func:`is_plain_linear`. Changed.

    Example:
        >>> layer = nn.Linear(2, 2, bias=False)
        >>> scaled = ScaledLinear(layer)
        >>> scaled.start()
        >>> with torch.no_grad():
        ...     _ = layer.weight.copy_(torch.eye(2))
        ...     _ = scaled.scale.copy_(torch.tensor([1.0, 3.0]))
        >>> layer(torch.ones(2))
        tensor([1., 3.], grad_fn=<MulBackward0>)
        >>> scaled.fold()
        >>> layer.weight.tolist(), list(layer.state_dict())
        ([[1.0, 0.0], [0.0, 3.0]], ['weight'])
    """

    def __init__(self, layer: nn.Linear) -> None:
        self.layer = layer
        layer.register_parameter(_SCALE, nn.Parameter(torch.ones_like(layer.weight.detach()[:, 0])))
        setattr(layer, _ACTIVE, False)
        self._hooks = [
            layer.register_forward_hook(_scaled),
            layer.register_state_dict_post_hook(_show_folded),  # type: ignore[no-untyped-call]  # torch gives it no types
            layer.register_load_state_dict_pre_hook(_load_ones),  # type: ignore[no-untyped-call]  # likewise
        ]

    @property
    def scale(self) -> nn.Parameter:
        """s, shape ``(C,)``."""
        scale: nn.Parameter = getattr(self.layer, _SCALE)
        return scale

    def start(self) -> None:
        """Multiply the outputs from now on."""
        setattr(self.layer, _ACTIVE, True)

    def state(self) -> dict[str, Tensor]:
        """Return copies of ``weight``, ``bias`` where there is one, and ``scale``."""
        parts = {**_weights_of(self.layer), "scale": self.scale}
        return {name: part.detach().clone() for name, part in parts.items()}

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor]) -> None:
        """Take what was folded apart again; a layer that is not what the state folds to stays as it is, with ones.

        Args:
            state: What :meth:`state` returned.
        """
        own = {name: value.to(self.layer.weight) for name, value in state.items()}
        scale = own.pop("scale")
        weights = _weights_of(self.layer)
        if all(torch.equal(_folded(value, scale), weights[name]) for name, value in own.items()):
            self.scale.copy_(scale)
            for name, value in own.items():
                weights[name].copy_(value)

    @torch.no_grad()
    def fold(self) -> None:
        """Multiply s into weight and bias, and leave the layer as one that was never scaled."""
        for parameter in _weights_of(self.layer).values():
            parameter.copy_(_folded(parameter, self.scale))
        for hook in self._hooks:
            hook.remove()
        delattr(self.layer, _SCALE)
        delattr(self.layer, _ACTIVE)


def is_plain_linear(layer: nn.Module) -> bool:
    """Say whether a factor of the outputs can be multiplied into the layer's weights.

    Args:
        layer: Any module.

    Returns:
        True for a :class:`torch.nn.Linear` with a ``forward`` and a ``weight`` of its own: neither overridden nor
        computed of other parameters, as weight normalization does.

    Example:
        >>> is_plain_linear(nn.Linear(2, 2)), is_plain_linear(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)))
        (True, False)
    """
    return isinstance(layer, nn.Linear) and type(layer).forward is nn.Linear.forward and "weight" in layer._parameters  # noqa: SLF001  # of one of torch's classes


def _weights_of(layer: nn.Module) -> dict[str, nn.Parameter]:
    parts = {name: layer._parameters[name] for name in ("weight", "bias")}  # noqa: SLF001  # None where there is no bias
    return {name: part for name, part in parts.items() if part is not None}


def _folded(parameter: Tensor, scale: Tensor) -> Tensor:
    return parameter * scale.view(-1, *[1] * (parameter.ndim - 1))


# Functions and no methods: torch marks them, and a copy of the module must not drag this object along.
def _scaled(layer: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
    if not getattr(layer, _ACTIVE):
        return None
    # Under autocast the product is float32; the layer's outputs are not.
    scale: Tensor = getattr(layer, _SCALE)
    return (output * scale).to(output.dtype)


def _show_folded(layer: nn.Module, state_dict: dict[str, Any], prefix: str, _metadata: Any) -> None:
    scale = state_dict.pop(prefix + _SCALE)
    for name in _weights_of(layer):
        state_dict[prefix + name] = _folded(state_dict[prefix + name], scale)


def _load_ones(layer: nn.Module, state_dict: dict[str, Any], prefix: str, *_others: Any) -> None:
    state_dict[prefix + _SCALE] = torch.ones_like(getattr(layer, _SCALE).detach())
