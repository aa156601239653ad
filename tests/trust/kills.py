"""Kill anywhere: processes killed with -9 at random moments; the next run completes and ends with the same bits.

By hand, from the folder ``tests``: ``python -m trust.kills --moments 200``. Half of the moments are spread over the
time that an undisturbed run takes, half are just before or after a file gets its name. Most kill a process forked for
one cell, one fetch into the cache or one report; every twelfth kills a part of a whole run of Snakemake. What came
after is compared with an undisturbed run: weights and images byte by byte, records and curves without their times.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd
from workflow.conftest import Project, _project

from sirenbench import records
from sirenbench.adhoc import fetch_assets, job_of
from sirenbench.assets.status import read_status, sha256_of, write_status
from sirenbench.assets.store import fetch
from sirenbench.claims.judge import write_claims
from sirenbench.collect import collect
from sirenbench.config.assets import ZipMemberSource
from sirenbench.engine import checkpoint
from sirenbench.partial import report_what_is_there
from sirenbench.records import read_record
from sirenbench.report.build import render
from sirenbench.worker.job import CellJob, run
from sirenbench.worker.train import train
from sirenbench.workflow import Workflow
from trust.trap import Trap, set_trap, start_up

EVERY_STEP = 1e-9  # minutes between two checkpoints
CELLS = (
    "fit/tile-16/siren-2x16/steps=200/replicates=2",
    "poisson/tile-16/siren-1x8/steps=150/replicates=2",
    "activations/tile-16/siren-1x8/steps=100/replicates=2",
    "sr/tile-16-x2/siren-1x8/steps=100/replicates=2",
)
WHOLE = tuple(f"fit/tile-16/{arm}/steps=400/replicates=2" for arm in ("siren-1x8", "siren-2x8", "relu-1x8"))
CONFIG = {
    "run": "small",
    "device": "cpu",
    "checkpoint_minutes": EVERY_STEP,
    "images": {"tile": {"path": "tile.png"}},
    "studies": {
        "fitting": {
            "title": "A study",
            "grid": {"task": "fit", "image": "tile", "size": 16, "arm": ["siren", "relu"], "depth": 1, "width": 8}
            | {"steps": 60, "replicates": 2},
        }
    },
}
MADE = ("results.parquet", "results.csv", "run.json", "claims.json", "report.html")
PACKED = (
    *("--executor", "submitit", "--submitit-cluster", "local", "--submitit-pack", "3", "--jobs", "2"),
    *("--submitit-processors", "1"),
    *("--submitit-preload", "snakemake.script,sirenbench.workflow,sirenbench.worker.train"),
)


@dataclass(frozen=True)
class Moment:
    """When to kill: so many seconds after the start, or where the trap is."""

    seconds: float = 0.0
    trap: Trap | None = None

    def __str__(self) -> str:
        if self.trap is None:
            return f"after {self.seconds:.3f} s"
        return f"{'after' if self.trap.is_after else 'before'} rename {self.trap.count} to {self.trap.pattern}"


@dataclass
class Ending:
    """How the run after a kill ended beside an undisturbed one; everything is empty if all is well.

    Attributes
    ----------
    lost
        What is not there in the end.
    wrong
        What is there, and is another.
    left
        Files and folders that nobody needs any more.
    """

    scene: str
    moment: Moment
    lost: list[str]
    wrong: list[str]
    left: list[str]


class Scene(ABC):
    """Something to be killed at.

    Attributes
    ----------
    kind
        Under which it is counted.
    points
        Patterns of the files whose renames are moments to kill at, with how often each is renamed, at most.
    """

    kind: str
    points: Mapping[str, int]

    def __init__(self) -> None:
        with scratch() as folder:
            self.prepare(folder)
            began = time.monotonic()
            problems = self.complete(folder)
            assert not problems, problems
            self.seconds = time.monotonic() - began
            self.expected = self.found(folder)

    @abstractmethod
    def prepare(self, folder: Path) -> None:
        """Make an empty folder ready."""

    @abstractmethod
    def killed(self, folder: Path, moment: Moment) -> bool:
        """Start, and kill; False if it had ended before."""

    @abstractmethod
    def complete(self, folder: Path) -> list[str]:
        """The next run, which must end well; tells what it could not go on from, and should."""

    @abstractmethod
    def found(self, folder: Path) -> dict[str, str]:
        """What there is in the end, to be compared."""

    def moments(self, number: int, draw: random.Random) -> Iterator[Moment]:
        """So many: every other one anywhere in the time it takes, the others at the points in turn."""
        points = [(pattern, is_after) for pattern in self.points for is_after in (False, True)]
        draw.shuffle(points)
        for index in range(number):
            if index % 2:
                pattern, is_after = points[index // 2 % len(points)]
                yield Moment(trap=Trap(pattern, is_after, draw.randint(1, self.points[pattern])))
            else:
                yield Moment(draw.uniform(index, index + 2) / (number + 1) * self.seconds)

    def try_at(self, moment: Moment) -> Ending:
        """Kill it at a moment, or earlier if it is over by then, run it again and compare."""
        while True:
            with scratch() as folder:
                self.prepare(folder)
                if self.killed(folder, moment):
                    lost = self.complete(folder)
                    found = self.found(folder)
                    lost += sorted(self.expected.keys() - found.keys())
                    wrong = [key for key, value in found.items() if value != self.expected.get(key)]
                    left = [str(path.relative_to(folder)) for path in leftovers(folder)]
                    return Ending(self.kind, moment, lost, wrong, left)
            moment = Moment((moment.seconds or self.seconds) / 2)  # it was over before, or never came to that file


class Forked(Scene):
    """Work of one process, forked from this one, which has the modules already."""

    def work(self, folder: Path) -> None:
        """What the process does that is killed."""
        self.finish(folder)

    @abstractmethod
    def finish(self, folder: Path) -> None:
        """What the next run does."""

    def killed(self, folder: Path, moment: Moment) -> bool:
        traps = folder / "trap"
        traps.mkdir()

        def trapped() -> None:
            if moment.trap:
                set_trap(moment.trap, traps)
            self.work(folder)

        child, began = forked(trapped), time.monotonic()
        while not (traps / "hit").exists() and (moment.trap or time.monotonic() - began < moment.seconds):
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.0005)
        os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL

    def complete(self, folder: Path) -> list[str]:
        code = os.waitstatus_to_exitcode(os.waitpid(forked(lambda: self.finish(folder)), 0)[1])
        return [] if code == 0 else [f"the next run ended with exit status {code}"]


class Cell(Forked):
    """The training of a cell that writes a checkpoint after every step."""

    kind = "training cell"

    def __init__(self, job: CellJob) -> None:
        self._job = job
        steps = int(job.spec["steps"])
        files = [records.IMAGES, records.CURVES, records.WEIGHTS, records.RECORD, records.PROGRESS]
        files += [records.ACTIVATIONS] if job.spec.task == "activations" else []
        self.points = {"*.safetensors": steps // 2, "*.safetensors.previous": steps // 2}
        self.points |= dict.fromkeys((f"*/{name}" for name in files), 1)
        super().__init__()

    def prepare(self, folder: Path) -> None:
        pass

    def finish(self, folder: Path) -> None:
        run(replace(self._job, results=folder / "results"), train)

    def complete(self, folder: Path) -> list[str]:
        results, name = folder / "results", self._job.spec.name
        record = records.folder_of(results, name) / records.RECORD
        record.unlink(missing_ok=True)  # as Snakemake does with the output of a job that did not end
        can_go_on = checkpoint.exists(checkpoint.path_of(results, name))
        lost = super().complete(folder)
        made = read_record(record).provenance
        assert made
        return [*lost, *(["the steps up to the checkpoint"] if can_go_on and not made.resumed else [])]

    def found(self, folder: Path) -> dict[str, str]:
        return numbers(folder / "results")


class Cache(Forked):
    """A file on its way into the cache of assets."""

    kind = "asset cache"
    points: Mapping[str, int] = {"*/files/*": 1, "*/first-seen/*": 1, "*/assets/thing.json": 1}

    def prepare(self, folder: Path) -> None:
        with zipfile.ZipFile(folder / "set.zip", "w") as archive:
            archive.writestr("thing.bin", random.Random(1).randbytes(20_000_000))

    def finish(self, folder: Path) -> None:
        asset = ZipMemberSource(source="zip-member", url=str(folder / "set.zip"), member="thing.bin", licence="none")
        write_status(folder / "assets/thing.json", fetch("thing", asset, folder / "cache", progress=False))

    def found(self, folder: Path) -> dict[str, str]:
        status = read_status(folder / "assets/thing.json")
        return {"state": status.state, "file": sha256_of(Path(str(status.path)))}


class Report(Forked):
    """The table, the verdicts and the page of a run, all of which the head process makes."""

    kind = "report"
    points: Mapping[str, int] = dict.fromkeys((f"*/{name}" for name in MADE), 1)

    def __init__(self, finished: Project) -> None:
        self._finished = finished
        super().__init__()

    def prepare(self, folder: Path) -> None:
        shutil.copytree(self._finished.folder, folder, dirs_exist_ok=True)

    def finish(self, folder: Path) -> None:
        os.chdir(folder)
        bench, results = Workflow(), Path("results")
        loaded, cells = bench.selected("small")
        collect(loaded.config, cells, results, results / "small", bench.configfiles)
        write_claims(loaded.config, cells, results, results / "small")
        render(results / "small", results)

    def found(self, folder: Path) -> dict[str, str]:
        made = folder / "results/small"
        page = made / "report.html"
        page.write_text(re.sub(r'<time id="rendered".*</time>', "", page.read_text()))
        return {name: sha256_of(made / name) for name in MADE}


class PartialReport(Report):
    """The page of a run that did not get to its end, which the head process makes before it ends."""

    kind = "report of what is there"

    def work(self, folder: Path) -> None:
        os.chdir(folder)
        report_what_is_there(Workflow(), "small")


class Whole(Scene):
    """A whole run of Snakemake, of which some processes are killed.

    Parameters
    ----------
    words
        Of Snakemake's command line.
    victims
        Which of the processes: told by its command line, and by whether it is the head.
    """

    def __init__(
        self, kind: str, words: Sequence[str], points: Mapping[str, int], victims: Callable[[str, bool], bool]
    ) -> None:
        self.kind, self.points, self._words, self._victims = kind, points, words, victims
        super().__init__()

    def prepare(self, folder: Path) -> None:
        folder.rmdir()
        _project(folder).configure(**CONFIG)

    def killed(self, folder: Path, moment: Moment) -> bool:
        traps = folder / "trap"
        head = self._start(folder, moment.trap)
        began = time.monotonic()
        victims: list[int] = []
        while not victims and head.poll() is None:
            is_time = time.monotonic() - began >= moment.seconds if moment.trap is None else (traps / "hit").exists()
            if is_time:
                victims = [pid for pid, line in processes(folder) if self._victims(line, pid == head.pid)]
            time.sleep(0.02)
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        (traps / "go").touch()
        head.wait(600)
        return bool(victims)

    def complete(self, folder: Path) -> list[str]:
        if list(folder.glob(".snakemake/locks/*")):
            self._start(folder, None, "--unlock").wait(600)
        code = self._start(folder, None).wait(900)
        deadline = time.monotonic() + 60
        while list(processes(folder)) and time.monotonic() < deadline:
            time.sleep(0.1)
        alive = [f"process {pid} is still there: {line}" for pid, line in processes(folder)]
        return alive if code == 0 else [f"the next run ended with exit status {code}: {_tail(folder)}", *alive]

    def found(self, folder: Path) -> dict[str, str]:
        return numbers(folder / "results")

    def _start(self, folder: Path, trap: Trap | None, *words: str) -> subprocess.Popen[bytes]:
        targets = words or [f"results/cells/{name}/cell.json" for name in WHOLE]
        environment = os.environ | start_up(folder / "trap", trap) | {MARK: str(folder)}
        with (folder / "head.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", *targets, *self._words],
                cwd=folder,
                env=environment | {"SIRENBENCH_CACHE": str(folder / "cache")},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


MARK = "TRUST_RUN"
_NAMES = ("*/cell.json", "*/images.npz", "*/curves.parquet", "*/weights.safetensors", "*/assets/*.json")
_OFTEN = {"*/checkpoints/*.safetensors": 200} | dict.fromkeys(_NAMES, 1)
_OURS = {"*/ledger/*.json": 4, "*/outcomes/*.json": 2, "*/jobs/*.pkl": 1}


def whole_scenes(word: str = "") -> Iterator[Whole]:
    """What is killed of whole runs, by kinds with that word: one job, an allocation, the head, and all at once."""
    local = ("--cores", "2")
    kinds: dict[str, tuple[Sequence[str], dict[str, int], Callable[[str, bool], bool]]] = {
        "job of a run": (local, _OFTEN, lambda line, is_head: "/.snakemake/scripts/" in line),
        "packed worker": (PACKED, _OFTEN | {"*/outcomes/*.json": 2}, lambda line, is_head: not is_head),
        "head, with its jobs left": (local, _OFTEN, lambda line, is_head: is_head),
        "head, with its packs left": (PACKED, _OFTEN | _OURS, lambda line, is_head: is_head),
        "everything at once": (PACKED, _OFTEN | _OURS, lambda line, is_head: True),
    }
    yield from (Whole(kind, *parts) for kind, parts in kinds.items() if word in kind)


def processes(folder: Path) -> Iterator[tuple[int, str]]:
    """Process ids and command lines of the run in a folder."""
    mark = f"{MARK}={folder}".encode()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (path / "environ").read_bytes().split(b"\0"):
                yield int(path.name), (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()


def numbers(results: Path) -> dict[str, str]:
    """What cells measured and wrote, without times; and that each record tells the files that are beside it."""
    found = {}
    for path in sorted((results / "cells").rglob(records.RECORD)):
        record = read_record(path)
        text = record.model_dump(mode="json", exclude={"cost", "provenance"})
        has_curves = text["files"].pop(records.CURVES, None)
        for reached in (ends["reached"] for one in text["replicates"] for ends in one["metrics"].values()):
            reached |= {level: at["step"] for level, at in reached.items() if at}
        found[f"{record.name}: record"] = json.dumps(text, sort_keys=True)
        if has_curves:
            curves = pd.read_parquet(path.parent / records.CURVES).drop(columns="seconds")
            found[f"{record.name}: curves"] = hashlib.sha256(curves.to_csv().encode()).hexdigest()
        others = [name for name, digest in record.files.items() if sha256_of(path.parent / name) != digest]
        found[f"{record.name}: files that are not those of the record"] = str(others)
    return found


def leftovers(folder: Path) -> list[Path]:
    """Temporary files and folders, and what only an unfinished cell has."""
    found = [path for path in sorted(folder.rglob("*")) if ".snakemake" not in path.parts and _is_left(path)]
    return [path for path in found if not set(path.parents) & set(found)]


def _is_left(path: Path) -> bool:
    is_unfinished = path.name in (records.PROGRESS, records.FAILURE) or "checkpoints" in path.parts
    return path.name.startswith((".", "tmp")) or (is_unfinished and path.is_file())


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one run."""
    with tempfile.TemporaryDirectory(prefix="kills-", ignore_cleanup_errors=True) as folder:
        inner = Path(folder) / "of a run"
        inner.mkdir()
        yield inner


def forked(work: Callable[[], object]) -> int:
    """Do something in a child; its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _tail(folder: Path) -> str:
    return "\n".join((folder / "head.log").read_text().splitlines()[-15:])


def finished(folder: Path) -> Project:
    """A project with trained cells and fetched assets, made by this process."""
    project = _project(folder / "a project")
    project.configure(**CONFIG)
    with chdir(project.folder):
        bench, results = Workflow(), Path("results")
        _, studies = bench.selected("small")
        names = [spec.name for specs in studies.values() for spec in specs]
        fetch_assets(names, bench, results)
        for name in names:
            run(job_of(name, bench, results), train)
    return project


def cells(project: Project, names: Sequence[str] = CELLS) -> Iterator[Cell]:
    """Cells that start from the assets of a finished project."""
    with chdir(project.folder):
        jobs = [job_of(name, Workflow(), Path("results").absolute()) for name in names]
    yield from map(Cell, jobs)


def shares(scenes: Sequence[Scene], moments: int) -> list[int]:
    """How many moments each scene gets: a twelfth is of whole runs, a tenth each of the cache and of reports."""
    parts = {Whole: 1 / 12, Cache: 1 / 10, Report: 1 / 20, PartialReport: 1 / 20}
    parts[Cell] = 1 - sum(parts.values())
    of = Counter(type(scene) for scene in scenes)
    present = sum(parts[kind] for kind in of)
    numbers = [round(moments * parts[type(scene)] / of[type(scene)] / present) for scene in scenes]
    numbers[0] += moments - sum(numbers)
    return numbers


def planned(scenes: Sequence[Scene], moments: int, draw: random.Random) -> list[tuple[Scene, Moment]]:
    """All moments, those of a scene spread over the whole: what is stopped early has tried some of everything."""
    numbers = zip(scenes, shares(scenes, moments), strict=True)
    plan = [
        ((index + 0.5) / number, scene, moment)
        for scene, number in numbers
        for index, moment in enumerate(scene.moments(number, draw))
    ]
    return [(scene, moment) for _, scene, moment in sorted(plan, key=lambda one: one[0])]


def table(endings: Sequence[Ending]) -> str:
    """A row for each kind."""
    lines = ["| killed | moments | results lost | wrong results | files left |", "|---|---|---|---|---|"]
    for kind in dict.fromkeys(ending.scene for ending in endings):
        rows = [ending for ending in endings if ending.scene == kind]
        counts = [len(rows), *(sum(len(getattr(row, what)) for row in rows) for what in ("lost", "wrong", "left"))]
        lines.append(f"| {kind} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only scenes whose kind has this word")
    words = parser.parse_args()
    draw, endings = random.Random(words.seed), []
    with scratch() as folder:
        project = finished(folder)
        warm = [*cells(project), Cache(), Report(project), PartialReport(project)]
        made = [*(scene for scene in warm if words.only in scene.kind), *whole_scenes(words.only)]
        for scene, moment in planned(made, words.moments, draw):
            ending = scene.try_at(moment)
            endings.append(ending)
            print(f"{len(endings)}: {ending.scene}, {ending.moment}", flush=True)
            for what in ("lost", "wrong", "left"):
                for entry in getattr(ending, what):
                    print(f"    {what}: {entry}", flush=True)
    Path("kills.json").write_text(json.dumps([asdict(ending) for ending in endings], indent=1))
    print(table(endings))
    return int(any(ending.lost or ending.wrong for ending in endings))


if __name__ == "__main__":
    sys.exit(main())
