"""Whether the pictures of a run are the paper's, pixel by pixel, so that its numbers may be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sirenbench.names import parse_name
from sirenbench.paper_pixels import anchors, are_others, known_as, pictures_of
from sirenbench.report import paper

if TYPE_CHECKING:
    from sirenbench.report.cells import Cell

SAME, OTHER, UNKNOWN, ELSEWHERE, FOREIGN = "same", "other", "unknown", "elsewhere", "foreign"
WORDS = {
    SAME: "the paper’s pixels",
    OTHER: "other pixels",
    UNKNOWN: "not known",
    ELSEWHERE: "not as in the paper",
    FOREIGN: "not the paper’s",
}
_WORST_FIRST = (OTHER, ELSEWHERE, UNKNOWN, FOREIGN, SAME)
_DIGITS = 5e-6  # a score that the authors' repository gives to six digits, and a float32 image


@dataclass(frozen=True)
class Picture:
    """An image of the run at the sides that one verdict holds for: ``Cameraman 512², 256²``."""

    title: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class Comparability:
    """What may be compared with the paper.

    Attributes
    ----------
    standing, comparable, unknown
        How many cells stand for one that the paper has numbers of; how many of them have its configuration and its
        pixels; and how many its configuration and pixels that are not known.
    """

    pictures: list[Picture]
    standing: int
    comparable: int
    unknown: int

    @property
    def verdict(self) -> str:
        """Of all pictures together: other pixels weigh most, and then whatever is not the paper's."""
        found = {picture.verdict for picture in self.pictures}
        return OTHER if OTHER in found else SAME if found == {SAME} else UNKNOWN


def comparability_of(cells: Sequence[Cell], images: Mapping[str, str]) -> Comparability | None:
    """What may be compared of the distinct cells of a run; None if none of them has a picture.

    Parameters
    ----------
    images
        Title of each image, by its name.
    """
    found: dict[tuple[str, str], tuple[set[int], dict[str, None]]] = {}
    for cell in cells:
        for side, sha256 in _pictures(cell):
            verdict, reason = _by_hash(cell, side, sha256)
            sides, reasons = found.setdefault((str(cell.parts["image"]), verdict), (set(), {}))
            sides.add(side)
            reasons[reason] = None
    if not found:
        return None
    pictures = []
    for (image, verdict), (sides, reasons) in found.items():
        told, reason = _by_score(image, cells) if verdict == UNKNOWN else (verdict, "; ".join(reasons))
        pictures.append(Picture(f"{images.get(image, image)} {_sides(sides)}", told, reason))
    standing = [cell for cell in cells if paper.find_all(cell.reference)]
    verdicts = [cell.pixels for cell in standing if not cell.scaled]
    return Comparability(pictures, len(standing), verdicts.count(SAME), verdicts.count(UNKNOWN))


def verdicts_of(cells: Sequence[Cell]) -> list[str]:
    """Of each cell of a run the verdict on its pictures, which is that of the worst; nothing where it has none."""
    by_score: dict[str, str] = {}

    def verdict_of(cell: Cell, side: int, sha256: str) -> str:
        verdict, image = _by_hash(cell, side, sha256)[0], str(cell.parts["image"])
        if verdict == UNKNOWN and image not in by_score:
            by_score[image] = _by_score(image, cells)[0]
        return by_score[image] if verdict == UNKNOWN else verdict

    found = [[verdict_of(cell, *picture) for picture in _pictures(cell)] for cell in cells]
    return [min(of_cell, key=_WORST_FIRST.index, default="") for of_cell in found]


def _pictures(cell: Cell) -> Iterator[tuple[int, str]]:
    """Side and SHA-256 of what a cell is scored on, and of what it gets."""
    return pictures_of(cell.parts, cell.record.image if cell.record else None)


def _by_hash(cell: Cell, side: int, sha256: str) -> tuple[str, str]:
    """A verdict, and why."""
    image = str(cell.parts["image"])
    if known := known_as(sha256):
        return SAME, f"shown by {known.evidence}"
    if are_others(cell.parts, side, sha256):
        return OTHER, "the paper’s picture of this name and size has another SHA-256"
    if image in {name for name, _ in anchors()}:
        return ELSEWHERE, "the paper has it in other sizes, and in grey"
    return (UNKNOWN, "") if image in _papers() else (FOREIGN, "the paper has no numbers of it")


def _by_score(image: str, cells: Iterable[Cell]) -> tuple[str, str]:
    """By the scores of bicubic interpolation, which depend on nothing but the pixels."""
    apart = [
        abs(cell.ends("psnr")[0].last - value.value)
        for cell in cells
        if (cell.parts["image"], cell.parts["arm"]) == (image, "bicubic") and not cell.scaled and cell.ends("psnr")
        if (value := paper.find(cell.reference, "psnr"))
    ]
    if not apart:
        return UNKNOWN, "no SHA-256 of the paper’s pixels is known; a cell of the arm bicubic would tell them"
    if max(apart) <= _DIGITS:
        return SAME, "shown by its bicubic scores, which are the paper’s to six digits"
    return OTHER, f"its bicubic score is {max(apart):.2g} dB from the paper’s"


@cache
def _papers() -> frozenset[str]:
    """The images that the paper has numbers of."""
    return frozenset(parse_name(name).image for name in paper.names())


def _sides(sides: Iterable[int]) -> str:
    return ", ".join(f"{side}²" for side in sorted(sides, reverse=True))
