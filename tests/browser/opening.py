"""Pages of the report, opened under observation."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Page


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
