"""Which metric is meant, with its switches: ``psnr``, ``psnr@y``, ``ssim@y,border=4,window=gaussian``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sirenbench import catalog
from sirenbench.errors import UserError, allowed, shown
from sirenbench.options import Option, OptionError, Value

if TYPE_CHECKING:
    from sirenbench.metrics.base import Metric

# The score of the fitted low-resolution image, beside that of the super-resolved one.
FIT = "fit_"
_BARE = "channel"


@dataclass(frozen=True)
class MetricId:
    """A metric and all its switches, in the canonical order. Made by :func:`parse_metric`."""

    name: str
    switches: tuple[tuple[str, Value], ...]

    @property
    def metric(self) -> Metric:
        return catalog.metrics()[self.name]

    def get(self, switch: Option) -> Value:
        """What is chosen; the default for a metric that has no such switch."""
        return dict(self.switches).get(switch.name, switch.default)

    @property
    def text(self) -> str:
        """The id: the name, and after ``@`` every switch that is not at its default; the channel stands bare."""
        chosen = self._chosen()
        return f"{self.name}@{','.join(chosen)}" if chosen else self.name

    @property
    def title(self) -> str:
        """For people: ``PSNR (y, border=4)``."""
        chosen = self._chosen()
        return f"{self.metric.title} ({', '.join(chosen)})" if chosen else self.metric.title

    def _chosen(self) -> list[str]:
        return [
            option.text(value) if option.name == _BARE else f"{option.name}={option.text(value)}"
            for option, (_, value) in zip(self.metric.switches, self.switches, strict=True)
            if value != option.default
        ]


@cache
def parse_metric(text: str) -> MetricId:
    """The metric of an id: the inverse of :attr:`MetricId.text`.

    Raises
    ------
    UserError
        For every text that is not the one canonical id of a metric, with what is allowed.
    """
    name, at, rest = text.partition("@")
    metrics = catalog.metrics()
    if name not in metrics:
        raise UserError(f"metric {shown(text)}: {shown(name)} is not known; {allowed(metrics, name)}")
    options = {option.name: option for option in metrics[name].switches}
    if at and not options:
        raise UserError(f"metric {shown(text)}: {name} has no switches; write {name}")
    values = {option.name: option.default for option in options.values()}
    for part in rest.split(",") if at else ():
        key, word = part.split("=", 1) if "=" in part else (_BARE, part)
        if key not in options:
            raise UserError(f"metric {shown(text)}: no switch {shown(key)}; {allowed(options, key)}")
        try:
            values[key] = options[key].read(word)
        except OptionError as error:
            raise UserError(f"metric {shown(text)}: {key}: {error}") from None
    found = MetricId(name, tuple(values.items()))
    if found.text != text:
        raise UserError(f"metric {shown(text)} is not written in the canonical way; write {found.text}")
    return found
