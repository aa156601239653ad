"""Statistics of a network's layers: against plain NumPy and SciPy, against the theory, and across files and figures."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from scipy import stats

from sirenbench.activation_statistics import BINS, POST, PRE, Statistics, bin_edges, centroid, flatness
from sirenbench.engine.activations import KS_ERROR, measure
from sirenbench.engine.batched import aligned
from sirenbench.engine.build import architecture, encode, initial_parameters
from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.report.figures.activations import describe, draw
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import View

ARRAYS = [name for name in Statistics.__dataclass_fields__ if name != "side"]


def measured(name: str, dtype: torch.dtype = torch.float32, chunk_rows: int | None = None) -> Statistics:
    """The statistics of a cell's untrained networks, with a made-up gradient."""
    spec = parse_name(name)
    built = architecture(spec)
    parameters = initial_parameters(spec, built.layers).to(dtype)
    inputs = inputs_of(spec).to(dtype)
    return measure(
        built.layers,
        built.activations,
        parameters,
        inputs,
        spec.size,
        gradient=made_up(parameters),
        chunk_rows=chunk_rows,
    )


def inputs_of(spec: CellSpec) -> torch.Tensor:
    pixels = np.zeros((spec.size, spec.size), np.uint8)
    return encode(spec, View(pixels, str(spec["grid"])).coordinates())


def made_up(parameters: torch.Tensor) -> torch.Tensor:
    return torch.cos(1000 * torch.arange(parameters.numel(), dtype=torch.float64)).view(parameters.shape)


def kept(name: str, replicate: int) -> list[np.ndarray]:
    """Every stage of one replicate as a whole (N, features), float64, written plainly."""
    spec = parse_name(name)
    layers = architecture(spec).layers
    flat = initial_parameters(spec, layers)[replicate].double().numpy()
    x = inputs_of(spec).double().numpy()
    stages, start = [x], 0
    for layer in layers:
        end = start + layer.fan_out * layer.fan_in
        weight, bias = flat[start:end].reshape(layer.fan_out, layer.fan_in), flat[end : end + layer.fan_out]
        start = end + layer.fan_out
        argument = x @ weight.T + bias
        if spec.network == "siren" and layer.role != "last":
            argument *= float(spec[f"{layer.role}_omega"])
        x = np.sin(argument) if spec.network == "siren" else np.maximum(argument, 0)
        stages += [argument] if layer.role == "last" else [argument, x]
    return stages


def fourier(signal: np.ndarray, kept: int) -> np.ndarray:
    """Magnitudes of the first coefficients of (n, ...), straight from the definition."""
    n = len(signal)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(kept), np.arange(n)) / n)
    return np.abs(np.tensordot(waves, signal, axes=1))


CASES = [
    "fit/a-16/siren-1x7/replicates=2",
    "fit/a-12/siren-2x24/first_omega=17/hidden_omega=3/replicates=2",
    "fit/a-16/siren-8x16/replicates=1",
    "fit/a-16/siren+pe-3x16/replicates=1",
    "fit/a-16/siren-3x16/channel=rgb/grid=center/replicates=2",
    "fit/a-16/relu-3x16/replicates=2",
    "fit/a-12/relu+pe-8x9/replicates=1",
]


@pytest.mark.parametrize("name", CASES)
class TestAgainstAPlainComputationOnAllValues:
    """Of each stage of every replicate, with all values at hand, in float64."""

    @pytest.fixture
    def pairs(self, name: str) -> Iterator[tuple[Statistics, int, list[np.ndarray]]]:
        found = measured(name, torch.float64, chunk_rows=37)
        return [(found, replicate, kept(name, replicate)) for replicate in range(len(found.mean))]

    def test_there_are_two_stages_a_layer_and_the_input_and_the_output(self, pairs) -> None:
        for found, _, stages in pairs:
            assert found.mean.shape[1] == len(stages)
            assert found.std[:, PRE].shape == found.std[:, POST].shape == (len(found.std), (len(stages) - 2) // 2)

    def test_moments_and_extremes(self, pairs) -> None:
        for found, replicate, stages in pairs:
            for stage, values in enumerate(stages):
                every = values.ravel()
                at = replicate, stage
                assert found.mean[at] == pytest.approx(every.mean(), rel=1e-9, abs=1e-12)
                assert found.std[at] == pytest.approx(every.std(), rel=1e-9)
                assert found.skewness[at] == pytest.approx(stats.skew(every), rel=1e-7, abs=1e-9)
                assert found.kurtosis[at] == pytest.approx(stats.kurtosis(every), rel=1e-7, abs=1e-9)
                assert found.minimum[at] == pytest.approx(every.min(), rel=1e-12, abs=1e-12)
                assert found.maximum[at] == pytest.approx(every.max(), rel=1e-12, abs=1e-12)

    def test_histograms(self, pairs) -> None:
        for found, replicate, stages in pairs:
            for stage, values in enumerate(stages):
                at = replicate, stage
                counts, edges = np.histogram(values, BINS, (values.min(), values.max()))
                assert found.counts[at].tolist() == counts.tolist()
                assert bin_edges(found.minimum[at], found.maximum[at]) == pytest.approx(edges, abs=1e-12)

    def test_distances_to_the_laws_are_those_of_scipy_less_at_most_the_stated_error(self, pairs) -> None:
        for found, replicate, stages in pairs:
            assert np.isnan(found.ks[replicate, [0, -1]]).all()
            for stage, values in enumerate(stages[1:-1], start=1):
                law = ("norm", ()) if stage % 2 else ("arcsine", (-1, 2))
                exact = stats.kstest(values.ravel(), *law, method="asymp").statistic
                assert -1e-12 <= exact - found.ks[replicate, stage] <= KS_ERROR
        assert KS_ERROR <= 1e-3

    def test_spectra_of_the_feature_sum(self, pairs) -> None:
        for found, replicate, stages in pairs:
            side = found.side
            count, few = min(100, side * side // 2), min(100, side // 2)
            for stage, values in enumerate(stages):
                sums = values.sum(axis=1)
                grid = sums.reshape(side, side)
                scale = np.abs(sums).sum() + 1e-12
                for ours, plain in (
                    (found.flat, fourier(sums, count)),
                    (found.rows, fourier(grid, few).mean(axis=1)),
                    (found.columns, fourier(grid.T, few).mean(axis=1)),
                ):
                    assert ours[replicate, stage] == pytest.approx(plain, abs=1e-10 * scale)

    def test_gradient_norms_are_those_of_the_weights(self, pairs, name: str) -> None:
        spec = parse_name(name)
        layers = architecture(spec).layers
        gradient = made_up(initial_parameters(spec, layers)).numpy()
        start, norms = 0, []
        for layer in layers:
            norms.append(np.linalg.norm(gradient[:, start : start + layer.fan_in * layer.fan_out], axis=1))
            start += (layer.fan_in + 1) * layer.fan_out
        found = pairs[0][0]
        assert found.gradient_norms == pytest.approx(np.stack(norms, axis=1))
        assert found.scores()["gradient_ratio"] == pytest.approx(norms[0] / norms[-2])

    def test_scores_are_of_the_layers_after_the_first(self, pairs) -> None:
        for found, replicate, stages in pairs:
            scores = {key: values[replicate] for key, values in found.scores().items()}
            pre, post = stages[1:-1:2], stages[2::2]
            normal = max(stats.kstest(values.ravel(), "norm", method="asymp").statistic for values in pre[1:])
            arcsine = max(
                stats.kstest(values.ravel(), "arcsine", (-1, 2), method="asymp").statistic for values in post[1:]
            )
            assert scores["ks_normal"] == pytest.approx(normal, abs=KS_ERROR)
            assert scores["ks_arcsine"] == pytest.approx(arcsine, abs=KS_ERROR)
            assert scores["std_pre"] == pytest.approx(pre[-1].std())
            assert scores["std_post"] == pytest.approx(post[-1].std())


def test_frequencies_count_cycles_per_unit_of_the_coordinate() -> None:
    """A wave of 3 cycles per unit along the rows peaks there in ``rows``, and nowhere else."""
    layers = architecture(parse_name("fit/a-64/siren-1x4")).layers
    for grid, step in (("corner", 2 / 63), ("center", 2 / 64)):
        found = measured(f"fit/a-64/siren-1x4/grid={grid}/replicates=1".replace("grid=corner/", ""))
        assert found.flat_frequencies.tolist() == [k / 2 for k in range(100)]
        assert found.axis_frequencies == pytest.approx(np.arange(32) / (64 * step))
    spec = parse_name("fit/a-64/siren-1x4/grid=center/replicates=1")
    parameters = torch.zeros_like(initial_parameters(spec, layers))
    parameters[0, 0] = 2 * np.pi * 3 / 30  # of the first feature, by the row
    found = measure(layers, architecture(spec).activations, parameters, inputs_of(spec), 64)
    power = found.rows[0, 2] ** 2
    assert found.axis_frequencies[power.argmax()] == 3
    assert power.max() > 0.999 * power.sum()
    assert found.columns[0, 2, 1:].max() < 1e-6 * found.columns[0, 2, 0]
    assert centroid(found.axis_frequencies, found.rows[0, 2]) == pytest.approx(3)
    assert flatness(found.rows[0, 2]) < 1e-3


def test_the_flattened_spectrum_of_the_input_grid_is_that_of_the_papers_figure() -> None:
    """256 x 256 points: 0, 20,943, 10,471 (protocol.md, activation statistics)."""
    found = measured("fit/a-256/siren-1x1/replicates=1")
    assert found.flat[0, 0, :3].round().tolist() == [0, 20943, 10471]
    assert found.axis_frequencies[-1] == pytest.approx(99 * 255 / 512)


def test_flatness_and_centroid() -> None:
    white = np.full(9, 2.0)
    assert flatness(white) == pytest.approx(1)
    assert centroid(np.arange(9.0), white) == pytest.approx(4.5)
    assert flatness(np.array([100.0, 1, 2, 4])) == pytest.approx(4 / 7)  # powers 1, 4, 16


@pytest.mark.parametrize("name", ["fit/a-16/siren-3x16/replicates=2", "fit/a-16/relu+pe-2x16/replicates=1"])
def test_the_size_of_the_chunks_changes_nothing(name: str) -> None:
    whole = measured(name, torch.float64)
    for rows in (1, 7, 100, 256):
        cut = measured(name, torch.float64, chunk_rows=rows)
        assert cut.counts.tolist() == whole.counts.tolist()
        for array in ARRAYS:
            assert getattr(cut, array) == pytest.approx(getattr(whole, array), rel=1e-9, abs=1e-9, nan_ok=True)


def test_float32_is_faithful_to_float64() -> None:
    single, double = (measured("fit/a-16/siren-3x64/replicates=2", dtype) for dtype in (torch.float32, torch.float64))
    assert single.std == pytest.approx(double.std, rel=1e-4)
    assert single.ks == pytest.approx(double.ks, abs=2 * KS_ERROR, nan_ok=True)
    assert np.abs(np.cumsum(single.counts - double.counts, axis=-1)).max() <= 1e-3 * single.counts[0, 1].sum()


def test_the_same_again_to_the_last_bit_whatever_the_company_and_the_padding() -> None:
    name = "fit/a-16/siren-2x16/replicates=3"
    spec = parse_name(name)
    built = architecture(spec)
    padded = aligned(initial_parameters(spec, built.layers))
    together = measured(name)
    alone = measure(built.layers, built.activations, padded[2:], inputs_of(spec), 16, gradient=made_up(padded)[2:])
    again = measure(built.layers, built.activations, padded, inputs_of(spec), 16)
    for array in ("mean", "std", "kurtosis", "ks", "counts", "flat", "rows"):
        assert np.array_equal(getattr(together, array)[2:], getattr(alone, array), equal_nan=True)
        assert np.array_equal(getattr(together, array), getattr(again, array), equal_nan=True)
    assert again.gradient_norms is None
    assert "gradient_ratio" not in again.scores()


MEMORY = """
import resource, torch
from sirenbench.engine.activations import measure
from sirenbench.networks.base import layers_of
from sirenbench.networks.siren import Sine

torch.set_num_threads(1)
layers = layers_of(2, 1, 1024, 1)
parameters = torch.rand(1, sum((one.fan_in + 1) * one.fan_out for one in layers))
def run(side):
    axis = torch.linspace(-1, 1, side)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    measure(layers, [Sine(30.0)] * 2, parameters, grid, side)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
few = run(32)
print(run(96) - few)
"""


def test_memory_does_not_grow_with_the_number_of_points() -> None:
    """A whole stage of 9,216 points by 1,024 features would be 36 MiB, and small leftovers between the chunks more."""
    out = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(out.stdout) < 24


class TestAStageWithoutADistribution:
    def test_what_is_not_finite_is_said_and_stops_nothing(self) -> None:
        spec = parse_name("fit/a-16/siren-2x16/replicates=2")
        built = architecture(spec)
        parameters = initial_parameters(spec, built.layers)
        intact = measure(built.layers, built.activations, parameters, inputs_of(spec), 16)
        parameters[1, 2 * 16 + 16] = np.nan  # the second layer's first weight
        found = measure(built.layers, built.activations, parameters, inputs_of(spec), 16)
        assert np.array_equal(found.std[0], intact.std[0])
        assert np.isfinite(found.std[1, :3]).all()
        assert np.isnan(found.std[1, 3:]).all()
        assert not found.counts[1, 3:].any()
        assert all(np.isfinite(score[0]) and np.isnan(score[1]) for score in found.scores().values())
        second = replace(found, **{name: getattr(found, name)[1:] for name in ("mean", "std", "ks", "counts")})
        assert draw("k", second, "broken").count("not finite") == 4

    def test_a_dead_rectifier_is_a_single_value(self) -> None:
        spec = parse_name("fit/a-16/relu-1x4/replicates=1")
        built = architecture(spec)
        parameters = initial_parameters(spec, built.layers)
        parameters[0, 8:12] = -100  # the first layer's biases
        found = measure(built.layers, built.activations, parameters, inputs_of(spec), 16)
        assert found.std[0, 2] == 0
        assert np.isnan(found.kurtosis[0, 2])
        assert found.counts[0, 2].nonzero()[0].tolist() == [BINS // 2]
        assert found.ks[0, 2] == pytest.approx(0.5, abs=KS_ERROR)
        assert 'aria-label="dead' in draw("k", found, "dead")


def first_layer_std(variance_of_weights: float, side: int) -> float:
    """Of 30 (W x + b) for two coordinates on the grid and biases U(+-1/sqrt 2)."""
    coordinates = np.linspace(-1, 1, side)
    return 30 * (2 * variance_of_weights * (coordinates**2).mean() + 1 / 6) ** 0.5


class TestTheTheory:
    """Untrained, 1,024 points (claims THE-02 to THE-05, IN1-08 to IN1-14, INH-10, INH-11)."""

    @pytest.mark.parametrize(
        ("first", "variance", "kurtosis"),
        [("standard", 1 / 12, -0.6), ("kaiming_uniform", 1.0, 0.0), ("xavier_uniform", 2 / (2 + 2048), -1.16)],
    )
    def test_at_width_2048_only_the_first_argument_depends_on_the_first_layer(
        self, first: str, variance: float, kurtosis: float
    ) -> None:
        option = "" if first == "standard" else f"first_init={first}/"
        found = measured(f"fit/a-32/siren-3x2048/{option}replicates=1")
        pre, post = found.std[0, PRE], found.std[0, POST]
        assert pre[0] == pytest.approx(first_layer_std(variance, 32), rel=0.03)
        assert found.kurtosis[0, 1] == pytest.approx(kurtosis, abs=0.1)
        assert post[0] == pytest.approx(0.5**0.5, abs=0.002)
        assert found.ks[0, 2] < 0.005
        # From the second layer on N(0, 1) enters every sine, and nearly the arcsine law leaves it.
        assert np.abs(found.mean[0, PRE][1:]).max() < 0.05
        assert np.abs(pre[1:] - 1).max() < 0.1
        assert np.abs(found.kurtosis[0, PRE][1:]).max() < 0.2
        assert found.ks[0, PRE][1:].max() < 0.02
        assert found.ks[0, POST][1:].max() < 0.045
        assert pre[1:].max() / pre[1:].min() < 1.1

    def test_the_sine_of_a_standard_normal_is_nearly_but_not_quite_arcsine(self) -> None:
        """Its variance is (1 - exp(-2)) / 2, not 1/2, and its distance to the arcsine law 0.043, however wide it is."""
        x = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 2001))
        turns = np.arange(-4, 5)[:, None] * 2 * np.pi
        below = stats.norm.cdf(np.arcsin(x) + turns) - stats.norm.cdf(-np.pi - np.arcsin(x) + turns)
        limit = np.abs(below.sum(axis=0) - stats.arcsine.cdf(x, -1, 2)).max()
        found = measured("fit/a-32/siren-3x2048/replicates=1")
        sigma = found.std[0, PRE]
        assert found.std[0, POST] == pytest.approx(np.sqrt((1 - np.exp(-2 * sigma**2)) / 2), rel=0.005)
        assert limit == pytest.approx(0.043, abs=0.001)
        assert found.ks[0, POST][-1] == pytest.approx(limit, abs=0.004)

    @pytest.mark.parametrize(
        ("hidden", "std"), [("standard", 1.48), ("xavier_uniform", 21.2), ("kaiming_uniform", 30.0), ("normal", 339.0)]
    )
    def test_hidden_layers_of_the_trained_width_256(self, hidden: str, std: float) -> None:
        """Standard is 1.48, since omega_0 multiplies its biases too; other schemes are normal but far too wide."""
        option = "" if hidden == "standard" else f"hidden_init={hidden}/"
        found = measured(f"fit/a-32/siren-3x256/{option}replicates=2")
        pre = found.std[:, PRE][:, 1:]
        assert pre == pytest.approx(np.full_like(pre, std), rel=0.04)
        assert found.ks[:, POST][:, 1:].max() < 0.035
        if hidden != "standard":
            assert np.abs(found.kurtosis[:, PRE][:, 1:]).max() < 0.3
            assert found.scores()["ks_normal"].min() > 0.4
            assert found.std[:, POST][:, 1:] == pytest.approx(np.full_like(pre, 0.5**0.5), abs=0.002)
            # Noise: every point of the grid has a value of its own.
            assert flatness(found.rows[:, 4]).min() > 0.9

    def test_relu_is_measured_as_well_and_follows_neither_law(self) -> None:
        scores = measured("fit/a-32/relu-3x64/replicates=2").scores()
        assert scores["ks_arcsine"].min() > 0.3
        assert scores["ks_normal"].min() > 0.04


@pytest.fixture(scope="module")
def small() -> Statistics:
    return measured("fit/a-16/siren-3x16/replicates=2")


class TestFiles:
    def test_what_was_written_is_read_and_the_same_bytes_are_written_again(
        self, small: Statistics, tmp_path: Path
    ) -> None:
        for statistics in (small, replace(small, gradient_norms=None)):
            statistics.write(tmp_path / "one.npz")
            again = Statistics.read(tmp_path / "one.npz")
            again.write(tmp_path / "two.npz")
            assert again.side == 16
            for name in ARRAYS:
                assert np.array_equal(getattr(again, name), getattr(statistics, name), equal_nan=name == "ks")
            assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
            assert list(again.scores()) == list(statistics.scores())

    def test_reading_needs_neither_torch_nor_what_draws(self) -> None:
        code = (
            "import sys, sirenbench.activation_statistics, sirenbench.report.figures.activations;"
            "print([m for m in ('torch', 'scipy', 'pandas', 'matplotlib', 'seaborn') if m in sys.modules])"
        )
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert out.stdout.strip() == "[]"

    def test_a_damaged_file_is_refused_or_gives_the_right_numbers(self, small: Statistics, tmp_path: Path) -> None:
        path = tmp_path / "statistics.npz"
        small.write(path)
        intact = path.read_bytes()
        refused = 0
        for position in np.linspace(0, len(intact) - 1, 400).astype(int):
            path.write_bytes(intact[:position] + bytes([intact[position] ^ 0x5A]) + intact[position + 1 :])
            try:
                read = Statistics.read(path)
            except UserError:
                refused += 1
            else:
                assert all(np.array_equal(getattr(read, one), getattr(small, one), equal_nan=True) for one in ARRAYS)
        assert refused > 300
        for length in (0, 1, 1000, len(intact) // 2, len(intact) - 1):
            path.write_bytes(intact[:length])
            with pytest.raises(UserError, match=r"statistics\.npz does not hold .* delete cell\.json"):
                Statistics.read(path)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"mean": None}, "lacks, or should not have, mean"),
            ({"mood": np.zeros(1)}, "lacks, or should not have, mood"),
            ({"side": None}, "side"),
            ({"counts": np.zeros((2, 10, 256))}, "counts has the type float64"),
            ({"counts": np.zeros((2, 10, 255), np.int64)}, r"counts has the shape \(2, 10, 255\)"),
            ({"std": np.zeros((2, 9))}, r"std has the shape \(2, 9\)"),
            ({"flat_frequencies": np.zeros(7)}, "flat_frequencies has the shape"),
            ({"gradient_norms": np.zeros((2, 3))}, "10 stages"),
            ({"mean": np.zeros(2)}, "zip"),
            ({"mean": np.array([{}], dtype=object)}, "pickle"),
        ],
    )
    def test_arrays_that_are_not_statistics_are_refused(
        self, small: Statistics, change: dict, message: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "statistics.npz"
        arrays = {name: array for name, array in (vars(small) | change).items() if array is not None}
        with path.open("wb") as stream:
            np.savez(stream, **arrays)
        with pytest.raises(UserError, match=message):
            Statistics.read(path)

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="No such file"):
            Statistics.read(tmp_path / "nothing.npz")
        np.save(tmp_path / "one.npy", np.zeros(3))
        with zipfile.ZipFile(tmp_path / "text.npz", "w") as archive:
            archive.writestr("mean.npy", "hello")
        for name in ("one.npy", "text.npz"):
            with pytest.raises(UserError, match="does not hold activation statistics"):
                Statistics.read(tmp_path / name)


def strokes(svg: str, colour: str) -> list[ElementTree.Element]:
    return [one for one in ElementTree.fromstring(svg).iter("path") if f"stroke:{colour}" in str(one.attrib)]


@pytest.fixture(scope="module")
def drawing(small: Statistics) -> str:
    return draw("fig-s3", small, 'A "title" <b>')


class TestFigures:
    def test_equal_data_give_equal_bytes_of_the_first_replicate_alone(self, small: Statistics, drawing: str) -> None:
        first = {name: getattr(small, name)[:1] for name in ARRAYS if not name.endswith("frequencies")}
        assert drawing == draw("fig-s3", replace(small, **first), 'A "title" <b>')

    def test_there_is_a_histogram_and_three_spectra_for_every_stage_but_the_output(self, drawing: str) -> None:
        assert drawing.count("fill:var(--s0)") == 9
        for style in (0, 2, 3):
            assert len(strokes(drawing, f"var(--s{style})")) == 9 + 1  # and the legend

    def test_the_predicted_law_stands_from_the_first_value_on_and_only_where_there_is_one(
        self, small: Statistics, drawing: str
    ) -> None:
        """As in the authors' figures: not over the input, nor over the first argument."""
        assert len(strokes(drawing, "var(--s1)")) == 7 + 1
        without = draw("k", small, "ReLU", laws=False)
        assert not strokes(without, "var(--s1)")
        assert "predicted" not in without

    def test_a_far_wider_histogram_is_not_flattened_by_the_normal_law(self) -> None:
        svg = draw("k", measured("fit/a-16/siren-1x64/hidden_init=normal/replicates=1"), "Normal")
        assert "0.4" not in [text.text for text in ElementTree.fromstring(svg).iter("text")]

    def test_colours_are_the_pages_and_ids_its_own(self, drawing: str) -> None:
        tree = ElementTree.fromstring(drawing)
        assert tree.get("role") == "img"
        assert tree.get("aria-label", "").startswith('A "title" <b>. Histograms')
        assert "#5e0" not in drawing
        assert "currentColor" in drawing
        ids = [one.get("id") for one in tree.iter() if one.get("id")]
        assert ids
        assert all(one.startswith("fig-s3-") for one in ids)

    def test_the_alternative_text_has_the_key_numbers(self, small: Statistics) -> None:
        told = describe(small, "Standard")
        for layer in range(1, 5):
            pre, post = 2 * layer - 1, 2 * layer
            assert f"layer {layer}: {small.std[0, pre]:.2f}" in told
            assert f"{small.std[0, post]:.2f} (KS distance to the arcsine law {small.ks[0, post]:.3f}) after" in told
        assert told.count("N(0, 1)") == 3
        without = describe(small, "ReLU", laws=False)
        assert "law" not in without
        assert "KS" not in without
