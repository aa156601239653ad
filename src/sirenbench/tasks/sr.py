"""Single-image super-resolution (paper, algorithm 1): learn the small image, be scored on the large one."""

from __future__ import annotations

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
    training_options,
)

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
    version = 1
    has_factor = True
    data_options = (CHANNEL, KERNEL)
    training_options = (*training_options(steps=500), EVAL_EVERY, *SEED_OPTIONS)

    def training_side(self, spec: CellSpec) -> int:
        return spec.size // (spec.factor or 1)

    def problem(self, spec: CellSpec, picture: Picture) -> Problem:
        images = self.reconstruction(spec, picture)
        grid = str(spec["grid"])
        return Problem(View(images.low, grid), View(images.high, grid), every=int(spec["eval_every"]))

    def reconstruction(self, spec: CellSpec, picture: Picture) -> Reconstruction:
        low = picture(self.training_side(spec), str(spec["kernel"]))
        return Reconstruction(low=low, high=picture(spec.size, "pil-bilinear"))


COMPONENTS = (SuperResolution(),)
