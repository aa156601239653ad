"""What is made up for before an image is compared with the true one."""

from __future__ import annotations

from collections.abc import Callable

from sirenbench.lazy import torch

_DEGREE = 4


def alignment(word: str, target: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """How images are brought as near to a true one as their scale and what is free allow.

    Parameters
    ----------
    word
        ``none``; ``affine``: each channel becomes a x + b; ``harmonic``: a x + h with a harmonic polynomial h of degree
        4 or less in the pixel coordinates.
    target
        The true image, (1, C, H, W).

    Returns
    -------
    Callable
        From (R, C, H, W) to the same shape; all least squares (a and b, or h, for each channel of each image).
    """
    if word == "none":
        return lambda planes: planes
    height, width = target.shape[-2:]
    free = _free(word, height, width).to(target)
    kept = _project(target, free)
    rest = target - kept

    def align(planes: torch.Tensor) -> torch.Tensor:
        shape = planes - _project(planes, free)
        energy = shape.square().sum((2, 3), keepdim=True)
        overlap = (shape * rest).sum((2, 3), keepdim=True)
        # An image without any shape of its own takes the free part alone.
        scale = torch.where(energy > 0, overlap / energy, torch.zeros_like(energy))
        return kept + scale * shape

    return align


def _free(word: str, height: int, width: int) -> torch.Tensor:
    """An orthonormal basis (H W, K) of what is free."""
    return torch.linalg.qr(_polynomials(_DEGREE if word == "harmonic" else 0, height, width))[0]


def _polynomials(degree: int, height: int, width: int) -> torch.Tensor:
    """The harmonic ones up to that degree, (H W, K) in float64."""
    rows = torch.linspace(-1, 1, height, dtype=torch.float64)[:, None]
    columns = torch.linspace(-1, 1, width, dtype=torch.float64)[None, :]
    functions = [torch.ones(height, width, dtype=torch.float64)]
    real, imaginary = functions[0], torch.zeros_like(functions[0])
    for _ in range(degree):
        real, imaginary = real * rows - imaginary * columns, real * columns + imaginary * rows
        functions += [real, imaginary]
    return torch.stack(functions, dim=-1).reshape(height * width, -1)


def _project(planes: torch.Tensor, free: torch.Tensor) -> torch.Tensor:
    return (planes.flatten(2) @ free @ free.T).unflatten(2, planes.shape[2:])
