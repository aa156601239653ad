"""What becomes of the tests where a Slurm cannot be installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cluster import slurm
from cluster.conftest import without_slurm
from cluster.slurm import NotInstalled


def test_an_installation_that_fails_is_told_with_the_words_of_apt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho E: Could not resolve deb.debian.org >&2; exit 100\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm, "PROGRAMS", ("no-such-program",))
    monkeypatch.setattr(slurm, "POLICY", tmp_path / "policy-rc.d")
    with pytest.raises(NotInstalled, match="Could not resolve"):
        slurm.install()
    assert not (tmp_path / "policy-rc.d").exists()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_it_is_skipped_by_hand_and_fails_in_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="NO SLURM TESTED"):
        without_slurm(NotInstalled("no network"))
