"""What is measured of a trained network's derivatives; computed by :mod:`sirenbench.engine.derivatives`."""

from __future__ import annotations

import math

from sirenbench.metrics.base import Metric

_SCIPY = "https://docs.scipy.org/doc/scipy/reference/generated/scipy.ndimage.{}.html"


def _pair(name: str, title: str, filter: str, what: str) -> tuple[Metric, Metric]:
    link = _SCIPY.format(filter)
    return (
        Metric(
            name=f"{name}_psnr",
            title=f"{title} PSNR",
            unit="dB",
            better="higher",
            low=-math.inf,
            high=math.inf,
            formula="10 log10(range^2 / MSE), range that of the true values",
            link=link,
            doc=f"How near the network's {what} by the coordinates is to that of the fitted image, at the last step. "
            "The image counts with the amplitude that the training asks for.",
        ),
        Metric(
            name=f"{name}_correlation",
            title=f"{title} correlation",
            unit="",
            better="higher",
            low=-1.0,
            high=1.0,
            formula="Pearson's correlation over all pixels, channels and components",
            link=link,
            doc=f"The same, whatever the amplitude; undefined for a network without any {what}.",
        ),
    )


COMPONENTS = (
    *_pair("gradient", "Gradient", "sobel", "gradient"),
    *_pair("laplacian", "Laplacian", "laplace", "Laplacian"),
    Metric(
        name="gain",
        title="Gain",
        unit="",
        better="neither",
        low=-math.inf,
        high=math.inf,
        formula="slope of the regression of the network's values on the image's",
        link=_SCIPY.format("sobel"),
        doc="How many times the image's amplitude a network has that was trained by derivatives. The filters and their "
        "factors ask for 640 / (side - 1) by gradients and 40,000 / (side - 1)^2 by Laplacians: 2.51 and 0.615 at 256 "
        "pixels; the plain Sobel filter asks for a quarter of the first, 0.627.",
    ),
)
