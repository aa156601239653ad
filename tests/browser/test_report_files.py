"""A report with very many pictures: they lie in a folder beside its page, which loses nothing by it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from opening import grave_violations, troubles_of
from playwright.sync_api import Browser, BrowserContext, Page, expect
from report_fixtures import Run, demo_run

from sirenbench.report import files
from sirenbench.report.build import REPORT
from sirenbench.report.files import FILES


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run = demo_run(tmp_path_factory.mktemp("files"), steps=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ONE_FILE_AT_MOST", 1000)
        run.render()
        yield run


@pytest.fixture
def asked(browser: Browser) -> Iterator[tuple[BrowserContext, list[str], list[str]]]:
    """A context without a network, what it asks for, and what goes wrong."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, offline=True) as context:
        requests: list[str] = []
        context.on("request", lambda request: requests.append(request.url))
        trouble = troubles_of(context)
        yield context, requests, trouble
        assert trouble == []
        assert [one for one in requests if not one.startswith(("file:", "data:", "blob:"))] == []


def seen(page: Page) -> bool:
    """Whether every picture is there once all were scrolled to."""
    page.evaluate("document.querySelectorAll('img').forEach(one => { one.loading = 'eager'; })")
    page.wait_for_function("[...document.images].every(one => one.complete)")
    return bool(page.evaluate("[...document.images].every(one => one.naturalWidth > 0)"))


def test_the_pictures_lie_beside_the_page_which_says_so(run: Run) -> None:
    html = (run.folder / REPORT).read_text(encoding="utf-8")
    assert "data:image" not in html
    linked = set(re.findall(rf'src="{FILES}/([0-9a-f]+)\.webp"', html))
    assert len(linked) > 10
    for suffix in (".webp", ".js"):
        assert {path.stem for path in (run.folder / FILES).glob(f"*{suffix}")} == linked
    assert f"Keep the folder <code>{FILES}</code> beside this file" in html
    assert "no other file" not in html


def test_the_page_opens_from_disk_and_wherever_it_is_moved(run: Run, tmp_path: Path, asked: tuple) -> None:
    context, requests, _ = asked
    shutil.copytree(run.folder, tmp_path / "moved & away")
    page = context.new_page()
    page.goto((tmp_path / "moved & away" / REPORT).as_uri())
    assert seen(page)
    assert all(one.startswith((tmp_path / "moved & away").as_uri()) for one in requests if one.startswith("file:"))
    assert not [one for one in requests if one.endswith(".js")], (
        "pixels are asked for only where they are computed with"
    )


def test_differences_and_crops_are_those_of_the_embedded_pictures(run: Run, tmp_path: Path, asked: tuple) -> None:
    context, _, _ = asked
    single = tmp_path / "single"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ONE_FILE_AT_MOST", 30_000_000)
        shutil.copytree(run.folder, single)
        Run(run.root, run.config, run.cells).render()
        shutil.move(run.folder / REPORT, single / REPORT)
    run.render()
    found = []
    for place in (run.folder / REPORT, single / REPORT):
        page = context.new_page()
        page.goto(place.as_uri())
        figure = page.locator("figure.images").first
        figure.get_by_role("button", name="×4").click()
        expect(figure.locator(".deviation")).to_have_count(2)
        deviations = figure.locator(".deviation").all_inner_texts()
        figure.get_by_role("button", name="Compare two").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.get_by_label("x", exact=True).fill("7")
        found.append((deviations, page.locator(".crops li").all_inner_texts()))
        assert grave_violations(page, "dialog") == []
    assert found[0] == found[1]
    assert "dB" in found[0][1][1]


def test_a_lost_script_of_a_picture_is_told_and_its_button_is_not_left_pressed(
    run: Run, browser: Browser, tmp_path: Path
) -> None:
    moved = shutil.copytree(run.folder, tmp_path / "moved")
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.goto((moved / REPORT).as_uri())
        figure = page.locator("figure.images").first
        name = Path(str(figure.locator("[data-role=result] img").last.get_attribute("src"))).stem
        for spoil in (Path.unlink, lambda script: script.write_text('picture("')):
            spoil(script := moved / FILES / f"{name}.js")
            for button in ("×4", "Compare two"):
                figure.get_by_role("button", name=button).click()
                told = f"Pixels cannot be read: {FILES}/{name}.js is missing or damaged. Keep the whole folder {FILES}"
                expect(figure.get_by_role("status")).to_contain_text(told)
                expect(figure.locator(".choices [aria-pressed=true]")).to_have_text("Images")
                expect(page.get_by_role("dialog")).to_have_count(0)
            page.reload()
        shutil.copy(run.folder / FILES / script.name, script)
        figure.get_by_role("button", name="×4").click()
        expect(figure.locator(".choices [aria-pressed=true]")).to_have_text("×4")
        expect(figure.locator(".deviation")).to_have_count(2)


def test_without_script_every_picture_is_there(run: Run, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False, offline=True) as context:
        page = context.new_page()
        failed: list[str] = []
        page.on("requestfailed", lambda request: failed.append(request.url))
        loaded: list[str] = []
        page.on("requestfinished", lambda request: loaded.append(request.url))
        page.goto((run.folder / REPORT).as_uri())
        assert failed == []
        assert {Path(url).name for url in loaded if url.endswith(".webp")} == {
            path.name for path in (run.folder / FILES).glob("*.webp")
        }


def test_all_pictures_are_asked_for_before_the_page_is_printed(run: Run, asked: tuple, tmp_path: Path) -> None:
    context, requests, _ = asked
    page = context.new_page()
    page.goto((run.folder / REPORT).as_uri())
    page.pdf(path=tmp_path / "report.pdf")
    wanted = {path.name for path in (run.folder / FILES).glob("*.webp")}
    assert {Path(url).name for url in requests if url.endswith(".webp")} == wanted


def beside(run: Run) -> dict[str, bytes]:
    """Everything that lies in the folder."""
    folder = run.folder / FILES
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_layout_follows_the_size_and_leaves_nothing_behind(run: Run) -> None:
    html = (run.folder / REPORT).read_text(encoding="utf-8").splitlines()
    before = beside(run)
    (run.folder / FILES / f"{'0' * 24}.webp").write_bytes(b"of an earlier page")
    (run.folder / FILES / "cells/fit/gone").mkdir()
    (run.folder / FILES / "cells/fit/gone/steps=1.html").write_text("of a cell that is no more")
    again = run.render().splitlines()
    assert len([one for one, other in zip(html, again, strict=True) if one != other]) <= 1, "the date"
    assert beside(run) == before
    assert not (run.folder / FILES / "cells/fit/gone").exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ONE_FILE_AT_MOST", 30_000_000)
        assert "data:image/webp" in run.render()
    assert not (run.folder / FILES).exists()
    (run.folder / FILES).mkdir()
    (run.folder / FILES / "mine.txt").write_text("of somebody")
    run.render()
    assert (run.folder / FILES / "mine.txt").exists()
