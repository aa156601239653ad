"""Places of a strip's images that a study names, enlarged, with the PSNR of each image there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sirenbench.report.figures.pictures import pixels_of
from sirenbench.report.text import number
from sirenbench.report.views.images import Pane, Strip

Place: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class Piece:
    """What one image of a strip shows at a place; ``score`` is its PSNR there, nothing for the target."""

    pane: Pane
    score: str


@dataclass(frozen=True)
class Crop:
    """A named place, (x, y, width, height) in pixels, of the target and of every result."""

    name: str
    place: Place
    pieces: list[Piece]


def crops_of(strip: Strip, places: Mapping[str, Place]) -> list[Crop]:
    """The crops of a strip with a target, by the names of their places: of those that lie in the picture."""
    panes = [pane for pane in strip.panes if pane.uri and pane.role != "input"]
    if not places or not panes or panes[0].role != "target":
        return []
    pixels = [pixels_of(pane.uri) for pane in panes]
    tall, wide = pixels[0].shape[:2]
    return [
        Crop(name, place, [_piece(*shown, pixels[0], place) for shown in zip(panes, pixels, strict=True)])
        for name, place in places.items()
        if place[0] + place[2] <= wide and place[1] + place[3] <= tall
    ]


def _piece(pane: Pane, pixels: np.ndarray, target: np.ndarray, place: Place) -> Piece:
    return Piece(pane, "" if pane.role == "target" else f"{number(psnr_of(pixels, target, place), 2)} dB")


def psnr_of(one: np.ndarray, other: np.ndarray, place: Place) -> float:
    """PSNR of a place of two uint8 images, in dB, on [0, 1]; what the page's script computes (``psnrOf``)."""
    x, y, width, height = place
    there = np.s_[y : y + height, x : x + width]
    error = np.square((one[there].astype(float) - other[there]) / 255).mean()
    return -10 * math.log10(error) if error else math.inf
