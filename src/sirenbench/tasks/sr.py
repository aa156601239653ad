"""Single-image super-resolution (paper, algorithm 1): learn the small image, be scored on the large one."""

from __future__ import annotations

from PIL import Image

from sirenbench.images.pictures import resize
from sirenbench.metrics.appearance import FACTOR
from sirenbench.metrics.ids import MetricId
from sirenbench.options import Choice, Integer
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import (
    CHANNEL,
    SEED_OPTIONS,
    Picture,
    Problem,
    Reconstruction,
    Task,
    View,
    by_value,
    training_options,
)

# Kernels of this kind reduce the large 8-bit image and not the original.
OF_HIGH = "hr-"
KERNEL = Choice(
    "kernel",
    "pil-bilinear",
    "How the low-resolution image is made; the paper's authors ran PIL bilinear.",
    choices=("pil-bilinear", "pil-bicubic", "lanczos", "box"),
    beyond_paper=True,
)
EVAL_EVERY = Integer(
    "eval_every",
    1,
    "Score the large image at every this many steps (and the last): each score is a forward pass of its own.",
    low=1,
    high=10_000_000,
)


class SuperResolution(Task):
    """Fit the low-resolution image, then ask the network for the high-resolution grid.

    Both images are resized from the prepared original, so that the small one is not a reduction of the large one
    unless the large one is the original (as the paper's authors ran it).
    """

    name = "sr"
    title = "Super-resolution"
    version = 2
    has_factor = True
    data_options = (CHANNEL, KERNEL)
    training_options = (*training_options(steps=500), EVAL_EVERY, *SEED_OPTIONS)

    def training_side(self, spec: CellSpec) -> int:
        return spec.size // (spec.factor or 1)

    def measured_once(self, spec: CellSpec) -> tuple[str, ...]:
        assert spec.factor
        detail = MetricId("detail", ((FACTOR.name, spec.factor),))
        return (detail.text, "roughness", "sharpness_error", "luminance_error", "contrast_error")

    def problem(self, spec: CellSpec, picture: Picture) -> Problem:
        images = self.reconstruction(spec, picture)
        low, high = View(images.low, str(spec["grid"])), View(images.high, str(spec["grid"]))
        return Problem(low, high, by_value(low), every=int(spec["eval_every"]))

    def reconstruction(self, spec: CellSpec, picture: Picture) -> Reconstruction:
        high, side, kernel = picture(spec.size, "pil-bilinear"), self.training_side(spec), str(spec["kernel"])
        of_high = kernel.removeprefix(OF_HIGH)
        low = picture(side, kernel) if of_high == kernel else resize(Image.fromarray(high), side, f"pil-{of_high}")
        return Reconstruction(low, high)


COMPONENTS = (SuperResolution(),)
