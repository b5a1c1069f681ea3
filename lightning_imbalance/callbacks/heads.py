"""The last layer of somebody's network."""

from __future__ import annotations

from torch import nn

from lightning_imbalance.checks import listed


def find_head(module: nn.Module, name: str | None = None) -> tuple[str, nn.Module]:
    """Return name and layer: the one that is named, else the last ``torch.nn.Linear`` that was registered.

    Args:
        module: Any module.
        name: Path of a submodule, such as ``"model.fc"``.

    Returns:
        Its path and the submodule.

    Raises:
        ValueError: There is none; the message lists those that there are.

    Example:
        >>> find_head(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
        ('2', Linear(in_features=4, out_features=2, bias=True))
    """
    layers = {path: layer for path, layer in module.named_modules() if isinstance(layer, nn.Linear)}
    if name is None and layers:
        return list(layers.items())[-1]
    submodules = dict(module.named_modules())
    if name and name in submodules:
        return name, submodules[name]
    known = f"its linear layers are {listed(list(layers))}" if layers else "it has no torch.nn.Linear"
    msg = f"`head` must be the path of the module's last layer ({known}), got {name!r}."
    raise ValueError(msg)
