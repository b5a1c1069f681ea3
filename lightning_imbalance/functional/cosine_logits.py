"""Logits that are cosines: a classifier in which no class has a longer vector than another."""

from __future__ import annotations

from contextlib import nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imbalance.functional.logits import full_precision


def cosine_logits(features: Tensor, class_vectors: Tensor, scale: float = 30.0) -> Tensor:
    r"""Return :math:`s \cos(x, v_c)` for each class.

    Args:
        features: x, shape ``(..., F)``. Half precision is computed in float32, since s times a rounded cosine would
            be off by tenths.
        class_vectors: v, shape ``(C, F)``.
        scale: s.

    Returns:
        Between -s and s, shape ``(..., C)``; 0 where a vector is 0.

    Example:
        >>> cosine_logits(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 9.0]]), scale=10.0)
        tensor([[6., 8.]])
    """
    kind = features.device.type
    # Not torch.amp.is_autocast_available, which breaks the graph of torch 2.6.
    with nullcontext() if kind == "meta" else torch.autocast(kind, enabled=False):
        # The floor under the length keeps the gradient at a vector of zeros within what an optimizer survives.
        x, v = (F.normalize(full_precision(t), dim=-1, eps=1e-6) for t in (features, class_vectors))
        return scale * F.linear(x, v)
