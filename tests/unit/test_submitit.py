"""The executor plugin without a cluster: what a job asks for, packs, and real workflows on the local twin."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit import executor
from snakemake_executor_plugin_submitit.clusters import Debug, Local, NotNowError, Slurm, _refusal, own_environment
from snakemake_executor_plugin_submitit.outcomes import Outcome, Outcomes, pack_of
from snakemake_executor_plugin_submitit.pace import Pace
from snakemake_executor_plugin_submitit.pack import JobFailed, Pack, Single, Task
from snakemake_executor_plugin_submitit.request import Request, request_of
from snakemake_executor_plugin_submitit.settings import ExecutorSettings

SNAKEFILE = """
import os

rule quick:
    output: "out/{n}"
    shell: "echo {wildcards.n} >> starts; test {wildcards.n} != bad; echo {wildcards.n} > {output}"

rule slow:
    output: "slow/{n}"
    shell: "echo slow{wildcards.n} >> starts; sleep 20; mkdir -p slow; touch {output}"

rule member:
    output: "member/{n}"
    shell: "echo {wildcards.n} >> starts; if test -e first; then test -e stopped || sleep 60; fi; touch first {output}"

rule process:
    output: "process/{n}"
    shell:
        "begin=$(date +%s.%N); sleep 0.2; echo $SUBMITIT_LOCAL_JOB_ID > {output}; echo $begin $(date +%s.%N) >> spans"

rule gpu:
    output: "gpu/{n}"
    resources: gpu=1
    shell: "echo $CUDA_VISIBLE_DEVICES > {output}.tmp; sleep 2; mv {output}.tmp {output}"

rule script:
    output: "script/{n}"
    script: "job.py"
"""
SCRIPT = """
import json, os, sys
from pathlib import Path
known = {"parent": os.getppid(), "loaded": "colorsys" in sys.modules, "n": snakemake.wildcards.n}
Path(snakemake.output[0]).write_text(json.dumps(known))
sys.exit("no such thing" if snakemake.wildcards.n == "bad" else 0)
"""

ONE_PROCESS = ("--submitit-processors", "1")


def asked(**resources: object) -> Request:
    job = SimpleNamespace(name="train", threads=2, resources=resources)
    return request_of(job)  # type: ignore[arg-type]


class TestRequest:
    def test_resources_become_options_of_sbatch(self) -> None:
        request = asked(mem_mb=500, runtime=7, gpu=2, gpu_model="a100", slurm_partition="p", slurm_account="a", qos="q")
        assert (request.minutes, request.threads, request.mem_mb, request.gpus) == (7, 2, 500, 2)
        assert dict(request.slurm) == {"gpus": "a100:2", "partition": "p", "account": "a", "qos": "q"}

    def test_nodes_constraints_and_other_options_become_options_of_sbatch_too(self) -> None:
        request = asked(nodes=2, constraint="a100&nvme", slurm_extra="--exclude=n[1-2] --exclusive")
        told = {"nodes": "2", "constraint": "a100&nvme", "exclude": "n[1-2]", "exclusive": ""}
        assert dict(request.slurm) == told

    def test_a_model_alone_means_one_gpu(self) -> None:
        assert dict(asked(gpu_model="h100").slurm) == {"gpus": "h100:1"}

    @pytest.mark.parametrize(
        ("gres", "gpus"), [("gpu:1", 1), ("gpu:a100:2", 2), ("gpu", 1), ("license:3", 0), ("gpu:1,license:3", 1)]
    )
    def test_gres_is_passed_on_and_its_gpus_are_counted(self, gres: str, gpus: int) -> None:
        assert asked(gres=gres).gpus == gpus
        assert dict(asked(gres=gres).slurm) == {"gres": gres}

    @pytest.mark.parametrize(
        ("resources", "words"),
        [
            ({"gpu": 1, "gres": "gpu:1"}, "give one of them"),
            ({"gpu_model": "a b"}, "is no model"),
            ({"slurm_extra": "--time=5"}, "may not set --time"),
            ({"slurm_extra": "-p gpu"}, "write every option as --name"),
            ({"slurm_extra": "--clusters=all"}, "may not set --clusters"),
            ({"gpu": "one"}, "resource gpu='one'; allowed are whole numbers"),
            ({"mem_mb": -1}, "resource mem_mb=-1; allowed are whole numbers"),
        ],
    )
    def test_what_means_nothing_is_told(self, resources: dict[str, object], words: str) -> None:
        with pytest.raises(WorkflowError, match=words):
            asked(**resources)

    @pytest.mark.parametrize(("minutes", "seconds"), [(1, 20), (2, 40), (10, 60)])
    def test_a_short_job_gets_its_signal_late_all_the_same(self, minutes: int, seconds: int) -> None:
        assert asked(runtime=minutes).lead(60) == seconds


def test_an_allocation_lasts_as_long_as_its_jobs_one_after_another() -> None:
    request = asked(runtime=7, mem_mb=500)
    packs = [["a", "b", "c"], ["d"]]  # of an array, whose tasks have one time limit
    lasting = executor.Submission("mark", request, packs).lasting  # type: ignore[arg-type]
    assert lasting == replace(request, minutes=21)


class TestRefusals:
    @pytest.mark.parametrize(
        ("said", "is_too_many"),
        [
            (
                "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed",
                True,
            ),
            ("sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates", True),
            ("sbatch: error: AssocGrpSubmitJobsLimit\nsbatch: error: Batch job submission failed: Job violates", True),
            ("sbatch: error: Batch job submission failed: Resource temporarily unavailable", True),
            ("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", False),
            ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", False),
            ("sbatch: error: Batch job submission failed: Zero Bytes were transmitted or received", False),
            ("sbatch: error: Batch job submission failed: Slurm backup controller in standby mode", False),
        ],
    )
    def test_limits_and_an_absent_controller_pass(self, said: str, is_too_many: bool) -> None:
        refusal = _refusal(said)
        assert isinstance(refusal, NotNowError)
        assert refusal.is_too_many == is_too_many

    @pytest.mark.parametrize(
        "said",
        [
            "sbatch: error: invalid partition specified: nowhere\nsbatch: error: Batch job submission failed: Invalid",
            "sbatch: error: invalid partition specified: standby\nsbatch: error: Batch job submission failed: Invalid",
            "sbatch: error: invalid partition specified: SubmitLimit\nsbatch: error: Batch job submission failed: No",
            "sbatch: error: QOSMaxWallDurationPerJobLimit\nsbatch: error: Batch job submission failed: Job violates",
            "[Errno 28] No space left on device",
        ],
    )
    def test_others_do_not(self, said: str) -> None:
        refusal = _refusal(said)
        assert not isinstance(refusal, NotNowError)
        assert said.splitlines()[0].removeprefix("sbatch: error: ") in str(refusal)

    def test_too_many_are_halved_at_once_and_one_is_tried_later(self) -> None:
        pace = Pace(60, 300)
        pace.refused(16, is_too_many=True)
        assert (pace.most, pace.is_pause) == (8, False)
        pace.taken()
        assert pace.most == 16
        pace.refused(1, is_too_many=True)
        assert pace.is_pause

    def test_an_absent_controller_is_asked_later_whatever_the_number(self) -> None:
        pace = Pace(60, 300)
        pace.refused(16, is_too_many=False)
        assert pace.is_pause
        assert pace.most > 1000


def test_a_submission_knows_nothing_of_the_job_that_the_head_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    outer = {"SLURM_MEM_PER_CPU": "1", "SLURM_JOB_END_TIME": "5", "SBATCH_TIMELIMIT": "1", "SBATCH_PARTITION": "mine"}
    users = {"SLURM_CONF": "/etc/own.conf", "SBATCH_ACCOUNT": "lab"}
    for name, value in (outer | users).items():
        monkeypatch.setenv(name, value)
    with own_environment({"partition"}):
        assert not outer.keys() & os.environ.keys()
        assert users.items() <= dict(os.environ).items()
    assert (outer | users).items() <= dict(os.environ).items()


class TestPack:
    def pack(self, folder: Path, *commands: str) -> Pack:
        tasks = [Task(str(number), command) for number, command in enumerate(commands)]
        return Pack(folder, tasks, minutes=10, signal_seconds=5, max_requeues=1)

    @pytest.fixture(autouse=True)
    def _handlers(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in (signal.SIGUSR2, signal.SIGTERM)}
        yield
        for number, handler in before.items():
            signal.signal(number, handler)
        os.environ.pop("SLURM_JOB_END_TIME", None)

    def test_every_job_has_its_own_end_and_its_own_log(self, tmp_path: Path) -> None:
        self.pack(tmp_path, "echo one", "echo two; exit 3", "kill -9 $$", "echo four")()
        found = [Outcomes(tmp_path / "outcomes").read(str(number)) for number in range(4)]
        assert [outcome.exit for outcome in found if outcome] == [0, 3, -9, 0]
        assert found[2] is not None
        assert "SIGKILL" in found[2].reason
        assert (tmp_path / "logs/1.log").read_text() == "two\n"

    def test_a_single_job_that_fails_fails_its_allocation_even_at_the_end_of_its_time(self, tmp_path: Path) -> None:
        single = Single(tmp_path, [Task("0", "exit 3")], minutes=10, signal_seconds=5, max_requeues=1)
        with pytest.raises(JobFailed, match="0: exit status 3"):
            single()
        with pytest.raises(JobFailed):
            single.checkpoint()

    def test_what_has_an_outcome_is_not_run_again(self, tmp_path: Path) -> None:
        Outcomes(tmp_path / "outcomes").write("0", Outcome(1))
        self.pack(tmp_path, f"touch {tmp_path}/again", f"touch {tmp_path}/first")()
        assert [(tmp_path / name).exists() for name in ("again", "first")] == [False, True]

    def test_what_has_ended_is_not_queued_again_though_the_head_removed_its_outcome(self, tmp_path: Path) -> None:
        pack = self.pack(tmp_path, "true")
        pack()
        Outcomes(tmp_path / "outcomes").forget({pack_of("0")})
        with pytest.raises(SystemExit):
            pack.checkpoint()

    def test_a_job_that_ends_with_its_allocation_has_not_failed(self, tmp_path: Path) -> None:
        with pytest.raises(SystemExit):
            self.pack(tmp_path, f"kill {os.getpid()}; sleep 0.2; exit 1", f"touch {tmp_path}/next")()
        assert list(Outcomes(tmp_path / "outcomes").keys()) == []
        assert not (tmp_path / "next").exists()

    @pytest.mark.parametrize(("before", "goes_on"), [(20, True), (500, False)])
    def test_a_job_that_stops_shortly_before_the_end_by_itself_goes_on_later(
        self, tmp_path: Path, before: float, goes_on: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A cell knows when its allocation ends; a failure long before is one."""
        pack = self.pack(tmp_path, f"touch {tmp_path}/stopped; exit 1")
        signal.signal(signal.SIGUSR2, lambda number, frame: sys.exit(number))
        begin = time.time()
        stopped = tmp_path / "stopped"
        clock = SimpleNamespace(time=lambda: begin + (600 - before if stopped.exists() else 0))
        monkeypatch.setattr("snakemake_executor_plugin_submitit.pack.time", clock)
        if goes_on:
            with pytest.raises(SystemExit):
                pack()
            assert pack.checkpoint() is not None
        else:
            pack()
        assert list(Outcomes(tmp_path / "outcomes").keys()) == ([] if goes_on else ["0"])

    def test_each_debug_pack_has_an_end_of_its_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SLURM_JOB_END_TIME", raising=False)
        ends = []
        for minutes in (1, 100):
            command = f"echo $SLURM_JOB_END_TIME > {tmp_path}/{minutes}"
            pack = Pack(tmp_path, [Task(str(minutes), command)], minutes=minutes, signal_seconds=5, max_requeues=1)
            Debug(tmp_path, ExecutorSettings()).submit([pack], asked(), "")
            ends.append(int((tmp_path / str(minutes)).read_text()))
            assert "SLURM_JOB_END_TIME" not in os.environ  # a cell that this process trains next has no end
        assert ends[1] - ends[0] > 90 * 60

    def test_a_job_that_stops_on_the_signal_goes_on_later(self, tmp_path: Path) -> None:
        queued: list[int] = []

        def queue_again(number: int, frame: object) -> None:
            queued.append(number)
            raise SystemExit

        signal.signal(signal.SIGUSR2, queue_again)
        script = tmp_path / "job.py"
        script.write_text(
            "import os, signal, sys, time\n"
            "signal.signal(signal.SIGUSR2, lambda *_: sys.exit(1))\n"
            "os.kill(int(sys.argv[1]), signal.SIGUSR2)\n"
            "time.sleep(30)\n"
        )
        pack = self.pack(tmp_path, f"exec {sys.executable} {script} {os.getpid()}", f"touch {tmp_path}/next")
        started = time.monotonic()
        with pytest.raises(SystemExit):
            pack()
        assert time.monotonic() - started < 5
        assert queued == [signal.SIGUSR2]
        assert list(Outcomes(tmp_path / "outcomes").keys()) == []
        assert not (tmp_path / "next").exists()
        assert pack.checkpoint() is not None


def test_a_job_is_submitted_once_though_two_threads_hand_out_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler brings jobs just when the thread that looks for ends has seen one."""
    made = executor.Executor.__new__(executor.Executor)
    submitted: list[str] = []
    monkeypatch.setattr(made, "_settings", ExecutorSettings(), raising=False)
    monkeypatch.setattr(made, "_submitting", threading.Lock(), raising=False)
    monkeypatch.setattr(made, "_cluster", SimpleNamespace(longest_array=9, room=lambda request: None), raising=False)
    monkeypatch.setattr(made, "_pace", Pace(1, 1), raising=False)
    monkeypatch.setattr(made, "_is_over", False, raising=False)
    monkeypatch.setattr(made, "_waiting", [("request", "old")], raising=False)
    monkeypatch.setattr(made, "_find_unanswered", lambda: True)
    monkeypatch.setattr(made, "_adopt", lambda jobs: {})
    monkeypatch.setattr(made, "run_job_pre", lambda job: None)
    monkeypatch.setattr(made, "_submit", lambda request, packs: submitted.extend(map("".join, packs)) or True)
    monkeypatch.setattr(executor, "request_of", lambda job: time.sleep(0.2) or "request")
    other = threading.Timer(0.1, made._submit_waiting)
    other.start()
    made.run_jobs(["new"])  # type: ignore[list-item]
    other.join()
    assert sorted(submitted) == ["new", "old"]


@pytest.mark.parametrize(
    ("threads", "taken", "room"),
    [(1, [], (3, 3)), (2, [], (1, 1)), (4, [], (1, 1)), (2, [1], (1, 1)), (4, [1], (0, 1))],
)
def test_processes_share_the_processors(
    threads: int, taken: list[int], room: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = Local(tmp_path, ExecutorSettings(processors=3))
    monkeypatch.setattr(twin, "_is_alive", lambda id: True)
    for number, other in enumerate(taken):
        twin.adopt(str(number), replace(asked(), threads=other))
    found = twin.room(replace(asked(), threads=threads))
    assert (found.now, found.in_all) == room


def test_fewer_processors_than_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="--submitit-processors -1"):
        Local(tmp_path, ExecutorSettings(processors=-1))


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "job.py").write_text(SCRIPT)
    return tmp_path


def head(flow: Path, *words: str, cluster: str = "local") -> subprocess.Popen[str]:
    common = ["--executor", "submitit", "--submitit-cluster", cluster]
    common += ["--jobs", "20", "--keep-going", "--nolock", "--rerun-incomplete"]
    command = [sys.executable, "-m", "snakemake", *common, *words]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "4,7"}
    log = (flow / "head.log").open("a")
    return subprocess.Popen(command, cwd=flow, env=environment, stdout=log, stderr=log, start_new_session=True)


def starts(flow: Path) -> list[str]:
    file = flow / "starts"
    return sorted(file.read_text().split()) if file.exists() else []


def submitted(flow: Path) -> list[Path]:
    return list((flow / ".snakemake/submitit/jobs").glob("*_submitted.pkl"))


def worker_of(job: str) -> int:
    """The process that runs the pack of a local job."""
    return int(Path(f"/proc/{job}/task/{job}/children").read_text())


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
class TestLocalTwin:
    def test_a_failing_member_of_a_pack_costs_only_itself(self, flow: Path) -> None:
        code = head(flow, "out/1", "out/bad", "out/2", *ONE_PROCESS, "--submitit-pack", "3", "--retries", "1").wait(120)
        assert code == 1
        assert sorted(file.name for file in (flow / "out").iterdir()) == ["1", "2"]
        assert starts(flow) == ["1", "2", "bad", "bad"]
        assert "exit status 1" in (flow / "head.log").read_text()
        assert len(submitted(flow)) == 2  # both attempts had a failure: their files may tell more

    def test_packs_leave_no_processor_idle(self, flow: Path) -> None:
        targets = [f"process/{number}" for number in range(5)]
        assert head(flow, *targets, "--submitit-processors", "2", "--submitit-pack", "10").wait(120) == 0
        packs = Counter((flow / target).read_text() for target in targets)
        assert sorted(packs.values()) == [2, 3]

    def test_a_new_head_knows_who_is_at_work(self, flow: Path) -> None:
        first = head(flow, "slow/1", *ONE_PROCESS)
        wait_for(lambda: starts(flow) == ["slow1"])
        first.kill()
        first.wait()
        second = head(flow, "slow/1", "process/1", *ONE_PROCESS)
        wait_for((flow / "process/1").exists)
        assert (flow / "slow/1").exists(), "it waited for the processor"
        assert second.wait(60) == 0

    def test_what_comes_one_by_one_is_packed_while_it_waits(self, flow: Path) -> None:
        """Snakemake hands out a job whenever one ends: they gather behind the process that is at work."""
        targets = [f"process/{number}" for number in range(8)]
        words = (*ONE_PROCESS, "--submitit-pack", "4", "--jobs", "4")
        assert head(flow, *targets, *words).wait(120) == 0
        packs = Counter((flow / target).read_text() for target in targets)
        assert len(packs) <= 4
        spans = [tuple(map(float, line.split())) for line in (flow / "spans").read_text().splitlines()]
        assert all(end <= begin for (_, end), (begin, _) in pairwise(sorted(spans)))

    def test_jobs_at_the_same_time_have_different_gpus(self, flow: Path) -> None:
        assert head(flow, "gpu/1", "gpu/2", "gpu/3").wait(120) == 0
        given = [(flow / "gpu" / str(number)).read_text().strip() for number in (1, 2, 3)]
        assert set(given) == {"4", "7"}
        assert not submitted(flow)  # nothing is left of what went well

    def test_a_new_head_adopts_the_jobs_of_a_killed_one(self, flow: Path) -> None:
        first = head(flow, "slow/1", "slow/2")
        while len(starts(flow)) < 2 and first.poll() is None:
            time.sleep(0.1)
        first.kill()
        first.wait()
        assert head(flow, "slow/1", "slow/2").wait(120) == 0
        assert starts(flow) == ["slow1", "slow2"]
        assert "was submitted before" in (flow / "head.log").read_text()

    @pytest.mark.parametrize("is_killed", [False, True])
    def test_a_pack_that_is_queued_again_does_not_repeat_what_was_reported(self, flow: Path, is_killed: bool) -> None:
        """By a head that goes on, and by one that was killed meanwhile and started again."""
        words = ("member/1", "member/2", *ONE_PROCESS, "--submitit-pack", "2", "--submitit-signal-seconds", "1")
        follower = head(flow, *words)
        ledger = flow / ".snakemake/submitit/ledger"
        wait_for(lambda: len(starts(flow)) == 2 and len(list(ledger.iterdir())) == 1)
        outcomes = flow / ".snakemake/submitit/outcomes"
        assert len(list(outcomes.iterdir())) == 1  # what a pack knows that Slurm itself starts again
        if is_killed:
            follower.kill()
            follower.wait()
        (flow / "stopped").touch()
        os.kill(worker_of(submitted(flow)[0].name.partition("_")[0]), signal.SIGUSR2)
        if is_killed:
            follower = head(flow, *words)
        assert follower.wait(120) == 0
        assert sorted(Counter(starts(flow)).values()) == [1, 2]  # the one that was stopped started twice
        assert not list(outcomes.iterdir())

    def test_the_end_of_the_head_is_the_end_of_its_jobs(self, flow: Path) -> None:
        only = head(flow, "slow/1")
        while not starts(flow):
            time.sleep(0.1)
        only.terminate()
        assert only.wait(30) == 1
        time.sleep(7)
        assert not (flow / "slow/1").exists()

    def test_scripts_are_forked_from_a_process_that_has_their_modules(self, flow: Path) -> None:
        words = (
            "script/1",
            "script/2",
            "script/bad",
            *ONE_PROCESS,
            "--submitit-pack",
            "3",
            "--submitit-preload",
            "colorsys",
        )
        assert head(flow, *words).wait(120) == 1
        found = [json.loads((flow / "script" / number).read_text()) for number in "12"]
        assert [one["loaded"] for one in found] == [True, True]
        assert len({one["parent"] for one in found}) == 1  # the process of the allocation
        assert not (flow / "script/bad").exists()


PROFILE = Path(__file__).parents[2] / "profiles/slurm/config.yaml"
ASKING = """
rule:
    name: config["rule"]
    output: "out"
    params: asked=lambda wildcards, resources: [resources.get(name) for name in config["names"].split()]
    shell: "echo asks {params.asked}"
"""


@pytest.mark.parametrize(
    ("rule", "asked"), [("train", "gpu gpu:1 None a100"), ("baseline", "cpu None None a100"), ("evaluate", "cpu None")]
)
def test_the_lines_of_the_profile_that_are_comments_mean_what_they_say(rule: str, asked: str, tmp_path: Path) -> None:
    lines = [line for line in PROFILE.read_text().splitlines(keepends=True) if line != "    gpu: 1\n"]
    commented = re.compile(r"^( +)# ( *\w+:( \"|$))", re.MULTILINE)
    text, count = commented.subn(r"\1\2", "".join(lines))
    assert count == 9
    (tmp_path / "config.yaml").write_text(text)
    (tmp_path / "Snakefile").write_text(ASKING)
    names = ["slurm_partition", "gres", "gpu", "constraint"][: len(asked.split())]
    words = ["-n", "-p", "--profile", ".", "--config", f"rule={rule}", f"names={' '.join(names)}"]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert f"echo asks {asked}\n" in done.stdout.decode()


@pytest.mark.slow
def test_debug_runs_jobs_one_after_another_and_one_that_fails_costs_only_itself(
    flow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBMITIT_LOCAL_JOB_ID", "none")  # which the rule asks for, and debug jobs have none
    assert head(flow, "process/1", "process/2", "out/bad", "out/1", cluster="debug").wait(120) == 1
    assert sorted(path.name for folder in ("process", "out") for path in (flow / folder).iterdir()) == ["1", "1", "2"]
    assert starts(flow) == ["1", "bad"]
    (_, end), (begin, _) = sorted(line.split() for line in (flow / "spans").read_text().splitlines())
    assert float(end) <= float(begin)
    assert "exit status 1" in (flow / "head.log").read_text()


#: Takes one job at a time, runs it at once, and answers as the files `lost` and `away` in its folder say.
FAKE = {
    "sbatch": """
        for file; do :; done
        id=$(($(cat sbatches | wc -l) + 100))
        echo $id >> sbatches
        sed -n "s/^#SBATCH --comment=//p" "$file" > jobs/$id
        cp "$file" script$id
        (cd ..; SLURM_JOB_ID=$id setsid sh slurm/script$id; rm slurm/jobs/$id) > /dev/null 2>&1 &
        test -e lost && rm lost && say "Batch job submission failed: Socket timed out on send/recv operation"
        echo "Submitted batch job $id"
    """,
    "squeue": """
        test -z "$SLURM_CLUSTERS" || say "a cluster that no job was submitted to"
        test -z "$SQUEUE_STATES" || exit 0
        echo "CLUSTER: tests"
        test -e away && say "Unable to contact slurm controller (connect failure)"
        for id in $(ls jobs); do
            case "$*" in *%k*) echo "$id|N/A|$(cat jobs/$id)";; *) echo "$id|N/A|$id|None";; esac
        done
    """,
    "scancel": """
        test -z "$SLURM_CLUSTERS$SCANCEL_STATE" || say "a cluster that no job was submitted to"
        echo "$@" >> scancels
        test -e away && say "Unable to contact slurm controller (connect failure)"
        exit 0
    """,
    "srun": f"""
        until test "$1" = {sys.executable}; do shift; done
        exec "$@"
    """,
    "scontrol": "exit 1",
    "sacct": "exit 1",
}


@pytest.fixture
def slurm(flow: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a Slurm of shell scripts."""
    folder = flow / "slurm"
    (folder / "jobs").mkdir(parents=True)
    (folder / "sbatches").touch()
    (flow / "bin").mkdir()
    for name, script in FAKE.items():
        place = "" if name == "srun" else f"cd {folder}"
        say = f'say() {{ echo "{name}: error: $1" >&2; exit 1; }}'
        (flow / "bin" / name).write_text(f"#!/bin/sh\n{place}\n{say}\n{script}")
        (flow / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{flow}/bin:{os.environ['PATH']}")
    return folder


class TestSlurmThatFails:
    @pytest.mark.slow
    def test_a_submission_whose_answer_was_lost_is_followed_and_not_repeated(self, flow: Path, slurm: Path) -> None:
        (slurm / "lost").touch()
        assert head(flow, "out/1", "out/2", "--submitit-pack", "2", cluster="slurm").wait(120) == 0
        assert starts(flow) == ["1", "2"]
        assert len((slurm / "sbatches").read_text().split()) == 1
        assert "Socket timed out" in (flow / "head.log").read_text()

    def test_variables_do_not_send_questions_elsewhere_than_jobs(
        self, flow: Path, slurm: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("SLURM_CLUSTERS", "SQUEUE_STATES", "SCANCEL_STATE"):
            monkeypatch.setenv(name, "other")
        asked = Slurm(flow / ".snakemake/submitit", ExecutorSettings())
        (slurm / "jobs/7").write_text("snakemake-0123456789ab")
        assert asked.present({"7"}) == {"7"}
        assert asked.marked() == {("snakemake-0123456789ab", 0): "7"}
        asked.cancel({"7"})
        assert (slurm / "scancels").read_text() == "--quiet 7\n"

    @pytest.mark.slow
    @pytest.mark.parametrize("is_away", [True, False])
    def test_jobs_that_could_not_be_cancelled_are_told_and_kept_in_mind(
        self, flow: Path, slurm: Path, is_away: bool
    ) -> None:
        only = head(flow, "slow/1", cluster="slurm")
        wait_for(lambda: starts(flow))
        if is_away:
            (slurm / "away").touch()
        only.terminate()
        assert only.wait(30) == 1
        assert (slurm / "scancels").read_text() == "--quiet 100\n"
        told = "End them with: scancel 100" in (flow / "head.log").read_text()
        assert told == is_away
        assert len(list((flow / ".snakemake/submitit/ledger").iterdir())) == is_away
        if is_away:
            (slurm / "away").unlink()
            assert head(flow, "slow/1", cluster="slurm").wait(60) == 0
            assert starts(flow) == ["slow1"]
