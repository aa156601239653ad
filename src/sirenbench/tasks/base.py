"""What a task has to say of itself, and what it hands to the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from sirenbench.images.pictures import to_signed_range
from sirenbench.lazy import torch
from sirenbench.options import Choice, Integer, Number, Option
from sirenbench.spec import CellSpec

# A cell's image at any side, by any kernel: uint8, (side, side) or (side, side, 3).
Picture: TypeAlias = Callable[[int, str], np.ndarray]

CHANNEL = Choice(
    "channel",
    "grey",
    "Colours of the image; the paper's text says RGB, all its runs are grey.",
    choices=("grey", "rgb"),
    tracks={"rgb": "as-described"},
)
GRID = Choice(
    "grid",
    "corner",
    "Where pixels sit in [-1, 1]: 'corner' puts the outer ones on the border, 'center' in the middle of their cell.",
    choices=("corner", "center"),
    beyond_paper=True,
)

PRECISION = Choice(
    "precision",
    "fp32",
    "Of the matrix products between hidden layers: 'tf32' rounds their factors to 10 bits, for speed, on an NVIDIA GPU "
    "of compute capability 8.0 or more; elsewhere such a cell fails, and says so.",
    choices=("fp32", "tf32"),
    beyond_paper=True,
)


def training_options(steps: int) -> tuple[Option, ...]:
    """The options of every trained arm, with the task's own number of steps."""
    return (
        GRID,
        Number("lr", 1e-4, "Learning rate of Adam.", low=1e-9, high=10.0),
        Integer(
            "steps",
            steps,
            "Updates of the weights; the last score is taken after exactly that many.",
            low=0,
            high=10_000_000,
        ),
        PRECISION,
    )


SEED_OPTIONS: tuple[Option, ...] = (
    Integer("replicates", 5, "Seeds trained at once.", low=1, high=1024),
    Integer("seed", 0, "First seed; replicate r has seed + r.", low=0, high=2**31),
)


# What of a network is asked for at a pixel: its value, its gradient by the coordinates, or its Laplacian.
Field: TypeAlias = Literal["value", "gradient", "laplacian"]
# How residuals become a loss: the mean of their squared lengths, or of the lengths themselves.
Form: TypeAlias = Literal["squared", "norm"]


@dataclass(frozen=True)
class View:
    """An image and where its pixels are: what a network is trained on, or compared with.

    Attributes
    ----------
    pixels
        uint8, (H, W) or (H, W, 3).
    grid
        ``corner`` or ``center``.
    """

    pixels: np.ndarray
    grid: str

    @property
    def side(self) -> int:
        return self.pixels.shape[0]

    @property
    def channels(self) -> int:
        return 1 if self.pixels.ndim == 2 else self.pixels.shape[2]

    def coordinates(self) -> torch.Tensor:
        """(H W, 2) in [-1, 1], float32: column 0 is the row, column 1 the column (protocol.md, images)."""
        outer = 1.0 if self.grid == "corner" else 1 - 1 / self.side
        axis = torch.linspace(-outer, outer, self.side)
        return torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)

    def values(self) -> np.ndarray:
        """(H W, C) in [-1, 1], float32."""
        return to_signed_range(self.pixels).reshape(-1, self.channels)

    def unit(self) -> torch.Tensor:
        """(H, W, C) in [0, 1], float64: what predictions are scored against."""
        return unit_range(self.pixels)


def unit_range(pixels: np.ndarray) -> torch.Tensor:
    """uint8, (H, W) or (H, W, 3), as (H, W, C) in [0, 1], float64."""
    return torch.tensor(pixels, dtype=torch.float64).div(255).reshape(*pixels.shape[:2], -1)


@dataclass(frozen=True)
class Supervision:
    """What of a network is compared with what, at every pixel of the training image.

    Attributes
    ----------
    targets
        float32: (H W, C), or (H W, C, 2) for gradients, the row's derivative first.
    gain
        How many times the image's own amplitude a network has that meets the targets.
    """

    field: Field
    form: Form
    targets: np.ndarray
    gain: float = 1.0


@dataclass(frozen=True)
class Problem:
    """What a trained cell is about.

    Attributes
    ----------
    training
        The image that the network is fitted to.
    scored
        What its prediction is compared with; the same object where the two are one.
    supervision
        By what of the training image it is fitted.
    every
        Score at every this many steps (and always at the last).
    metrics
        Ids of the metrics that are followed.
    activations
        Whether the statistics of its layers are kept.
    """

    training: View
    scored: View
    supervision: Supervision
    every: int = 1
    metrics: tuple[str, ...] = ("psnr", "ssim")
    activations: bool = False


def by_value(view: View) -> Supervision:
    """Fit the pixels themselves (paper, equation 1)."""
    return Supervision("value", "squared", view.values())


@dataclass(frozen=True)
class Reconstruction:
    """What a baseline works on: a small image, and the large one it should give back."""

    low: np.ndarray
    high: np.ndarray


class Task(ABC):
    """A kind of question.

    Attributes
    ----------
    has_factor
        Whether the image carries a scale factor in cell names.
    keeps_activations
        Whether the statistics of the layers are kept at the end.
    data_options, training_options
        Its switches for every arm, and for trained arms only.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    version: ClassVar[int]
    has_factor: ClassVar[bool]
    keeps_activations: ClassVar[bool] = False
    data_options: ClassVar[tuple[Option, ...]]
    training_options: ClassVar[tuple[Option, ...]]

    @abstractmethod
    def training_side(self, spec: CellSpec) -> int:
        """Side in pixels of the image that a network is fitted to."""

    def field(self, spec: CellSpec) -> Field:
        """What of a network is compared with the image; that of the problem's supervision."""
        return "value"

    def measured_once(self, spec: CellSpec) -> tuple[str, ...]:
        """Ids of the metrics that are not followed: only the image of the final weights is scored by them."""
        return ()

    @abstractmethod
    def problem(self, spec: CellSpec, picture: Picture) -> Problem:
        """What a trained arm has to do."""

    def reconstruction(self, spec: CellSpec, picture: Picture) -> Reconstruction:
        """What a baseline has to do; only tasks that have baselines answer."""
        raise NotImplementedError(f"the task {self.name} has no baselines")
