"""Pictures as files of their own: what stands on the page, as well-formed SVG."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from sirenbench.report.figures.pictures import picture_uri
from sirenbench.report.sheets import pictures_sheet
from sirenbench.report.views.derivatives import ROWS, Column, Panel, Panels
from sirenbench.report.views.images import Pane, Strip

SVG = "{http://www.w3.org/2000/svg}"
URI = picture_uri(np.zeros((8, 8), np.uint8))
EVIL = """<script>alert("x")</script> & 'so on' ]]>"""


def read(svg: str) -> tuple[list[ElementTree.Element], list[str]]:
    """Its pictures, and its texts without how they are broken into lines."""
    root = ElementTree.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    return list(root.iter(f"{SVG}image")), [str(text.text) for text in root.iter(f"{SVG}text")]


def pane(title: str, role: str = "result", uri: str = URI, scores: str = "PSNR 22.70") -> Pane:
    return Pane(title, f"{title}: its reconstruction.", scores, uri, 8, 8, role=role)


def test_a_strip_has_every_picture_with_its_name_and_its_scores() -> None:
    pictures, texts = read(pictures_sheet(Strip([pane("Target", "target"), pane("SIREN")])))
    assert [picture.get("href") for picture in pictures] == [URI, URI]
    assert [picture[0].text for picture in pictures] == ["Target: its reconstruction.", "SIREN: its reconstruction."]
    assert texts == [
        "Target",
        "PSNR 22.70",
        "SIREN",
        "PSNR 22.70",
        "Networks: the first seed of each, with its scores.",
    ]


def test_only_the_input_shows_its_pixels() -> None:
    """A result that is made smaller without smoothing would show noise that it does not have."""
    pictures, _ = read(pictures_sheet(Strip([pane("Input", "input"), pane("SIREN")])))
    assert ["pixelated" in (picture.get("style") or "") for picture in pictures] == [True, False]


def test_a_cell_without_a_picture_says_why() -> None:
    pictures, texts = read(pictures_sheet(Strip([pane("Target", "target"), pane("SRGAN", uri="", scores="missing")])))
    assert len(pictures) == 1
    assert texts[2:4] == ["SRGAN", "missing"]


@pytest.mark.parametrize("count", [1, 6, 7, 13])
def test_no_two_pictures_lie_in_the_same_place_and_all_in_the_sheet(count: int) -> None:
    svg = pictures_sheet(Strip([pane(str(number)) for number in range(count)]))
    _, _, across, down = (float(part) for part in str(ElementTree.fromstring(svg).get("viewBox")).split())
    places = [(float(str(one.get("x"))), float(str(one.get("y")))) for one in read(svg)[0]]
    assert len(set(places)) == count
    assert max(x for x, _ in places) + 240 <= across
    assert max(y for _, y in places) + 240 <= down


def test_names_and_reasons_are_text_whatever_they_contain() -> None:
    _, texts = read(pictures_sheet(Strip([pane(EVIL), pane("SIREN", uri="", scores=EVIL)])))
    assert " ".join(texts).count("<script>") == 2


@pytest.mark.parametrize("is_aligned", [False, True])
def test_derivatives_stand_below_their_image_with_the_keys_of_their_colours(is_aligned: bool) -> None:
    panels = [Panel(f"The {row}.", ["PSNR 20.00"], URI) for row in ROWS]
    without = [Panel("", [], words="zero everywhere") for _ in ROWS]
    columns = [Column("SIREN", panels, note="scaled down"), Column("ReLU", without)]
    pictures, texts = read(pictures_sheet(Panels(columns, 8, is_aligned, (URI, URI))))
    assert len(pictures) == len(ROWS) + 2
    assert [text for text in texts if text.startswith("SIREN")] == [f"SIREN: {row}" for row in ROWS]
    assert texts.count("scaled down") == texts.count("zero everywhere") == len(ROWS)
    assert any("Aligned" in text for text in texts) == is_aligned
