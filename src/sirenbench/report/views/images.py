"""Image strips: the target, the low-resolution input and every arm's result, side by side, lossless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from sirenbench.cell_files import read_images
from sirenbench.records import IMAGES, RecordError
from sirenbench.report.cells import Cell, Labelled, left_by
from sirenbench.report.figures.pictures import picture_uri
from sirenbench.report.metrics import facts
from sirenbench.report.tables import STATES
from sirenbench.report.text import number

Arrays: TypeAlias = dict[str, np.ndarray]


@dataclass(frozen=True)
class Pane:
    """One image of a strip.

    Attributes
    ----------
    uri
        A data URI; empty if the cell has no image, and then ``scores`` says why.
    anchor, note
        The details of the cell that it is of, if of any, and what must be said with its name.
    role
        ``target``, ``input`` or ``result``: what the page can compare it with.
    """

    title: str
    alt: str
    scores: str
    uri: str = ""
    width: int = 0
    height: int = 0
    anchor: str = ""
    note: str = ""
    role: str = "result"


@dataclass(frozen=True)
class Strip:
    """Images of one target."""

    panes: list[Pane]

    @property
    def uris(self) -> list[str]:
        """Of all its pictures."""
        return [pane.uri for pane in self.panes]

    @property
    def columns(self) -> int:
        """How many stand in a row where there is room: rows of the same length, of six at most."""
        rows = -(-len(self.panes) // 6)
        return -(-len(self.panes) // rows)


def strip(key: str, shown: Sequence[Labelled], title: str, results: Path) -> Strip | None:
    """The strip of cells that share their target; None if no cell has left an image. ``title`` names the image."""
    loaded = [arrays_of(one.cell, results) for one in shown]
    if not any(loaded):
        return None
    panes = [_result(one, title, arrays) for one, arrays in zip(shown, loaded, strict=True)]
    first = next((arrays for arrays in loaded if not isinstance(arrays, str)), None)
    return Strip([*_given(first, title), *panes] if first else panes)


def _given(first: Arrays, title: str) -> list[Pane]:
    """What the arms were given: the target and, for super-resolution, the input."""
    height, width = first["target"].shape[:2]
    alt = f"Target: {title}, {width} by {height} pixels."
    panes = [replace(_pane("Target", alt, "ground truth", first["target"]), role="target")]
    if "lr" in first:
        low_height, low_width = first["lr"].shape[:2]
        alt = f"The low-resolution input of {title}: {low_width} by {low_height} pixels, enlarged without smoothing."
        panes.append(replace(_pane("Input", alt, f"{low_width} × {low_height}", first["lr"]), role="input"))
    return panes


def arrays_of(cell: Cell, results: Path) -> Arrays | str:
    """The images that a cell left; a word on their damage, or nothing if it left none."""
    try:
        return left_by(cell, IMAGES, read_images, results) or ""
    except RecordError as error:
        return str(error)


def _result(one: Labelled, title: str, arrays: Arrays | str) -> Pane:
    cell, label = one.cell, one.label
    if isinstance(arrays, str):
        return Pane(label, "", arrays or why_no_image(cell), anchor=cell.anchor, note=cell.note)
    scores = [text for metric in ("psnr", "ssim") if (text := score_of_first(cell, metric, facts(metric).title))]
    alt = f"{label}: its reconstruction of {', '.join([title, *scores])}."
    pane = _pane(label, alt, " · ".join(scores), arrays["prediction"])
    return replace(pane, anchor=cell.anchor, note=cell.note)


def why_no_image(cell: Cell) -> str:
    """For a cell of which there is none."""
    return STATES[cell.state] if cell.state != "ok" else "no image was kept"


def score_of_first(cell: Cell, metric: str, title: str) -> str:
    """``PSNR 22.70`` of the first replicate, whose images are kept; nothing if it has no such number."""
    values = [value for seed, value in cell.sample(metric).defined.items() if seed == cell.replicates[0].seed]
    return f"{title} {number(values[0], facts(metric).digits)}" if values else ""


def _pane(title: str, alt: str, scores: str, pixels: np.ndarray) -> Pane:
    height, width = pixels.shape[:2]
    return Pane(title, alt, scores, picture_uri(pixels), width, height)
