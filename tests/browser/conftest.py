"""One Chromium, and the reports that it opens."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from opening import watched
from playwright.sync_api import Browser, Page, sync_playwright
from report_fixtures import demo_run, pictures_run

from sirenbench.claims.judge import write_claims
from sirenbench.report.build import render

CLAIMS = Path(__file__).parents[2] / "config/claims.yaml"
CHROMIUM = shutil.which("chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = demo_run(tmp_path_factory.mktemp("browser"), steps=60)
    run.render()
    return (run.folder / "report.html").as_uri()


@pytest.fixture(scope="session")
def pictures_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = pictures_run(tmp_path_factory.mktemp("pictures"))
    run.render()
    return (run.folder / "report.html").as_uri()


@pytest.fixture(scope="session")
def judged_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo with its scorecard."""
    run = demo_run(tmp_path_factory.mktemp("judged"), steps=60)
    run.collect()
    write_claims(run.config, run.cells, run.results, run.folder, CLAIMS)
    return render(run.folder, run.results).as_uri()


@pytest.fixture(params=["address", "pictures_address"], ids=["demo", "pictures"])
def any_address(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(request.param)


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from watched(browser, address)


@pytest.fixture
def pictures(browser: Browser, pictures_address: str) -> Iterator[Page]:
    yield from watched(browser, pictures_address)
