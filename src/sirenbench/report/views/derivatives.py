"""Images, gradients and Laplacians side by side, as in the paper's Figures 2 and 3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from sirenbench.images.derivatives import SOBEL_3D, laplace, sobel
from sirenbench.images.pictures import to_signed_range
from sirenbench.report.cells import Cell, Labelled
from sirenbench.report.figures.derivatives import Field, draw_gradient, draw_laplacian, gradient_key, laplacian_key
from sirenbench.report.figures.pictures import picture_uri
from sirenbench.report.text import rate
from sirenbench.report.views.images import Arrays, arrays_of, score_of_first, why_no_image

ROWS = ("Image", "Gradient", "Laplacian")

_ALIGNED = {
    "psnr@align=affine": "aligned: PSNR",
    "psnr@align=harmonic": "with harmonics: PSNR",
    "psnr": "as it is: PSNR",
}


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes
    ----------
    uri
        A data URI; empty if there is no picture, and then ``words`` say why.
    lines
        What stands below it.
    role
        ``target`` or ``result`` of an image, which the page can compare; nothing of a derivative, whose colours cannot.
    """

    alt: str
    lines: list[str]
    uri: str = ""
    words: str = ""
    role: str = ""


@dataclass(frozen=True)
class Column:
    """The ground truth or an arm: a panel for each of ``ROWS``. The ground truth has no details to lead to."""

    label: str
    panels: list[Panel]
    anchor: str = ""
    note: str = ""


@dataclass(frozen=True)
class Panels:
    """The columns of cells that share their image.

    Attributes
    ----------
    side
        In pixels, of all pictures.
    aligned
        Whether any image is shown with another amplitude and offset than the network's.
    keys
        What the colours of gradients and Laplacians mean: data URIs.
    alts
        What these look like, in words.
    """

    alts: ClassVar[tuple[str, str]] = (
        "A disc: red to the left, yellow-green up, cyan to the right, violet down.",
        "A bar: from red over white to blue.",
    )

    columns: list[Column]
    side: int
    aligned: bool
    keys: tuple[str, str]

    @property
    def uris(self) -> list[str]:
        """Of all its pictures."""
        return [*(panel.uri for column in self.columns for panel in column.panels), *self.keys]

    @property
    def rows(self) -> list[tuple[str, list[Panel]]]:
        """Each row's title, and its panels below the columns."""
        return [(title, [column.panels[row] for column in self.columns]) for row, title in enumerate(ROWS)]


def panels(key: str, shown: Sequence[Labelled], title: str, results: Path) -> Panels | None:
    """The panels of cells that share their image; None if none of them has left its images."""
    loaded = [arrays_of(one.cell, results) for one in shown]
    if not any(loaded):
        return None
    read = [arrays for arrays in loaded if not isinstance(arrays, str)]
    arms = [_arm(one, title, arrays) for one, arrays in zip(shown, loaded, strict=True)]
    return Panels(
        columns=[*(_truth(one["target"], title) for one in read[:1]), *arms],
        side=read[0]["target"].shape[0] if read else 0,
        aligned=any("aligned" in arrays for arrays in read),
        keys=(gradient_key(), laplacian_key()),
    )


def _truth(target: np.ndarray, title: str) -> Column:
    image = to_signed_range(target)
    image = image.reshape(*image.shape[:2], -1)
    gradient, laplacian = sobel(image).mean(axis=2) / SOBEL_3D, laplace(image).mean(axis=2)
    height, width = target.shape[:2]
    return Column(
        label="Ground truth",
        panels=[
            Panel(f"Ground truth: {title}, {width} by {height} pixels.", [], picture_uri(target), role="target"),
            _gradient(draw_gradient(gradient), f"The gradient of {title}", []),
            _laplacian(draw_laplacian(laplacian), f"The Laplacian of {title}", []),
        ],
    )


def _arm(one: Labelled, title: str, arrays: Arrays | str) -> Column:
    cell, label = one.cell, one.label
    if isinstance(arrays, str):
        return _without(one, arrays or why_no_image(cell))
    if "gradient" not in arrays:
        return _without(one, why_no_image(cell))
    panels = [
        _image(cell, f"{label}: its reconstruction of {title}", arrays),
        _gradient(
            draw_gradient(arrays["gradient"].astype(np.float32)),
            f"{label}: the gradient of its reconstruction of {title}",
            _scores(cell, {"gradient_psnr": "PSNR", "gradient_correlation": "correlation"}),
        ),
        _laplacian(
            draw_laplacian(arrays["laplacian"].astype(np.float32)),
            f"{label}: the Laplacian of its reconstruction of {title}",
            _scores(cell, {"laplacian_psnr": "PSNR", "laplacian_correlation": "correlation"}),
        ),
    ]
    return Column(label, panels, cell.anchor, cell.note)


def _without(one: Labelled, why: str) -> Column:
    return Column(one.label, [Panel("", [], words=why) for _ in ROWS], one.cell.anchor, one.cell.note)


def _image(cell: Cell, what: str, arrays: Arrays) -> Panel:
    """With the amplitude and offset that derivatives do not determine made up for, or as the network has it."""
    if "aligned" not in arrays:
        lines = _scores(cell, {"psnr": "PSNR", "ssim": "SSIM"})
        return Panel(_sentence(what, *lines), lines, picture_uri(arrays["prediction"]), role="result")
    lines = _scores(cell, _ALIGNED)
    alt = _sentence(what, "with amplitude and offset aligned", *lines)
    return Panel(alt, lines, picture_uri(arrays["aligned"]), role="result")


def _gradient(field: Field, what: str, scores: list[str]) -> Panel:
    return _panel(field, what, [*scores, f"{rate(field.low)} to {rate(field.high)} per pixel"])


def _laplacian(field: Field, what: str, scores: list[str]) -> Panel:
    return _panel(field, what, [*scores, f"±{rate(field.high)} per pixel²"])


def _panel(field: Field, what: str, lines: list[str]) -> Panel:
    return Panel(_sentence(what, *lines), lines if field.uri else lines[:-1], field.uri, field.words)


def _sentence(*parts: str) -> str:
    return ", ".join(parts) + "."


def _scores(cell: Cell, titles: Mapping[str, str]) -> list[str]:
    return [text for metric, title in titles.items() if (text := score_of_first(cell, metric, title))]
