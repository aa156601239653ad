"""Learned perceptual distance (Zhang et al. 2018), by the ``lpips`` package but without its downloads."""

from __future__ import annotations

import warnings
from pathlib import Path

from sirenbench.errors import UserError
from sirenbench.lazy import torch
from sirenbench.metrics.base import Assets, Metric, Score
from sirenbench.metrics.ids import MetricId
from sirenbench.weights.numpy_pickle import read_arrays

TRUNK = "alexnet-trunk"
SMALLEST = 31  # pixels a side that AlexNet's two poolings leave something of

# Where the n-th convolution of the trunk stands: the slice of the lpips network, and its index there.
_CONVOLUTIONS = ("slice1.0", "slice2.3", "slice3.6", "slice4.8", "slice5.10")


def lpips_network(trunk: Path) -> torch.nn.Module:
    """LPIPS 0.1 with the AlexNet trunk of a file (kernels as height, width, in, out) and the heads of the package.

    Raises
    ------
    UserError
        If the file is not an AlexNet trunk.
    """
    from lpips import LPIPS

    arrays = read_arrays(trunk)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision announces that lpips uses an old keyword
        network = LPIPS(net="alex", pnet_rand=True, verbose=False)
    try:
        weights = {}
        for n, place in enumerate(_CONVOLUTIONS):
            weights[f"{place}.weight"] = torch.tensor(arrays[f"AlexNet_0/Conv_{n}/kernel"].transpose(3, 2, 0, 1))
            weights[f"{place}.bias"] = torch.tensor(arrays[f"AlexNet_0/Conv_{n}/bias"])
        network.net.load_state_dict(weights)
    except (KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"{trunk} does not hold AlexNet's convolutions ({error})") from error
    return network.requires_grad_(False)


def lpips_scorer(trunk: Path, target: torch.Tensor) -> Score:
    """The distance to one image.

    Parameters
    ----------
    trunk
        The file of the asset ``alexnet-trunk``.
    target
        (C, H, W) in [0, 1]; a grey image is repeated to three channels.

    Returns
    -------
    Score
        From (R, C, H, W) to (R,) float64, both on the target's device.
    """
    if min(target.shape[-2:]) < SMALLEST:
        height, width = target.shape[-2:]
        raise UserError(f"lpips needs an image of at least {SMALLEST} x {SMALLEST} pixels, not {height} x {width}")
    network = lpips_network(trunk).to(target.device)
    reference = _signed(target)

    def score(planes: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return torch.stack([network(_signed(image), reference).double().squeeze() for image in planes])

    return score


def _signed(image: torch.Tensor) -> torch.Tensor:
    """(C, H, W) in [0, 1] as the network takes it: (1, 3, H, W) float32 in [-1, 1]."""
    return (2 * image - 1).float().expand(3, -1, -1)[None]


def _against(target: torch.Tensor, which: MetricId, assets: Assets) -> Score:
    return lpips_scorer(assets[TRUNK], target)


COMPONENTS = (
    Metric(
        name="lpips",
        title="LPIPS",
        unit="",
        better="lower",
        low=0.0,
        high=1.0,
        formula="LPIPS = sum over 5 AlexNet layers of the pixel mean of w . (fx - fy)^2, "
        "f the unit-normalised features, w learned from human judgements",
        link="https://github.com/richzhang/PerceptualSimilarity",
        doc="Learned perceptual distance (AlexNet, version 0.1) of the clipped image: lower is better, 0 for equal "
        "images, above 1 only in freak cases. Grey images are repeated to RGB.",
        against=_against,
        assets=(TRUNK,),
    ),
)
