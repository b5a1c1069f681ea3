"""How far two samples of one class are apart for the noise that made them: what a collapsed generator lacks."""

from __future__ import annotations

from torch import Tensor


def mode_seeking_ratio(first: Tensor, second: Tensor, first_noise: Tensor, second_noise: Tensor) -> Tensor:
    r"""Return the mean of :math:`\lVert G(z_1, y) - G(z_2, y) \rVert_1 / \lVert z_1 - z_2 \rVert_1` (Mao et al. 2019).

    Equation 2 of "Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis", both norms as means over
    the entries, so that the size of a sample does not matter. A generator is to make it large.

    Args:
        first: Samples, shape ``(N, ...)``.
        second: Samples of the same classes, same shape.
        first_noise: Noise that the first were made of, shape ``(N, Z)``.
        second_noise: Noise of the second, same shape.

    Returns:
        Shape ``()``, finite.

    Example:
        >>> import torch
        >>> noise = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 2.0]])
        >>> mode_seeking_ratio(torch.zeros(1, 3), torch.ones(1, 3), *noise)
        tensor(0.5000)
    """
    apart = (first - second).abs().flatten(1).mean(1)
    return (apart / (first_noise - second_noise).abs().mean(1).clamp_min(1e-6)).mean()
