"""What the paper says of SIREN without training one: sizes, derivatives, frequencies, laws that are one law.

The ids in the docstrings are those of the claims; protocol.md says what the authors' code does. How every scheme
draws its weights, the numbers of parameters and the widths of positional encodings are in test_networks.py; what
becomes of distributions and gradients from layer to layer is in test_theory_distributions.py.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from initial_networks import (
    cell,
    derivative,
    drawn,
    grid,
    laplacian,
    line,
    maps,
    outputs,
    plain,
    power_spectrum,
    pre_activations,
    random_points,
    weights,
)
from PIL import Image
from scipy.stats import linregress, spearmanr

from sirenbench import catalog
from sirenbench.assets.status import read_status, verified
from sirenbench.baselines.interpolation import COMPONENTS as INTERPOLATIONS
from sirenbench.engine.build import architecture
from sirenbench.engine.mlp import BatchedMlp
from sirenbench.images.pictures import KERNELS, open_picture, resize
from sirenbench.metrics.base import Scorer
from sirenbench.names import parse_name
from sirenbench.networks.base import layers_of
from sirenbench.tasks.base import unit_range

OMEGAS = (8, 15, 30, 60, 120, 240)


# The networks (paper, sections 1, 3.1, 3.2).


@pytest.mark.parametrize(("hidden", "parameters"), [(2, 132_609), (3, 198_401)])
def test_hidden_layers_are_counted_besides_the_first_one(hidden: int, parameters: int) -> None:
    """SET-01, SET-02 (figure 1): N = 2 here and N = 3 in the original are 3 and 4 sine layers, then a linear map."""
    sizes = [2, *[256] * (hidden + 1), 1]
    twin = torch.nn.Sequential(*[torch.nn.Linear(n, m) for n, m in itertools.pairwise(sizes)])
    built = architecture(cell(f"siren-{hidden}x256"))
    assert built.parameters == sum(p.numel() for p in twin.parameters()) == parameters
    assert [activation.scale for activation in built.activations] == [30.0] * (hidden + 1)


def test_a_cell_has_the_settings_of_the_paper_unless_told_otherwise() -> None:
    """SET-01 (section 3.1): 2 hidden layers, omega_0 30, learning rate 1e-4, 15,000 steps, mean squared error."""
    spec = parse_name("fit/cameraman-256/siren-2x256")
    assert (spec["first_omega"], spec["hidden_omega"], spec["lr"], spec["steps"]) == (30, 30, 1e-4, 15_000)
    assert spec.loss is None


def test_the_relu_twin_differs_in_the_non_linearity_and_the_law_of_the_weights_only() -> None:
    """SET-03, SET-04 (section 3.2): same layers and features, optimiser, learning rate, steps and loss."""
    siren, relu = cell("siren-2x256"), cell("relu-2x256")
    assert architecture(siren).layers == architecture(relu).layers
    own = {"first_init", "hidden_init", "first_omega", "hidden_omega"}
    assert relu.values == {key: value for key, value in siren.values.items() if key not in own}
    assert siren.loss is relu.loss is None
    for weight in weights(relu):
        expected = math.sqrt(2 / weight.shape[2])
        assert float(weight.std()) == pytest.approx(expected, abs=3 * expected / math.sqrt(2 * weight.numel()))


def test_memory_does_not_depend_on_the_resolution_but_for_positional_encoding() -> None:
    """SET-06 (section 1): true of plain networks only; the Nyquist rule gives larger pictures more inputs."""

    def parameters(arm: str) -> list[int]:
        return [architecture(parse_name(f"fit/a-{side}/{arm}-2x256")).parameters for side in (64, 128, 256, 512)]

    for arm in ("siren", "relu"):
        assert parameters(arm) == [132_609] * 4
        assert parameters(f"{arm}+pe") == [132_609 + 256 * (inputs - 2) for inputs in (18, 22, 26, 30)]


@pytest.mark.parametrize("arm", ["siren", "relu", "siren+pe"])
def test_a_network_can_be_asked_at_any_resolution(arm: str) -> None:
    """SET-08 (section 1): any grid will do, and a finer one agrees at shared points, to 1e-6 of the largest value.

    The margin is for float32: other company makes other sums, and the shared coordinates differ by rounding.
    """
    spec = cell(f"{arm}-2x256", replicates=2)
    parameters = drawn(spec)
    fine = outputs(spec, parameters, grid(37, 911)).unflatten(1, (37, 911))
    coarse = outputs(spec, parameters, grid(19, 456)).unflatten(1, (19, 456))
    assert fine.isfinite().all()
    assert (fine[:, 1:] != fine[:, :-1]).any()
    assert float((fine[:, ::2, ::2] - coarse).abs().max()) < 1e-6 * max(1.0, float(fine.abs().max()))


def test_psnr_is_a_falling_function_of_the_mean_squared_error_until_values_are_clipped() -> None:
    """SET-09 (section 1.2): MSE in [-1, 1] gives 10 log10(4 / MSE) dB; ranks agree without exception."""
    pixels = (128 + 20 * np.sin(np.arange(256).reshape(16, 16))).astype(np.uint8)
    image = unit_range(pixels) * 2 - 1
    noise = torch.randn(12, 16, 16, 1, generator=torch.Generator().manual_seed(0)).double().clamp(-3, 3)
    noisy = image + noise * torch.logspace(-4, -0.7, 12).double()[:, None, None, None]
    mse = (noisy - image).square().mean(dim=(1, 2, 3))
    psnr = Scorer(unit_range(pixels), ("psnr",))(noisy)["psnr"]
    assert psnr.tolist() == pytest.approx((10 * (4 / mse).log10()).tolist(), abs=1e-9)
    assert spearmanr(-mse.log(), psnr).statistic == 1


# Derivatives (paper, sections 2.1 and 3.2).


def _one_sine_layer(width: int, omega: float) -> tuple[BatchedMlp, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A SIREN without hidden layers, 2 -> width -> 1, in float64, and views of its parameters (one replicate)."""
    spec = cell(f"siren-1x{width}", first_omega=omega, replicates=1)
    (weight, bias), _, (last, offset) = maps(spec, drawn(spec, torch.float64))
    return _siren(omega, weight, bias, last, offset), weight, bias, last


def _siren(omega: float, *parts: torch.Tensor) -> BatchedMlp:
    layers = layers_of(2, 0, parts[0].shape[1], 1)
    sine = architecture(cell("siren-1x8", first_omega=omega)).activations[0]
    return BatchedMlp(layers, (sine,), torch.cat([part.flatten() for part in parts])[None])


def _values(network: BatchedMlp, points: torch.Tensor) -> torch.Tensor:
    out = points.new_empty(1, len(points), 1)
    network.predict(points, out)
    return out[0, :, 0]


@pytest.mark.parametrize("omega", [1, 30, 240])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_derivative_of_a_sine_layer_is_a_sine_layer_with_its_phase_shifted(omega: float, axis: int) -> None:
    """THE-01 (section 2.1): biases grow by pi / (2 omega), output weights by the factor omega W; to float64 round-off.

    Done twice, the derived SIREN gives second derivatives. The derivatives it is held against are autograd's.
    """
    network, weight, bias, last = _one_sine_layer(48, omega)
    slope, nothing = omega * weight[:, None, :, axis], torch.zeros(1, dtype=torch.float64)
    first = _siren(omega, weight, bias + math.pi / 2 / omega, last * slope, nothing)
    second = _siren(omega, weight, bias + math.pi / omega, last * slope**2, nothing)
    points = random_points(500, torch.float64).requires_grad_()
    plainly = (torch.sin(omega * (points @ weight[0].T + bias[0])) @ last[0].T)[:, 0]
    offset = _values(network, points.detach()) - plainly.detach()
    assert float(offset.max() - offset.min()) < 1e-10
    by_autograd = derivative(plainly, points)[:, axis]
    twice_by_autograd = derivative(by_autograd, points)[:, axis].detach()
    for derived, expected in ((first, by_autograd.detach()), (second, twice_by_autograd)):
        error = (_values(derived, points.detach()) - expected).abs().max()
        assert float(error / expected.abs().max()) < 1e-10


def test_the_gradient_of_a_deep_siren_is_a_product_of_phase_shifted_sine_layers() -> None:
    """THE-01 (section 2.1), through several layers: infinitely derivable, and derived by sines alone."""
    spec = cell("siren-3x32", replicates=2)
    parameters, points = drawn(spec, torch.float64), random_points(200, torch.float64)
    arguments = pre_activations(spec, points, parameters)
    for replicate in range(2):
        chain = torch.eye(2, dtype=torch.float64).expand(len(points), 2, 2)
        for (weight, _), z in zip(maps(spec, parameters)[:-1], arguments, strict=True):
            chain = 30 * torch.sin(z[replicate] + math.pi / 2)[:, :, None] * (weight[replicate] @ chain)
        by_sines = (maps(spec, parameters)[-1][0][replicate] @ chain)[:, 0]
        at = points.clone().requires_grad_()
        by_autograd = derivative(plain(spec, parameters[replicate], at)[0], at).detach()
        assert float((by_sines - by_autograd).abs().max() / by_autograd.abs().max()) < 1e-10


def test_a_relu_network_has_no_second_derivative_anywhere() -> None:
    """THE-09, FIT-06 (section 3.2): exactly 0 at 10^4 random points and five seeds; a SIREN's is 7 in the median."""
    relu, siren = cell("relu-2x256"), cell("siren-2x256", replicates=1)
    points = random_points(10_000).requires_grad_()
    parameters = drawn(relu)
    through_the_library = outputs(relu, parameters, points.detach())
    for replicate, flat in enumerate(parameters):
        values, _ = plain(relu, flat, points)
        assert torch.allclose(values.detach(), through_the_library[replicate], rtol=0, atol=1e-5)
        assert laplacian(values, points).count_nonzero() == 0
        assert (derivative(values, points).norm(dim=1) > 0).all()
    few = random_points(500).requires_grad_()
    assert laplacian(plain(siren, drawn(siren)[0], few)[0], few).abs().median() > 3


def test_a_relu_network_is_flat_between_its_kinks() -> None:
    """THE-09 (section 3.2), without autograd: second differences of the library's own outputs over a step of 1e-5.

    In float64 they are exact to about 1e-16 / 1e-10; the few points that are larger have a kink within the step (0.8 %
    at most in three seeds; 2 % allowed).
    """
    step = torch.tensor([0.0, 1e-5], dtype=torch.float64)
    points = random_points(2000, torch.float64)

    def second_differences(arm: str) -> torch.Tensor:
        spec = cell(arm, replicates=3)
        parameters = drawn(spec, torch.float64)
        below, here, above = (outputs(spec, parameters, points + shift * step) for shift in (-1, 0, 1))
        return ((below - 2 * here + above) / 1e-10).abs()

    assert float((second_differences("relu-2x256") > 1e-3).double().mean()) < 0.02
    assert float((second_differences("siren-2x256") > 1e-3).double().mean()) > 0.98


def test_positional_encoding_gives_a_relu_network_second_derivatives() -> None:
    """The other side of THE-09: the encoding curves the inputs, so "unable" holds of the plain ReLU network only."""
    spec = cell("relu+pe-2x64", replicates=1)
    points = random_points(500).requires_grad_()
    assert laplacian(plain(spec, drawn(spec)[0], points)[0], points).abs().median() > 100


def test_a_laplacian_teaches_a_relu_network_nothing() -> None:
    """POI-05, THE-09 (section 3.2): the Laplace loss has a gradient of exactly 0 by every parameter but a SIREN's."""

    def lesson(arm: str) -> float:
        spec = cell(arm, replicates=1)
        flat, points = drawn(spec)[0].requires_grad_(), random_points(200).requires_grad_()
        loss = (laplacian(plain(spec, flat, points)[0], points) - 3).square().mean()
        if not loss.requires_grad:
            return 0.0
        (gradient,) = torch.autograd.grad(loss, flat, materialize_grads=True)
        return float(gradient.norm())

    assert lesson("relu-2x32") == 0
    assert lesson("siren-2x32") > 1


# omega_0 (paper, section 2.1, equation 6; sections 3.3.3 and S1.2).


@pytest.mark.parametrize("omega", [8, 30, 240])
def test_factorising_the_weights_boosts_their_gradient_by_omega(omega: float) -> None:
    """THE-06 (section 2.1, equation 6): one function, written with W and with W / omega; the gradients' ratio is omega.

    Both are computed in float64; ratio and direction agree to 1e-9. The last layer has no omega and no boost.
    """
    factorised = cell("siren-2x32", hidden_omega=omega, replicates=2)
    whole = cell("siren-2x32", hidden_omega=1, replicates=2)
    narrow = drawn(factorised, torch.float64)
    wide = narrow.clone()
    for weight, bias in maps(whole, wide)[1:-1]:
        weight.mul_(omega)
        bias.mul_(omega)
    points = random_points(300, torch.float64)
    assert torch.allclose(outputs(factorised, narrow, points), outputs(whole, wide, points), rtol=0, atol=1e-10)
    for replicate in range(2):
        gradients = []
        for spec, parameters in ((factorised, narrow), (whole, wide)):
            flat = parameters[replicate].clone().requires_grad_()
            plain(spec, flat, points)[0].sub(0.3).square().mean().backward()
            gradients.append([gradient[0] for gradient, _ in maps(spec, flat.grad[None])])
        for layer, (boosted, unboosted) in enumerate(zip(*gradients, strict=True)):
            factor = omega if layer in (1, 2) else 1
            assert float((boosted - factor * unboosted).norm() / boosted.norm()) < 1e-9


@pytest.mark.parametrize("omega", [1, 8, 240])
def test_omega_of_the_hidden_layers_scales_the_first_output_and_leaves_the_function_alone(omega: float) -> None:
    """Equation 6, protocol.md (ablations): the law of omega times W does not depend on omega, seed by seed.

    Without the biases, which omega multiplies without having divided them, the initial function is the same one for
    every omega but for the factor 1 / omega of the last layer, to float32 round-off.
    """

    def unbiased(hidden_omega: float) -> torch.Tensor:
        spec = cell("siren-3x64", hidden_omega=hidden_omega, replicates=3)
        parameters = drawn(spec)
        for _, bias in maps(spec, parameters)[1:]:
            bias.zero_()
        return hidden_omega * outputs(spec, parameters.double(), random_points(200, torch.float64))

    assert torch.allclose(unbiased(omega), unbiased(30), rtol=0, atol=1e-4)
    assert float(unbiased(30).std()) > 0.5


def test_the_spatial_frequency_of_the_first_layer_is_proportional_to_its_omega() -> None:
    """THE-07 (sections 2.1, 3.3.3): the spectral centroid along a row grows linearly with omega_0, R^2 > 0.99.

    A feature sin(omega (w x + b)) has omega |w| / 2 pi cycles per unit; for w from U(-1/2, 1/2) that is omega / 8 pi in
    the mean. Over five seeds of 256 features the mean |w| has a standard error of 1.6 %; the slope is held to 5 %.
    """
    centroids = []
    for omega in OMEGAS:
        spec = cell("siren-1x256", first_omega=omega)
        frequencies, power = power_spectrum(torch.sin(pre_activations(spec, line(1024))[0]).numpy())
        centroids.append((power * frequencies).sum(axis=1) / power.sum(axis=1))
    fits = [linregress(OMEGAS, of_seed) for of_seed in np.stack(centroids, axis=1)]
    assert min(fit.rvalue**2 for fit in fits) > 0.99
    assert np.mean([fit.slope for fit in fits]) == pytest.approx(1 / (8 * math.pi), rel=0.05)


@pytest.mark.network
def test_the_spectrum_of_the_cameraman_is_met_best_by_an_omega_between_30_and_240(cameraman: Path) -> None:
    """OM1-07 (section 3.3.3): "to better match the frequency spectrum of the signal", before any training.

    Radial spectra of the picture and of the untrained network at 128 x 128, means of three seeds. By the power that
    would have to move (Wasserstein distance) 30 is nearest (4.1 against 4.5 of 15 and 5.2 of 60), by the logarithmic
    distance 120 is (6.5 dB against 10.7 of 240 and 12.7 of 60).
    """
    side = 128
    wanted = _radial_spectra(unit_range(_cameraman(cameraman, side)).reshape(1, side, side).numpy())
    moved, log_distance = {}, {}
    for omega in OMEGAS:
        spec = cell("siren-2x256", first_omega=omega, replicates=3)
        found = outputs(spec, drawn(spec), grid(side, side))
        spectra = _radial_spectra(found.reshape(3, side, side).double().numpy())
        moved[omega] = np.abs(np.cumsum(spectra - wanted, axis=1)).sum(axis=1).mean()
        decibels = 10 * np.log10(spectra[:, 1:] / wanted[:, 1:])
        log_distance[omega] = np.sqrt((decibels**2).mean(axis=1)).mean()
    assert min(moved, key=moved.__getitem__) == 30
    assert min(log_distance, key=log_distance.__getitem__) == 120


def _cameraman(status: Path, side: int) -> np.ndarray:
    return resize(open_picture(verified(read_status(status))), side, "pil-bilinear")


def _radial_spectra(images: np.ndarray) -> np.ndarray:
    """Of images (R, side, side): power by distance from frequency zero in cycles per picture, each of sum one."""
    side = images.shape[-1]
    window = np.hanning(side)
    smooth = (images - images.mean(axis=(1, 2), keepdims=True)) * window[:, None] * window
    power = np.abs(np.fft.fft2(smooth)) ** 2
    cycles = np.fft.fftfreq(side) * side
    ring = np.rint(np.hypot(cycles[:, None], cycles)).astype(int).ravel()
    rings = np.stack([np.bincount(ring, of_one.ravel())[: side // 2] for of_one in power])
    return rings / rings.sum(axis=1, keepdims=True)


# Schemes that are one law, or that are not what the paper says (section 3.3, figures 4 and S2).


@pytest.mark.parametrize("shape", ["2x256", "3x512"])
def test_kaiming_normal_and_normal_are_one_law_in_the_first_layer(shape: str) -> None:
    """X9, IN1-12 (figure 4a): fan-in 2 makes sqrt(2 / 2) = 1, so that two of its curves are one, bit by bit."""
    kaiming, normal = (drawn(cell(f"siren-{shape}", first_init=law)) for law in ("kaiming_normal", "normal"))
    assert torch.equal(kaiming, normal)
    assert not torch.equal(normal, drawn(cell(f"siren-{shape}")))


def test_with_more_inputs_kaiming_normal_is_no_longer_the_normal_law() -> None:
    """The limit of X9: positional encoding has 26 inputs."""
    kaiming, normal = (weights(cell("siren+pe-2x256", first_init=law))[0] for law in ("kaiming_normal", "normal"))
    assert torch.allclose(kaiming, normal * math.sqrt(2 / 26), rtol=1e-6, atol=0)


@pytest.mark.parametrize("shape", ["2x256", "3x512"])
def test_without_omega_sirens_own_hidden_law_is_kaiming_uniform(shape: str) -> None:
    """X10, INH-14 (figure S2): both are U(-sqrt(6/n), sqrt(6/n)) at hidden omega_0 1; equal but for the last bit."""
    standard = drawn(cell(f"siren-{shape}", hidden_omega=1))
    kaiming = drawn(cell(f"siren-{shape}", hidden_omega=1, hidden_init="kaiming_uniform"))
    assert torch.allclose(standard, kaiming, rtol=2e-7, atol=0)


def test_kaiming_uniform_divided_by_omega_is_sirens_own_hidden_law() -> None:
    """INH-13 (section S1.2): "not tailored on the presence of omega_0" is the whole difference, a factor of 30."""
    standard, kaiming = cell("siren-3x256"), cell("siren-3x256", hidden_init="kaiming_uniform")
    tailored = drawn(kaiming)
    for weight, _ in maps(kaiming, tailored)[1:-1]:
        weight.div_(30)
    assert torch.allclose(drawn(standard), tailored, rtol=3e-7, atol=0)


@pytest.mark.parametrize(("law", "ratio"), [("kaiming_uniform", 3.464), ("xavier_uniform", 0.305)])
def test_the_first_layers_bounds_are_not_similar(law: str, ratio: float) -> None:
    """IN1-07 (section S1.2) is refuted: sqrt(3) and sqrt(6/258) against 1/2, no bound within a factor of 2 of SIREN's.

    The largest of 10,240 draws is within 0.1 % of the bound.
    """
    bounds = [
        float(weights(cell("siren-2x256", first_init=init, replicates=20))[0].abs().max()) for init in (law, "standard")
    ]
    found = bounds[0] / bounds[1]
    assert found == pytest.approx(ratio, rel=0.002)
    assert not 0.5 <= found <= 2


@pytest.mark.parametrize(
    ("law", "omega"), [("kaiming_uniform", 30 * math.sqrt(12)), ("xavier_uniform", 30 * math.sqrt(24 / 258))]
)
def test_the_ablation_of_the_first_layer_is_one_of_omega(law: str, omega: float) -> None:
    """Protocol.md (ablations): Kaiming uniform is SIREN's own law with omega_0 104, Xavier uniform with 9.1.

    Biases apart: omega_0 multiplies them, another law of the weights does not.
    """
    spec, twin = cell("siren-2x256", first_init=law), cell("siren-2x256", first_omega=omega)
    assert torch.allclose(30 * weights(spec)[0], omega * weights(twin)[0], rtol=1e-6, atol=0)


# Super-resolution, and where curves start (paper, section 2.3; protocol.md, ablations).


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("kernel", KERNELS)
def test_super_resolution_is_ill_posed(kernel: str, factor: int) -> None:
    """THE-11 (section 2.3): two pictures 22 dB apart with one and the same small picture, but for its border.

    An alternating pattern of 20 grey levels is odd about the middle of every window of an even factor, and each of the
    filters is even. Along the border, where windows are cut off, a grey level remains: 2.5e-4 of the range in the mean
    at most (the claim: below 1e-3). Whatever a method makes of the small picture, for one of the two large ones its
    squared error is at least a quarter of theirs; bicubic interpolation is the example.
    """
    size = 128
    rows, columns = np.mgrid[0:size, 0:size]
    smooth = 128 + 60 * np.sin(rows / 19) * np.cos(columns / 23)
    pattern = 20.0 * (-1.0) ** (rows + columns)
    spec = parse_name(f"sr/a-{size}-x{factor}/siren-2x8" + ("" if kernel == "pil-bilinear" else f"/kernel={kernel}"))
    one, other = (
        catalog.tasks()["sr"].reconstruction(
            spec,
            lambda side, name, picture=picture: resize(Image.fromarray(picture.round().astype(np.uint8)), side, name),
        )
        for picture in (smooth, smooth + pattern)
    )
    difference = np.abs(one.low.astype(float) - other.low)
    assert not difference[3:-3, 3:-3].any()
    assert difference.mean() / 255 < 1e-3
    error = (unit_range(one.high) - unit_range(other.high)).square().mean()
    assert 20 < -10 * math.log10(error) < 25
    enlarged = next(method for method in INTERPOLATIONS if method.name == "bicubic").enlarge(spec, one, {})
    scores = [
        float(Scorer(unit_range(images.high), ("psnr",))(torch.tensor(enlarged)[None, :, :, None])["psnr"])
        for images in (one, other)
    ]
    assert min(scores) < -10 * math.log10(error / 4)


@pytest.mark.network
@pytest.mark.parametrize(("side", "nothing", "mean"), [(256, 12.330, 12.424), (512, 12.189, 12.284)])
def test_constant_pictures_set_the_level_that_curves_start_from(
    cameraman: Path, side: int, nothing: float, mean: float
) -> None:
    """Protocol.md (target curves), INH-03: PSNR of predicting 0, and of predicting the mean, on the Cameraman."""
    signal = unit_range(_cameraman(cameraman, side))
    constants = torch.tensor([0.0, float(signal.mean() * 2 - 1)])
    scores = Scorer(signal, ("psnr",))(constants[:, None, None, None].expand(2, side, side, 1))["psnr"]
    assert scores.tolist() == pytest.approx([nothing, mean], abs=5e-4)


@pytest.mark.network
def test_an_untrained_siren_is_nearly_grey_and_without_hidden_omega_far_from_it(cameraman: Path) -> None:
    """Protocol.md (ablations): curves start near 12.3 dB, those of figure S2 near 7.3: a last layer 30 times larger.

    Five seeds: 12.31 dB (12.16 to 12.42) and 7.7 dB (6.7 to 8.2); ten other seeds give 12.32 and 7.3. The margins are
    at least three standard deviations of a seed. Every fourth pixel of every fourth row is enough.
    """
    scorer = Scorer(unit_range(_cameraman(cameraman, 256)[::4, ::4]), ("psnr",))
    points = grid(256, 256).unflatten(0, (256, 256))[::4, ::4].reshape(-1, 2)

    def level(hidden_omega: float) -> list[float]:
        spec = cell("siren-3x256", hidden_omega=hidden_omega)
        return scorer(outputs(spec, drawn(spec), points).unflatten(1, (64, 64)))["psnr"].tolist()

    assert level(30) == pytest.approx([12.3] * 5, abs=0.4)
    assert level(1) == pytest.approx([7.5] * 5, abs=1.8)
