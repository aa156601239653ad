"""The page of a report, for modules with a fixture ``run`` that makes it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from report_fixtures import Page, Run


@pytest.fixture(scope="module")
def html(run: Run) -> str:
    return run.render()


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    from report_fixtures import Page  # brings pandas, which most tests do without

    return Page(html)
