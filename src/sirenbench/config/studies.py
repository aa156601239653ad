"""The block ``studies``: named grids of cells, each one figure or table."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from sirenbench.config.base import Block
from sirenbench.spec import Track


def _is_scalar(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool)


def _scalar(value: object) -> object:
    if not _is_scalar(value):
        raise ValueError("should be a number or a word")
    return value


def _scalar_or_list(value: object) -> object:
    if not _is_scalar(value) and not (isinstance(value, list) and value and all(map(_is_scalar, value))):
        raise ValueError("should be a number, a word, or a list of them")
    return value


Scalar = Annotated[int | float | str, BeforeValidator(_scalar)]
Grid = dict[str, Annotated[Scalar | list[Scalar], BeforeValidator(_scalar_or_list)]]


def _crop(value: object) -> object:
    four = list(value) if isinstance(value, list | tuple) else []
    # A bool is an int to Python, and 1.0 is one to pydantic.
    if len(four) != 4 or any(type(n) is not int for n in four) or min(four) < 0 or min(four[2:]) < 1:
        raise ValueError(
            "should be [x, y, width, height] in pixels of the large image: whole numbers, x and y from 0, "
            "width and height from 1"
        )
    return value


_Place = Annotated[int, Field(ge=0)]
_Length = Annotated[int, Field(ge=1)]
Crop = Annotated[tuple[_Place, _Place, _Length, _Length], BeforeValidator(_crop)]

# The layouts with images side by side, of which crops can be shown.
WITH_STRIPS = ("curves", "table", "gallery")


class Label(Block):
    """A remark beside the name of some cells of a study."""

    cells: dict[str, Scalar] = Field(description="Keys of a cell; the remark is for all cells that match them.")
    text: str = Field(description="Shown in brackets after the method's name.")


class Study(Block):
    """A named grid: one figure or table of the report, or one of ours."""

    title: str = Field(description="Heading in the report.")
    source: str = Field("", description="Which figure or table of the paper it stands for, e.g. 'Figure 4a'.")
    text: str = Field("", description="A few sentences for the reader: what is compared, and what to look for.")
    track: Track = Field(
        "as-run",
        description="Protocol it follows: the paper's text, the authors' code, or ours. Never ranked together.",
    )
    layout: Literal["curves", "table", "derivatives", "activations", "gallery"] = Field(
        "curves",
        description="How the report shows it: curves over steps; a table by scale factor (as Table 1); images, "
        "gradients and Laplacians (as Figures 2, 3); histograms and spectra of layers (as Figure S3); images large, "
        "side by side (as Figure 6).",
    )
    grid: list[Grid] = Field(
        description="Keys of a cell, each with a value or a list; lists expand to their product. "
        "Several grids may be given as a list."
    )
    exclude: list[Grid] = Field(
        default_factory=list,
        description="Combinations to leave out: a cell that matches all keys of an entry is dropped.",
    )
    labels: list[Label] = Field(default_factory=list, description="Remarks beside the names of some cells.")
    crops: dict[str, Crop] = Field(
        default_factory=dict,
        description="Places of its images to show enlarged, with the PSNR of each method there, by the names they have "
        "in the report: [x, y, width, height] in pixels of the large image, e.g. face: [50, 20, 32, 32].",
    )
    reference: dict[str, Scalar] = Field(
        default_factory=dict,
        description="Keys that turn a cell of this study into the paper's own cell. Where they change anything, the "
        "report says what was scaled down and does not judge the difference.",
    )
    why: str = Field("", description="Why it was scaled down.")

    @field_validator("grid", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        return [value] if isinstance(value, dict) else value
