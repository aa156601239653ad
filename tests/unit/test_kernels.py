"""Sine and cosine in one pass: NumPy's to the last bit on a CPU, with a compiler and without; on a GPU see
``test_gpu_path.py``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sirenbench.kernels import jets, processor
from sirenbench.networks.siren import Sine

needs_compiler = pytest.mark.skipif(
    not shutil.which("cc") or not re.search(r"\bfma\b|\basimd\b", Path("/proc/cpuinfo").read_text()),
    reason="no C compiler, or no fused multiply-add, on this machine",
)


def bits(array: np.ndarray) -> np.ndarray:
    return array.view(np.uint32)


def numpys(z: np.ndarray) -> list[np.ndarray]:
    with np.errstate(invalid="ignore"):
        return [np.sin(z), np.cos(z)]


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache folder that is empty, and a process that has compiled nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    processor._compiled.cache_clear()
    yield tmp_path / "sirenbench-kernels"
    processor._compiled.cache_clear()


def is_right(z: np.ndarray) -> bool:
    out = [np.empty_like(z) for _ in range(2)]
    processor.sines(z, *out)
    alone = np.empty_like(z)
    processor.sines(z, alone)
    return all(np.array_equal(bits(a), bits(b)) for a, b in zip([*out, alone], [*numpys(z), numpys(z)[0]], strict=True))


@settings(deadline=None)
@given(z=arrays.arrays(np.float32, st.integers(1, 70), elements=st.floats(-7e4, 7e4, width=32)))
def test_every_bit_is_numpys(z: np.ndarray) -> None:
    assert is_right(z)


@pytest.mark.parametrize("deviation", [1e-3, 1.0, 30.0, 1e3, 1e4])
def test_every_bit_of_many_numbers_is_numpys(deviation: float) -> None:
    assert is_right((deviation * np.random.default_rng(0).standard_normal((300, 257))).astype(np.float32))


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 71_477.0, 1e9, 3e38, -0.0, 1e-45])
def test_what_is_far_away_or_no_number_is_numpys_too(odd: float) -> None:
    z = np.linspace(-9, 9, 40, dtype=np.float32)
    z[7] = odd
    out = [np.empty_like(z) for _ in range(2)]
    with np.errstate(invalid="ignore"):
        processor.sines(z, *out)
    for ours, theirs in zip(out, numpys(z), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@needs_compiler
def test_it_is_compiled_once_into_a_folder_of_the_users_own(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert processor._compiled() is not None
    (made,) = fresh.iterdir()
    assert fresh.stat().st_mode & 0o077 == 0
    monkeypatch.setattr(subprocess, "run", None)
    processor._compiled.cache_clear()
    assert processor._compiled() is not None
    assert list(fresh.iterdir()) == [made]


@needs_compiler
def test_it_is_the_users_alone_whatever_the_umask(fresh: Path) -> None:
    before = os.umask(0o002)
    try:
        assert processor._compiled() is not None
    finally:
        os.umask(before)
    (made,) = fresh.iterdir()
    assert made.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("lack", ["compiler", "folder", "source", "trust", "bits"])
def test_whatever_is_lacking_numpy_computes_the_same(
    lack: str, fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lack == "compiler":
        monkeypatch.setenv("PATH", "")
    elif lack == "folder":
        fresh.write_text("a file where the folder should be")
    elif lack == "trust":
        fresh.mkdir()
        fresh.chmod(0o777)
    else:
        text = processor._SOURCE.read_text()
        wrong = "no C" if lack == "source" else text.replace("0x1.8469", "0x1.9469").replace("-0x1.5110b4p-22f", "0.0f")
        (tmp_path / "processor.c").write_text(wrong)
        monkeypatch.setattr(processor, "_SOURCE", tmp_path / "processor.c")
    assert processor._compiled() is None
    assert is_right(np.linspace(-60, 60, 999, dtype=np.float32))


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "getuid"), reason="asks whose file it is")
def test_a_library_that_others_can_write_is_not_run(fresh: Path) -> None:
    assert processor._compiled() is not None
    (made,) = fresh.iterdir()
    made.chmod(0o666)
    processor._compiled.cache_clear()
    assert processor._compiled() is None


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_sine_layer_has_these_bits_also_where_its_room_has_gaps(count: int) -> None:
    z = torch.randn(2, 5, 40, 8)[:, 1]
    whole = torch.empty(2, 4, 40, 8)
    out = list(whole[:, :count].unbind(1))
    Sine(30.0).apply(z, *out)
    sine, cosine = map(torch.from_numpy, numpys(z.numpy()))
    for ours, theirs in zip(out, (sine, cosine, -sine, -cosine), strict=False):
        assert torch.equal(ours, theirs)


@needs_compiler
@pytest.mark.parametrize("parts", [3, 4])
@pytest.mark.parametrize("pixels", [1, 7, 200])
def test_jets_have_the_bits_of_pytorch(parts: int, pixels: int) -> None:
    made = []
    for through, back in ((jets.bend, jets.unbend), (jets._bend, jets._unbend)):
        torch.manual_seed(parts)
        derivatives = [torch.randn(1, pixels, 5) for _ in range(parts - 1)]
        before, delta = torch.randn(1, parts, pixels, 5), torch.randn(1, parts, pixels, 5)
        after = torch.zeros_like(before)
        through(derivatives, before, after)
        back(derivatives, before, delta)
        made.append((after, delta))
    assert all(map(torch.equal, *made))


def test_jets_with_other_bits_are_left_to_pytorch(fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = processor._SOURCE.read_text().replace("2.0f * (second[i] * d[i])", "2.000001f * (second[i] * d[i])")
    (tmp_path / "processor.c").write_text(wrong)
    monkeypatch.setattr(processor, "_SOURCE", tmp_path / "processor.c")
    jets._compiled.cache_clear()
    assert "unbend" not in jets._compiled()
    jets._compiled.cache_clear()
