"""What `sirenbench status` and `sirenbench cell` say of cells in every state."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from small_project import BICUBIC, SIREN, small_project

from sirenbench.cli import main
from sirenbench.engine import checkpoint
from sirenbench.names import parse_name
from sirenbench.numerics import numerics_of
from sirenbench.progress import Beat
from sirenbench.records import CellRecord, Cost, EndPoints, Provenance, Replicate, folder_of, write_record, write_text
from sirenbench.status import standing

__all__ = ["small_project"]
RESULTS = Path("results")


def record(state: str, reason: str = "", scores: tuple[float, ...] = ()) -> CellRecord:
    """Of the trained cell, with a PSNR for each seed."""
    spec = parse_name(SIREN)
    ends = [EndPoints(last=score, best=score, best_step=3, tail=score, drawdown=0) for score in scores]
    return CellRecord(
        name=SIREN,
        spec=spec.as_dict(),
        track=spec.track,
        state=state,  # type: ignore[arg-type]
        reason=reason,
        replicates=tuple(
            Replicate(replicate=i, seed=i, metrics={"psnr": end}, final={"gain": 0.5}) for i, end in enumerate(ends)
        ),
        cost=Cost(seconds=83, startup_seconds=2, training_seconds=80, metrics_seconds=1, peak_memory_mib=100),
        provenance=Provenance(
            **{"package": "0.1.0", "numerics": numerics_of(spec), "git_commit": "0123456789abcdef", "git_dirty": False},
            **{"python": "3.11", "torch": "2.15", "cuda": None, "driver": None, "device": "H100", "threads": 2},
            **{"host": "node7", "slurm_job_id": "815_4", "started": "2026-01-02T03:04:05+00:00"},
            **{"ended": "2026-01-02T03:05:28+00:00", "resumed": 1},
        ),
    )


def train_for(seconds_of_silence: float) -> None:
    beat = Beat(
        name=SIREN, step=412, steps=1000, psnr=31.239, seconds_left=70, updated=time.time() - seconds_of_silence
    )
    write_text(folder_of(RESULTS, SIREN) / "progress.json", beat.model_dump_json())


def said(capsys: pytest.CaptureFixture, *words: str) -> str:
    main(words)
    return capsys.readouterr().out


@pytest.mark.usefixtures("small_project")
def test_a_cell_is_told_by_what_its_folder_holds() -> None:
    def state() -> tuple[str, str]:
        found = standing(RESULTS, SIREN)
        return found.state, "; ".join(filter(None, [found.progress, found.reason]))

    assert state() == ("missing", "")
    path = checkpoint.path_of(RESULTS, SIREN)
    checkpoint.save(path, {"step": torch.tensor(3)}, {})
    assert state() == ("stopped", "it goes on from its checkpoint")
    train_for(seconds_of_silence=5)
    assert state() == ("running", "step 412/1000, 31.24 dB, 1 min 10 s left")
    train_for(seconds_of_silence=200)
    silent = "step 412/1000, 31.24 dB; no sign of life for 3 min 20 s: it was killed, or its machine is out of reach"
    assert state() == ("silent", silent)
    write_record(folder_of(RESULTS, SIREN) / "failure.json", record("failed", "MemoryError: no room"))
    assert state() == ("failed", "MemoryError: no room")
    for word in ("not-testable", "diverged", "ok"):
        write_record(folder_of(RESULTS, SIREN) / "cell.json", record(word, "because"))
        assert state() == (word, "because")
    (folder_of(RESULTS, SIREN) / "cell.json").write_text("{")
    assert state()[0] == "failed"
    assert "is not a readable cell record" in state()[1]


@pytest.mark.usefixtures("small_project")
def test_the_status_of_a_run_is_a_table_with_reasons_and_logs_and_its_totals(capsys: pytest.CaptureFixture) -> None:
    write_record(folder_of(RESULTS, SIREN) / "failure.json", record("failed", "MemoryError: no room"))
    write_text(RESULTS / f"logs/cells/{SIREN}.log", "what happened\n")
    lines = said(capsys, "status").splitlines()
    assert lines[0].split() == ["state", "study", "cell"]
    assert lines[1].split(maxsplit=3) == ["failed", "fitting", SIREN, "MemoryError: no room"]
    assert lines[2].strip() == f"log: results/logs/cells/{SIREN}.log"
    assert lines[3].split() == ["missing", "enlarging", BICUBIC]
    assert lines[-1] == "small: 2 cells: 1 failed, 1 missing"


@pytest.mark.usefixtures("small_project")
def test_the_status_as_json(capsys: pytest.CaptureFixture) -> None:
    train_for(seconds_of_silence=5)
    found = json.loads(said(capsys, "status", "--json"))
    assert (found["run"], found["totals"]) == ("small", {"running": 1, "missing": 1})
    trained, other = found["cells"]
    assert (trained["name"], trained["studies"], trained["state"]) == (SIREN, ["fitting"], "running")
    assert (trained["beat"]["step"], trained["beat"]["steps"]) == (412, 1000)
    assert (other["state"], other["beat"], other["log"]) == ("missing", None, None)


@pytest.mark.usefixtures("small_project")
def test_a_page_on_a_finished_cell(capsys: pytest.CaptureFixture) -> None:
    write_record(folder_of(RESULTS, SIREN) / "cell.json", record("ok", scores=(30.0, 31.0)))
    head, *lines = said(capsys, "cell", f"results/cells/{SIREN}/cell.json").splitlines()
    page = dict(re.split(r"  +", line, maxsplit=1) for line in lines)
    assert head == f"{SIREN}: SIREN"
    # half a difference of 1 is its standard error, and Student's t for two values is 12.706
    assert page["PSNR (dB)"] == "30.50 ± 6.35  (2 seeds)"
    assert page | {"": ""} == page | {
        "": "",
        "state": "ok",
        "studies": "fitting",
        "files": f"results/cells/{SIREN}: cell.json",
        "ran": "2026-01-02T03:04:05+00:00 to 2026-01-02T03:05:28+00:00 (1 min 23 s), resumed 1 time",
        "on": "node7: H100, 2 threads, Slurm job 815_4",
        "by": "sirenbench 0.1.0 (0123456789ab), torch 2.15",
        "again": f"snakemake results/cells/{SIREN}/cell.json --force",
    }


@pytest.mark.usefixtures("small_project")
def test_a_page_on_a_cell_that_is_only_in_scratch(capsys: pytest.CaptureFixture) -> None:
    write_record(folder_of(Path("scratch"), SIREN) / "cell.json", record("diverged", "the loss is not a number"))
    page = said(capsys, "cell", SIREN)
    assert f"scratch/cells/{SIREN}: cell.json" in page
    assert "the loss is not a number" in page
    assert f"sirenbench run {SIREN} --force" in page


@pytest.mark.usefixtures("small_project")
def test_a_page_on_a_cell_that_nobody_has_run_or_listed(capsys: pytest.CaptureFixture) -> None:
    name = "fit/tile-16/siren-1x8/first_omega=45/steps=3"
    page = said(capsys, "cell", name)
    assert re.search(r"^state +missing$", page, re.M)
    assert re.search(r"^studies +none of small$", page, re.M)
    assert re.search(rf"^run it +snakemake results/cells/{name}/cell.json", page, re.M)


@pytest.mark.usefixtures("small_project")
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (SIREN.replace("siren", "sirn"), "did you mean 'siren'?"),
        (SIREN.replace("tile", "tyle"), "no image is named 'tyle'"),
    ],
)
def test_a_misspelt_name_is_told_with_the_nearest_cell(wrong: str, message: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(["cell", wrong])
    assert message in str(end.value)
    assert str(end.value).endswith(f"the nearest cell of small: {SIREN}")


@pytest.mark.usefixtures("small_project")
def test_neither_needs_torch() -> None:
    write_record(folder_of(RESULTS, SIREN) / "cell.json", record("ok", scores=(30.0, 31.0)))
    program = f"""
import sys
from sirenbench.cli import main
main(["status"])
main(["cell", {SIREN!r}])
print(*sorted({{"torch", "pandas", "matplotlib", "snakemake", "submitit"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
