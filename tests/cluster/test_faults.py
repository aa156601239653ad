"""What clusters do to jobs, done on a real Slurm: nothing is lost, nothing runs twice, nothing hangs.

Several faults share one long night, as they do in life; every test asserts the part of one of them.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from workflow.conftest import Project, study

from cluster.conftest import LOST_SECONDS, OURS, OUTCOMES, ROOT, Flow
from cluster.slurm import LARGEST_ARRAY, PROCESSORS, Cluster, wait_for
from sirenbench.engine import checkpoint
from sirenbench.records import CellRecord

pytestmark = pytest.mark.slow

QUICK = [f"out/quick/{n}" for n in range(17)]
FAILING = [f"out/quick/{n}" for n in (97, 98, 99)]
CANCELLED = "out/sleep/100-0"
GREEDY = "out/hog/1500"  # MB, of 1000
TOO_BIG, FITS = "small/900", "small/90"  # kB, of 512
GPUS = [f"out/gpu/{n}" for n in range(3)]
LONG = "out/count/main-1min/380-0"  # 38 s; the signal comes after 40 s at the latest, start-up included
ENDLESS = "out/count/main-1min/100000-0"
PREEMPTED = {
    kind: f"out/count/{kind}-10min/150-0" for kind in ("low-requeue", "low-cancel", "now-requeue", "now-cancel")
}
NOTICED = LOST_SECONDS + 20  # seconds in which the head learns that a job is gone
NIGHT = 240


@dataclass
class Night:
    """Four heads at the same time: jobs at their time limit, one without an end, preempted ones, and a crowd."""

    limited: Flow
    endless: Flow
    preempted: Flow
    crowd: Flow
    codes: dict[str, int]
    seconds_to_cancelled: float


@pytest.fixture(scope="module")
def night(slurm: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    flows = {name: Flow(tmp_path_factory.mktemp(name), slurm) for name in ("limited", "endless", "preempted", "crowd")}
    limited, endless, preempted, crowd = flows.values()
    small = crowd.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", small], check=True)
    try:
        signals = ("--submitit-signal-seconds", "20")  # 20 to 50 s before the end, as Slurm looks every 30 s
        heads = {
            "limited": limited.start(LONG, *signals),
            "endless": endless.start(ENDLESS, *signals, "--submitit-max-requeues", "1"),
            "preempted": preempted.start(*PREEMPTED.values(), "--retries", "1"),
        }
        preempted.wait_for_starts(*PREEMPTED.values())
        slurm.run("sbatch", f"--cpus-per-task={PROCESSORS - 2}", "--mem=100", "--output=/dev/null", "--wrap=sleep 3")
        heads["crowd"] = crowd.start(*QUICK, *FAILING, CANCELLED, GREEDY, TOO_BIG, FITS, *GPUS)
        crowd.wait_for_starts(CANCELLED, seconds=90)
        slurm.run("scancel", crowd.job_of(CANCELLED))
        cancelled = time.monotonic()
        wait_for(lambda: "Error in rule sleep" in crowd.said, 60, "the cancelled job to be reported")
        seconds = time.monotonic() - cancelled
        end = time.monotonic() + NIGHT
        codes = {name: flows[name].finish(head, end - time.monotonic())[0] for name, head in heads.items()}
        yield Night(limited, endless, preempted, crowd, codes, seconds)
    finally:
        for each in flows.values():
            each.close()
        slurm.clear()
        subprocess.run(["umount", small], check=True)


def test_an_array_of_twenty_with_three_failing(night: Night) -> None:
    flow = night.crowd
    assert all(flow.has(output) for output in QUICK)
    assert not any(flow.has(output) for output in FAILING)
    assert flow.said.count("Error in rule quick") == 3
    assert all(flow.starts[output] == 1 for output in QUICK + FAILING)


def test_ready_jobs_go_out_as_arrays_no_longer_than_the_cluster_takes(night: Night) -> None:
    arrays = Counter(night.crowd.job_of(output).partition("_")[0] for output in (*QUICK, *FAILING))
    assert sorted(arrays.values()) == [20 - LARGEST_ARRAY, LARGEST_ARRAY]


def test_a_cancelled_job_is_a_failure_soon(night: Night) -> None:
    flow = night.crowd
    assert not flow.has(CANCELLED)
    assert flow.starts[CANCELLED] == 1
    assert night.codes["crowd"] != 0
    assert night.seconds_to_cancelled < NOTICED


def test_a_job_out_of_memory_is_a_failure(night: Night) -> None:
    assert night.crowd.said.count("Error in rule hog") == 1
    assert night.crowd.starts[GREEDY] == 1
    assert not night.crowd.has(GREEDY)


def test_a_full_disk_fails_one_job_and_leaves_no_half_result(night: Night) -> None:
    assert night.crowd.said.count("Error in rule big") == 1
    assert not night.crowd.has(TOO_BIG)
    assert (night.crowd.folder / FITS).stat().st_size == 90 * 1024


def test_jobs_at_the_same_time_have_different_gpus(night: Night) -> None:
    """However they ask: by number, by model, by gres. There are two, so one of the three jobs waits."""
    given = sorted((night.crowd.folder / output).read_text() for output in GPUS)
    assert given in (["0", "0", "1"], ["0", "1", "1"])


def test_a_job_over_its_time_limit_goes_on_under_its_id(night: Night) -> None:
    flow = night.limited
    assert flow.has(LONG)
    assert flow.steps(LONG) == list(range(380))  # no step lost, none done twice
    assert 2 <= flow.starts[LONG] <= 4
    assert flow.ends[LONG] == 1
    assert len({line.split()[1] for line in flow.lines("starts")}) == 1


def test_a_job_that_is_never_done_is_given_up(night: Night) -> None:
    flow = night.endless
    assert night.codes["endless"] != 0
    assert not flow.has(ENDLESS)
    assert flow.starts[ENDLESS] == 2  # once, and one requeue
    assert flow.steps(ENDLESS) == list(range(len(flow.steps(ENDLESS))))
    assert "out of time" in flow.said


@pytest.mark.parametrize("kind", PREEMPTED)
def test_a_preempted_job_goes_on(night: Night, kind: str) -> None:
    flow, output = night.preempted, PREEMPTED[kind]
    assert night.codes["preempted"] == 0, flow.said
    assert flow.starts[output] == 2
    assert flow.ends[output] == 1
    assert flow.steps(output) == list(range(150))


def test_the_accounting_has_the_whole_night(night: Night, slurm: Cluster) -> None:
    accounts = slurm.accounts("jobid", "state")
    states = dict(accounts)
    assert states[night.crowd.job_of(CANCELLED)].startswith("CANCELLED by")
    assert all(states[night.crowd.job_of(output)] == "COMPLETED" for output in QUICK)
    rows = [row for row in accounts if row[0] == night.limited.job_of(LONG)]
    assert len(rows) == night.limited.starts[LONG]


def test_slurm_itself_preempted(night: Night, slurm: Cluster) -> None:
    """With a grace time a job may queue itself again first; without one Slurm takes it, and says so."""
    said = (slurm.logs / "slurmctld.log").read_text()
    for kind in ("now-requeue", "now-cancel"):
        job = next(line.split()[1] for line in night.preempted.lines("starts") if kind in line)
        assert re.search(rf"preempted JobId={job} has been (requeued|killed) to reclaim", said)


def test_a_job_that_slurm_queues_again_is_not_retried_as_well(flow: Flow, slurm: Cluster) -> None:
    """Only SIGTERM comes, as from a preemption where the cluster does not send the user's signal first."""
    output = "out/count/main-10min/100-0"
    head = flow.start(output, "--retries", "1")
    flow.wait_for_starts(output)
    time.sleep(2)
    slurm.run("scontrol", "requeue", flow.job_of(output))
    code, said = flow.finish(head, 90)
    wait_for(lambda: not slurm.queue(), 30, "the queue to become empty")
    assert code == 0, said
    assert {line.split()[1] for line in flow.lines("starts")} == {
        flow.job_of(output)
    }  # one id, no second job beside it
    assert flow.steps(output) == list(range(100))


def test_a_pack_that_slurm_queues_again_does_not_repeat_what_was_reported(flow: Flow, slurm: Cluster) -> None:
    outputs = [f"out/count/main-10min/80-{n}" for n in range(2)]
    head = flow.start(*outputs, "--submitit-pack", "2")
    ledger = flow.folder / ".snakemake/submitit/ledger"
    wait_for(lambda: len(flow.starts) == 2 and len(list(ledger.iterdir())) == 1, 60, "the end of the first member")
    slurm.run("scontrol", "requeue", flow.job_of(outputs[0]))
    code, said = flow.finish(head, 90)
    assert code == 0, said
    assert sorted(flow.starts.values()) == [1, 2]
    assert all(flow.steps(output) == list(range(80)) for output in outputs)
    assert not list((flow.folder / ".snakemake/submitit/outcomes").iterdir())


def test_a_job_that_waits_in_vain_is_told(flow: Flow) -> None:
    head = flow.start("out/count/now-cancel-40min/10-0")
    wait_for(lambda: "PartitionTimeLimit" in flow.said, 40, "the warning")
    assert "lower the resource runtime" in flow.said
    os.killpg(head.pid, signal.SIGINT)
    flow.finish(head, 30)


def test_daemons_killed_and_restarted(flow: Flow, slurm: Cluster) -> None:
    outputs = [f"out/sleep/15-{n}" for n in range(3)]
    head = flow.start(*outputs, "out/quick/99")
    flow.wait_for_starts(*outputs)
    slurm.kill("slurmd")
    slurm.restart("slurmctld")
    time.sleep(3)
    slurm.start_service("slurmd")
    code, said = flow.finish(head, 90)
    assert code != 0
    assert said.count("Error in rule") == 1
    assert all(flow.has(output) and flow.starts[output] == 1 for output in outputs)


def test_an_accounting_outage_loses_nothing(flow: Flow, slurm: Cluster) -> None:
    slurm.stop_service("slurmdbd")
    outputs = [f"out/sleep/3-{n}" for n in range(2)]
    head = flow.start(*outputs, "out/sleep/99-0", "out/quick/99")
    flow.wait_for_starts("out/sleep/99-0")
    slurm.run("scancel", flow.job_of("out/sleep/99-0"))  # gone without a word: now sacct is asked
    code, said = flow.finish(head, 60 + NOTICED)
    assert code != 0
    assert said.count("Error in rule sleep") == 1
    assert said.count("Error in rule quick") == 1
    assert all(flow.has(output) and flow.starts[output] == 1 for output in outputs)


def test_a_killed_head_is_started_again(flow: Flow) -> None:
    """Ten jobs on eight processors: when the new head comes, some are done, some run, and some may still wait."""
    outputs = [f"out/sleep/6-{n}" for n in range(10)]
    head = flow.start(*outputs)
    wait_for(lambda: len(flow.starts) >= 6, 60, "most jobs to start")
    os.killpg(head.pid, signal.SIGKILL)
    head.wait()
    wait_for(lambda: len(flow.ends) >= 3, 30, "some jobs to end")
    code, said = flow.run(*outputs, "--rerun-incomplete", seconds=120)
    assert code == 0, said
    assert all(flow.has(output) for output in outputs)
    assert set(flow.starts.values()) == {1}
    assert set(flow.ends.values()) == {1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_head_cancels_everything_with_one_call(
    flow: Flow, slurm: Cluster, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = flow.folder / "calls"
    own = flow.folder / "bin"
    own.mkdir()
    (own / "scancel").write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {shutil.which("scancel")} "$@"\n')
    (own / "scancel").chmod(0o755)
    monkeypatch.setenv("PATH", f"{own}:{os.environ['PATH']}")
    outputs = [f"out/sleep/100-{n}" for n in range(3)]
    head = flow.start(*outputs)
    flow.wait_for_starts(*outputs)
    os.killpg(head.pid, number)
    code, _ = flow.finish(head, 30)
    assert code != 0
    wait_for(lambda: not slurm.queue(), 20, "the queue to become empty")
    assert len(calls.read_text().splitlines()) == 1
    assert not flow.ends


def test_files_of_jobs_that_went_well_are_removed(night: Night) -> None:
    """Quotas count files. Those of allocations with a failure stay."""
    failed = {night.crowd.job_of(output) for output in (*FAILING, CANCELLED, GREEDY, TOO_BIG)}
    assert ids_of_files(night.crowd) == failed
    # Taken at once, a job may not come to queue itself again: it has failed then, and another one went on.
    begun = {line.split()[1] for line in night.preempted.lines("starts")}
    assert ids_of_files(night.preempted) == begun - {night.preempted.job_of(output) for output in PREEMPTED.values()}


def ids_of_files(flow: Flow) -> set[str]:
    """Allocations of which submitit's files are left."""
    jobs = flow.folder / ".snakemake/submitit/jobs"
    return {path.name.removesuffix("_submitted.pkl") for path in jobs.glob("*_submitted.pkl")}


def test_one_failing_member_of_a_pack_costs_only_itself(flow: Flow) -> None:
    outputs = [f"out/quick/{n}" for n in range(4)]
    code, said = flow.run(*outputs[:2], "out/quick/99", *outputs[2:], "--submitit-pack", "5", seconds=60)
    assert code != 0
    assert said.count("Error in rule") == 1
    assert all(flow.has(output) and flow.starts[output] == 1 for output in outputs)
    assert len({flow.job_of(output) for output in (*outputs, "out/quick/99")}) == 1


def test_results_that_appear_late(flow: Flow) -> None:
    """The head sees outcomes and outputs through a file system that lags behind that of the node."""
    head = flow.start("out/quick/0", lagging=(OUTCOMES, "out/quick"))
    wait_for(lambda: list((flow.folder / OUTCOMES).iterdir()) and flow.has("out/quick/0"), 40, "the job to end")
    for folder in (OUTCOMES, "out/quick"):
        time.sleep(3)
        assert head.poll() is None
        flow.catch_up(folder)
    code, said = flow.finish(head, 30)
    assert code == 0, said
    assert flow.starts == {"out/quick/0": 1}


def test_no_room_for_the_outcome(flow: Flow) -> None:
    """The job is done, but cannot say so: that is a failure in the end, and the next run is in order."""
    disk = flow.folder / ".snakemake/submitit"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    try:
        head = flow.start("out/sleep/3-0")
        flow.wait_for_starts("out/sleep/3-0")
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(2**20))
        code, said = flow.finish(head, 40 + NOTICED)
        assert code != 0, said
        filler.unlink()
        code, said = flow.run("out/sleep/3-0", seconds=40)
        assert code == 0, said
    finally:
        flow.close()
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_damaged_checkpoint_is_replaced_by_the_one_before(slurm: Cluster, project: Project) -> None:
    """A real cell, stopped by a signal and queued again; its newest checkpoint is spoilt while it waits."""
    name = "fit/tile-16/siren-1x8/steps=4000/replicates=2"
    target = f"results/cells/{name}/cell.json"
    often = {"checkpoint_minutes": 0.005, "images": {"tile": {"path": "tile.png"}}}
    project.configure(run="small", studies={"fitting": study(arm=["siren"], steps=4000)}, **often)
    project.environment["PYTHONPATH"] = str(ROOT / "src")
    newest = checkpoint.path_of(project.folder / "results", name)
    head = project.start(target, *OURS, "--jobs", "2", "--default-resources", "mem_mb=3000", "runtime=5")
    try:
        wait_for(checkpoint.previous(newest).exists, 60, "two checkpoints")
        slurm.run("scancel", "--signal=USR2", next(iter(slurm.queue())))
        wait_for(lambda: "PENDING" in slurm.queue().values(), 20, "the job to be queued again")
        content = bytearray(newest.read_bytes())
        content[-1] ^= 1
        newest.write_bytes(content)
        said, _ = head.communicate(timeout=90)
    finally:
        head.kill()
        slurm.clear()
    assert head.returncode == 0, said
    assert "cannot be used" in (project.folder / f"results/logs/cells/{name}.log").read_text()
    resumed = project.record(name)
    assert resumed.provenance.resumed == 1
    shutil.rmtree(project.folder / "results/cells")
    assert project.snakemake(target, "--quiet")[0] == 0
    undisturbed = project.record(name)
    assert undisturbed.provenance.resumed == 0
    for file in ("weights.safetensors", "images.npz"):
        assert undisturbed.files[file] == resumed.files[file]  # bit by bit; the curves have times in them


BASELINE = {"task": "sr", "image": "tile", "size": 16, "factor": 2, "arm": "bicubic"}


def numbers(record: CellRecord) -> dict[str, object]:
    """Bits of the weights and the pictures, and every metric; curves have times in them."""
    ends = [metric for replicate in record.replicates for metric in replicate.metrics.items()]
    return {
        "files": {name: digest for name, digest in record.files.items() if name != "curves.parquet"},
        "metrics": repr([(name, end.last, end.best, end.best_step, end.tail) for name, end in ends]),
        "final": repr([replicate.final for replicate in record.replicates]),
    }


def test_the_profile_makes_the_cells_of_this_machine(slurm: Cluster, project: Project) -> None:
    """Real cells by the profile that people use."""
    project.configure(
        run="small",
        images={"tile": {"path": "tile.png"}},
        studies={
            "fitting": study(),
            "scaling": study(task="sr", factor=2, arm="siren"),
            "interpolation": {"title": "", "grid": BASELINE},
            "reconstruction": study(task="poisson", arm="siren"),
        },
        checkpoint_minutes=1,
    )
    project.environment["PYTHONPATH"] = str(ROOT / "src")
    before = len(slurm.accounts("jobid"))
    code, said = project.snakemake("--profile", "profiles/slurm", "--submitit-pack", "3")
    assert code == 0, said
    made = {name: project.record(name) for name in project.stamps()}
    assert len(made) == 5
    assert (project.folder / "results/small/report.html").exists()

    jobs = {record.provenance.slurm_job_id for record in made.values() if record.provenance}
    states = dict(slurm.accounts("jobid", "state")[before:])
    assert len(states) == 3  # four to train by three in a pack, and one baseline without a GPU
    assert set(states.values()) == {"COMPLETED"}
    assert None not in jobs

    shutil.rmtree(project.folder / "results/cells")
    targets = [f"results/cells/{name}/cell.json" for name in made]
    assert project.snakemake("--quiet", "--", *targets)[0] == 0
    for name, record in made.items():
        assert numbers(project.record(name)) == numbers(record)
        assert project.record(name).provenance.slurm_job_id is None  # type: ignore[union-attr]
