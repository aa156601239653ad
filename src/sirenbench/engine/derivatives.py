"""How well the derivatives of a trained network are those of the image."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sirenbench.engine.batched import BatchedNetwork
from sirenbench.engine.inputs import Inputs
from sirenbench.images.derivatives import true_gradient, true_laplacian
from sirenbench.tasks.base import Problem


@dataclass(frozen=True)
class Derivatives:
    """Of all replicates, on the grid of the training image.

    Attributes
    ----------
    gradient, laplacian
        By the coordinates in [-1, 1]: (R, H W, C, 2) and (R, H W, C).
    scores
        Metric -> (R,).
    """

    gradient: torch.Tensor
    laplacian: torch.Tensor
    scores: dict[str, torch.Tensor]


def derivatives(network: BatchedNetwork, inputs: Inputs, problem: Problem) -> Derivatives:
    """Compare a network's derivatives with the filtered image's (protocol.md, losses).

    The image counts with the amplitude that the cell's supervision gives it, so that a network that meets its targets
    meets both references. Parameters: ``inputs`` with their derivatives.
    """
    shape = network.replicates, len(inputs), problem.training.channels
    value, gradient, laplacian = (inputs.values.new_empty(*shape, *tail) for tail in ((), (2,), ()))
    network.jets(inputs, value, gradient, laplacian)
    view, gain = problem.training, problem.supervision.gain
    image = view.values().reshape(view.side, view.side, -1)
    by_name = {
        "gradient": (gradient, gain * true_gradient(image, view.grid)),
        "laplacian": (laplacian, gain * true_laplacian(image, view.grid)),
    }
    scores = {}
    for name, (ours, array) in by_name.items():
        target = torch.from_numpy(array).to(ours).reshape(ours.shape[1:])
        scores[f"{name}_psnr"] = _psnr(ours, target)
        scores[f"{name}_correlation"] = _correlation(ours, target)
    if problem.supervision.field != "value":
        scores["gain"] = _slope(value, torch.from_numpy(image).to(value).reshape(value.shape[1:]))
    return Derivatives(gradient, laplacian, scores)


def _psnr(ours: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    error = (ours - target).double().flatten(1).square().mean(dim=1)
    return 10 * torch.log10((target.max() - target.min()).double().square() / error)


def _correlation(ours: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Pearson's; not a number where one of the two does not vary."""
    a, b = _centred(ours), _centred(target[None])
    return (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1))


def _slope(ours: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of the regression of ours on the target."""
    a, b = _centred(ours), _centred(target[None])
    return (a * b).sum(dim=1) / b.square().sum(dim=1)


def _centred(values: torch.Tensor) -> torch.Tensor:
    flat = values.double().flatten(1)
    return flat - flat.mean(dim=1, keepdim=True)
