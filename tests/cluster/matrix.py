"""The fault matrix of docs/slurm.md: the same faults for our executor and for the official one, on a real Slurm.

By hand, from the folder ``tests``, as root: ``python -m cluster.matrix submitit`` and, with an environment that has
Snakemake and ``snakemake-executor-plugin-slurm``, ``python -m cluster.matrix slurm <its python>`` (``slurm-defaults``:
without the settings of profiles/slurm-official). More words, after a python in any case, pick the scenarios whose names
have one of them. It prints a table and leaves ``matrix-<executor>.json`` and what the heads said in the current folder.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from cluster.conftest import OURS, OUTCOMES, ROOT, Flow
from cluster.slurm import Cluster, cluster_by_hand, wait_for

OF_FLOW = {"jobs", "retries", "latency-wait", "default-resources", "set-resources"}


def options_of(profile: str) -> tuple[str, ...]:
    """The settings of a profile as options, without those that the flow and the scenarios have of their own."""
    settings = yaml.safe_load((ROOT / "profiles" / profile / "config.yaml").read_text())
    words = []
    for key in settings.keys() - OF_FLOW:
        words += [f"--{key}"] if settings[key] is True else [f"--{key}", str(settings[key])]
    return tuple(words)


EXECUTORS = {
    "submitit": OURS,
    "slurm": options_of("slurm-official"),
    "slurm-defaults": ("--executor", "slurm"),
}

Fault = Callable[[Flow, Cluster], None]


@dataclass(frozen=True)
class Scenario:
    """What is run, what is done to it, and how it should end.

    Attributes
    ----------
    done, failed
        Outputs that should be there in the end, and those that should be reported as failed.
    fault
        What happens once all have started; nothing for jobs that fail by themselves.
    bound
        Seconds from the fault in which the head should be done.
    words
        More options, by executor.
    lagging
        Folders whose changes the head does not see at once.
    repeats
        Whether jobs have to do steps again.
    """

    name: str
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    fault: Fault = lambda flow, slurm: None
    bound: float = 120
    words: dict[str, tuple[str, ...]] | None = None
    lagging: tuple[str, ...] = ()
    repeats: bool = False


@dataclass
class Row:
    """How it ended: what went wrong (nothing, if empty), and how long after the fault the head was done."""

    name: str
    wrong: list[str]
    seconds: float


def cancel(flow: Flow, slurm: Cluster) -> None:
    slurm.run("scancel", flow.job_of("out/sleep/100-0"))


def preempt(flow: Flow, slurm: Cluster, seconds: int = 3) -> None:
    slurm.run("sbatch", "--cpus-per-task=8", "--mem=100", "--output=/dev/null", f"--wrap=sleep {seconds}")


def preempt_and_spoil(flow: Flow, slurm: Cluster) -> None:
    """The checkpoint is damaged while the job waits."""
    checkpoint = flow.checkpoint(next(iter(flow.starts)))
    preempt(flow, slurm, seconds=15)
    wait_for(checkpoint.exists, 60, "the checkpoint")
    checkpoint.write_text("damaged")


def requeue(flow: Flow, slurm: Cluster) -> None:
    time.sleep(2)
    slurm.run("scontrol", "requeue", next(flow.job_of(output) for output in flow.starts))


def kill_slurmd(flow: Flow, slurm: Cluster) -> None:
    slurm.kill("slurmd")
    time.sleep(5)
    slurm.start_service("slurmd")


def stop_accounting(flow: Flow, slurm: Cluster) -> None:
    slurm.stop_service("slurmdbd")
    time.sleep(30)
    slurm.start_service("slurmdbd")


def restart_controller(flow: Flow, slurm: Cluster) -> None:
    slurm.restart("slurmctld")


def interrupt(number: signal.Signals) -> Fault:
    return lambda flow, slurm: os.killpg(flow.heads[-1].pid, number)


def show_late(flow: Flow, slurm: Cluster) -> None:
    wait_for(lambda: flow.ends["out/quick/0"], 60, "the job to end")
    for folder in LAGGING:
        time.sleep(5)
        flow.catch_up(folder)


def kill_head(flow: Flow, slurm: Cluster) -> None:
    os.killpg(flow.heads[-1].pid, signal.SIGKILL)
    flow.heads[-1].wait()
    time.sleep(2)
    flow.start("out/sleep/15-0", "out/sleep/15-1", "out/sleep/15-2", "--rerun-incomplete")


LAGGING = (OUTCOMES, "out/quick")
QUICK = tuple(f"out/quick/{n}" for n in range(17))
FAILING = tuple(f"out/quick/{n}" for n in (97, 98, 99))
SLEEPING = tuple(f"out/sleep/15-{n}" for n in range(3))
RETRY = {"submitit": ("--retries", "1"), "slurm": ("--retries", "1")}
# Ours goes on under the same id; the official one has to be asked for retries.
LIMITED = {"submitit": ("--submitit-signal-seconds", "20"), "slurm": ("--retries", "3")}
PACKED = {
    "submitit": ("--submitit-pack", "5"),
    "slurm": ("--groups", "quick=pack", "--group-components", "pack=5"),
}

SCENARIOS = (
    Scenario("one job `scancel`led", ("out/sleep/15-0",), ("out/sleep/100-0",), cancel),
    Scenario("over its time limit, with checkpoint", ("out/count/main-1min/380-0",), bound=280, words=LIMITED),
    Scenario("preempted, REQUEUE, grace time", ("out/count/low-requeue-10min/150-0",), (), preempt, 150, RETRY),
    Scenario("preempted, REQUEUE, at once", ("out/count/now-requeue-10min/150-0",), (), preempt, 150, RETRY),
    Scenario("preempted, CANCEL, grace time", ("out/count/low-cancel-10min/150-0",), (), preempt, 150, RETRY),
    Scenario("preempted, CANCEL, at once", ("out/count/now-cancel-10min/150-0",), (), preempt, 150, RETRY),
    Scenario("requeued by Slurm, SIGTERM only", ("out/count/main-10min/150-0",), (), requeue, 150, RETRY),
    Scenario(
        "checkpoint damaged while preempted",
        ("out/count/low-requeue-10min/150-0",),
        (),
        preempt_and_spoil,
        150,
        RETRY,
        repeats=True,
    ),
    Scenario("out of memory", (), ("out/hog/1500",)),
    Scenario("slurmd killed, back after 5 s", SLEEPING, (), kill_slurmd),
    Scenario("slurmdbd away for 30 s", SLEEPING, (), stop_accounting),
    Scenario("slurmctld restarted", SLEEPING, (), restart_controller),
    Scenario("head killed (-9) and started again", SLEEPING, (), kill_head),
    Scenario("20 jobs, 3 of them fail", QUICK, FAILING, bound=180),
    Scenario("disk full while writing a result", ("small/90",), ("small/900",)),
    Scenario("outcome and result seen late", QUICK[:1], (), show_late, lagging=LAGGING),
    Scenario("pack of 5, one fails", QUICK[:4], FAILING[:1], words=PACKED),
    Scenario("Ctrl-C", (), ("out/sleep/100-0", "out/sleep/100-1"), interrupt(signal.SIGINT), 60),
    Scenario("SIGTERM", (), ("out/sleep/100-0", "out/sleep/100-1"), interrupt(signal.SIGTERM), 60),
)


def play(scenario: Scenario, executor: str, python: str, slurm: Cluster) -> Row:
    """Run one scenario in a folder of its own."""
    flow = Flow(Path(tempfile.mkdtemp(prefix="matrix-")), slurm, EXECUTORS[executor], python)
    small = flow.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", small], check=True)
    targets = (*scenario.done, *scenario.failed)
    try:
        words = (scenario.words or {}).get(executor.partition("-")[0], ())
        flow.start(*targets, *words, lagging=scenario.lagging)
        wait_for(lambda: flow.starts or flow.heads[-1].poll() is not None, 120, "the first job")
        if scenario.fault is not Scenario.fault:
            flow.wait_for_starts(*targets, seconds=60)
        begin = time.monotonic()
        scenario.fault(flow, slurm)
        wrong = _wrong(scenario, flow, begin)
        return Row(scenario.name, wrong, time.monotonic() - begin)
    finally:
        flow.close()
        slurm.mend()
        slurm.clear()
        subprocess.run(["umount", "--lazy", small], check=True)
        shutil.copy(flow.folder / "head.log", f"{scenario.name.replace(' ', '-').replace('`', '')}-{executor}.log")
        shutil.rmtree(flow.folder)


def _wrong(scenario: Scenario, flow: Flow, begin: float) -> list[str]:
    try:
        flow.heads[-1].wait(max(1.0, scenario.bound - (time.monotonic() - begin)))
    except subprocess.TimeoutExpired:
        return [f"hangs (over {scenario.bound:.0f} s)"]
    wrong = []
    lost = [output for output in scenario.done if not flow.has(output)]
    if lost:
        wrong.append(f"{len(lost)} of {len(scenario.done)} results lost")
    repeated = {output for output in scenario.done if _repeats(flow.steps(output))}
    twice = {output for output in scenario.done if flow.ends[output] > 1}
    if scenario.repeats and not repeated:
        wrong.append("no step done again")
    if twice := twice if scenario.repeats else twice | repeated:
        wrong.append(f"{len(twice)} run twice")
    if any(flow.has(output) for output in scenario.failed):
        wrong.append("a failed job left its result")
    if bool(scenario.failed) != bool(flow.heads[-1].returncode):
        wrong.append(f"exit status {flow.heads[-1].returncode}")
    left = flow.slurm.queue()
    if left:
        wrong.append(f"{len(left)} jobs left in the queue")
    return wrong


def _repeats(steps: list[int]) -> bool:
    return len(steps) > len(set(steps))


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    executor = sys.argv[1]
    python = sys.argv[2] if len(sys.argv) > 2 else sys.executable
    wanted = sys.argv[3:]
    rows = []
    with cluster_by_hand(min_job_age=300) as slurm:
        for scenario in SCENARIOS:
            if wanted and not any(word in scenario.name for word in wanted):
                continue
            try:
                row = play(scenario, executor, python, slurm)
            except Exception as error:  # one scenario that cannot be played must not cost the others
                row = Row(scenario.name, [f"not played: {error}"[:200]], 0)
            rows.append(row)
            print(f"| {row.name} | {'; '.join(row.wrong) or 'as it should'} | {row.seconds:.0f} s |", flush=True)
    Path(f"matrix-{executor}.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    main()
