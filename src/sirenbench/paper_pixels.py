"""Pixels that are known to be the paper's, by their SHA-256, and whether a cell had others."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from sirenbench.options import Value
from sirenbench.records import ImageFacts


@dataclass(frozen=True)
class Anchor:
    """Pixels that are known to be the paper's, and what shows it."""

    sha256: str
    evidence: str


@cache
def anchors() -> dict[tuple[str, int], Anchor]:
    """(image, side) -> the paper's pixels, where they are known."""
    text = (resources.files("sirenbench") / "paper_pixels.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {(row["image"], int(row["side"])): Anchor(row["sha256"], row["evidence"]) for row in rows}


def known_as(sha256: str) -> Anchor | None:
    """The paper's pixels of that hash, whatever the picture is called here."""
    return next((anchor for anchor in anchors().values() if anchor.sha256 == sha256), None)


def are_others(parts: Mapping[str, Value], side: int, sha256: str) -> bool:
    """Whether the paper's picture of a cell's image is known at this side, and has another hash."""
    has_anchor = (parts["image"], side) in anchors() and parts.get("channel") == "grey"
    return has_anchor and known_as(sha256) is None


def pictures_of(parts: Mapping[str, Value], facts: ImageFacts | None) -> Iterator[tuple[int, str]]:
    """Side and SHA-256 of what a cell is scored on, and of what it gets.

    Parameters
    ----------
    parts
        The cell's configuration.
    facts
        As its record has them.
    """
    if facts is None:
        return
    yield int(parts["size"]), facts.pixels_sha256
    # Of other reductions no pixels of the paper are known.
    if facts.lr_pixels_sha256 and parts.get("kernel") == "pil-bilinear":
        yield int(parts["size"]) // int(parts["factor"]), facts.lr_pixels_sha256
