"""Bad bytes for every reader of what comes from outside: valid files, mutated, and what comes of them.

A reader may give a result or a message for people. A hang, any other exception, a file written outside the folder, a
process started or a connection opened is a defect. ``python tests/trust/fuzz.py`` runs all of it, at length; a short
profile is part of the tests (``test_fuzz.py``).
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sirenbench.errors import UserError

SECONDS_AN_INPUT = 10.0

_OPERATIONS = ("flip", "set", "cut", "truncate", "copy", "insert", "number")
_TOKENS = (
    *(
        b"",
        b"\x00" * 8,
        b"\xff" * 4,
        b"\x80",
        b"\xf0\x9f\x8c\x8a",
        b"\n",
        b'"',
        b"'",
        b"{",
        b"]",
        b":",
        b"- ",
        b"&a *a",
    ),
    *(b"0", b"-1", b"-0.0", b"1e999", b"NaN", b"Infinity", b"null", b"true", b"1" * 5000, b"4294967295", b"1e-400"),
    *(b"../../evil", b"/etc/passwd", b"%s%n", b"\xe2\x80\xae", b"[" * 3000, b'{"a":' * 3000, b"<<: *a"),
    *(
        b"!!python/object/apply:os.system ['true']",
        b"cposix\nsystem\n(S'true'\ntR.",
        b"\x93\x8c\x05posix\x8c\x06system",
    ),
    *(b"r\xff\xff\xff\x7f", b"/", b"=", b"+", b"@", b"-x", b"siren", b"pickle"),
)


class Hang(BaseException):
    """An input took too long. Not an Exception: no reader can take it for a damaged file."""


class Trespass(BaseException):
    """A reader did what no reader has to do."""


@dataclass(frozen=True)
class Target:
    """A reader under attack.

    Attributes
    ----------
    seeds
        Valid files, or texts.
    read
        Gets the path of a file with a mutated seed. Raises ``told`` for what it refuses; checks its result itself.
    file
        Name of that file.
    cost
        How many times an ordinary input's time one takes; there are fewer of them accordingly.
    """

    name: str
    seeds: tuple[bytes, ...]
    read: Callable[[Path], Any]
    file: str = "input"
    cost: int = 1
    told: tuple[type[Exception], ...] = (UserError,)


@dataclass
class Outcome:
    """What became of the inputs of a target."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0


def mutated(seed: bytes, number: int, other: bytes) -> bytes:
    """The ``number``-th mutation of a seed; ``other`` is what it is spliced with."""
    chance = random.Random(number)
    content = bytearray(seed)
    # Most often a single one: what is wrong in one place only gets furthest.
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        size = len(content)
        at, length = chance.randrange(size + 1), chance.randrange(17)
        kind = chance.choice(_OPERATIONS)
        if kind == "flip" and size:
            content[at % size] ^= 1 << chance.randrange(8)
        elif kind == "set" and size:
            content[at % size] = chance.randrange(256)
        elif kind == "cut":
            del content[at : at + length]
        elif kind == "truncate":
            del content[at:]
        elif kind == "copy":
            start = chance.randrange(len(other) + 1)
            content[at : at + length] = other[start : start + 4 * length]
        elif kind == "insert":
            content[at:at] = chance.choice(_TOKENS)
        elif kind == "number" and size >= 4:
            at %= size - 3
            content[at : at + 4] = chance.randrange(2 ** chance.choice((8, 16, 31, 32))).to_bytes(4, "little")
    return bytes(content)


def attack(target: Target, examples: int, folder: Path, seed: int | None = None) -> Outcome:
    """Let a target read that many inputs; raises what no input may cause, with hypothesis's smallest example."""
    outcome = Outcome(target.name)
    path = folder / target.file
    began = time.perf_counter()

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=seed is None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(st.sampled_from(target.seeds), st.integers(0, 2**64 - 1), st.sampled_from(target.seeds))
    def read_one(valid: bytes, number: int, other: bytes) -> None:
        path.write_bytes(mutated(valid, number, other))
        start = time.perf_counter()
        with _watched(folder):
            try:
                target.read(path)
                outcome.counts["read"] += 1
            except target.told as error:
                assert str(error), "refused without a word"
                outcome.counts["refused"] += 1
        outcome.slowest = max(outcome.slowest, time.perf_counter() - start)

    if seed is not None:
        from hypothesis import seed as seeded

        read_one = seeded(seed)(read_one)
    read_one()
    outcome.seconds = time.perf_counter() - began
    return outcome


_allowed: Path | None = None


@contextmanager
def _watched(folder: Path) -> Iterator[None]:
    """While open, a clock runs, and whatever is written elsewhere or started is a trespass."""
    global _allowed  # noqa: PLW0603, an audit hook stays for good
    faulthandler.dump_traceback_later(6 * SECONDS_AN_INPUT, exit=True)  # where no signal is heard
    handler = signal.signal(signal.SIGALRM, _ring)
    running = signal.setitimer(signal.ITIMER_REAL, SECONDS_AN_INPUT)  # the test's own clock, if it has one
    _allowed = folder
    try:
        yield
    finally:
        _allowed = None
        signal.setitimer(signal.ITIMER_REAL, *running)
        signal.signal(signal.SIGALRM, handler)
        faulthandler.cancel_dump_traceback_later()


def _ring(number: int, frame: object) -> None:
    raise Hang(f"not done after {SECONDS_AN_INPUT:.0f} s")


_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect")
# What is changed by an event: where its path is among the details, and where the open folder that it starts from. Where
# a link leads counts for what goes through it, and not for what is done to its name.
_CHANGED = {
    "os.rename": ((0, 2), (1, 3)),
    "os.link": ((0, 2), (1, 3)),
    "os.symlink": ((1, 2),),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.mkdir": ((0, 2),),
    "os.truncate": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.utime": ((0, 3),),
    "os.setxattr": ((0, None),),
    "os.removexattr": ((0, None),),
    "shutil.rmtree": ((0, 1),),
    "shutil.move": ((0, None), (1, None)),
    "shutil.copyfile": ((1, None),),
    "shutil.copymode": ((1, None),),
    "shutil.copystat": ((1, None),),
    "shutil.copytree": ((1, None),),
    "shutil.chown": ((0, None),),
    "shutil.make_archive": ((0, None),),
    "shutil.unpack_archive": ((1, None),),
}
_OF_A_NAME = ("os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.mkdir", "shutil.move", "shutil.rmtree")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def _audit(event: str, details: tuple) -> None:
    if _allowed is None:
        return
    asks_for_the_commit = event == "subprocess.Popen" and details[0] == "git"  # for a record's provenance
    if event in _FORBIDDEN and not asks_for_the_commit:
        raise Trespass(f"{event} {details}")
    changed = ((0, None),) if event == "open" and details[2] & _WRITING else _CHANGED.get(event, ())
    for path, start in changed:
        if not _is_inside(details[path], None if start is None else details[start], event in _OF_A_NAME):
            raise Trespass(f"{event} {details}")


def _is_inside(path: Any, start: int | None, is_of_its_name: bool) -> bool:
    if isinstance(path, int):  # it was opened before, which was looked at
        return True
    folder = os.getcwd() if start in (None, -1) else os.readlink(f"/proc/self/fd/{start}")
    parent, name = os.path.split(os.path.join(folder, os.fsdecode(path)))
    real = os.path.join(os.path.realpath(parent), name) if is_of_its_name else os.path.realpath(f"{parent}/{name}")
    return real == os.devnull or real.startswith(f"{_allowed}{os.sep}")


@cache
def install() -> None:
    """Set up the hook, once a process."""
    sys.addaudithook(_audit)


@contextmanager
def place() -> Iterator[Path]:
    """A folder of its own, which is the current one and holds all temporary files."""
    before, temporary = Path.cwd(), tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="sirenbench-fuzz-") as made:
        folder = Path(made).resolve()
        os.chdir(folder)
        tempfile.tempdir = str(folder)
        try:
            yield folder
        finally:
            os.chdir(before)
            tempfile.tempdir = temporary


def main() -> None:
    from trust.fuzz_targets import targets

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="names; all if left out")
    parser.add_argument("--inputs", type=int, default=20_000, help="for a target of ordinary cost")
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    install()
    total: Counter[str] = Counter()
    began = time.perf_counter()
    with place() as folder:
        for target in targets(folder):
            if words.targets and target.name not in words.targets:
                continue
            outcome = attack(target, max(100, words.inputs // target.cost), folder, words.seed)
            total += outcome.counts
            print(
                f"{outcome.name:20s} {outcome.counts.total():7,d} inputs: {outcome.counts['read']:7,d} read, "
                f"{outcome.counts['refused']:7,d} refused; {outcome.seconds:6.1f} s, slowest {outcome.slowest:.2f} s",
                flush=True,
            )
    seconds = time.perf_counter() - began
    print(f"{total.total():,} inputs, {total['read']:,} read, {total['refused']:,} refused; {seconds:.0f} s")


if __name__ == "__main__":
    # Targets import this module by its name, and must meet the same classes.
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from trust.fuzz import main as run

    run()
