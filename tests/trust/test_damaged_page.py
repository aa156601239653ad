"""A page over damaged curves and pictures: each costs what it holds, and a word, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from report_fixtures import Page, Run, demo_run, pictures_run

from sirenbench.collect import collect
from sirenbench.records import CURVES, IMAGES, CellRecord, RecordError, folder_of
from sirenbench.report.build import render
from sirenbench.report.cells import curves_of, read_cells
from sirenbench.report.scores import paper_numbers
from sirenbench.report.views.images import arrays_of
from sirenbench.workflow import Workflow

MADE = ("fit/tile-16/siren-1x8/steps=3/replicates=2", "sr/tile-16-x2/bicubic")
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "cut short": lambda whole: whole[: len(whole) // 2],
    "something else": lambda whole: b"<html>404 Not Found</html>",
    "zeros at its end": lambda whole: whole[:-64] + bytes(64),
}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages of two runs without any damage."""
    return {name: run.render() for name, run in _made(tmp_path_factory.mktemp("whole")).items()}


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Run]:
    """The same runs, to be damaged."""
    return _made(tmp_path)


def _made(root: Path) -> dict[str, Run]:
    return {"demo": demo_run(root / "demo", steps=60), "pictures": pictures_run(root / "pictures", 48)}


def pictures_on(page: Page) -> int:
    return len([attrs for attrs in page.all("use") if str(attrs.get("href")).startswith("#picture-")]) + len(
        page.all("img")
    )


@pytest.mark.parametrize(
    ("name", "study", "damage"),
    [
        *(("demo", "fitting", damage) for damage in DAMAGES),
        ("demo", "table1", "cut short"),
        ("pictures", "fig2", "zeros at its end"),
    ],
)
def test_damaged_pictures_of_one_cell_cost_its_pictures_and_leave_a_word(
    runs: dict[str, Run], before: dict[str, str], name: str, study: str, damage: str
) -> None:
    run, whole_page = runs[name], Page(before[name])
    path = folder_of(run.results, run.cells[study][0].name) / IMAGES
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    page = Page(run.render())
    assert f"{path} cannot be read (" in page.words
    assert "delete cell.json beside it to run the cell again" in page.words
    assert 0 < pictures_on(whole_page) - pictures_on(page) <= 3
    assert page.words.count("Every seed") == whole_page.words.count("Every seed")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_curves_of_one_cell_cost_its_line_and_leave_a_word(
    runs: dict[str, Run], before: dict[str, str], damage: Callable[[bytes], bytes]
) -> None:
    run = runs["demo"]
    path = folder_of(run.results, run.cells["fitting"][0].name) / CURVES
    path.write_bytes(damage(path.read_bytes()))
    page = run.render()
    assert f"{path} cannot be read (" in Page(page).words
    assert before["demo"].count("SIREN ends at") > page.count("SIREN ends at")
    assert before["demo"].count("ReLU ends at") == page.count("ReLU ends at") > 0


def test_a_study_all_of_whose_files_are_damaged_is_words(runs: dict[str, Run]) -> None:
    for run in runs.values():
        for file in (*run.results.rglob(CURVES), *run.results.rglob(IMAGES)):
            file.write_bytes(b"PK or PAR1")
        page = Page(run.render())
        assert page.words.count("cannot be read") > 5
        assert not any(attrs.get("class") == "picture" for attrs in (*page.all("img"), *page.all("svg")))


def test_a_curve_that_is_damaged_has_no_number_at_a_step(runs: dict[str, Run]) -> None:
    run = runs["demo"]
    cell = next(cell for cell in read_cells(run.collect()) if cell.study == "table1" and cell.record)
    told = paper_numbers(cell, run.results)
    (folder_of(run.results, cell.name) / CURVES).write_bytes(b"")
    assert len(paper_numbers(cell, run.results)) == len(told)


def test_no_bit_of_a_cells_files_can_be_flipped_unnoticed(project: Path, made: Callable[..., CellRecord]) -> None:
    results = Path("results")
    records = [made(name) for name in MADE]
    bench = Workflow()
    collect(bench.main.config, bench.main.cells, results, results / "small")
    render(results / "small", results)
    cells = {cell.name: cell for cell in read_cells(pd.read_parquet(results / "small/results.parquet"))}
    for record in records:
        for file in sorted({CURVES, IMAGES} & set(record.files)):
            path = folder_of(results, record.name) / file
            content = path.read_bytes()
            for place in range(0, len(content), max(1, len(content) // 60)):
                path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
                if file == IMAGES:
                    assert "is not what its record tells of" in arrays_of(cells[record.name], results)
                else:
                    with pytest.raises(RecordError, match="is not what its record tells of"):
                        curves_of(cells[record.name], results)
    page = render(results / "small", results).read_text(encoding="utf-8")
    assert page.count("is not what its record tells of; delete cell.json beside it to run the cell again") == 3
