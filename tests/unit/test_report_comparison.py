"""Two runs side by side: which cells they share, and what is said of numbers that are not the same."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from report_fixtures import Made, Page, Run, write_cell
from small_project import BICUBIC as SMALL_BICUBIC
from small_project import SIREN as SMALL_SIREN
from small_project import small_project

from sirenbench.cli import main
from sirenbench.config.model import Config
from sirenbench.config.studies import Study
from sirenbench.errors import UserError
from sirenbench.names import make_spec, parse_name
from sirenbench.records import RECORD, CellRecord, folder_of, read_record, write_record
from sirenbench.report.build import render
from sirenbench.report.comparison import (
    BETTER,
    CHANGED,
    OPEN,
    SAME,
    WORSE,
    Comparison,
    Line,
    compared,
    in_words,
    verdict_of,
)
from sirenbench.spec import CellSpec
from sirenbench.statistics import Summary

__all__ = ["small_project"]
FIT = {"task": "fit", "image": "cameraman", "size": 64, "arm": "siren", "depth": 2, "width": 64, "steps": 60}
SIREN = make_spec(FIT | {"replicates": 4})
RELU = make_spec(FIT | {"arm": "relu", "replicates": 4})
BICUBIC = make_spec({"task": "sr", "image": "cameraman", "size": 512, "factor": 8, "arm": "bicubic"})
EVIL = "</script><script>alert('x')</script><img src=x onerror=alert(1)>"


def run_of(root: Path, *cells: CellSpec, title: str = "") -> Run:
    config = Config(run="small", title=title, studies={"study": Study(title="Study", grid=[])})
    return Run(root, config, {"study": list(cells)})


def put(run: Run, spec: CellSpec, psnr: Mapping[int, float], **changes: object) -> CellRecord:
    """A cell in its place with these last values of PSNR, by seed."""
    record = write_cell(run.results, spec, Made(30.0))
    assert record
    replicates = [
        one.model_copy(update={"seed": seed, "diverged": math.isnan(value), "metrics": {"psnr": ends}})
        for one, (seed, value) in zip(record.replicates, psnr.items(), strict=False)
        for ends in [one.metrics["psnr"].model_copy(update={"last": value})]
    ]
    record = record.model_copy(update={"replicates": tuple(replicates)} | changes)
    write_record(folder_of(run.results, spec.name) / RECORD, record)
    return record


def both(tmp_path: Path, spec: CellSpec, here: Mapping[int, float], there: Mapping[int, float]) -> Comparison:
    runs = [run_of(tmp_path / name, spec) for name in ("here", "there")]
    for run, psnr in zip(runs, (here, there), strict=True):
        put(run, spec, psnr)
        run.collect()
    return compared(runs[0].folder, runs[1].folder)


def only(comparison: Comparison) -> Line:
    (line,) = comparison.lines
    return line


# Verdicts


@pytest.mark.parametrize(
    ("mean", "half", "higher", "lower", "neither"),
    [
        (1.0, 0.4, BETTER, WORSE, CHANGED),
        (-1.0, 0.4, WORSE, BETTER, CHANGED),
        (0.1, 0.3, SAME, SAME, SAME),
        (0.1, 0.45, OPEN, OPEN, OPEN),  # zero is in it, and so is more than what counts as alike
        (-0.3, 0.3, OPEN, OPEN, OPEN),
        (0.002, 0.001, SAME, SAME, SAME),  # vanishes in the digits that are shown
        (0.006, 0.001, BETTER, WORSE, CHANGED),
        (0.3, math.nan, OPEN, OPEN, OPEN),
        (math.inf, math.nan, OPEN, OPEN, OPEN),
    ],
)
def test_a_difference_is_judged_by_its_interval(
    mean: float, half: float, higher: str, lower: str, neither: str
) -> None:
    apart = Summary(mean, half, n=4)
    found = [verdict_of(apart, better, alike=0.5, digits=2) for better in ("higher", "lower", "neither")]
    assert found == [higher, lower, neither]


def test_the_difference_is_paired_by_seed(tmp_path: Path) -> None:
    """Seeds are 10 dB apart, and each is 0.3 dB better than it was: unpaired, nothing could be told."""
    there = {0: 20.0, 1: 30.0, 2: 40.0, 3: 50.0}
    line = only(both(tmp_path, SIREN, {seed: value + 0.3 + seed / 100 for seed, value in there.items()}, there))
    assert (line.verdict, line.delta.text, line.here.text, line.there.text) == (BETTER, "+0.32", "35.31", "35.00")
    # Student's t with 3 degrees of freedom: 3.182 * 0.01291 / 2
    assert line.delta.half == "0.02"
    assert line.note == ""


def test_numbers_that_are_the_same_to_the_last_bit_are_counted_and_not_listed(tmp_path: Path) -> None:
    values = {0: 20.1, 1: 30.2, 2: math.nan, 3: math.inf}
    found = both(tmp_path, SIREN, values, values)
    assert (found.identical, found.lines, found.tally) == (1, [], [])


def test_a_last_bit_is_noise(tmp_path: Path) -> None:
    values = {0: 20.0, 1: 30.0, 2: 40.0, 3: 50.0}
    line = only(both(tmp_path, SIREN, values, values | {3: math.nextafter(50.0, 60.0)}))
    assert (line.verdict, line.delta.text) == (SAME, "0.00")


def test_what_was_measured_once_is_compared_and_what_one_run_alone_has_is_counted(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / name, SIREN) for name in ("here", "there")]
    measured: list[dict[str, float]] = [{"gradient_psnr": 20.0, "laplacian_psnr": 10.0}, {"gradient_psnr": 25.0}]
    for run, final in zip(runs, measured, strict=True):
        record = put(run, SIREN, dict.fromkeys(range(4), 30.0))
        replicates = tuple(one.model_copy(update={"final": final}) for one in record.replicates)
        write_record(folder_of(run.results, SIREN.name) / RECORD, record.model_copy(update={"replicates": replicates}))
        run.collect()
    found = compared(runs[0].folder, runs[1].folder)
    assert (only(found).metric, only(found).verdict, found.identical) == ("gradient_psnr", WORSE, 1)
    assert (found.numbers_here, found.numbers_there) == (1, 0)
    assert "of the cells in both: 1 number only here, 0 only there" in in_words(found)


def test_a_baseline_has_no_chance_in_it(tmp_path: Path) -> None:
    line = only(both(tmp_path, BICUBIC, {0: 22.9}, {0: 22.8}))
    assert (line.verdict, line.delta.text, line.delta.half, line.note) == (BETTER, "+0.10", "", "")


@pytest.mark.parametrize(
    ("here", "there", "delta", "note"),
    [
        ({0: 30.0}, {0: 31.0}, "−1.00", "1 seed"),
        ({0: 30.0, 1: 30.5}, {0: 31.0, 7: 31.2}, "−1.00", "1 seed in common"),
        ({0: 30.0, 1: 30.5}, {8: 31.0, 9: 31.2}, "–", "no seed in common"),
        ({0: 30.0, 1: math.nan}, {0: 31.0, 1: 31.5}, "−1.00", "1 seed in common"),
    ],
)
def test_without_seeds_to_pair_nothing_is_told(
    tmp_path: Path, here: dict[int, float], there: dict[int, float], delta: str, note: str
) -> None:
    line = only(both(tmp_path, SIREN, here, there))
    assert (line.verdict, line.delta.text, line.delta.half, line.note) == (OPEN, delta, "", note)


# Runs


def test_cells_of_one_run_alone_are_listed(tmp_path: Path) -> None:
    here, there = run_of(tmp_path / "here", SIREN, BICUBIC), run_of(tmp_path / "there", BICUBIC, RELU, title="Old")
    for run in (here, there):
        run.collect()
    found = compared(here.folder, there.folder)
    assert (found.title, found.shared) == ("small: Old", 1)
    assert found.here == [(SIREN.name, f"cell:{SIREN.name}")]
    assert found.there == [(RELU.name, "")]


def test_a_cell_that_ended_in_another_way_is_said(tmp_path: Path) -> None:
    here, there = (run_of(tmp_path / name, SIREN, RELU) for name in ("here", "there"))
    write_cell(here.results, SIREN, Made(0, state="failed", reason="no"))
    write_cell(there.results, SIREN, Made(30.0))
    for run in (here, there):
        run.collect()
    found = compared(here.folder, there.folder)
    assert found.states == [(SIREN.name, f"cell:{SIREN.name}", "failed", "done")]
    assert not found.lines


def test_what_the_two_were_made_by_is_said_where_it_differs(tmp_path: Path) -> None:
    here, there = (run_of(tmp_path / name, SIREN) for name in ("here", "there"))
    made = put(here, SIREN, {0: 30.0}).provenance
    assert made
    put(
        there,
        SIREN,
        {0: 30.0},
        provenance=made.model_copy(update={"torch": "2.14.0", "numpy": "2.4.0", "device": "a GPU"}),
    )
    for run in (here, there):
        run.collect()
    about = json.loads((there.folder / "run.json").read_text())
    about["versions"]["numpy"] = "1.0"
    (there.folder / "run.json").write_text(json.dumps(about))
    found = {what: (new, old) for what, new, old in compared(here.folder, there.folder).versions}
    assert set(found) == {"Cells ran with", "Machine", "Collected with numpy"}
    assert found["Cells ran with"] == ("Python 3.11.2, PyTorch 2.11.0", "Python 3.11.2, PyTorch 2.14.0, NumPy 2.4.0")
    assert found["Collected with numpy"][1] == "1.0"


def test_other_pixels_are_said_with_the_number(tmp_path: Path) -> None:
    here, there = (run_of(tmp_path / name, BICUBIC) for name in ("here", "there"))
    image = put(here, BICUBIC, {0: 22.9}).image
    assert image
    put(there, BICUBIC, {0: 22.8}, image=image.model_copy(update={"pixels_sha256": "1" * 64}))
    for run in (here, there):
        run.collect()
    assert only(compared(here.folder, there.folder)).note == "other pixels"


@pytest.mark.parametrize("lacking", ["run.json", "results.parquet"])
def test_a_folder_without_a_collected_run_is_a_mistake(tmp_path: Path, lacking: str) -> None:
    run = run_of(tmp_path, BICUBIC)
    run.collect()
    (run.folder / lacking).unlink()
    with pytest.raises(
        UserError, match=rf"holds no collected run: {lacking} is not there; name a folder results/<run>"
    ):
        compared(run.folder, run.folder)


@pytest.mark.parametrize("file", ["run.json", "results.parquet"])
def test_a_damaged_run_is_a_mistake(tmp_path: Path, file: str) -> None:
    here, there = (run_of(tmp_path / name, BICUBIC) for name in ("here", "there"))
    for run in (here, there):
        put(run, BICUBIC, {0: 22.9})
        run.collect()
    (there.folder / file).write_bytes(b"{")
    with pytest.raises(UserError, match="there/results/small cannot be read"):
        compared(here.folder, there.folder)


def test_records_of_a_version_that_is_not_known_are_a_mistake(tmp_path: Path) -> None:
    import pandas as pd

    run = run_of(tmp_path, BICUBIC)
    put(run, BICUBIC, {0: 22.9})
    run.collect()
    table = run.folder / "results.parquet"
    frame = pd.read_parquet(table)
    frame["record"] = frame["record"].str.replace('"schema_version"', '"from_the_future"')
    frame.to_parquet(table, index=False)
    with pytest.raises(UserError, match="collect it again with this version of sirenbench"):
        compared(run.folder, run.folder)


def test_a_state_that_there_is_not_is_a_mistake(tmp_path: Path) -> None:
    here, there = (run_of(tmp_path / name, SIREN) for name in ("here", "there"))
    for run in (here, there):
        put(run, SIREN, {0: 30.0})
        run.collect()
    altered(there, state="excellent")
    with pytest.raises(UserError, match=r"there/.* cannot be read \(a cell is in the state 'excellent'; allowed: ok"):
        compared(here.folder, there.folder)


def altered(run: Run, **columns: object) -> None:
    """Put something else into columns of its table, as its owner can, who can amend the hash too."""
    import pandas as pd

    table, about = run.folder / "results.parquet", run.folder / "run.json"
    pd.read_parquet(table).assign(**columns).to_parquet(table, index=False)
    about.write_text(json.dumps(json.loads(about.read_text()) | {"table": ""}))


# The page


@pytest.fixture
def changed(tmp_path: Path) -> tuple[Run, Comparison]:
    here, there = run_of(tmp_path / "here", SIREN, BICUBIC), run_of(tmp_path / "there", SIREN, RELU, title=EVIL)
    put(here, SIREN, {0: 30.0, 1: 31.0, 2: 32.0})
    made = put(there, SIREN, {0: 31.0, 1: 32.1, 2: 33.0}).provenance
    assert made
    put(there, SIREN, {0: 31.0, 1: 32.1, 2: 33.0}, provenance=made.model_copy(update={"host": EVIL, "torch": EVIL}))
    for run in (here, there):
        run.collect()
    return here, compared(here.folder, there.folder)


def test_the_page_has_a_section_with_hostile_words_as_text(changed: tuple[Run, Comparison]) -> None:
    run, comparison = changed
    page = Page(render(run.folder, run.results, comparison).read_text(encoding="utf-8"))
    assert "comparison" in {attrs.get("id") for attrs in page.all("section")}
    assert "#comparison" in {attrs.get("href") for attrs in page.all("a")}
    assert "1 worse" in page.words
    assert "−1.03 ± 0.14" in page.words
    assert "1 cell only here" in page.words
    assert "1 cell only there" in page.words
    assert page.words.count(EVIL) == 3
    assert len(page.all("script")) == 2
    assert not [attrs for attrs in page.all("img") if "onerror" in attrs]


def test_two_renders_of_a_comparison_differ_in_the_line_of_the_date_only(changed: tuple[Run, Comparison]) -> None:
    run, comparison = changed
    pages = [render(run.folder, run.results, comparison).read_text(encoding="utf-8").splitlines() for _ in range(2)]
    different = [one for one, other in zip(*pages, strict=True) if one != other]
    assert all('<time id="rendered"' in line for line in different)


def test_without_an_earlier_run_there_is_no_section(tmp_path: Path) -> None:
    page = Page(run_of(tmp_path, BICUBIC).render())
    assert "comparison" not in {attrs.get("id") for attrs in page.all("section")}


# The terminal


def test_the_summary_has_the_counts_and_what_got_worse_first(changed: tuple[Run, Comparison]) -> None:
    lines = in_words(changed[1]).splitlines()
    assert lines[0].endswith(": 1 cell in both, 1 new, 1 gone")
    assert lines[1] == "  numbers: 1 worse"
    assert lines[-1] == f"  worse: {SIREN.name}: PSNR (dB) 32.03 -> 31.00, −1.03 ± 0.14"


def test_words_of_somebody_else_tell_the_terminal_nothing(tmp_path: Path) -> None:
    here, there = run_of(tmp_path / "here", SIREN), run_of(tmp_path / "there", SIREN, title="Old\x1b[2J\x9b2J\rnew")
    for run in (here, there):
        put(run, SIREN, {0: 30.0})
        run.collect()
    assert in_words(compared(here.folder, there.folder)).startswith("against small: Old?[2J?2J?new: 1 cell in both")


@pytest.fixture
def two_runs(small_project: Path) -> Path:
    """A project with its cells, and beside it a copy of its run from when the baseline was worse."""
    results = small_project / "results"
    run = run_of(small_project, parse_name(SMALL_BICUBIC))
    put(run, parse_name(SMALL_BICUBIC), {0: 20.0})
    run.collect()
    shutil.copytree(run.folder, small_project / "old")
    put(run, parse_name(SMALL_BICUBIC), {0: 21.0})
    assert run.results == results
    record = folder_of(results, SMALL_BICUBIC) / RECORD
    write_record(record, read_record(record).model_copy(update={"image": None}))  # of no picture of this project
    return small_project


def test_the_command_compares_with_a_folder(two_runs: Path, capsys: pytest.CaptureFixture) -> None:
    (two_runs / "config/claims.yaml").write_text("claims: {}\n")
    main(["report", "small", "--baseline", "old"])
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "results/small/report.html"
    assert "1 cell in both, 1 new, 0 gone" in out
    assert f"better: {SMALL_BICUBIC}: PSNR (dB) 20.00 -> 21.00, +1.00" in out
    page = Page((two_runs / "results/small/report.html").read_text(encoding="utf-8"))
    assert "Against an earlier run" in page.words
    assert SMALL_SIREN in page.words


def test_a_baseline_that_is_none_changes_nothing(two_runs: Path) -> None:
    (two_runs / "config/claims.yaml").write_text("claims: {}\n")
    before = sorted(path for path in (two_runs / "results").rglob("*"))
    with pytest.raises(SystemExit, match="nowhere holds no collected run"):
        main(["report", "small", "--baseline", "nowhere"])
    assert sorted(path for path in (two_runs / "results").rglob("*")) == before
