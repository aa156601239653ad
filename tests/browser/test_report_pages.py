"""A large report in a folder: a page for each cell, and the curves of a study with very many of them in files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest
from opening import grave_violations, misplaced, troubles_of
from playwright.sync_api import Browser, Page, expect
from report_fixtures import Made, Run, demo_run, write_cell

from sirenbench.claims.judge import write_claims
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.names import make_spec
from sirenbench.report import files
from sirenbench.report import page as pages
from sirenbench.report.build import REPORT, render
from sirenbench.report.files import FILES

CLAIMS = Path(__file__).parents[2] / "config/claims.yaml"
FAILED = "fit/cameraman-64/siren-3x64/first_init=normal/steps=60/replicates=3"
SCORED = "fit/cameraman-64/siren-3x64/steps=60/replicates=3"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The demo with its scorecard, in a folder; one of its studies has figures too many."""
    run = demo_run(tmp_path_factory.mktemp("pages"), steps=60)
    log = run.results / f"logs/cells/{FAILED}.log"
    log.parent.mkdir(parents=True)
    log.write_text("</pre><script>alert(2)</script> \x1b[31m& more", encoding="utf-8")
    run.collect()
    write_claims(run.config, run.cells, run.results, run.folder, CLAIMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ONE_FILE_AT_MOST", 1000)
        patch.setattr(pages, "MOST_DRAWN", 1)
        render(run.folder, run.results)
    return run


@pytest.fixture(scope="module")
def single(run: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same in one file."""
    return render(run.folder, run.results, to=tmp_path_factory.mktemp("single")).as_uri()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Without a network; nothing may be missing, nor complain."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, offline=True) as context:
        trouble = troubles_of(context)
        yield context.new_page()
        assert trouble == []


def of_cell(run: Run, name: str) -> Path:
    return run.folder / FILES / f"cells/{name}.html"


def all_pages(run: Run) -> list[Path]:
    return [run.folder / REPORT, *sorted((run.folder / FILES / "cells").rglob("*.html"))]


def test_every_cell_has_a_page(run: Run) -> None:
    names = {spec.name for cells in run.cells.values() for spec in cells}
    assert {str(path.relative_to(run.folder / FILES / "cells")) for path in all_pages(run)[1:]} == {
        f"{name}.html" for name in names
    }
    html = (run.folder / REPORT).read_text(encoding="utf-8")
    assert '<table class="seeds">' not in html
    # Permanent links to a cell, as one file has them, still find it.
    assert {unquote(found) for found in re.findall(r'<p class="cell" id="cell:([^"]+)"', html)} == names


def test_every_link_leads_to_something_that_is_there(run: Run) -> None:
    ids: dict[str, set[str]] = {}
    links: list[tuple[Path, str]] = []
    for path in all_pages(run):
        html = path.read_text(encoding="utf-8")
        ids[path.as_uri()] = {unescape(one) for one in re.findall(r' id="([^"]+)"', html)}
        found = re.findall(r' (?:href|src)="([^"]+)"', html)
        links += [(path, unescape(one)) for one in found if not one.startswith(("data:", "https:"))]
    lost = []
    for path, link in links:
        address, fragment = urldefrag(urljoin(path.as_uri(), link))
        there = Path(unquote(urlparse(address).path))
        if not there.is_file() or (fragment and address in ids and unquote(fragment) not in map(unquote, ids[address])):
            lost.append((path.name, link))
    assert lost == []
    assert len({link for path, link in links if f"{FILES}/cells/" in link}) == len(all_pages(run)) - 1


def test_a_page_says_what_one_file_says_of_the_cell(run: Run, single: str, page: Page) -> None:
    found = []
    for address in (of_cell(run, SCORED).as_uri(), single):
        page.goto(address)
        detail = page.locator(f'[id="cell:{SCORED}"]')
        # Without what a script adds where it runs.
        detail.evaluate("one => one.querySelectorAll('button, .tools').forEach(made => made.remove())")
        found.append(re.sub(r"\s+", " ", detail.text_content() or ""))
    assert found[0] == found[1]
    assert f"results/cells/{SCORED}/cell.json" in found[0]


def test_a_link_in_a_table_leads_to_the_page_and_that_back(run: Run, page: Page) -> None:
    page.goto((run.folder / REPORT).as_uri())
    page.get_by_role("table").first.get_by_role("link", name="SIREN").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("siren")
    page.get_by_role("link", name="every cell").click()
    expect(page.get_by_role("heading", name="Every cell")).to_be_in_viewport()


def test_cells_are_found_by_their_names(run: Run, page: Page) -> None:
    page.goto((run.folder / REPORT).as_uri())
    page.get_by_label("Cells with").fill("first_init=normal")
    expect(page.locator("#cells .cell:visible")).to_have_count(1)
    expect(page.locator("#cells .cell:visible")).to_contain_text(FAILED)


def test_what_a_log_says_is_text(run: Run, page: Page) -> None:
    page.goto(of_cell(run, FAILED).as_uri())
    expect(page.locator(".reason")).to_contain_text("<script>alert(1)</script>")
    expect(page.locator("pre")).to_have_text("</pre><script>alert(2)</script> [31m& more")


@pytest.mark.parametrize("name", [FAILED, SCORED])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_page_of_a_cell(
    run: Run, browser: Browser, scheme: Literal["light", "dark"], name: str
) -> None:
    with browser.new_context(color_scheme=scheme) as context:
        page = context.new_page()
        page.goto(of_cell(run, name).as_uri())
        assert grave_violations(page) == []


def test_a_study_of_many_images_without_curves_is_not_said_to_have_any(tmp_path: Path) -> None:
    run = Run(tmp_path, Config(run="small", studies={"study": Study(title="Baselines", grid=[])}))
    run.cells["study"] = []
    for image in ("one", "two"):
        spec = make_spec({"task": "sr", "image": image, "size": 32, "factor": 4, "arm": "bicubic"})
        run.cells["study"].append(spec)
        write_cell(run.results, spec, Made(20.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ONE_FILE_AT_MOST", 1000)
        patch.setattr(pages, "MOST_DRAWN", 1)
        html = run.render()
    assert "Keep the folder <code>report_files</code> beside this file" in html
    assert "the curves of" not in html


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_of_a_cell_is_lost_on_a_narrow_page(run: Run, browser: Browser, width: int) -> None:
    with browser.new_context(viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        for name in (FAILED, SCORED):
            page.goto(of_cell(run, name).as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_browser_understands_the_pages_as_they_are_written(run: Run, page: Page) -> None:
    for path in all_pages(run):
        assert misplaced(page, path.read_text(encoding="utf-8")) == [], path


def test_the_curves_of_many_images_are_pictures_that_are_there_and_say_what_they_show(
    run: Run, page: Page, tmp_path: Path
) -> None:
    moved = shutil.copytree(run.folder, tmp_path / "moved")
    page.goto((moved / REPORT).as_uri())
    drawn = page.locator("figure.curves img.plot")
    # Of super-resolution, for three factors; the other studies have one figure each, which are drawn on the page.
    expect(drawn).to_have_count(3)
    expect(page.locator("figure.curves svg.plot").first).to_be_visible()
    for one in drawn.all():
        one.scroll_into_view_if_needed()
        expect(one).to_have_js_property("complete", True)
        assert one.evaluate("one => one.naturalWidth") > 0
        assert "the curves of SIREN" in str(one.get_attribute("alt"))
        shape = "[one.naturalWidth / one.naturalHeight, one.width / one.height]"
        assert len({round(ratio, 2) for ratio in one.evaluate(f"one => {shape}")}) == 1
    expect(page.locator("footer")).to_contain_text("and the curves of Super-resolution.")
    with page.expect_download() as download:
        page.locator("figure.curves", has=page.locator("img.plot")).first.get_by_role("button", name="CSV").click()
    assert "psnr" in download.value.path().read_text(encoding="utf-8")
