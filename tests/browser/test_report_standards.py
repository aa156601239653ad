"""The page as its readers' tools see it: valid HTML, and every control within reach of a keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from opening import misplaced, watched
from playwright.sync_api import Browser, Page, expect


@pytest.fixture
def page(browser: Browser, judged_address: str) -> Iterator[Page]:
    yield from watched(browser, judged_address)


def test_a_browser_understands_the_page_as_it_is_written(
    browser: Browser, judged_address: str, pictures_address: str
) -> None:
    page = browser.new_page()
    for address in (judged_address, pictures_address):
        html = Path(unquote(urlparse(address).path)).read_text(encoding="utf-8")
        assert html.lstrip().lower().startswith("<!doctype html>")
        assert misplaced(page, html) == []
        assert (
            page.evaluate("html => new DOMParser().parseFromString(html, 'text/html').compatMode", html) == "CSS1Compat"
        )
    page.close()


@pytest.mark.parametrize(
    "wrong", ["<p><ul></ul></p>", "<table><tr><td></td></tr></table>", "<table><div></div></table>", "<a><a></a></a>"]
)
def test_what_is_not_valid_would_be_found(browser: Browser, wrong: str) -> None:
    page = browser.new_page()
    frame = "<!doctype html><html><head><title>x</title></head><body>{}</body></html>"
    assert misplaced(page, frame.format("<p></p>")) == []
    assert misplaced(page, frame.format(wrong)) != []
    page.close()


def reach(page: Page, selector: str) -> None:
    """Press Tab until the focus is on such an element, which then shows it."""
    for _ in range(500):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            break
    else:
        pytest.fail(f"no Tab leads to {selector}")
    focus = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(focus) != "none", selector


def test_everything_is_done_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")

    # Filter: the claims with one verdict.
    reach(page, "#claims .choices button")
    for _ in range(20):
        if page.evaluate("document.activeElement.textContent").endswith("refuted by the paper itself"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    shown = page.locator("#claims tr[data-verdict]:visible")
    assert shown.count() > 5
    assert {row.get_attribute("data-verdict") for row in shown.all()} == {"refuted"}

    # Sort.
    reach(page, "table.sortable thead button")
    reach(page, "table.sortable thead .number button")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')") == "descending"

    # Zoom, and move there.
    reach(page, "button.frame")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    strip = page.locator(".zoomed")
    expect(strip).to_have_count(1)
    assert strip.evaluate("one => Number(one.style.getPropertyValue('--x'))") == pytest.approx(0.55)

    # The dialog and its slider, which keep the focus, and give it back.
    reach(page, ".lens > button")
    page.keyboard.press("Enter")
    expect(page.get_by_role("slider")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("slider")).to_have_value("51")
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body || !!document.activeElement.closest('dialog')")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    assert page.evaluate("document.activeElement.matches('.lens > button')")

    # A cell's details.
    reach(page, "#cells summary")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.parentElement.open")
