"""Take the pictures of the docs: ``.venv/bin/python docs/images/take.py results/demo/report.html`` (needs Chromium)."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

# Picture -> the element at its upper edge.
VIEWS = {"report.png": "main, .top", "report-study.png": "[id='study:super-resolution']"}

page_address = Path(sys.argv[1]).absolute().as_uri()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1280, "height": 960}, color_scheme="light")
    page.goto(page_address)
    for name, element in VIEWS.items():
        page.locator(element).first.evaluate("element => element.scrollIntoView()")
        page.wait_for_timeout(200)
        page.screenshot(path=Path(__file__).with_name(name))
    browser.close()
