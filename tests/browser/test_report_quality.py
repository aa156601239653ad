"""Gates of the report: accessibility, validity, hostile words, paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from opening import grave_violations, opened
from playwright.sync_api import Browser, Page
from report_fixtures import Made, Run, write_cell

from sirenbench.config.images import ImageRecipe
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import make_spec
from sirenbench.records import RECORD, folder_of, write_record

OPEN_ALL = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
EVIL = "</script><script>alert('x')</script><img src=x onerror=alert(1)>\"'&{{ 7*7 }}"


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, any_address: str, scheme: str, width: int) -> None:
    with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}) as context:
        page, trouble = opened(context, any_address)
        page.evaluate(OPEN_ALL)
        assert grave_violations(page) == []
        assert trouble == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_scorecard_and_in_who_is_best(
    browser: Browser, judged_address: str, scheme: str
) -> None:
    with browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 800}) as context:
        page, trouble = opened(context, judged_address)
        page.evaluate(OPEN_ALL)
        for part in ("#best", "#claims"):
            assert grave_violations(page, part) == []
        assert trouble == []


def test_axe_would_find_what_is_wrong(page: Page) -> None:
    page.evaluate("document.querySelector('main img').removeAttribute('alt')")
    page.evaluate("document.querySelector('.lede').style.color = '#ccc'")
    assert {one.split(" ")[0] for one in grave_violations(page)} == {"button-name", "color-contrast", "image-alt"}


def test_ids_stay_unique_and_pictures_are_named_once_the_script_has_run(browser: Browser, any_address: str) -> None:
    with browser.new_context() as context:
        page, _ = opened(context, any_address)
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
        assert len(ids) == len(set(ids)) > 5
        nameless = """[...document.querySelectorAll('img, [role=img]')].filter(one =>
            one.getAttribute('alt') !== '' && !(one.getAttribute('alt') || one.getAttribute('aria-label')))
            .map(one => one.outerHTML.slice(0, 200))"""
        assert page.evaluate(nameless) == []


def test_hostile_words_never_run(browser: Browser, tmp_path: Path) -> None:
    study = Study(
        grid=[],
        title=EVIL,
        source=EVIL,
        text=EVIL,
        why=EVIL,
        reference={"width": 256},
        labels=[{"cells": {}, "text": EVIL}],
        crops={EVIL: (4, 4, 8, 8)},
    )
    images = {"cameraman": ImageRecipe(asset="cameraman", title=EVIL)}
    run = Run(tmp_path, Config(run="evil", title=EVIL, text=EVIL, images=images, studies={"study": study}))
    states = [Made(30.0), Made(0, state="failed", reason=EVIL), Made(0, state="not-testable", reason=EVIL)]
    run.cells["study"] = []
    for arm, made in zip(("siren", "relu", "siren+pe"), states, strict=True):
        fields = {"task": "fit", "image": "cameraman", "size": 32, "arm": arm, "depth": 1, "width": 8}
        spec = make_spec(fields | {"steps": 60, "replicates": 2})
        run.cells["study"].append(spec)
        record = write_cell(run.results, spec, made)
        assert record
        if made.state == "ok":
            image = record.image.model_copy(update={"licence": EVIL}) if record.image else None
            hostile = record.model_copy(update={"image": image, "files": {EVIL: "0" * 64}})
            write_record(folder_of(run.results, spec.name) / RECORD, hostile)
    run.render()
    with browser.new_context() as context:
        page, trouble = opened(context, (run.folder / "report.html").as_uri())
        page.evaluate(OPEN_ALL)
        for control in page.locator("main button:visible").all():
            control.click()
            page.wait_for_timeout(50)
            page.keyboard.press("Escape")
        assert page.locator("script").count() == 2
        assert page.locator("[onerror], [src=x]").count() == 0
        places = ("h1", ".lede", "h2", ".meta", ".reason", ".absent", "figcaption", ".legend", ".blocks dt", "tbody th")
        places = (*places, ".cut p", ".lens button")
        for place in places:
            assert any(EVIL in text for text in page.locator(place).all_inner_texts()), place
        assert EVIL in str(page.locator(".frame .picture").first.get_attribute("aria-label"))
        assert trouble == []


def test_all_sections_are_on_paper(page: Page, tmp_path: Path) -> None:
    titles = page.locator("h1, h2").all_inner_texts()
    page.evaluate("addEventListener('afterprint', () => { window.printed = true; })")
    page.pdf(path=tmp_path / "report.pdf", outline=True, tagged=True)
    printed = (tmp_path / "report.pdf").read_bytes()
    found = {match.decode("latin-1") for match in re.findall(rb"/Title \(([^)]*)\)", printed)}
    for title in titles:
        assert title in found, title
    # Headings inside the cells' details are in it only if those were opened.
    assert len(re.findall(rb"/Title \(Configuration\)", printed)) == page.locator("#cells details").count()
    assert page.evaluate("window.printed")
    assert page.locator("details[open]").count() == 0


def test_without_script_all_details_are_on_paper_too(browser: Browser, any_address: str, tmp_path: Path) -> None:
    with browser.new_context(java_script_enabled=False, offline=True) as context:
        page = context.new_page()
        page.goto(any_address)
        page.pdf(path=tmp_path / "report.pdf", outline=True, tagged=True)
        printed = (tmp_path / "report.pdf").read_bytes()
        cells = page.locator("#cells details").count()
    assert cells > 0
    assert len(re.findall(rb"/Title \(Configuration\)", printed)) == cells


@pytest.mark.parametrize("width", [1280, 360])
def test_everything_that_is_pressed_is_24_pixels_high_and_wide(browser: Browser, any_address: str, width: int) -> None:
    """WCAG 2.2, 2.5.8; links in running text are exempt, those beside the heads of columns are not."""
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page, _ = opened(context, any_address)
        page.evaluate(OPEN_ALL)
        small = """[...document.querySelectorAll('button, summary, input, select, .about')].filter(one => {
            const box = one.getBoundingClientRect();
            return box.width > 0 && (box.width < 24 || box.height < 24);
        }).map(one => `${one.localName} ${one.textContent.trim().slice(0, 30)} in ${one.parentElement.className}`)"""
        assert page.evaluate(small) == []


@pytest.mark.parametrize(("wish", "seconds"), [("reduce", "0s"), ("no-preference", "0.15s")])
def test_nothing_moves_for_those_who_do_not_want_it(browser: Browser, address: str, wish: str, seconds: str) -> None:
    with browser.new_context(reduced_motion=wish) as context:  # type: ignore[arg-type]
        page, _ = opened(context, address)
        duration = "getComputedStyle(document.querySelector('.frame .picture')).transitionDuration"
        assert page.evaluate(duration) == seconds
        moving = "document.getAnimations().filter(one => one.timeline === document.timeline).length"
        assert page.evaluate(moving) == 0
