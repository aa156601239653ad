"""Poisson reconstruction: targets, amplitudes and scores as the paper's authors had them (protocol.md, losses)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sirenbench import catalog
from sirenbench.engine.trainer import Trainer
from sirenbench.images.derivatives import laplace, per_unit, sobel, true_gradient, true_laplacian
from sirenbench.images.pictures import open_picture, prepare, resize, to_signed_range
from sirenbench.metrics.base import Scorer
from sirenbench.names import parse_name
from sirenbench.spec import CellSpec
from sirenbench.tasks.base import Problem

CPU = torch.device("cpu")
STARFISH = Path(__file__).parents[2].parent / "shared/data/bsds500/12003.jpg"


def waves(side: int, kernel: str) -> np.ndarray:
    rows, columns = np.mgrid[0:side, 0:side] / side
    return (127 + 90 * np.sin(6 * rows + 1) * np.cos(9 * columns)).astype(np.uint8)


def _problem(name: str, picture=waves) -> tuple[CellSpec, Problem]:
    spec = parse_name(name)
    return spec, catalog.tasks()[spec.task].problem(spec, picture)


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    """A picture that ships with scikit-image, grey, 256 x 256."""
    import skimage.data

    return resize(prepare(Image.fromarray(skimage.data.astronaut()), crop="none", channel="grey"), 256, "pil-bilinear")


@pytest.fixture(scope="module")
def starfish() -> np.ndarray:
    """The authors' picture: the left 321 columns, grey, 256 x 256."""
    if not STARFISH.exists():
        pytest.skip("the starfish of BSDS500 is not beside this checkout")
    return resize(prepare(open_picture(STARFISH), crop="topleft", channel="grey"), 256, "pil-bilinear")


def test_the_authors_sobel_is_four_times_the_plain_one() -> None:
    """On a ramp from -1 to 1 over 256 pixels: 0.25098 against 0.06275."""
    ramp = np.tile(np.linspace(-1, 1, 256, dtype=np.float32)[:, None, None], (1, 256, 1))
    assert sobel(ramp)[100, 100, 0] == pytest.approx([0.25098, 0], abs=1e-5)
    assert sobel(ramp, has_third_axis=False)[100, 100, 0] == pytest.approx([0.06275, 0], abs=1e-5)


@pytest.mark.parametrize("shape", [(8, 8, 1), (33, 33, 3)])
def test_the_filters_are_scipys_bit_for_bit(shape: tuple[int, int, int]) -> None:
    from scipy import ndimage

    random = np.random.default_rng(7)
    image = (random.standard_normal(shape) * 10.0 ** random.integers(-9, 9, shape)).astype(np.float32)
    planes = np.moveaxis(image, -1, 0)
    for array, has_third_axis in ((planes[:, None], True), (planes, False)):
        sides = [[ndimage.sobel(plane, axis).reshape(shape[:2]) for plane in array] for axis in (-2, -1)]
        assert (
            sobel(image, has_third_axis).tobytes() == np.ascontiguousarray(np.transpose(sides, (2, 3, 1, 0))).tobytes()
        )
    summed = np.stack([ndimage.laplace(plane) for plane in planes], axis=-1)
    assert laplace(image).tobytes() == summed.tobytes()


@pytest.mark.parametrize("grid", ["corner", "center"])
def test_true_derivatives_are_by_the_coordinates(grid: str) -> None:
    outer = 1.0 if grid == "corner" else 1 - 1 / 64
    row, column = np.meshgrid(*[np.linspace(-outer, outer, 64, dtype=np.float32)] * 2, indexing="ij")
    image = (3 * row**2 - column**2 + 0.5 * row)[..., None]
    inside = np.s_[2:-2, 2:-2, 0]
    assert true_gradient(image, grid)[inside][..., 0] == pytest.approx(6 * row[2:-2, 2:-2] + 0.5, abs=1e-3)
    assert true_gradient(image, grid)[inside][..., 1] == pytest.approx(-2 * column[2:-2, 2:-2], abs=1e-3)
    assert true_laplacian(image, grid)[inside] == pytest.approx(4.0, abs=1e-2)


@pytest.mark.parametrize(
    ("switch", "gain"),
    [("", 2.510), ("/supervision=gradient-2d", 0.6275), ("/supervision=laplacian", 0.6151), ("/amplified=no", 0.2510)],
)
def test_the_targets_ask_for_these_multiples_of_the_image(switch: str, gain: float) -> None:
    """POI-09, POI-10: 2.51 by the authors' gradients, 0.627 by the plain filter's, 0.615 by Laplacians."""
    _, problem = _problem(f"poisson/a-256/siren-2x256{switch}")
    assert problem.supervision.gain == pytest.approx(gain, abs=1e-3)
    image = problem.training.values().reshape(256, 256, 1)
    true = true_laplacian(image, "corner") if "laplacian" in switch else true_gradient(image, "corner")
    inside = np.s_[4:-4, 4:-4]  # the two Sobel filters differ at the border
    asked = problem.supervision.targets.reshape(true.shape)[inside]
    assert np.corrcoef(asked.ravel(), true[inside].ravel())[0, 1] > 0.9999
    assert asked.std() / true[inside].std() == pytest.approx(gain, rel=0.01)


def test_targets_are_scipys_filters_ten_and_ten_thousand_times() -> None:
    from scipy import ndimage

    _, by_gradient = _problem("poisson/a-32/siren-2x8")
    _, by_laplacian = _problem("poisson/a-32/siren-2x8/supervision=laplacian")
    array = to_signed_range(waves(32, ""))[None]
    gradient = 10 * np.stack([ndimage.sobel(array, axis=1), ndimage.sobel(array, axis=2)], axis=-1)
    assert np.array_equal(by_gradient.supervision.targets[:, 0], gradient.reshape(-1, 2))
    assert np.allclose(by_laplacian.supervision.targets[:, 0], 1e4 * ndimage.laplace(array).ravel(), rtol=1e-6)


def _loss_of_zero(switch: str, picture: np.ndarray) -> float:
    """Of a network that is 0 everywhere."""
    spec, problem = _problem(f"poisson/a-256/siren-2x8{switch}/replicates=1", lambda side, kernel: picture)
    trainer = Trainer(spec, problem, CPU)
    trainer.network.parameters.zero_()
    trainer.run(until=0)
    return trainer.curves.series("loss")[0, 0]


def test_the_zero_network_has_the_mean_square_of_the_targets_as_its_loss(astronaut: np.ndarray) -> None:
    """By SciPy alone; both components of a gradient are added up."""
    from scipy import ndimage

    array = (astronaut[None] / 255 - 0.5) / 0.5
    gradient = sum((10 * ndimage.sobel(array, axis=axis)) ** 2 for axis in (1, 2))
    assert _loss_of_zero("", astronaut) == pytest.approx(gradient.mean(), rel=1e-5)
    laplacian = (1e4 * ndimage.laplace(array)) ** 2
    assert _loss_of_zero("/supervision=laplacian", astronaut) == pytest.approx(laplacian.mean(), rel=1e-5)


def test_the_zero_network_has_the_authors_losses_on_the_starfish(starfish: np.ndarray) -> None:
    """1534.99 and 4.545e6, measured with the authors' own loss functions; JPEG decoders differ by tenths of 1 %."""
    assert _loss_of_zero("", starfish) == pytest.approx(1534.99, rel=5e-3)
    assert _loss_of_zero("/supervision=laplacian", starfish) == pytest.approx(4.545e6, rel=5e-3)


def _most(psnr: Callable[[float], float]) -> float:
    """The highest PSNR of any offset."""
    return max(map(psnr, np.linspace(-1, 1, 401)))


def test_a_perfect_fit_has_nearly_the_authors_psnr_on_the_starfish(starfish: np.ndarray) -> None:
    """The authors' 15.265 dB is a near-perfect fit in the wrong gauge: 15.346 is the most it can be at 2.51."""
    signed = torch.from_numpy(to_signed_range(starfish)).double()[None, :, :, None]
    scorer = Scorer((signed[0] + 1) / 2, ("psnr",))
    assert _most(lambda offset: scorer(2.510 * signed + offset)["psnr"].item()) == pytest.approx(15.346, abs=0.02)
    assert scorer(2.510 * (signed - signed.mean()))["psnr"].item() == pytest.approx(14.76, abs=0.02)
    assert _most(lambda offset: scorer(0.615 * signed + offset)["psnr"].item()) == pytest.approx(21.15, abs=0.05)


def test_a_perfect_fit_of_the_derivatives_scores_low_as_it_is_and_perfectly_when_aligned(astronaut: np.ndarray) -> None:
    """The PSNR as it is by NumPy alone, for both gains."""
    signed = torch.from_numpy(to_signed_range(astronaut)).double()[None, :, :, None]
    scorer = Scorer((signed[0] + 1) / 2, ("psnr", "psnr@align=affine", "psnr@align=harmonic"))
    true = astronaut / 255
    for gain in (2.510, 0.615):

        def by_numpy(offset: float, gain: float = gain) -> float:
            error = np.clip((gain * (2 * true - 1) + offset + 1) / 2, 0, 1) - true
            return -10 * np.log10(np.mean(error**2))

        def as_it_is(offset: float, gain: float = gain) -> float:
            return scorer(gain * signed + offset)["psnr"].item()

        assert as_it_is(0.25) == pytest.approx(by_numpy(0.25), abs=1e-4)
        assert _most(as_it_is) == pytest.approx(_most(by_numpy), abs=1e-4)
        assert _most(as_it_is) < 25
    row = torch.linspace(-1, 1, 256, dtype=torch.float64)
    harmonic = (row[:, None] ** 2 - row[None, :] ** 2)[None, :, :, None]
    assert scorer(2.510 * signed + 0.3)["psnr@align=affine"].item() > 100
    free = scorer(0.615 * signed + harmonic)
    assert free["psnr@align=affine"].item() < 25
    assert free["psnr@align=harmonic"].item() > 100


def test_the_norm_is_the_mean_length_and_not_its_square() -> None:
    """Equations 10 and 11 against what was run (DEV-03)."""
    losses = {}
    for form in ("squared", "norm"):
        switch = "/form=norm" if form == "norm" else ""
        spec, problem = _problem(f"poisson/a-16/siren-2x8{switch}/replicates=1")
        trainer = Trainer(spec, problem, CPU)
        trainer.network.parameters.zero_()
        trainer.run(until=0)
        losses[form] = trainer.curves.series("loss")[0, 0]
    lengths = np.linalg.norm(problem.supervision.targets[:, 0], axis=1)
    assert losses["norm"] == pytest.approx(lengths.mean(), rel=1e-5)
    assert losses["squared"] == pytest.approx((lengths**2).mean(), rel=1e-5)


def test_a_relu_network_has_no_laplacian_and_learns_nothing_from_one() -> None:
    """THE-09, POI-05: its Laplacian is exactly zero, so is the gradient of any loss of it."""
    spec, problem = _problem("poisson/a-16/relu-2x32/supervision=laplacian/steps=5/replicates=2")
    trainer = Trainer(spec, problem, CPU)
    before = trainer.network.parameters.clone()
    trainer.run()
    assert torch.equal(trainer.network.parameters, before)
    assert len(np.unique(trainer.curves.series("loss"))) == 1
    final = trainer.derivatives()
    assert torch.count_nonzero(final.laplacian) == 0
    assert final.scores["laplacian_correlation"].isnan().all()


@pytest.mark.slow
def test_a_siren_recovers_the_image_from_its_gradients_and_the_amplitude_they_ask_for() -> None:
    spec, problem = _problem("poisson/a-48/siren-2x64/lr=0.001/steps=400/replicates=1")
    trainer = Trainer(spec, problem, CPU)
    trainer.run()
    assert trainer.curves.series("psnr@align=affine")[-1, 0] > 30
    assert trainer.curves.series("psnr")[-1, 0] < 15
    final = trainer.derivatives()
    assert final.scores["gain"].item() == pytest.approx(problem.supervision.gain, rel=0.1)
    assert final.scores["gradient_correlation"].item() > 0.98


def test_derivative_scores_are_those_of_scipys_filters_on_the_prediction() -> None:
    """For a smooth network the filters see what differentiation sees."""
    spec, problem = _problem("fit/a-64/siren-2x32/first_omega=5/hidden_omega=5/lr=0.001/steps=100/replicates=1")
    trainer = Trainer(spec, problem, CPU)
    trainer.run()
    final, prediction = trainer.derivatives(), trainer.prediction()[0].numpy()
    inside, pixels = np.s_[2:-2, 2:-2], per_unit(64, "corner")
    ours = final.gradient[0].reshape(64, 64, 1, 2).numpy()[inside]
    assert ours == pytest.approx(sobel(prediction)[inside] * pixels / 32, abs=0.05 * float(np.abs(ours).max()))
    bent = final.laplacian[0].reshape(64, 64, 1).numpy()[inside]
    assert np.corrcoef(bent.ravel(), (laplace(prediction)[inside] * pixels**2).ravel())[0, 1] > 0.99
