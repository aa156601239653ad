"""Take the pictures of the docs, of a finished demo: ``make screenshots`` (needs Chromium).

By hand: ``python docs/images/take.py results/demo/report.html [folder]``.
"""

from __future__ import annotations

import io
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

STUDY = "[id='study:super-resolution']"


@dataclass(frozen=True)
class View:
    """A picture: the element at its upper edge, and how the page is shown."""

    name: str
    element: str
    scheme: str = "light"
    width: int = 1280
    height: int = 960
    is_printed: bool = False


VIEWS = (
    View("report", ".top", height=1180),
    View("report-claims", "#claims"),
    View("report-study", STUDY),
    View("report-images", f"{STUDY} figure.images", height=560),
    View("report-dark", STUDY, scheme="dark"),
    View("report-narrow", STUDY, width=390, height=844),
    View("report-print", f"{STUDY} h3", width=794, height=1123, is_printed=True),  # A4 at 96 pixels an inch
)


def take(browser: Browser, report: Path, view: View, folder: Path) -> None:
    page = browser.new_page(viewport={"width": view.width, "height": view.height}, color_scheme=view.scheme)
    page.goto(report.absolute().as_uri())
    if view.is_printed:
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.emulate_media(media="print")
        page.add_style_tag(content="body { padding: 1.5cm !important; }")  # the margins of the paper
    page.locator(view.element).first.evaluate("element => element.scrollIntoView()")
    page.wait_for_timeout(300)
    # As small as they get without a palette, which would take thin lines for other colours.
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(folder / f"{view.name}.png", optimize=True)
    page.close()


if __name__ == "__main__":
    report = Path(sys.argv[1])
    if not report.is_file():
        sys.exit(f"{report} is not there; run the demo first: make demo")
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for view in VIEWS:
            take(browser, report, view, folder)
            print(folder / f"{view.name}.png")
        browser.close()
