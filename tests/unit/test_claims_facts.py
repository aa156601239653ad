"""Facts that the library computes of itself: all of them, quickly, and able to fail."""

from __future__ import annotations

import inspect
import itertools
import math
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sirenbench.claims.facts import FACTS, initialisation, untrained
from sirenbench.networks import siren
from sirenbench.networks.base import Layer
from sirenbench.networks.relu import Relu
from sirenbench.spec import CellSpec

# What depends on the draw, and on how many seeds it rests.
OF_SEEDS = {
    "arguments_are_standard_normal": 5,
    "values_are_nearly_arcsine": 5,
    "activations_and_gradients_are_preserved": 10,
    "other_hidden_laws_explode": 5,
}


@pytest.fixture(autouse=True)
def _one_thread_and_nothing_remembered() -> Iterator[None]:
    """Facts are computed once in a process; here each test wants its own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    forget()
    yield
    torch.set_num_threads(threads)
    forget()


def forget() -> None:
    for function in (*FACTS.values(), initialisation._wide, initialisation._hidden_arguments):
        function.cache_clear()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FACTS)
def test_every_fact_holds_and_says_by_what(name: str) -> None:
    found = FACTS[name]()
    assert found.holds, found.reason
    assert found.reason
    assert found.measured is None or math.isfinite(found.measured.mean)
    if name in OF_SEEDS:
        assert found.measured
        assert found.measured.n == OF_SEEDS[name]
        assert found.measured.low < found.measured.mean < found.measured.high


def test_no_fact_is_left_out() -> None:
    folder = Path(inspect.getfile(initialisation)).parent
    written = [re.findall(r"^def ([a-z]\w*)\(\) -> Fact:", path.read_text(), re.M) for path in folder.glob("*.py")]
    assert sorted(FACTS) == sorted(itertools.chain.from_iterable(written))


def test_all_facts_take_seconds_not_minutes() -> None:
    began = time.process_time()
    for function in FACTS.values():
        function()
    assert time.process_time() - began < 10


def test_a_network_with_other_bounds_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hidden weights twice as wide: arguments are no longer N(0, 1), and gradients grow with every layer."""
    drawn = siren.Siren.draw_weight

    def twice(self: siren.Siren, spec: CellSpec, layer: Layer, generator: torch.Generator) -> torch.Tensor:
        return drawn(self, spec, layer, generator) * (2 if layer.role == "hidden" else 1)

    monkeypatch.setattr(siren.Siren, "draw_weight", twice)
    assert not FACTS["arguments_are_standard_normal"]().holds
    assert not FACTS["activations_and_gradients_are_preserved"]().holds


def test_another_law_in_the_relu_network_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = Relu.draw_weight
    monkeypatch.setattr(Relu, "draw_weight", lambda *given: drawn(*given) * 1.1)
    assert not FACTS["the_relu_twin"]().holds


def test_a_scheme_with_another_width_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(scheme: str, layer: Layer, generator: torch.Generator) -> torch.Tensor:
        weight = torch.empty(layer.fan_out, layer.fan_in).normal_(generator=generator)
        return weight * (1 if scheme == "normal" else 1.01)

    monkeypatch.setattr(siren, "draw", drawn)
    assert not FACTS["kaiming_normal_is_normal_in_the_first_layer"]().holds
    assert not FACTS["kaiming_uniform_over_omega_is_sirens_law"]().holds


def test_the_plain_network_is_the_librarys() -> None:
    """What facts derive by autograd gives the values of the library's own forward pass, for sines and rectifiers."""
    points = untrained.points_of(50, torch.float64)
    for arm in ("siren-3x16", "relu-2x16"):
        spec = untrained.cell(arm, replicates=1)
        parameters = untrained.drawn(spec, torch.float64)
        plainly = untrained.plain(spec, parameters[0], points)[0]
        assert torch.allclose(plainly, untrained.outputs(spec, parameters, points)[0], rtol=0, atol=1e-12)


def test_claims_are_read_without_torch() -> None:
    """Only a fact that is asked for imports it: reading and checking the file must not wait for it."""
    code = "import sys, sirenbench.claims.load as l; l.load_claims(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
