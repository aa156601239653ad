"""Cells beside the workflow: the same numbers as a rule's, in the same layout, and nothing in `results/`."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import submitit
from small_project import BICUBIC, SIREN, small_project

from sirenbench import adhoc
from sirenbench.adhoc import SCRATCH, is_done, job_of, log_of, run_here, submit
from sirenbench.cli import main
from sirenbench.errors import UserError
from sirenbench.records import CellRecord, folder_of, read_record
from sirenbench.workflow import Workflow

__all__ = ["small_project"]
SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"


def record(results: Path, name: str) -> CellRecord:
    return read_record(folder_of(results, name) / "cell.json")


def files(results: Path) -> set[str]:
    return {path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()}


def by_hand(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPTS / script, *words], capture_output=True, text=True)


@pytest.mark.slow
def test_cells_run_here_are_those_of_the_rules(small_project: Path, capsys: pytest.CaptureFixture) -> None:
    run_here([SIREN, BICUBIC])
    told = capsys.readouterr().err
    assert f"[1/2] {SIREN}" in told
    assert "cells: 2 done, 0 failed" in told
    assert not Path("results").exists()
    assert by_hand("train.py", SIREN).returncode == 0
    assert by_hand("baseline.py", BICUBIC).returncode == 0
    assert files(SCRATCH) - files(Path("results")) == {f"logs/cells/{name}.log" for name in (SIREN, BICUBIC)}
    assert files(Path("results")) <= files(SCRATCH)
    for name in (SIREN, BICUBIC):
        here, ruled = record(SCRATCH, name), record(Path("results"), name)
        assert here.spec == ruled.spec
        assert {k: v for k, v in here.files.items() if k != "curves.parquet"} == {
            k: v
            for k, v in ruled.files.items()
            if k != "curves.parquet"  # which holds seconds
        }
        assert [r.final for r in here.replicates] == [r.final for r in ruled.replicates]


@pytest.mark.usefixtures("small_project")
def test_what_is_done_is_not_run_again_unless_it_must_or_is_of_another_version(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["run", BICUBIC])
    first = record(SCRATCH, BICUBIC)
    main(["run", BICUBIC])
    assert record(SCRATCH, BICUBIC) == first
    assert f"{BICUBIC} is done: scratch/cells/{BICUBIC}" in capsys.readouterr().err
    main(["run", BICUBIC, "--force"])
    assert record(SCRATCH, BICUBIC) != first
    monkeypatch.setattr(adhoc, "numerics_of", lambda spec: "images2")
    assert not is_done(BICUBIC, SCRATCH)


def test_a_cell_that_fails_is_told_with_its_log_and_the_others_run(
    small_project: Path, capsys: pytest.CaptureFixture
) -> None:
    adhoc.fetch_assets([SIREN], Workflow(), SCRATCH)
    tile = small_project / "config/tile.png"
    tile.write_bytes(tile.read_bytes() + b"another file")
    with pytest.raises(SystemExit) as end:
        main(["run", "--no-fetch", SIREN, BICUBIC])
    assert str(end.value) == "sirenbench: 2 of 2 failed; the reasons stand above"
    told = capsys.readouterr().err
    assert f"FAILED {SIREN}\n    reason: tile.file: " in told
    assert f"    log: {log_of(SCRATCH, SIREN)}\n" in told
    assert "has changed since it was fetched" in log_of(SCRATCH, BICUBIC).read_text()
    assert "Traceback" not in log_of(SCRATCH, SIREN).read_text()


@pytest.mark.usefixtures("small_project")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [("fit/tile-16/sirn-1x8", "did you mean 'siren'?"), ("fit/tyle-16/siren-1x8", "did you mean 'tile'?")],
)
@pytest.mark.parametrize("cluster", [[], ["--cluster", "local"]])
def test_a_name_that_means_nothing_is_told_before_anything_runs(cluster: list[str], wrong: str, message: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(["run", BICUBIC, wrong, *cluster])
    assert message in str(end.value)
    assert not SCRATCH.exists()


@pytest.mark.usefixtures("small_project")
@pytest.mark.parametrize("words", [["--threads", "0"], ["--runtime", "1.5"], ["--gpus", "many"], ["--cluster", "pbs"]])
def test_a_bad_number_or_cluster_is_a_mistake_of_the_command_line(
    words: list[str], capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        main(["run", BICUBIC, *words])
    assert words[1] in capsys.readouterr().err


def test_the_right_script_is_named_to_who_takes_the_wrong_one(small_project: Path) -> None:
    for script, right, name in (("train.py", "baseline.py", BICUBIC), ("baseline.py", "train.py", SIREN)):
        done = by_hand(script, name)
        assert done.returncode == 1
        assert f"run: python workflow/scripts/{right} {name}" in done.stderr
        assert "Traceback" not in done.stderr
        assert "defect" not in done.stderr
    assert not (small_project / "results").exists()


class Recorder:
    """Stands for submitit's executor and keeps what it is asked."""

    def __init__(self, folder: Path, cluster: str, **limits: int) -> None:
        self.limits = limits
        self.parameters: dict[str, object] = {}
        self.packs: list[object] = []
        RECORDERS.append(self)

    def update_parameters(self, **parameters: object) -> None:
        self.parameters = parameters

    def batch(self) -> Recorder:
        return self

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *words: object) -> None:
        pass

    def submit(self, pack: object) -> object:
        self.packs.append(pack)
        return pack


RECORDERS: list[Recorder] = []


@pytest.mark.usefixtures("small_project")
def test_a_job_asks_for_what_it_is_told_and_else_for_what_the_configuration_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(submitit, "AutoExecutor", Recorder)
    submit([SIREN, BICUBIC, SIREN], "slurm")
    plain = RECORDERS[-1]
    asked = {key: plain.parameters[key] for key in ("timeout_min", "cpus_per_task", "mem_gb")}
    assert asked == {"timeout_min": 120, "cpus_per_task": 1, "mem_gb": 4000 / 1024}
    assert not {"gpus_per_node", "slurm_partition"} & plain.parameters.keys()
    assert len(plain.packs) == 2
    submit(SIREN, "slurm", runtime=30, threads=4, gpus=1, partition="gpu")
    given = RECORDERS[-1].parameters
    keys = ("timeout_min", "cpus_per_task", "gpus_per_node", "slurm_partition")
    assert [given[key] for key in keys] == [30, 4, 1, "gpu"]


@pytest.mark.usefixtures("small_project")
@pytest.mark.parametrize(("minutes", "seconds"), [(1, 20), (2, 40), (30, 60)])
def test_a_job_gets_its_signal_late_and_may_meet_its_limit_as_often_as_the_pack_allows(
    minutes: int, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitit, "AutoExecutor", Recorder)
    submit(SIREN, "slurm", runtime=minutes)
    asked = RECORDERS[-1]
    assert asked.parameters["slurm_signal_delay_s"] == asked.packs[0]._signal_seconds == seconds  # type: ignore[attr-defined]
    assert asked.limits["slurm_max_num_timeout"] > 1000  # of submitit's own count, which takes short jobs for timed out


@pytest.mark.usefixtures("small_project")
def test_a_job_runs_the_same_command_line_without_the_cluster() -> None:
    Path("config/config.yaml").rename("config/mine with space.yaml")
    bench = Workflow(["config/mine with space.yaml"])
    words = shlex.split(adhoc._command(SIREN, bench, threads=1))
    assert words[:5] == ["exec", sys.executable, "-m", "sirenbench.cli", "run"]
    adhoc.fetch_assets([SIREN], bench, SCRATCH)
    assert subprocess.run(words[1:]).returncode == 0
    assert record(SCRATCH, SIREN).state == "ok"


@pytest.mark.usefixtures("small_project")
def test_a_machine_without_slurm_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="slurm took no job: .*; 'local' runs cells on this machine"):
        submit(SIREN, "slurm")


@pytest.mark.slow
@pytest.mark.usefixtures("small_project")
def test_a_local_job_runs_the_cell_and_says_where_its_log_is(capsys: pytest.CaptureFixture) -> None:
    main(["run", SIREN, "--cluster", "local", "--runtime", "30"])
    told = capsys.readouterr().out
    job, name = told.splitlines()[0].removeprefix("job ").split(": ")
    log = Path(told.splitlines()[1].strip().removeprefix("log: "))
    assert name == SIREN
    assert job.isdigit()
    give_up = time.time() + 60
    while not is_done(SIREN, SCRATCH) and time.time() < give_up:
        time.sleep(0.2)
    assert record(SCRATCH, SIREN).state == "ok"
    assert SIREN in log.read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("small_project")
def test_a_debug_job_has_run_the_cell_when_the_command_ends(capsys: pytest.CaptureFixture) -> None:
    main(["run", SIREN, "--cluster", "debug"])
    told = capsys.readouterr().out
    log = Path(next(line for line in told.splitlines() if "log: " in line).partition("log: ")[2])
    assert record(SCRATCH, SIREN).state == "ok"
    assert SIREN in log.read_text()


@pytest.fixture
def spoilt_picture(small_project: Path) -> None:
    """The picture of all cells changes once it was fetched: they fail, if it is not fetched again."""
    adhoc.fetch_assets([SIREN, BICUBIC], Workflow(), SCRATCH)
    (small_project / "config/tile.png").write_bytes(b"another picture")


@pytest.mark.slow
@pytest.mark.usefixtures("spoilt_picture")
def test_a_debug_job_that_fails_fails_the_command_which_says_why(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        main(["run", SIREN, BICUBIC, "--cluster", "debug", "--no-fetch"])
    assert str(end.value) == "sirenbench: 2 of 2 failed; the reasons stand above"
    told = capsys.readouterr().err
    for name in (SIREN, BICUBIC):
        assert f"FAILED {name}\n    reason: tile.file: " in told


@pytest.mark.parametrize("said", ["said", "said\n", None, ""])
def test_the_reason_of_a_failed_debug_job_is_lines_of_its_own(
    said: str | None, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "logs").mkdir()
    if said is not None:
        for name in "ab":
            (tmp_path / f"logs/{name}.log").write_text(said)
    job = SimpleNamespace(exception=lambda: RuntimeError("no log"), paths=SimpleNamespace(folder=tmp_path))
    with pytest.raises(UserError, match="2 of 2 failed"):
        adhoc._run_now({"a": job, "b": job})  # type: ignore[dict-item]
    assert capsys.readouterr().err == ("said\nsaid\n" if said else "no log\nno log\n")


@pytest.mark.slow
@pytest.mark.usefixtures("spoilt_picture")
def test_a_job_whose_cell_fails_has_failed_and_the_cell_says_why(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(submitit.core.utils.FailedJobError, match="exit status 1"):
        submit(SIREN, "local", runtime=30, fetched=True)[SIREN].result()
    main(["cell", SIREN])
    assert "has changed since it was fetched" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
@pytest.mark.usefixtures("small_project")
def test_a_submitted_cell_has_the_bits_of_one_that_ran_here() -> None:
    jobs = submit([SIREN], "local", runtime=30)
    jobs[SIREN].wait()
    submitted = record(SCRATCH, SIREN)
    run_here([SIREN], force=True)
    assert submitted.files["weights.safetensors"] == record(SCRATCH, SIREN).files["weights.safetensors"]
    assert submit([SIREN], "local") == {}
    assert job_of(SIREN, Workflow(), SCRATCH).folder == SCRATCH / "cells" / SIREN
