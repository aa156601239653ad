"""Cost, deviations, pixels and the comparison with an earlier run, in a real Chromium; and the narrow header."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opening import grave_violations, opened, watched
from playwright.sync_api import Browser, Page, expect
from report_fixtures import demo_run

from sirenbench.records import RECORD, folder_of, read_record, write_record
from sirenbench.report.build import render
from sirenbench.report.comparison import compared

OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
# Words of some elements that stand on more than one line, but for those that may be parted at a sign.
BROKEN = """selectors => [...document.querySelectorAll(selectors)].flatMap(one => {
    const walker = document.createTreeWalker(one, NodeFilter.SHOW_TEXT), broken = [];
    while (walker.nextNode()) {
        for (const word of walker.currentNode.data.matchAll(/[^\\s\\/-]+/g)) {
            const range = document.createRange();
            range.setStart(walker.currentNode, word.index);
            range.setEnd(walker.currentNode, word.index + word[0].length);
            const tops = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
            if (tops.size > 1) broken.push(word[0]);
        }
    }
    return broken;
})"""


@pytest.fixture(scope="module")
def compared_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo beside itself as it was: other numbers, another PyTorch, a cell less and a cell that had failed."""
    here, there = (demo_run(tmp_path_factory.mktemp(name), steps=60) for name in ("here", "there"))
    for spec in there.cells["fitting"]:
        path = folder_of(there.results, spec.name) / RECORD
        record = read_record(path)
        replicates = [
            one.model_copy(update={"metrics": {"psnr": ends.model_copy(update={"last": ends.last - shift})}})
            for one, shift in zip(record.replicates, (0.30, 0.31, 0.33), strict=True)
            for ends in [one.metrics["psnr"]]
        ]
        assert record.provenance
        made = record.provenance.model_copy(update={"torch": "2.10.0"})
        write_record(path, record.model_copy(update={"replicates": tuple(replicates), "provenance": made}))
    there.cells["table1"].pop()
    here.cells["first-init"].pop(0)
    for run in (here, there):
        run.collect()
    comparison = compared(here.folder, there.folder)
    return render(here.folder, here.results, comparison).as_uri()


@pytest.fixture
def comparison(browser: Browser, compared_address: str) -> Iterator[Page]:
    yield from watched(browser, compared_address)


@pytest.mark.parametrize("width", [320, 360, 414])
@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_no_word_of_a_heading_is_broken_on_a_narrow_page(
    browser: Browser, compared_address: str, width: int, script: bool
) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=script) as context:
        page, trouble = opened(context, compared_address)
        assert page.evaluate(BROKEN, ".kicker, h1, h2, .lede, .banner strong, .banner .badge, .contents a") == []
        assert trouble == []


def test_a_broken_word_would_be_found(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.evaluate("document.querySelector('.kicker').style.width = '3rem'")
    assert "sirenbench" in page.evaluate(BROKEN, ".kicker")


@pytest.mark.parametrize("width", [320, 360])
def test_nothing_is_lost_on_a_narrow_page(browser: Browser, compared_address: str, width: int) -> None:
    with browser.new_context(viewport={"width": width, "height": 640}) as context:
        page, trouble = opened(context, compared_address)
        page.evaluate(OPEN_ALL)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        outside = """[...document.querySelectorAll('header *, main > section > :not(.scroll)')]
            .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.unseen'))
            .map(one => one.outerHTML.slice(0, 80))"""
        assert page.evaluate(outside) == []
        assert trouble == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_a_comparison(
    browser: Browser, compared_address: str, scheme: str, width: int
) -> None:
    with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}) as context:
        page, trouble = opened(context, compared_address)
        page.evaluate(OPEN_ALL)
        assert grave_violations(page) == []
        assert trouble == []


def test_the_sections_are_there_without_script(browser: Browser, compared_address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page, trouble = opened(context, compared_address)
        for section in ("comparison", "cost", "deviations"):
            assert page.locator(f"#{section} table:visible").count() >= 1
            assert page.locator(f".contents a[href='#{section}']").count() == 1
        assert page.locator("header .pixels li:visible").count() >= 1
        assert page.locator("button:visible").count() == 0
        assert trouble == []


def test_what_changed_is_sorted_by_its_difference(comparison: Page) -> None:
    table = comparison.locator("#comparison table.sortable")
    rows = table.locator("tbody tr")
    assert rows.count() == 2
    assert all("better" in text and "PSNR (dB)" in text for text in rows.all_inner_texts())
    table.locator("thead button", has_text="Δ").press("Enter")
    assert table.locator("th[aria-sort=descending]").inner_text().startswith("Δ")
    assert "PyTorch 2.10.0" in comparison.locator("#comparison .versions").inner_text()
    comparison.locator("#comparison summary", has_text="1 cell only here").press("Enter")
    comparison.locator("#comparison details[open] a").first.press("Enter")
    assert "bicubic" in comparison.locator("#cells details[open] summary").inner_text()


def test_a_cell_leads_to_its_deviations_and_these_to_their_studies(page: Page) -> None:
    page.locator("#cells summary", has_text="siren+pe-3x512").first.press("Enter")
    link = page.locator("#cells details[open] a", has_text="DEV-04")
    link.press("Enter")
    assert page.url.endswith("#deviation:DEV-04")
    row = page.locator("[id='deviation:DEV-04']")
    assert page.evaluate("one => one.getBoundingClientRect().top < innerHeight", row.element_handle())
    row.locator("summary").press("Enter")
    row.locator("li a").press("Enter")
    assert page.url.endswith("#study:table1")


def test_a_link_to_a_deviation_that_concerns_no_cell_opens_the_list_of_those(page: Page) -> None:
    row = page.locator("[id='deviation:DEV-10']")
    assert not row.is_visible()
    page.evaluate("location.hash = 'deviation:DEV-10'")
    row.wait_for(state="visible")


def test_costs_are_sorted_by_keyboard(page: Page) -> None:
    table = page.locator("#cost table[data-name$=-cost]")
    table.locator("thead button", has_text="Bits per pixel").press("Enter")
    column = [head.strip() for head in table.locator("thead th").all_inner_texts()].index("Bits per pixel")
    found = [row.locator("th, td").nth(column).inner_text() for row in table.locator("tbody tr").all()]
    numbers = [float(text.replace(",", "")) for text in found if text != "–"]
    assert numbers == sorted(numbers, reverse=True)
    assert found[-1] == "–", "interpolations have no weights"


def test_a_long_table_shows_only_the_rows_with_some_words_and_gives_away_those(page: Page) -> None:
    table = page.locator("#cost table[data-name$=-cost]")
    rows = table.locator("tbody tr")
    assert rows.count() >= 12
    field = page.locator("#cost").get_by_label("Rows with")
    field.press_sequentially("siren ×4")
    assert [text.split("\t")[0].split()[0] for text in table.locator("tbody tr:visible").all_inner_texts()] == [
        "SIREN"
    ] * 2
    assert page.locator("#cost [role=status]").inner_text() == f"2 of {rows.count()}"
    with page.expect_download() as download:
        page.get_by_role("button", name="demo-cost as CSV").press("Enter")
    assert len(Path(download.value.path()).read_text(encoding="utf-8").splitlines()) == 3
    field.fill("")
    assert table.locator("tbody tr:visible").count() == rows.count()
    short = page.locator("[id='study:fitting']")
    assert short.get_by_label("Rows with").count() == 0


def test_how_much_is_enlarged_is_chosen_by_keyboard(page: Page) -> None:
    strip = page.locator(".strip").first
    strip.locator("button.frame").first.press("Enter")
    seen = "one => getComputedStyle(one.querySelector('.picture')).transform.match(/[\\d.]+/)[0]"
    presses = [
        ("+", 8),
        ("+", 16),
        ("-", 8),
        ("-", 4),
        ("-", 2),
        ("-", 2),
        ("+", 4),
        ("+", 8),
        ("+", 16),
        ("+", 32),
        ("+", 32),
    ]
    for key, scale in presses:
        page.keyboard.press(key)
        strip.evaluate("one => one.getAnimations({ subtree: true }).forEach(running => running.finish())")
        assert float(strip.evaluate(seen)) == scale
    page.keyboard.press("ArrowRight")
    assert strip.evaluate("one => Number(one.style.getPropertyValue('--x'))") == pytest.approx(0.5 + 0.05 / 8)


def test_digits_show_one_image_after_the_other_in_one_place(page: Page) -> None:
    figure = page.locator('[id="study:table1"] figure.images').first
    titles = [str(pane.get_attribute("data-title")) for pane in figure.locator("[data-role]").all()]
    figure.get_by_role("button", name="Compare two").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    left = dialog.locator(".stage img").last
    for number, title in enumerate(titles, start=1):
        page.keyboard.press(str(number))
        assert left.get_attribute("alt") == f"Left of the boundary: {title}"
        assert dialog.locator("[type=range]").input_value() == "100"
    page.keyboard.press("9")
    assert left.get_attribute("alt") == f"Left of the boundary: {titles[-1]}"
    dialog.get_by_label("width").press("3")
    assert left.get_attribute("alt") == f"Left of the boundary: {titles[-1]}", "a digit of a number is none of these"


def test_cells_are_found_by_words(page: Page) -> None:
    page.get_by_label("Cells with").fill("x4 siren+pe")
    assert page.locator("#cells > details:visible").count() == 1
    assert page.locator("#cells > .tools [role=status]").inner_text() == "1 of 21"
    page.locator("#best a", has_text="ReLU").first.press("Enter")
    expect(page.locator("#cells > details[open]")).to_be_in_viewport()
