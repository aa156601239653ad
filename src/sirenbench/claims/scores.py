"""What can be asked of a finished cell, written in words: ``psnr tail``, ``ssim at 50``, ``pre 2 kurtosis``."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sirenbench import catalog
from sirenbench.activation_statistics import POST, PRE, centroid, flatness
from sirenbench.claims.finished import Curve, FinishedCell
from sirenbench.claims.verdicts import NotTestable
from sirenbench.errors import UserError, allowed, shown
from sirenbench.metrics.ids import parse_metric
from sirenbench.statistics import Sample

SETTLED_STEP = 50
_EXCURSION = 3.0  # dB
_BLOCKS = 10
_FOLLOWED = ("loss", "fit_psnr")  # columns of curves that are no metrics
_OF_CURVE = ("tail", "best", "drawdown", "excursions", "at", "noise")
_OF_LAYER = ("mean", "std", "kurtosis", "ks", "flatness", "centroid")
_OTHERS = ("floor", "seconds", "gradient", "pre", "post")


@dataclass(frozen=True)
class Score:
    """A number of every seed of a cell.

    Attributes
    ----------
    text
        As it is written in claims.
    unit
        Empty for a plain number.
    of
        From a cell to its sample. Raises NotTestable where the cell has no such number.
    """

    text: str
    unit: str
    of: Callable[[FinishedCell], Sample]

    @property
    def is_of_a_step(self) -> bool:
        """Whether it is taken at a step of its own, which is not the same step in a smaller cell; not at the first."""
        return " at " in self.text and not self.text.endswith(" at 0")


def parse_score(words: Sequence[str]) -> Score:
    """The score of some words; none at all are ``psnr``.

    Raises
    ------
    UserError
        With what is allowed.
    """
    words = words or ["psnr"]
    text, rest = " ".join(words), list(words[1:])
    match words[0]:
        case "floor":
            unit, of = "dB", _nothing_more(text, rest, _floor)
        case "seconds":
            unit, of = "s", _nothing_more(text, rest, _seconds)
        case "gradient":
            unit, of = "", _gradient(text, rest)
        case "pre" | "post":
            unit, of = "", _layer(text, words[0], rest)
        case metric:
            unit, of = _unit(metric), _of_metric(text, metric, rest)
            if rest == ["excursions"]:
                unit = ""  # a number of falls
    return Score(text, unit, of)


def _of_metric(text: str, metric: str, rest: list[str]) -> Callable[[FinishedCell], Sample]:
    kind, arguments = (rest[0], rest[1:]) if rest else ("", [])
    match kind, arguments:
        case "", []:
            return lambda cell: cell.last(metric)
        case "tail" | "best", []:
            return lambda cell: cell.sample({seed: getattr(e, kind) for seed, e in cell.ends(metric).items()})
        case "at", [step] if step.isdecimal():
            return lambda cell: _at(cell, metric, int(step))
        case "drawdown", [] | [_]:
            window = _window(text, arguments[0] if arguments else "0-100%")
            return lambda cell: Sample(_each(cell.curve(metric), lambda s, v: drawdown(s, v, window)))
        case "excursions", [] if _unit(metric) == "dB":
            return lambda cell: Sample(_each(cell.curve(metric), excursions))
        case "noise", [_]:
            window = _window(text, arguments[0])
            return lambda cell: cell.sample(_each(cell.curve(metric), lambda s, v: noise(v, window)))
    forms = "at <step>, tail, best, drawdown [<from>-<to>%], excursions (of what is in dB), noise <from>-<to>%"
    raise UserError(f"score {shown(text)}: {shown(' '.join(rest))} is not known; {allowed(_OF_CURVE, kind)} ({forms})")


def _unit(metric: str) -> str:
    if metric in _FOLLOWED:
        return "dB" if metric == "fit_psnr" else ""
    try:
        return parse_metric(metric).metric.unit
    except UserError:
        words = [*catalog.metrics(), *_FOLLOWED, *_OTHERS]
        raise UserError(f"score {shown(metric)} is not known; {allowed(words, metric.partition('@')[0])}") from None


def _nothing_more(text: str, rest: list[str], of: Callable[[FinishedCell], Sample]) -> Callable[[FinishedCell], Sample]:
    if rest:
        raise UserError(f"score {shown(text)}: {shown(' '.join(rest))} is too much; write {text.split(maxsplit=1)[0]}")
    return of


def _window(text: str, word: str) -> tuple[float, float]:
    """``20-50%`` as (0.2, 0.5)."""
    match = re.fullmatch(r"(\d{1,3})-(\d{1,3})%", word)
    start, stop = (int(part) / 100 for part in match.groups()) if match else (1.0, 0.0)
    if not 0 <= start < stop <= 1:
        raise UserError(f"score {shown(text)}: {shown(word)} is not a part of the steps, as in 50-100%")
    return start, stop


def _at(cell: FinishedCell, metric: str, step: int) -> Sample:
    curve = cell.curve(metric)
    row = np.flatnonzero(curve.steps == step)
    if not len(row):
        every = cell.record.metrics_every
        why = f"it was scored every {every} steps" if step < curve.steps[-1] else f"it ends at {curve.steps[-1]}"
        raise NotTestable(f"{cell.spec.name} has no score at step {step}: {why}")
    return cell.sample({seed: float(values[row[0]]) for seed, values in curve.values.items()})


def _each(curve: Curve, of: Callable[[np.ndarray, np.ndarray], float]) -> dict[int, float]:
    return {seed: of(curve.steps, values) for seed, values in curve.values.items()}


def drawdown(steps: np.ndarray, values: np.ndarray, window: tuple[float, float] = (0, 1)) -> float:
    """The worst fall below the running maximum from step 50 on, within a part of the steps; infinite after NaN."""
    return float(_falls(steps, values, window).max(initial=0.0))


def excursions(steps: np.ndarray, values: np.ndarray) -> float:
    """How often it falls more than 3 dB below the running maximum, from step 50 on; infinite after NaN."""
    if np.isnan(values).any():
        return math.inf
    is_below = _falls(steps, values, (0, 1)) > _EXCURSION
    return float(np.count_nonzero(np.diff(is_below, prepend=False) & is_below))


def _falls(steps: np.ndarray, values: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    inside = (steps >= max(window[0] * steps[-1], min(SETTLED_STEP, steps[-1]))) & (steps <= window[1] * steps[-1])
    kept = values[inside]
    if np.isnan(kept).any():
        return np.full(len(kept), math.inf)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(np.maximum.accumulate(kept) - kept, nan=0.0, posinf=math.inf)


def noise(values: np.ndarray, window: tuple[float, float]) -> float:
    """Standard deviation around the running median of 2 % of the steps, within a part of them."""
    from scipy.ndimage import median_filter

    count = len(values)
    rest = values - median_filter(values, size=max(5, count // 50) | 1, mode="nearest")
    return float(np.std(rest[int(window[0] * count) : max(2, math.ceil(window[1] * count))]))


def _floor(cell: FinishedCell) -> Sample:
    """PSNR of the constant that is the image's mean: what a network reaches that learns nothing else."""
    variance = float(np.var(cell.images["target"].astype(np.float64) / 255))
    level = -10 * math.log10(variance) if variance else math.inf
    return Sample({r.seed: level for r in cell.record.replicates}, exact=True)


def _seconds(cell: FinishedCell) -> Sample:
    """Training time; of a trained cell one value for each tenth of its steps, which tells how even the pace was."""
    if cell.record.cost is None:
        raise NotTestable(f"{cell.spec.name} has no times")
    if cell.exact:
        return Sample({0: cell.record.cost.training_seconds}, exact=True)
    steps, seconds = cell.clock
    marks = np.unique(np.linspace(0, len(steps) - 1, _BLOCKS + 1).astype(int))
    pace = np.diff(seconds[marks]) / np.diff(steps[marks])
    return Sample(dict(enumerate((pace * steps[-1]).tolist())))


def _gradient(text: str, rest: list[str]) -> Callable[[FinishedCell], Sample]:
    layer = _layer_number(text, rest[0] if len(rest) == 1 else "")

    def of(cell: FinishedCell) -> Sample:
        norms = cell.activations.gradient_norms
        if norms is None:
            raise NotTestable(f"{cell.spec.name} has no gradient norms")
        return cell.by_seed(norms[:, layer - 1])

    return of


def _layer(text: str, side: str, rest: list[str]) -> Callable[[FinishedCell], Sample]:
    layer = _layer_number(text, rest[0] if rest else "")
    what = rest[1] if len(rest) == 2 else ""
    if what not in _OF_LAYER:
        raise UserError(f"score {shown(text)}: {shown(what)} is not known; {allowed(_OF_LAYER, what)}")
    stages = PRE if side == "pre" else POST

    def of(cell: FinishedCell) -> Sample:
        statistics = cell.activations
        if what in ("flatness", "centroid"):
            spectra = statistics.rows[:, stages]
            table = flatness(spectra) if what == "flatness" else centroid(statistics.axis_frequencies, spectra)
        else:
            table = getattr(statistics, what)[:, stages]
        if layer > table.shape[1]:
            raise NotTestable(f"{cell.spec.name} has {table.shape[1]} layers with a sine, not {layer}")
        return cell.by_seed(table[:, layer - 1])

    return of


def _layer_number(text: str, word: str) -> int:
    if not re.fullmatch(r"[1-9]\d?", word):
        raise UserError(f"score {shown(text)}: {shown(word)} is not the number of a layer, counted from 1")
    return int(word)
