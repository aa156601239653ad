"""Metrics: their ids, and PSNR and SSIM against scikit-image."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from sirenbench import catalog
from sirenbench.errors import UserError
from sirenbench.metrics.appearance import _is_beyond
from sirenbench.metrics.base import Scorer
from sirenbench.metrics.ids import MetricId, parse_metric
from sirenbench.weights.numpy_pickle import read_arrays


@st.composite
def metric_ids(draw: st.DrawFn) -> MetricId:
    metric = draw(st.sampled_from(list(catalog.metrics().values())))
    switches = []
    for option in metric.switches:
        values = st.sampled_from(option.choices) if hasattr(option, "choices") else st.integers(option.low, option.high)
        switches.append((option.name, draw(values)))
    return MetricId(metric.name, tuple(switches))


@given(metric_ids())
def test_an_id_reads_back_as_the_same_metric(which: MetricId) -> None:
    assert parse_metric(which.text) == which


@given(metric_ids(), metric_ids())
def test_two_metrics_never_share_an_id(one: MetricId, other: MetricId) -> None:
    assert (one.text == other.text) == (one == other)


@pytest.mark.parametrize(
    "text",
    [
        "psnr",
        "ssim",
        "psnr@y",
        "psnr@border=4",
        "ssim@window=gaussian",
        "psnr@y,border=4",
        "ssim@y,border=4,window=gaussian",
    ],
)
def test_ids_leave_defaults_out_and_keep_one_order(text: str) -> None:
    assert parse_metric(text).text == text


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("pnsr", "did you mean 'psnr'?"),
        ("psnr@z", "allowed: own, y"),
        ("psnr@", "allowed: own, y"),
        ("psnr@border=-1", "a whole number from 0 to"),
        ("psnr@border=04", "a whole number from 0 to"),
        ("psnr@window=gaussian", "allowed: channel, border"),
        ("ssim@windw=gaussian", "did you mean 'window'?"),
        ("ssim@window=gausian", "did you mean 'gaussian'?"),
        ("psnr@border=0", "write psnr"),
        ("psnr@border=4,y", "write psnr@y,border=4"),
        ("psnr@y,y", "write psnr@y"),
        ("psnr@channel=y", "write psnr@y"),
        ("lpips@y", "lpips has no switches"),
    ],
)
def test_other_texts_are_refused_with_what_is_allowed(text: str, hint: str) -> None:
    with pytest.raises(UserError) as refusal:
        parse_metric(text)
    assert hint in str(refusal.value)
    assert text in str(refusal.value)


def test_titles_are_for_people() -> None:
    assert parse_metric("psnr").title == "PSNR"
    assert parse_metric("ssim@y,border=4").title == "SSIM (y, border=4)"


def test_every_metric_says_what_it_is_without_torch() -> None:
    code = (
        "import sys; from sirenbench import catalog; from sirenbench.metrics.ids import parse_metric\n"
        "parse_metric('ssim@y,window=gaussian')\n"
        "for m in catalog.metrics().values():\n"
        "    assert m.title and m.formula and m.doc and m.link.startswith('https://') and m.low < m.high\n"
        "print(*(f'{m.name}:{m.better}' for m in catalog.metrics().values()))\n"
        "assert 'torch._C' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stdout.split() == [
        *("ks_normal:lower", "ks_arcsine:lower", "std_pre:neither", "std_post:neither", "gradient_ratio:neither"),
        *("detail:neither", "roughness:neither"),
        *("sharpness_error:lower", "luminance_error:lower", "contrast_error:lower"),
        *("gradient_psnr:higher", "gradient_correlation:higher", "laplacian_psnr:higher"),
        *("laplacian_correlation:higher", "gain:neither", "lpips:lower", "psnr:higher", "ssim:higher"),
    ], done.stderr


def _aligned(image: np.ndarray, prediction: np.ndarray, word: str) -> np.ndarray:
    """The least-squares fit of each channel of the image by the prediction and what is free, written plainly."""
    if word == "none":
        return prediction
    z = np.linspace(-1, 1, image.shape[0])[:, None] + 1j * np.linspace(-1, 1, image.shape[1])[None, :]
    powers = [z**k for k in range(5)] if word == "harmonic" else [z**0]
    free = [part.ravel() for power in powers for part in (power.real, power.imag)]
    fitted = []
    for true, ours in zip(np.moveaxis(image, 2, 0), np.moveaxis(prediction, 2, 0), strict=True):
        columns = np.stack([ours.ravel(), *free], axis=1)
        fitted.append((columns @ np.linalg.lstsq(columns, true.ravel(), rcond=None)[0]).reshape(true.shape))
    return np.stack(fitted, axis=2)


def _expected(image: np.ndarray, prediction: np.ndarray, which: MetricId) -> float:
    """The score by scikit-image alone; images (H, W, C), the true one in [0, 1]."""
    chosen = dict(which.switches)
    prediction = np.clip(_aligned(image, prediction, str(chosen["align"])), 0, 1)
    border = int(chosen["border"])
    pair = [x[border : x.shape[0] - border, border : x.shape[1] - border] for x in (image, prediction)]
    if chosen["channel"] == "y" and image.shape[2] == 3:
        pair = [rgb2ycbcr(x)[..., :1] / 255 for x in pair]
    if which.name == "psnr":
        return float(peak_signal_noise_ratio(*pair, data_range=1))
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    extra = wang if chosen["window"] == "gaussian" else {}
    return float(structural_similarity(*pair, data_range=1, channel_axis=-1, **extra))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, list[MetricId]]:
    """An image, noisy predictions of it in [-1, 1] and beyond, and metrics that it is large enough for."""
    height, width, channels = draw(st.integers(11, 40)), draw(st.integers(11, 40)), draw(st.sampled_from([1, 3]))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = np.linspace(0, 1, height * width * channels).reshape(height, width, channels) ** 2
    noise = draw(st.sampled_from([1e-4, 1e-2, 0.3])) * generator.standard_normal(
        (draw(st.integers(1, 4)), *image.shape)
    )
    channel = ("channel", draw(st.sampled_from(["own", "y"])))
    border = ("border", draw(st.integers(0, (min(height, width) - 11) // 2)))
    window = ("window", draw(st.sampled_from(["uniform", "gaussian"])))
    align = ("align", draw(st.sampled_from(["none", "affine", "harmonic"])))
    return (
        image,
        2 * image - 1 + noise,
        [MetricId("psnr", (channel, border, align)), MetricId("ssim", (channel, border, window, align))],
    )


@settings(deadline=None, max_examples=60)
@given(scenes())
def test_psnr_and_ssim_equal_scikit_image(scene: tuple[np.ndarray, np.ndarray, list[MetricId]]) -> None:
    image, predictions, metrics = scene
    scores = Scorer(torch.from_numpy(image), [metric.text for metric in metrics])(torch.from_numpy(predictions))
    for replicate, prediction in enumerate(predictions):
        shown = (prediction + 1) / 2
        for metric in metrics:
            assert abs(scores[metric.text][replicate].item() - _expected(image, shown, metric)) <= 1e-6


def test_float32_images_are_scored_in_float64(image: torch.Tensor, predictions: torch.Tensor) -> None:
    scores = Scorer(image, ["psnr", "ssim"])(predictions)
    pair = image.double().numpy(), ((predictions[0].double() + 1) / 2).clip(0, 1).numpy()
    assert scores["psnr"].dtype == scores["ssim"].dtype == torch.float64
    assert scores["psnr"][0].item() == pytest.approx(peak_signal_noise_ratio(*pair, data_range=1), abs=1e-6)
    assert scores["ssim"][0].item() == pytest.approx(
        structural_similarity(*pair, data_range=1, channel_axis=-1), abs=1e-6
    )


LOOKS = ("detail", "detail@factor=2", "roughness", "sharpness_error", "luminance_error", "contrast_error")
EVERY = ("psnr", "psnr@y,border=2", "ssim", "ssim@y,border=2,window=gaussian", *LOOKS)


@pytest.fixture
def image() -> torch.Tensor:
    return torch.rand(24, 20, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def predictions() -> torch.Tensor:
    return 2 * torch.rand(4, 24, 20, 3, generator=torch.Generator().manual_seed(2)) - 1


def test_a_replicates_score_does_not_depend_on_the_others(image: torch.Tensor, predictions: torch.Tensor) -> None:
    score = Scorer(image, EVERY)
    together = score(predictions)
    for replicate in range(4):
        alone = score(predictions[replicate : replicate + 1])
        for text in EVERY:
            torch.testing.assert_close(alone[text][0], together[text][replicate], rtol=1e-13, atol=0)


def test_an_undefined_replicate_scores_nan_and_leaves_the_others_alone(
    image: torch.Tensor, predictions: torch.Tensor
) -> None:
    clean = Scorer(image, EVERY)(predictions)
    spoiled = predictions.clone()
    spoiled[1, 5, 5, 0] = math.nan
    for text, scores in Scorer(image, EVERY)(spoiled).items():
        assert scores[1].isnan()
        assert torch.equal(scores[[0, 2, 3]], clean[text][[0, 2, 3]])


def test_infinite_pixels_are_clipped_like_any_other(image: torch.Tensor, predictions: torch.Tensor) -> None:
    score = Scorer(image, EVERY)
    infinite, bounded = predictions.clone(), predictions.clone()
    infinite[:, 3, 3], bounded[:, 3, 3] = math.inf, 1.0
    for text, scores in score(infinite).items():
        assert torch.equal(scores, score(bounded)[text])


def test_equal_images_have_infinite_psnr_and_ssim_one() -> None:
    image = torch.arange(256).reshape(16, 16, 1).double() / 256
    scores = Scorer(image, ("psnr", "ssim"))(2 * image[None] - 1)
    assert scores["psnr"].tolist() == [math.inf]
    assert scores["ssim"].tolist() == [pytest.approx(1.0, abs=1e-12)]


def look(target: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """By 8-bit images (H, W)."""
    unit = [torch.from_numpy(image.astype(np.float64) / 255)[..., None] for image in (target, prediction)]
    return {text: score.item() for text, score in Scorer(unit[0], LOOKS)(2 * unit[1][None] - 1).items()}


def test_how_an_image_looks_beside_the_true_one() -> None:
    """Detail is what lies beyond a small image's frequencies: a fine pattern that is kept, halved or lost."""
    rows = np.arange(64)
    coarse = 128 + 60 * np.sin(rows / 64 * 2 * np.pi * 3)[:, None] + np.zeros(64)
    fine = 30 * (-1.0) ** np.add.outer(rows, rows)
    target, half, lost = (np.uint8(np.round(coarse + share * fine)) for share in (1, 0.5, 0))
    same, weaker, smooth, darker = (look(target, image) for image in (target, half, lost, target - 10))
    assert (same["detail"], same["detail@factor=2"]) == pytest.approx((1, 1))
    assert [same[name] for name in LOOKS[3:]] == [0, 0, 0]
    assert weaker["detail"] == pytest.approx(0.25, rel=0.02)
    assert smooth["detail"] < 0.01
    assert same["roughness"] > 5 * smooth["roughness"]
    assert weaker["sharpness_error"] == pytest.approx(0.47, abs=0.05)
    assert darker["luminance_error"] == pytest.approx(10 / 255)
    assert smooth["contrast_error"] > 0.01
    assert darker["contrast_error"] == pytest.approx(0, abs=1e-12)


def test_what_counts_as_detail_depends_on_the_factor() -> None:
    """12 cycles a side of 64 pixels are more than 16 pixels a side can show, and not more than 32 can."""
    angle = np.arange(64) / 64 * 2 * np.pi
    middle, fine = (40 * np.sin(cycles * angle)[:, None] + np.zeros(64) for cycles in (12, 28))
    found = look(np.uint8(128 + middle + fine), np.uint8(128 + fine))
    assert found["detail"] == pytest.approx(0.5, abs=0.01)
    assert found["detail@factor=2"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("side", [60, 64, 120, 250, 420, 468, 512])
@pytest.mark.parametrize("factor", [2, 3, 4, 5, 8, 9])
def test_a_small_images_own_highest_frequency_is_no_detail(side: int, factor: int) -> None:
    """An image of n pixels a side can show up to n / 2 cycles."""
    cycles = [min(number, side - number) for number in range(side)]
    assert _is_beyond(side, factor).tolist() == [number > Fraction(side, factor) / 2 for number in cycles]


def test_a_flat_image_has_no_detail_to_be_compared_with() -> None:
    flat = torch.full((16, 16, 1), 0.5).double()
    rough = torch.rand(1, 16, 16, 1, generator=torch.Generator().manual_seed(3)).double()
    scores = Scorer(flat, LOOKS)(torch.cat([rough, torch.zeros_like(rough)]))
    assert [scores["sharpness_error"][0].item(), scores["detail"][0].item()] == [math.inf, math.inf]
    assert [scores["sharpness_error"][1].isnan().item(), scores["detail"][1].isnan().item()] == [True, True]
    assert scores["luminance_error"].isfinite().all()


def test_luma_of_a_grey_image_is_the_image_itself(image: torch.Tensor, predictions: torch.Tensor) -> None:
    scores = Scorer(image[..., :1], ("psnr", "psnr@y"))(predictions[..., :1])
    assert torch.equal(scores["psnr"], scores["psnr@y"])


@pytest.mark.parametrize(
    ("text", "side", "hint"),
    [
        ("ssim", 6, "at least 7 x 7"),
        ("ssim@window=gaussian", 10, "at least 11 x 11"),
        ("ssim@border=4", 14, "6 x 6 are left"),
        ("psnr@border=4", 8, "leaves nothing of an image of 8 x 8"),
        ("psnr@border=9", 8, "leaves nothing of an image of 8 x 8"),
        ("lpips", 32, "needs the asset alexnet-trunk"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_any_prediction(text: str, side: int, hint: str) -> None:
    with pytest.raises(UserError, match=hint):
        Scorer(torch.zeros(side, side, 1), [text])


def test_scoring_leaves_the_prediction_as_it_was(image: torch.Tensor, predictions: torch.Tensor) -> None:
    before = predictions.double()
    given = before.clone()
    Scorer(image, EVERY)(given)
    assert torch.equal(given, before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_scores_stay_on_the_gpu_and_never_wait_for_it(image: torch.Tensor, predictions: torch.Tensor) -> None:
    score = Scorer(image.cuda(), EVERY)
    on_gpu = predictions.cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        scores = score(on_gpu)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for text, expected in Scorer(image, EVERY)(predictions).items():
        assert scores[text].is_cuda
        torch.testing.assert_close(scores[text].cpu(), expected, rtol=1e-12, atol=0)


@pytest.fixture
def pickled(tmp_path: Path) -> Callable[[object], Path]:
    def write(content: object) -> Path:
        path = tmp_path / "arrays.ckpt"
        path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol=3))
        return path

    return write


def test_pickled_arrays_are_read_with_their_nested_keys(pickled: Callable[[object], Path]) -> None:
    first, second = np.arange(24, dtype="f4").reshape(2, 3, 4), np.asfortranarray(np.arange(6).reshape(2, 3))
    arrays = read_arrays(pickled({"net": {"a": first, "b": second}}))
    assert list(arrays) == ["net/a", "net/b"]
    np.testing.assert_array_equal(arrays["net/a"], first)
    np.testing.assert_array_equal(arrays["net/b"], second)


class _Call:
    def __init__(self, function: Callable, *args: object) -> None:
        self._call = function, args

    def __reduce__(self) -> tuple[Callable, tuple]:
        return self._call


MALICIOUS = {
    "os.system": lambda mark: {"a": _Call(os.system, f"touch {mark}")},
    "subprocess": lambda mark: _Call(subprocess.check_call, ["touch", str(mark)]),
    "eval": lambda mark: {"a": _Call(eval, f"open({str(mark)!r}, 'w')")},
    "getattr": lambda mark: _Call(getattr, _Call(__import__, "os"), "system"),
    "numpy's own eval": lambda mark: (
        b"cnumpy.testing._private.utils\nrunstring\n(V" + f"open({str(mark)!r}, 'w')".encode() + b"\n}tR."
    ),
    "a dotted name": lambda mark: b"\x80\x04\x8c\x05numpy\x8c\x0dos.system\x93(V" + f"touch {mark}".encode() + b"\ntR.",
    "objects in an array": lambda mark: {"a": np.array([_Call(os.system, f"touch {mark}")], dtype=object)},
    "an extension code": lambda mark: b"\x82\x01.",
    "a persistent id": lambda mark: b"Pos.system\n.",
}


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_malicious_pickle_is_refused_and_runs_nothing(
    name: str, tmp_path: Path, pickled: Callable[[object], Path]
) -> None:
    mark = tmp_path / "ran"
    with pytest.raises(UserError, match="nothing of it was used"):
        read_arrays(pickled(MALICIOUS[name](mark)))
    assert not mark.exists()


def _looped() -> dict:
    loop: dict = {}
    loop["a"] = loop
    return loop


@pytest.mark.parametrize(
    "content",
    [b"", b"not a pickle", pickle.dumps({"a": np.zeros(3)})[:-20], ["no dictionary"], {"a": 1}, _looped(),
     {"a": np.array(["text"])}, {"a": np.zeros(2, dtype=[("x", "f4")])}],
    ids=["empty", "text", "cut off", "a list", "a number", "a loop", "strings", "records"],
)  # fmt: skip
def test_what_is_no_dictionary_of_number_arrays_is_refused(content: object, pickled: Callable[[object], Path]) -> None:
    with pytest.raises(UserError, match="is not a pickle of number arrays"):
        read_arrays(pickled(content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.ckpt"):
        read_arrays(tmp_path / "absent.ckpt")
