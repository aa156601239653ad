"""Pages of the report, opened under observation and looked over."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page
from report_fixtures import VOID


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


def troubles_of(context: BrowserContext) -> list[str]:
    """Everything that goes wrong on its pages, as it happens."""
    trouble: list[str] = []
    context.on("requestfailed", lambda request: trouble.append(request.url))
    context.on("console", lambda message: trouble.append(message.text))
    context.on("weberror", lambda error: trouble.append(str(error.error)))
    context.on("dialog", lambda dialog: (trouble.append(dialog.message), dialog.dismiss()))
    return trouble


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


TREE = """html => {
    const parsed = new DOMParser().parseFromString(html, 'text/html');
    const depth = one => { let n = 0; while ((one = one.parentElement)) n += 1; return n; };
    return [...parsed.querySelectorAll('*')].map(one => [depth(one), one.localName.toLowerCase()]);
}"""


class Tree(HTMLParser):
    """The elements of a page as they are written, each with how deep it lies."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[list[object]] = []
        self.open = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append([self.open, tag])
        self.open += tag not in VOID

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append([self.open, tag])

    def handle_endtag(self, tag: str) -> None:
        self.open -= 1


def misplaced(page: Page, html: str) -> list[tuple[int, object, object]]:
    """Where the elements as they are written are not those that a browser makes of them.

    A browser closes a paragraph before a list in it, opens a table's body, moves what must not be in a table, and
    leaves out what it does not know: what is not valid by its place becomes another tree.
    """
    written, understood = Tree(html).elements, page.evaluate(TREE, html)
    pairs = [(n, one, other) for n, (one, other) in enumerate(zip(written, understood, strict=False)) if one != other]
    return pairs[:3] or ([] if len(written) == len(understood) else [(-1, len(written), len(understood))])
