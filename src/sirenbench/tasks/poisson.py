"""Poisson reconstruction (paper, section 3.1.2): an image from nothing but its gradients, or its Laplacians."""

from __future__ import annotations

from sirenbench.images.derivatives import SOBEL_2D, SOBEL_3D, laplace, per_unit, sobel
from sirenbench.options import Choice
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import (
    CHANNEL,
    SEED_OPTIONS,
    Field,
    Picture,
    Problem,
    Supervision,
    Task,
    View,
    training_options,
)

SUPERVISION = Choice(
    "supervision",
    "gradient",
    "What the network is fitted by: 'gradient' is SciPy's Sobel filter on an array with a third axis, as the paper's "
    "authors ran it, which is 4 times the plain filter, 'gradient-2d'.",
    choices=("gradient", "gradient-2d", "laplacian"),
    tracks={"gradient-2d": "as-described"},
)
FORM = Choice(
    "form",
    "squared",
    "The loss: the mean of the squared residual, as the paper's authors ran it, or of its norm, as equations 10 and 11 "
    "say.",
    choices=("squared", "norm"),
    tracks={"norm": "as-described"},
)
AMPLIFIED = Choice(
    "amplified",
    "yes",
    "Whether gradients are multiplied by 10 and Laplacians by 10,000, as in the paper.",
    choices=("yes", "no"),
)
_TIMES = {"gradient": 10.0, "gradient-2d": 10.0, "laplacian": 1e4}


class Poisson(Task):
    """Fit the derivatives of the network to those of the image; its value is scored.

    The image is determined up to what the derivatives do not see: a constant for gradients, every harmonic function
    for Laplacians (the loss has no boundary term). Its amplitude is not the image's either, because the filters are
    no derivatives by the coordinates and are amplified. So it is scored as it is, as the paper's authors did, and
    after the best affine map; for Laplacians also after the best map that adds harmonic polynomials.
    """

    name = "poisson"
    title = "Poisson reconstruction"
    version = 1
    has_factor = False
    data_options = (SUPERVISION, FORM, AMPLIFIED, CHANNEL)
    training_options = (*training_options(steps=15_000), *SEED_OPTIONS)

    def training_side(self, spec: CellSpec) -> int:
        return spec.size

    def field(self, spec: CellSpec) -> Field:
        return "laplacian" if spec["supervision"] == "laplacian" else "gradient"

    def problem(self, spec: CellSpec, picture: Picture) -> Problem:
        view = View(picture(spec.size, "pil-bilinear"), str(spec["grid"]))
        aligned = ("psnr@align=affine", "ssim@align=affine")
        harmonic = ("psnr@align=harmonic",) if spec["supervision"] == "laplacian" else ()
        return Problem(view, view, _supervision(spec, view), metrics=("psnr", "ssim", *aligned, *harmonic))


def _supervision(spec: CellSpec, view: View) -> Supervision:
    by, form = str(spec["supervision"]), str(spec["form"])
    times = _TIMES[by] if spec["amplified"] == "yes" else 1.0
    image = view.values().reshape(view.side, view.side, -1)
    pixels = per_unit(view.side, view.grid)
    if by == "laplacian":
        targets = times * laplace(image).reshape(-1, view.channels)
        return Supervision("laplacian", form, targets, gain=times / pixels**2)  # type: ignore[arg-type]
    has_third_axis = by == "gradient"
    targets = times * sobel(image, has_third_axis).reshape(-1, view.channels, 2)
    gain = times * (SOBEL_3D if has_third_axis else SOBEL_2D) / pixels
    return Supervision("gradient", form, targets, gain)  # type: ignore[arg-type]


COMPONENTS = (Poisson(),)
