"""Nothing wrong in silence: what changed behind the suite's back is run again, or told, and not shown as it is."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from PIL import Image
from spandrel.architectures.Compact import Compact
from workflow.conftest import SIREN, Project

from sirenbench.adhoc import job_of
from sirenbench.baselines.external import load_network
from sirenbench.claims.finished import FinishedCell
from sirenbench.claims.judge import write_claims
from sirenbench.claims.summary import summary
from sirenbench.collect import collect, read_cell
from sirenbench.config import load
from sirenbench.errors import UserError
from sirenbench.images.pictures import open_picture
from sirenbench.names import parse_name
from sirenbench.partial import report_what_is_there
from sirenbench.records import CURVES, RECORD, WEIGHTS, CellRecord, RecordError, folder_of
from sirenbench.report.build import render
from sirenbench.worker import evaluate as evaluation
from sirenbench.worker.evaluate import evaluate
from sirenbench.workflow import Workflow

ROOT = Path(__file__).parents[2]
RESULTS = Path("results")
TABLES = ("results.parquet", "results.csv", "run.json", "claims.json")
NAME = "fit/tile-16/siren-1x8/steps=3/replicates=2"
OTHER = "fit/tile-16/siren-1x8/steps=3/replicates=2/seed=7"
DAY = 86_400


def amend(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def set_time(path: Path, of: Path, seconds: float = 0) -> None:
    """Give a file the time of another, or one so much later."""
    time = of.stat().st_mtime_ns + round(seconds * 1e9)
    os.utime(path, ns=(time, time))


@pytest.mark.parametrize("later", [-DAY, 0], ids=["older", "of the same time"])
def test_a_picture_that_is_moved_over_another_runs_its_cells_again(later: float, finished: Project) -> None:
    """Its time is its own, and may be before that of the results."""
    path, moved = finished.folder / "config/tile.png", finished.folder / "moved.png"
    with Image.open(path) as picture:
        picture.rotate(90).save(moved)
    set_time(moved, path, later)
    moved.replace(path)
    assert finished.planned() == {"asset": 1, "train": 2, "collect": 1, "judge": 1, "report": 1, "all": 1}


def test_the_same_name_for_another_picture_in_another_configuration_runs_its_cells_again(finished: Project) -> None:
    with Image.open(finished.folder / "config/tile.png") as picture:
        picture.rotate(90).save(finished.folder / "config/other.png")
    set_time(finished.folder / "config/other.png", finished.folder / "config/tile.png", -DAY)
    text = (finished.folder / "config/config.yaml").read_text()
    (finished.folder / "config/more.yaml").write_text(text.replace("tile.png", "other.png"))
    assert finished.planned("--configfile", "config/more.yaml")["train"] == 2


def test_the_papers_cells_are_never_trained_on_a_picture_of_ones_own_that_has_the_same_name(project: Path) -> None:
    """Cells of all runs share ``results/cells``, and a cell's name has the image's."""
    shutil.copy(ROOT / "config/paper.yaml", "config")
    own = "run: small\nimages: {cameraman: {path: tile.png}}\n"
    (project / "config/config.yaml").write_text(own)
    for words in (["paper"], ["fig2"], ["results/paper/report.html"], ["results/paper/fig2/report.html"]):
        with pytest.raises(UserError, match="means another picture by the image 'cameraman' than config/config.yaml"):
            Workflow().check_targets(words)
    (project / "config/config.yaml").write_text(own.replace("cameraman", "mine"))
    Workflow().check_targets(["paper", "fig2", "results/paper/report.html"])


@pytest.mark.parametrize("name", ["config", "smoke"])
def test_every_configuration_that_ships_means_the_papers_pictures(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    Workflow([f"config/{name}.yaml"]).check_targets(["paper"])


@pytest.mark.slow
def test_a_record_that_is_older_than_the_table_and_yet_another_is_collected(finished: Project) -> None:
    """As after ``rsync -a`` from another machine, or a run while the clock was behind."""
    made = finished.folder / "results/small"
    record = finished.folder / "results/cells" / SIREN / RECORD
    before = record.stat().st_mtime_ns

    def change(content: dict[str, Any]) -> None:
        content["replicates"][0]["metrics"]["psnr"]["last"] = 77.25

    amend(record, change)
    os.utime(record, ns=(before - DAY * 10**9, before - DAY * 10**9))
    code, output = finished.snakemake()
    assert code == 0, output
    frame = pd.read_parquet(made / "results.parquet")
    assert 77.25 in set(frame[frame.name == SIREN]["last"])
    assert "77.25" in (made / "report.html").read_text(encoding="utf-8")
    assert "Nothing to be done" in finished.snakemake()[1]


def copied(source: str, target: str) -> None:
    shutil.copytree(folder_of(RESULTS, source), folder_of(RESULTS, target), dirs_exist_ok=True)


def test_the_folder_of_another_cell_is_not_taken_for_this_one(made: Callable[..., CellRecord]) -> None:
    made(NAME)
    copied(NAME, OTHER)
    found = read_cell(RESULTS, OTHER)
    assert found is not None
    assert (found.state, found.replicates) == ("failed", ())
    assert found.reason == (f"{folder_of(RESULTS, OTHER) / RECORD} is of {NAME!r}; delete it to run the cell again")


def _other_version(content: dict[str, Any]) -> None:
    content["provenance"]["numerics"] = content["provenance"]["numerics"].replace("engine", "engine0")


def _other_options(content: dict[str, Any]) -> None:
    content["spec"]["lr"] *= 2


def _other_picture(content: dict[str, Any]) -> None:
    content["image"]["asset_sha256"] = "0" * 64


def _other_crop(content: dict[str, Any]) -> None:
    content["image"]["crop"] = "center"


def _other_asset(content: dict[str, Any]) -> None:
    content["image"]["asset"] = "camera"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_other_version, "has numbers of another version (images1 metrics1 fit1 engine0"),
        (_other_options, "is of another configuration than its name says now"),
        (_other_picture, "is of another picture (SHA-256 0000000000000000; now "),
        (_other_crop, "is of tile.file with the crop 'center', which 'tile' means no more"),
        (_other_asset, "is of camera with the crop 'none', which 'tile' means no more"),
    ],
)
def test_a_record_from_elsewhere_that_says_nothing_of_this_cell_is_told(
    change: Callable[[dict[str, Any]], None], told: str, made: Callable[..., CellRecord]
) -> None:
    """Snakemake knows nothing of a folder that was copied without ``.snakemake``, and would take it."""
    made(NAME)
    amend(folder_of(RESULTS, NAME) / RECORD, change)
    bench = Workflow()
    collect(bench.main.config, bench.main.cells, RESULTS, RESULTS / "small")
    frame = pd.read_parquet(RESULTS / "small/results.parquet")
    (row,) = frame[frame.name == NAME].to_dict("records")
    assert row["state"] == "failed"
    assert told in row["reason"]
    assert row["reason"].endswith("delete it to run the cell again")
    assert pd.isna(row["last"])


def test_curves_of_other_seeds_are_judged_by_no_claim(made: Callable[..., CellRecord]) -> None:
    record = made(NAME)
    made(OTHER)
    shutil.copy(folder_of(RESULTS, OTHER) / CURVES, folder_of(RESULTS, NAME) / CURVES)
    with pytest.raises(RecordError, match="is not what its record tells of"):
        FinishedCell(parse_name(NAME), record, RESULTS).curve("psnr")


def test_weights_of_other_seeds_get_no_score(made: Callable[..., CellRecord]) -> None:
    made(NAME)
    made(OTHER)
    shutil.copy(folder_of(RESULTS, OTHER) / WEIGHTS, folder_of(RESULTS, NAME) / WEIGHTS)
    target = folder_of(RESULTS, NAME) / "metrics/psnr@border=4.json"
    with pytest.raises(RecordError, match=r"weights.safetensors is not what its record tells of"):
        evaluate(job_of(NAME, Workflow(), RESULTS), "psnr@border=4", {}, target)
    assert not target.exists()


def test_scores_of_an_earlier_record_are_as_good_as_none(made: Callable[..., CellRecord]) -> None:
    made(NAME)
    bench, metric = Workflow(), "psnr@border=4"
    config = bench.main.config.model_copy(update={"metrics": [metric]})
    evaluate(job_of(NAME, bench, RESULTS), metric, {}, folder_of(RESULTS, NAME) / f"metrics/{metric}.json")

    def scored() -> int:
        collect(config, bench.main.cells, RESULTS, RESULTS / "small")
        return int((pd.read_parquet(RESULTS / "small/results.parquet").metric == metric).sum())

    assert scored() == 2
    amend(folder_of(RESULTS, NAME) / RECORD, lambda record: record.update(reason="run again"))
    assert scored() == 0


def test_a_record_that_is_written_anew_while_it_is_scored_gets_no_score(
    made: Callable[..., CellRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by another user of a run without Snakemake's lock."""
    made(NAME)
    path = folder_of(RESULTS, NAME) / RECORD
    target = folder_of(RESULTS, NAME) / "metrics/psnr@border=4.json"
    score = evaluation._values

    def slow(*words: Any) -> list[float]:
        values = score(*words)
        amend(path, lambda record: record.update(reason="run again"))
        return values

    monkeypatch.setattr(evaluation, "_values", slow)
    with pytest.raises(UserError, match="was written anew while it was scored"):
        evaluate(job_of(NAME, Workflow(), RESULTS), "psnr@border=4", {}, target)
    assert not target.exists()


def test_a_report_of_what_is_there_leaves_no_table_of_what_was(made: Callable[..., CellRecord]) -> None:
    made(NAME)
    shutil.copy(ROOT / "config/claims.yaml", "config")
    bench = Workflow()
    collect(bench.main.config, bench.main.cells, RESULTS, RESULTS / "small")
    amend(folder_of(RESULTS, NAME) / RECORD, lambda record: record.update(reason="run again"))
    report_what_is_there(bench, "small")
    assert sorted(path.suffix for path in (RESULTS / "small").iterdir() if path.is_file()) == [".html"]


@pytest.fixture
def reported(made: Callable[..., CellRecord]) -> Path:
    """The folder of a run whose table, verdicts and page are made."""
    made(NAME)
    Path("config/claims.yaml").write_text("claims: {}\n")
    bench, folder = Workflow(), RESULTS / "small"
    collect(bench.main.config, bench.main.cells, RESULTS, folder)
    write_claims(bench.main.config, bench.main.cells, RESULTS, folder)
    render(folder, RESULTS)
    return folder


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_report_of_a_finished_run_leaves_all_that_was_made_of_it(reported: Path) -> None:
    before = files_in(reported)
    report_what_is_there(Workflow(), "small", baseline=reported)
    after = files_in(reported)
    assert b"Against an earlier run" in after.pop("report.html")
    before.pop("report.html")
    assert after == before


@pytest.mark.parametrize("is_changed", [False, True], ids=["of the same records", "of other records"])
def test_a_report_that_is_stopped_by_a_fault_loses_nothing(
    is_changed: bool, reported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when the first, the second, ... file gets its name, until there is one fault too few."""
    if is_changed:
        amend(folder_of(RESULTS, NAME) / RECORD, lambda record: record["replicates"].pop())
    before, rename, named = files_in(reported), Path.replace, set[str]()
    for left in itertools.count():
        renames = iter(range(left))

        def replace(path: Path, target: Path, renames: Iterator[int] = renames) -> Path:
            if next(renames, None) is None:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            named.add(target.name)
            return rename(path, target)

        with monkeypatch.context() as patched, suppress(OSError):
            patched.setattr(Path, "replace", replace)
            report_what_is_there(Workflow(), "small")
            break
        after = files_in(reported)
        assert after.keys() == before.keys(), left
        assert [after[name] for name in TABLES] == [before[name] for name in TABLES], left
        assert after["report.html"].rstrip().endswith(b"</html>")
    # What is as it was is not written again.
    assert named == {*TABLES, "report.html"} | ({"fitting.csv"} if is_changed else set())
    assert left == len(named)
    assert ("results.parquet" in files_in(reported)) is not is_changed


@pytest.mark.parametrize("file", ["results.parquet", "run.json"])
def test_a_table_that_is_not_the_one_that_was_collected_is_told(file: str, made: Callable[..., CellRecord]) -> None:
    made(NAME)
    bench, folder = Workflow(), RESULTS / "small"
    collect(bench.main.config, bench.main.cells, RESULTS, folder)
    content = bytearray((folder / file).read_bytes())
    if file == "run.json":
        amend(folder / file, lambda run: run.update(table="0" * 64))
    else:
        content[len(content) // 3] ^= 1
        (folder / file).write_bytes(content)
    with pytest.raises(UserError, match=r"it is not the table that run.json tells of.*; delete it and run the target"):
        render(folder, RESULTS)


def test_a_picture_that_is_replaced_while_it_is_read_fails_the_cell(
    made: Callable[..., CellRecord], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(path: Path) -> Image.Image:
        opened = open_picture(path)
        opened.rotate(90).save(path)
        return opened

    monkeypatch.setattr("sirenbench.worker.job.open_picture", replaced)
    with pytest.raises(UserError, match="has changed since it was fetched"):
        made(NAME)
    assert not (folder_of(RESULTS, NAME) / RECORD).exists()


def test_weights_of_ones_own_that_are_replaced_while_they_are_read_fail_the_cell(
    made: Callable[..., CellRecord], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> None:
        network = Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=2)
        torch.save(network.state_dict(), project / "config/mine.pth")

    def replaced(path: Path) -> object:
        loaded = load_network(path)
        write()
        return loaded

    write()
    with (project / "config/config.yaml").open("a") as config:
        config.write("assets: {mine: {source: path, path: mine.pth, licence: mine}}\n")
    monkeypatch.setattr("sirenbench.baselines.external.load_network", replaced)
    name = "sr/tile-16-x2/external/weights=mine"
    with pytest.raises(UserError, match="mine.pth has changed since it was fetched"):
        made(name)
    assert not (folder_of(RESULTS, name) / RECORD).exists()
    monkeypatch.undo()
    monkeypatch.chdir(project)
    assert made(name).state == "ok"


def test_the_summary_leaves_out_a_seed_that_diverged_and_came_back(
    made: Callable[..., CellRecord], project: Path
) -> None:
    """Its loss was infinite for a while: what it has in the end is no score of the method."""
    study = {"title": "Table", "layout": "table", "source": "Table 1"}
    grid = {"task": "sr", "image": "tile", "size": 16, "factor": 2, "arm": "siren", "depth": 1, "width": 8, "steps": 3}
    content = {"run": "small", "images": {"tile": {"path": "tile.png"}}, "studies": {"one": study | {"grid": grid}}}
    content["studies"]["one"]["grid"]["replicates"] = 2
    (project / "config/config.yaml").write_text(json.dumps(content))
    name = "sr/tile-16-x2/siren-1x8/steps=3/replicates=2"
    record = made(name)

    def diverged(changed: dict[str, Any]) -> None:
        changed["state"], changed["replicates"][1]["diverged"] = "diverged", True
        changed["replicates"][1]["metrics"]["psnr"]["last"] = 99.0

    amend(folder_of(RESULTS, name) / RECORD, diverged)
    bench = Workflow()
    collect(bench.main.config, bench.main.cells, RESULTS, RESULTS / "small")
    (RESULTS / "small/claims.json").write_text(json.dumps({"claims": [], "groups": {}, "totals": _no_verdicts()}))
    ends = record.replicates[0].metrics
    assert f"{ends['psnr'].last:.3f} / {ends['ssim'].last:.3f}" in summary(RESULTS / "small")


def _no_verdicts() -> dict[str, int]:
    from sirenbench.claims.verdicts import Code

    return {code.value: 0 for code in Code}


_WRITTEN = "run: small\nimages:\n  tile: {path: tile.png}\nstudies: {}\ntitle: Höhe\n"


@pytest.mark.parametrize(
    "content",
    [
        _WRITTEN.replace("\n", "\r\n").encode(),
        _WRITTEN.encode("utf-8-sig"),
        _WRITTEN.encode() + b"# a remark\n...\n",
    ],
    ids=["CRLF", "byte-order mark", "a remark and an end"],
)
def test_how_a_configuration_is_stored_changes_nothing(content: bytes, project: Path) -> None:
    path = project / "config/config.yaml"
    path.write_text(_WRITTEN, encoding="utf-8")
    plain = load([path])
    path.write_bytes(content)
    assert load([path]).digest == plain.digest


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_WRITTEN.encode("latin-1"), "can't decode byte 0xf6"),
        (_WRITTEN.encode() + b"title: again\n", "the key 'title' is given twice"),
        (b"run: no\nimages: {tile: {path: tile.png}}\n%s", None),
        (b"run: small\nstudies: {a: {title: A, grid: {size: 0o20}}}\n", "'0o20'"),
        (b"run: small\nstudies: {a: {title: A, grid: {size: 1_6}}}\n", "'1_6'"),
        (b"run: small\nstudies: {a: {title: A, grid: {size: 16.0}}}\n", "16.0"),
        (b"run: small\nstudies: {a: {title: A, grid: {size: yes}}}\n", "'yes'"),
        (b"run: small\n---\nrun: other\n", "but found another document"),
    ],
)
def test_what_yaml_might_take_for_something_else_is_told(content: bytes, told: str | None, project: Path) -> None:
    path = project / "config/config.yaml"
    full = b"task: fit, image: tile, arm: siren, depth: 1, width: 8"
    images = b"images: {tile: {path: tile.png}}\n"
    path.write_bytes(
        content.replace(b"grid: {size", b"grid: {" + full + b", size") + (images if b"grid" in content else b"")
    )
    with pytest.raises(UserError) as refused:
        load([path])
    if told:
        assert told in str(refused.value)
