"""A short profile of ``fuzz.py``, always the same inputs; docs/reliability.md has the long one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from trust import fuzz
from trust.fuzz_targets import targets

INPUTS = 60  # for a target of ordinary cost


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    fuzz.install()
    with fuzz.place() as made:
        yield made


@pytest.mark.slow
def test_no_reader_hangs_crashes_or_trespasses_whatever_it_is_given(folder: Path) -> None:
    counts: Counter[str] = Counter()
    for target in targets(folder):
        counts += fuzz.attack(target, max(8, INPUTS // target.cost), folder).counts
    assert counts["read"] > 100  # mutations of valid files are not all refused at the door
    assert counts["refused"] > 300


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("while True: pass", fuzz.Hang),
        ("1 / 0", ZeroDivisionError),
        ("open('../outside', 'w')", fuzz.Trespass),
        ("import subprocess; subprocess.run(['true'])", fuzz.Trespass),
        ("import os; os.system('true')", fuzz.Trespass),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", fuzz.Trespass),
    ],
)
def test_the_harness_sees_what_a_bad_reader_does(
    content: str, what: type[BaseException], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz, "SECONDS_AN_INPUT", 0.2)
    bad = fuzz.Target("bad", (b"anything",), lambda path: exec(content, {}))
    with pytest.raises(what):
        fuzz.attack(bad, 1, folder)
