"""The report in a real Chromium: from disk, without a network, with and without script, by keyboard, narrow, dark."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from opening import opened
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from report_fixtures import picture


def column(page: Page, study: str, heading: str) -> tuple[Locator, int]:
    table = page.locator(f'[id="study:{study}"] table.sortable')
    headings = [text.strip() for text in table.locator("thead th").all_inner_texts()]
    return table, headings.index(heading)


def cells_of(table: Locator, index: int) -> list[str]:
    return [row.locator("th, td").nth(index).inner_text().strip() for row in table.locator("tbody tr").all()]


def test_the_page_opens_from_disk_without_a_request_or_a_complaint(browser: Browser, any_address: str) -> None:
    with browser.new_context(offline=True) as context:
        page, trouble = opened(context, any_address)
        assert page.locator("h1").inner_text() in ("SIREN on two cores", "pictures")
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        assert trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_image_plot_and_table_is_seen_in_both_themes(
    browser: Browser, any_address: str, tmp_path: Path, scheme: str
) -> None:
    with browser.new_context(color_scheme=scheme) as context:
        page, trouble = opened(context, any_address)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 27)"}[scheme]
        stroke = "getComputedStyle(document.querySelector('.series.line path')).stroke"
        assert page.evaluate(stroke) == {"light": "rgb(0, 103, 168)", "dark": "rgb(93, 180, 240)"}[scheme]
        assert page.screenshot(path=tmp_path / f"{scheme}.png")
        assert trouble == []


def test_the_theme_can_be_chosen_and_nothing_is_stored(browser: Browser, address: str) -> None:
    with browser.new_context(color_scheme="dark") as context:
        page, trouble = opened(context, address)
        ground = "getComputedStyle(document.body).backgroundColor"
        seen = [page.evaluate(ground)]
        for theme in ("Light", "Dark", "Light", "System"):
            page.get_by_role("group", name="Theme").get_by_role("button", name=theme).press("Enter")
            seen.append(page.evaluate(ground))
            assert page.locator(".theme [aria-pressed=true]").all_inner_texts() == [theme]
        light, dark = "rgb(255, 255, 255)", "rgb(20, 23, 27)"
        assert seen == [dark, light, dark, light, dark]
        page.locator(".theme button", has_text="Dark").click()
        page.emulate_media(media="print")
        assert page.evaluate(ground) == light, "paper is white"
        assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
        assert trouble == []


def test_without_script_everything_is_there_and_no_button_is_dead(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page, trouble = opened(context, address)
        assert page.locator("svg.plot:visible").count() == 10
        for closed in page.locator("figure.curves summary").all():
            closed.click()
        assert page.locator("svg.plot[aria-label*='over the seconds']:visible").count() == 10
        assert page.locator("table").count() > 4
        assert page.locator("button:visible").count() == 0
        page.locator("#cells summary").first.click()
        assert "snakemake results/cells/" in page.locator("details[open] .command").inner_text()
        assert trouble == []


def test_without_script_every_picture_is_there(browser: Browser, pictures_address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page, trouble = opened(context, pictures_address)
        assert page.locator(".derivatives tbody .picture").count() == 8 + 11
        assert page.locator(".gallery .picture").count() == 6
        assert page.locator(".layers svg.plot").count() == 3
        assert page.locator("button:visible").count() == 0
        assert page.locator(".hint:visible").count() == 0
        assert trouble == []


def test_without_script_a_shared_picture_is_drawn_wherever_it_stands(browser: Browser, pictures_address: str) -> None:
    with browser.new_context(java_script_enabled=False, device_scale_factor=1) as context:
        page, _ = opened(context, pictures_address)
        places = [page.locator(f"[id='study:{study}'] .frame").first for study in ("fig2", "fig3")]
        assert all(place.locator("use").count() == 1 for place in places)
        for place in places:
            seen = Image.open(io.BytesIO(place.screenshot())).convert("L")
            expected = Image.fromarray(picture(64)).resize(seen.size, Image.Resampling.BILINEAR)
            # It may lie between two pixels of the screen; of another picture the mean is several times that.
            assert np.abs(np.asarray(seen).astype(int) - np.asarray(expected)).mean() < 12


def test_a_table_is_sorted_by_keyboard_and_says_so(page: Page) -> None:
    table, index = column(page, "first-init", "PSNR (dB)")
    heading = table.locator("thead th").nth(index)
    before = cells_of(table, 0)
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "descending"
    labels = [label.split("\n")[0] for label in cells_of(table, 0)]
    assert labels[:3] == ["kaiming normal", "kaiming uniform", "standard"]
    page.keyboard.press("Space")
    assert heading.get_attribute("aria-sort") == "ascending"
    ascending = cells_of(table, index)
    assert ascending[-3:] == ["–"] * 3, "cells without a number stay last"
    assert sorted(cells_of(table, 0)) == sorted(before)
    table.locator("thead th").first.locator("button").press("Enter")
    assert table.locator("th[aria-sort]").count() == 1


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_column_leads_to_the_glossary_by_keyboard(browser: Browser, address: str, script: bool) -> None:
    with browser.new_context(java_script_enabled=script, viewport={"width": 360, "height": 700}) as context:
        page, trouble = opened(context, address)
        study = page.locator('[id="study:fitting"]')
        study.get_by_role("link", name="About SSIM").press("Enter")
        line = page.locator('[id="metric:ssim"]')
        expect(line).to_be_in_viewport()
        assert line.evaluate("one => one.matches(':target')")
        page.go_back()
        if script:
            heading = study.locator("th", has=page.get_by_role("link", name="About SSIM"))
            heading.get_by_role("button", name="SSIM").press("Enter")
            assert heading.get_attribute("aria-sort") == "descending"
        assert trouble == []


def test_a_narrow_page_scrolls_its_tables_and_not_itself(browser: Browser, any_address: str) -> None:
    with browser.new_context(viewport={"width": 320, "height": 640}) as context:
        page, trouble = opened(context, any_address)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        region = page.locator(".scroll").first
        region.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelector('.scroll').scrollLeft > 0")
        assert trouble == []


def test_a_strip_is_enlarged_as_one_by_mouse_and_by_keyboard(page: Page) -> None:
    strip = page.locator(".strip").first
    frames = strip.locator("button.frame")
    frames.nth(1).click(position={"x": 10, "y": 20})
    scales = strip.evaluate(
        "one => [...one.querySelectorAll('.picture')].map(image => getComputedStyle(image).transform)"
    )
    page.wait_for_function(
        "getComputedStyle(document.querySelector('.strip .picture')).transform.startsWith('matrix(4')"
    )
    assert len(scales) == frames.count() == 3
    assert frames.first.get_attribute("aria-pressed") == "true"
    place = strip.evaluate("one => Number(one.style.getPropertyValue('--x'))")
    assert 0 < place < 0.5
    frames.first.focus()
    page.keyboard.press("ArrowRight")
    assert strip.evaluate("one => Number(one.style.getPropertyValue('--x'))") == pytest.approx(place + 0.05)
    page.keyboard.press("Enter")
    assert "zoomed" not in str(strip.get_attribute("class"))


def test_an_enlarged_place_is_dragged_and_stays_under_the_pointer(page: Page) -> None:
    strip = page.locator(".strip").first
    frame = strip.locator("button.frame").nth(1)
    frame.click(position={"x": 50, "y": 60})
    strip.evaluate("one => one.getAnimations({ subtree: true }).forEach(running => running.finish())")
    picture, box = frame.locator(".picture"), frame.bounding_box()
    before = picture.bounding_box()
    assert box
    assert before
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 45, steps=5)
    page.mouse.up()
    strip.evaluate("one => one.getAnimations({ subtree: true }).forEach(running => running.finish())")
    after = picture.bounding_box()
    assert after
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((30, -15), abs=1)
    assert "zoomed" in str(strip.get_attribute("class")), "the click at the end of a drag is none"
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    assert picture.bounding_box() == after, "nothing is held any more"
    page.mouse.down()
    page.mouse.move(box["x"] + 2000, box["y"] + 10, steps=3)
    page.mouse.up()
    assert strip.evaluate("one => Number(one.style.getPropertyValue('--x'))") == 0, "not beyond the edge"
    frame.click()
    assert "zoomed" not in str(strip.get_attribute("class"))


@pytest.mark.parametrize(("where", "frames"), [(".gallery", 6), ("[id='study:fig3'] .derivatives", 11)])
def test_all_pictures_of_an_image_are_enlarged_at_one_place(pictures: Page, where: str, frames: int) -> None:
    group = pictures.locator(where)
    buttons = group.locator("button.frame")
    assert buttons.count() == frames
    buttons.nth(2).press("Enter")
    assert group.locator("[aria-pressed=true]").count() == frames
    pictures.wait_for_function(
        "where => [...document.querySelectorAll(where + ' .frame .picture')]"
        ".every(image => getComputedStyle(image).transform.startsWith('matrix(4'))",
        arg=where,
    )
    assert pictures.locator(".zoomed").count() == 1
    pictures.keyboard.press("ArrowDown")
    assert group.evaluate("one => Number(one.style.getPropertyValue('--y'))") == pytest.approx(0.55)


def test_a_gallery_is_two_to_four_images_wide(browser: Browser, pictures_address: str) -> None:
    columns = "getComputedStyle(document.querySelector('.gallery')).gridTemplateColumns.split(' ').length"
    for width, wanted in ((400, 1), (700, 2), (1280, 3), (1600, 4), (2560, 4)):
        with browser.new_context(viewport={"width": width, "height": 900}) as context:
            page, _ = opened(context, pictures_address)
            assert page.evaluate(columns) == wanted, width


def test_figures_of_layers_scroll_by_keyboard_where_there_is_no_room(browser: Browser, pictures_address: str) -> None:
    with browser.new_context(viewport={"width": 320, "height": 640}) as context:
        page, trouble = opened(context, pictures_address)
        page.locator(".wide").first.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.querySelector('.wide').scrollLeft > 0")
        assert trouble == []


def test_a_legend_leaves_one_curve_lit(page: Page) -> None:
    figure = page.locator("figure.curves").first
    figure.locator(".legend button").nth(1).press("Enter")
    assert figure.locator(".lit").count() == figure.locator(".series-1").count() > 0
    figure.locator(".legend button").nth(1).press("Enter")
    assert "dimmed" not in str(figure.get_attribute("class"))


def test_curves_are_shown_over_the_steps_and_below_that_over_the_seconds(page: Page) -> None:
    figure = page.locator("figure.curves").nth(1)
    figure.locator("summary").press("Enter")
    for axis, words, last in (("steps", "training step", "60"), ("seconds", "training time (s)", "0.6")):
        plots = figure.locator(f"[data-axis={axis}] svg.plot:visible")
        assert plots.count() == 2
        assert all(words in text for text in plots.all_text_contents())
        assert last in plots.first.locator("text").all_text_contents()
    ends = str(figure.locator("svg.plot").first.get_attribute("aria-label"))
    assert "standard ends at" in ends
    assert "after 0.6 s" in ends


def test_a_drop_is_seen_over_the_seconds_too(page: Page) -> None:
    """Kaiming uniform falls by 6 dB for one step: as deep in both drawings."""
    depth = """plot => {
        const moves = plot.querySelector('.series-1.line path').getAttribute('d').match(/-?[\\d.]+/g).map(Number);
        let height = 0;
        const heights = moves.filter((_, i) => i % 2).map(move => { height += move; return height; });
        return Math.max(...heights.slice(heights.length / 2)) - height;
    }"""
    figure = page.locator("figure.curves").nth(1)
    steps, seconds = (
        figure.locator(f"[data-axis={axis}] svg.plot").first.evaluate(depth) for axis in ("steps", "seconds")
    )
    assert steps == pytest.approx(seconds, abs=0.3)
    assert steps > 15


def test_a_link_opens_the_details_of_its_cell(page: Page) -> None:
    page.locator('[id="study:fitting"] tbody a').first.click()
    opened_cell = page.locator("details[open]")
    assert opened_cell.count() == 1
    assert "siren-2x64" in opened_cell.locator("summary").inner_text()


def test_the_command_of_a_cell_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#cells summary").first.click()
    line = page.locator("details[open] .command")
    line.locator("button").click()
    expect(line.locator("button")).to_have_text(re.compile("Copied|Selected"))
    marked = page.evaluate("navigator.clipboard.readText().catch(() => String(getSelection()))")
    assert marked == line.locator("code").inner_text()


def test_everything_is_open_on_paper(page: Page, tmp_path: Path) -> None:
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open]):not(.grounds)").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size > 50_000
