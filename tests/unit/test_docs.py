"""What the documentation points at is there: tests, studies, cells; and its examples are components."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from sirenbench.config import load
from sirenbench.names import parse_name
from sirenbench.spec import SpecError

ROOT = Path(__file__).parents[2]

CODE = re.compile(r"`([^`\n]+)`")
TEST = re.compile(r"(?:tests/)?((?:unit|golden|workflow|browser)/test_\w+\.py)?(::)?((?:Test\w+::)?test_\w+)?")
STUDIES = re.compile(r"\bstud(?:y|ies)\s((?:`[\w-]+`(?:,\s|\sand\s)?)+)")
COMPONENT = re.compile(r"`(src/sirenbench/\w+/\w+\.py)`:\n\n```python\n(.*?)```", re.DOTALL)
CELL = re.compile(r"(?:fit|sr|poisson|activations)/[^/\s]+/\S+")


@cache
def defined_in(file: str) -> frozenset[str]:
    """The tests of a file below ``tests``, those of a class with its name before them; none if there is no file."""
    path = ROOT / "tests" / file
    module = ast.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    return frozenset(names_in(module)) | {f"{one.name}::{name}" for one in classes for name in names_in(one)}


def names_in(parent: ast.Module | ast.ClassDef) -> list[str]:
    return [node.name for node in parent.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


@cache
def all_tests() -> frozenset[str]:
    files = [str(path.relative_to(ROOT / "tests")) for path in (ROOT / "tests").glob("*/test_*.py")]
    return frozenset().union(*map(defined_in, files))


@cache
def studies() -> frozenset[str]:
    """Of the demo and of the paper's run."""
    configs = [ROOT / "config" / name for name in ("config.yaml", "paper.yaml")]
    return frozenset().union(*(load([ROOT / "config/assets.yaml", path]).cells for path in configs))


def pointing_nowhere(text: str) -> Iterator[str]:
    """Every test, study and cell of a page that is not there.

    ``::test_x`` is a test of the file that was named last, and a bare ``test_x`` one of any file.
    """
    file = ""
    for code in CODE.findall(text):
        match = TEST.fullmatch(code)
        if match and (match[1] or match[3]):
            file = match[1] or file
            known = defined_in(file) if match[1] or match[2] else all_tests()
            if not (known if match[3] is None else match[3] in known):
                yield code
        elif CELL.fullmatch(code):
            try:
                parse_name(code)
            except SpecError:
                yield code
    for listed in STUDIES.findall(text):
        yield from (study for study in CODE.findall(listed) if study not in studies())


def differences() -> dict[str, str]:
    """Feature -> what shows it, of the table of protocol.md that has a row for each."""
    text = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
    head = "| feature | the paper's text | as its authors ran it | here | shown by |\n"
    rows = text.partition(head)[2].partition("\n\n")[0].splitlines()[1:]
    return {cells[0]: cells[4] for row in rows if (cells := row.strip("| ").split(" | "))}


@pytest.mark.parametrize("feature", differences())
def test_every_difference_between_text_and_code_is_shown_by_a_test_or_a_study(feature: str) -> None:
    """That they are there is the next test."""
    shown_by = differences()[feature]
    tests = [code for code in CODE.findall(shown_by) if "::test_" in code]
    assert tests or STUDIES.search(shown_by), shown_by


def test_the_table_of_differences_is_read_as_a_whole() -> None:
    found = differences()
    assert len(found) > 40
    assert {"Camera", "ω0 and the bias", "seeds", "machine"} <= set(found)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
)
def test_every_test_study_and_cell_that_a_page_names_is_there(page: Path) -> None:
    assert list(pointing_nowhere(page.read_text(encoding="utf-8"))) == []


def test_the_readme_counts_the_cells_of_the_paper() -> None:
    cells = load([ROOT / "config/assets.yaml", ROOT / "config/paper.yaml"]).unique_cells
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"run it: {len(cells)} cells" in text
    assert f"paper: {len(cells)} cells, 0 done" in text


def test_what_is_not_there_is_found() -> None:
    right = "`unit/test_docs.py::test_what_is_not_there_is_found`, `::test_what_is_not_there_is_found`, study `fig2`"
    wrong = {
        "`unit/test_docs.py::test_gone`": "unit/test_docs.py::test_gone",
        "`tests/unit/test_gone.py`": "tests/unit/test_gone.py",
        "`unit/test_docs.py`, `::test_the_cameraman_has_the_pixels_of_the_report`": (
            "::test_the_cameraman_has_the_pixels_of_the_report"
        ),
        "`unit/test_activations.py::test_histograms`": "unit/test_activations.py::test_histograms",
        "`test_gone`": "test_gone",
        "studies `fig2`, `gone` and `table1`": "gone",
        "`sr/cameraman-512-x2/bicubc`": "sr/cameraman-512-x2/bicubc",
    }
    assert list(pointing_nowhere(right)) == []
    for text, found in wrong.items():
        assert list(pointing_nowhere(text)) == [found]


EXAMPLES = dict(COMPONENT.findall((ROOT / "docs/adding-an-arm.md").read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", EXAMPLES)
def test_an_example_is_a_component_and_has_the_methods_of_its_kind(path: str) -> None:
    made: dict[str, object] = {"__name__": path}
    exec(compile(EXAMPLES[path], path, "exec"), made)  # where anything is lacking, no instance can be made
    assert made["COMPONENTS"]
    for kind in (value for value in made.values() if isinstance(value, type) and value.__module__ == path):
        for base in kind.__mro__[1:-1]:
            for name in vars(base).keys() & vars(kind).keys():
                if inspect.isfunction(vars(kind)[name]) and name != "__init__":
                    ours, theirs = (inspect.signature(vars(one)[name]).parameters for one in (kind, base))
                    assert list(ours) == list(theirs), f"{kind.__name__}.{name}"


def test_every_kind_of_component_has_an_example() -> None:
    kinds = {"networks", "encodings", "losses", "tasks", "baselines", "metrics"}
    assert {path.split("/")[2] for path in EXAMPLES} == kinds
