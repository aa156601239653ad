"""Image strips: the target, the low-resolution input and every arm's result, side by side, lossless."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sirenbench.records import IMAGES, folder_of
from sirenbench.report.cells import Cell, Labelled
from sirenbench.report.metrics import facts
from sirenbench.report.tables import STATES
from sirenbench.report.text import number


@dataclass(frozen=True)
class Pane:
    """One image of a strip.

    Attributes
    ----------
    uri
        A PNG data URI; empty if the cell has no image, and then ``scores`` says why.
    anchor
        The details of the cell that it is of, if of any.
    """

    title: str
    alt: str
    scores: str
    uri: str = ""
    width: int = 0
    height: int = 0
    anchor: str = ""
    is_input: bool = False


@dataclass(frozen=True)
class Strip:
    """Images of one target."""

    panes: list[Pane]


def strip(shown: Sequence[Labelled], title: str, results: Path) -> Strip | None:
    """The strip of cells that share their target; None if no cell has left an image."""
    loaded = [_load(one.cell, results) for one in shown]
    first = next((arrays for arrays in loaded if arrays), None)
    if first is None:
        return None
    height, width = first["target"].shape[:2]
    panes = [_pane("Target", f"Target: {title}, {width} by {height} pixels.", "ground truth", first["target"])]
    if "lr" in first:
        low_height, low_width = first["lr"].shape[:2]
        alt = f"The low-resolution input of {title}: {low_width} by {low_height} pixels, enlarged without smoothing."
        panes.append(replace(_pane("Input", alt, f"{low_width} × {low_height}", first["lr"]), is_input=True))
    return Strip(panes + [_result(one, title, arrays) for one, arrays in zip(shown, loaded, strict=True)])


def _load(cell: Cell, results: Path) -> dict[str, np.ndarray] | None:
    path = folder_of(results, cell.name) / IMAGES
    if cell.state not in ("ok", "diverged") or not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _result(one: Labelled, title: str, arrays: dict[str, np.ndarray] | None) -> Pane:
    cell, label = one.cell, one.label
    if arrays is None:
        reason = STATES[cell.state] if cell.state != "ok" else "no image was kept"
        return Pane(label, "", reason, anchor=cell.anchor)
    replicate = cell.record.replicates[0] if cell.record and cell.record.replicates else None
    scores = [
        f"{facts(name).title} {number(replicate.metrics[name].last, facts(name).digits)}"
        for name in ("psnr", "ssim")
        if replicate and name in replicate.metrics
    ]
    alt = f"{label}: its reconstruction of {', '.join([title, *scores])}."
    return _pane(label, alt, " · ".join(scores), arrays["prediction"], cell.anchor)


def _pane(title: str, alt: str, scores: str, pixels: np.ndarray, anchor: str = "") -> Pane:
    height, width = pixels.shape[:2]
    return Pane(title, alt, scores, png_uri(pixels), width, height, anchor)


def png_uri(pixels: np.ndarray) -> str:
    """A lossless PNG data URI of a uint8 image, shape (H, W) or (H, W, 3)."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
