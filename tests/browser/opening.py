"""Pages of the report, opened under observation and looked over."""

from __future__ import annotations

from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page


def opened(context: BrowserContext, address: str) -> tuple[Page, list[str]]:
    """The page, and everything that went wrong or went out, as it happens."""
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (trouble.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("data:", "blob:", address)) else trouble.append(request.url),
    )
    page.goto(address)
    return page, trouble


def watched(browser: Browser, address: str) -> Iterator[Page]:
    """A page that must not have complained, nor asked for anything, when the test is over."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, offline=True) as context:
        page, trouble = opened(context, address)
        yield page
        assert trouble == []


def grave_violations(page: Page, part: str = "html") -> list[str]:
    """What axe-core calls serious or critical in a part of the page, with the elements that it is about."""
    found = Axe().run(page, part).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {', '.join(str(node['target']) for node in one['nodes'][:5])}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
