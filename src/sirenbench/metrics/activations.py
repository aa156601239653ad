"""What is measured of a network's layers; computed by :mod:`sirenbench.engine.activations`."""

from __future__ import annotations

import math

from sirenbench.metrics.base import Metric

_KS = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.kstest.html"
_LAWS = "https://arxiv.org/abs/2006.09661"


def _distance(name: str, title: str, doc: str) -> Metric:
    formula = "Kolmogorov-Smirnov: the largest difference of the two distribution functions"
    return Metric(name, title, "", "lower", 0.0, 1.0, formula, _KS, doc)


def _width(name: str, title: str, doc: str, formula: str) -> Metric:
    return Metric(name, title, "", "neither", 0.0, math.inf, formula, _LAWS, doc)


COMPONENTS = (
    _distance(
        "ks_normal",
        "Distance to N(0, 1)",
        "How far what enters the sines is from a standard normal law: the worst layer from the second on.",
    ),
    _distance(
        "ks_arcsine",
        "Distance to arcsine",
        "How far what leaves the sines is from the arcsine law on [-1, 1]: the worst layer from the second on.",
    ),
    _width("std_pre", "Std before", "Standard deviation of what enters the last sine.", "std of w(Wx + b)"),
    _width("std_post", "Std after", "Standard deviation of what leaves the last sine.", "std of sin(.)"),
    _width(
        "gradient_ratio",
        "Gradient ratio",
        "How much larger the loss's gradient is in the first layer than in the last hidden one.",
        "|dL/dW of the first layer| / |dL/dW of the last hidden layer|",
    ),
)
