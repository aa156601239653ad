"""Crops that a study names: there without script and on paper, and in the dialog with script."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from opening import grave_violations, opened
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from report_fixtures import CROPS, Made, crops_run, picture, write_cell

from sirenbench.names import make_spec
from sirenbench.report import files
from sirenbench.report.build import REPORT

(FACE, PLACE), (EDGE, _) = CROPS.items()


@pytest.fixture(scope="module", params=[30_000_000, 1000], ids=["one file", "with a folder"])
def crops_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    run = crops_run(tmp_path_factory.mktemp("crops"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ONE_FILE_AT_MOST", request.param)
        run.render()
    return (run.folder / REPORT).as_uri()


@pytest.fixture
def page(browser: Browser, crops_address: str) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 900}, offline=True) as context:
        page, trouble = opened(context, crops_address)
        yield page
        beside = crops_address.replace(REPORT, files.FILES)
        assert [one for one in trouble if not one.startswith(beside)] == []


def static(page: Page) -> dict[str, str]:
    """What stands below each piece of the first crop."""
    items = page.locator(".cut").first.locator("li").all_inner_texts()
    return {name: score.strip() for name, _, score in (item.strip().partition("\n") for item in items)}


@pytest.mark.parametrize("media", ["screen", "print"])
def test_without_script_the_crops_stand_below_the_images(browser: Browser, crops_address: str, media: str) -> None:
    with browser.new_context(java_script_enabled=False, device_scale_factor=1) as context:
        page, _ = opened(context, crops_address)
        page.emulate_media(media=media)  # type: ignore[arg-type]
        assert page.locator(".cut").count() == 2
        assert page.locator(".cut li > svg:visible").count() == 6
        found = static(page)
        assert list(found) == ["Target", "SIREN", "Bicubic"]
        assert found["Target"] == ""
        assert all(re.fullmatch(r"\d+\.\d\d dB", found[name]) for name in ("SIREN", "Bicubic"))
        piece = page.locator(".cut li > svg").first
        seen = Image.open(io.BytesIO(piece.screenshot())).convert("L")
        x, y, width, height = PLACE
        expected = picture(64)[y : y + height, x : x + width].astype(int)
        assert np.abs(np.asarray(seen.resize((width, height), Image.Resampling.BOX)).astype(int) - expected).mean() < 8


def test_a_button_opens_the_dialog_at_its_crop_with_the_same_scores(page: Page) -> None:
    found = static(page)
    page.get_by_role("button", name=f"Inspect {FACE}: Cameraman 64², ×2", exact=True).press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    place = [dialog.get_by_label(name, exact=True).input_value() for name in ("x", "y", "width", "height")]
    assert place == [str(n) for n in PLACE]
    items = [item.strip().partition("\n") for item in dialog.locator(".crops li").all_inner_texts()]
    assert {name: score.strip() for name, _, score in items} == found
    assert grave_violations(page, "dialog") == []


def test_the_dialog_goes_from_one_crop_to_another_and_to_ones_own(page: Page) -> None:
    page.get_by_role("button", name="Compare two").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    x = dialog.get_by_label("x", exact=True)
    expect(x).to_have_value("24")
    dialog.get_by_role("button", name=EDGE, exact=True).press("Enter")
    expect(x).to_have_value("40")
    dialog.get_by_role("button", name=FACE, exact=True).press("Enter")
    expect(x).to_have_value("20")
    x.fill("7")
    expect(x).to_have_value("7")


def test_the_buttons_of_a_study_with_two_images_have_names_of_their_own(browser: Browser, tmp_path: Path) -> None:
    run = crops_run(tmp_path)
    fields = {"task": "sr", "image": "cameraman", "size": 64, "factor": 4, "arm": "bicubic"}
    run.cells["sr"].append(make_spec(fields))
    write_cell(run.results, run.cells["sr"][-1], Made(17.0))
    run.render()
    with browser.new_context() as context:
        page, _ = opened(context, (run.folder / REPORT).as_uri())
        buttons = page.locator("figure.images .lens > button").all()
        names = [str(button.get_attribute("aria-label")) for button in buttons]
        assert len(names) == len(set(names)) == 2 * (1 + len(CROPS))
        assert all(name.startswith(button.inner_text()) for name, button in zip(names, buttons, strict=True))


@pytest.mark.parametrize("name", ["long " * 60, "long" * 60], ids=["words", "word"])
def test_a_long_name_of_a_crop_makes_nothing_wider_than_a_small_screen(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    run = crops_run(tmp_path, {name.strip(): (20, 9, 24, 16)})
    run.render()
    with browser.new_context(viewport={"width": 320, "height": 800}) as context:
        page, trouble = opened(context, (run.folder / REPORT).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        page.locator("figure.images .lens > button").last.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        assert dialog.evaluate("one => one.scrollWidth <= one.clientWidth")
        assert trouble == []


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_crops(page: Page, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    assert grave_violations(page, "figure.images") == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
