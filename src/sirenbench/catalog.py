"""Which tasks, networks, encodings, baselines and metrics there are.

A component is an instance listed in ``COMPONENTS`` of a module in one of the packages below: adding
one is adding a file. Nothing here imports torch.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sirenbench.baselines.base import Baseline
    from sirenbench.encodings.base import Encoding
    from sirenbench.metrics.base import Metric
    from sirenbench.networks.base import Network
    from sirenbench.tasks.base import Task


@cache
def _discover(package: str) -> dict:
    components = {}
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        for component in getattr(importlib.import_module(module.name), "COMPONENTS", ()):
            if component.name in components:
                raise RuntimeError(f"two components of {package} are named {component.name!r}")
            components[component.name] = component
    return components


def tasks() -> dict[str, Task]:
    """What a cell can be asked to do, by name."""
    return _discover("sirenbench.tasks")


def networks() -> dict[str, Network]:
    """The coordinate networks, by name."""
    return _discover("sirenbench.networks")


def encodings() -> dict[str, Encoding]:
    """What can stand between the coordinates and a network, by name (written ``+name`` in an arm)."""
    return _discover("sirenbench.encodings")


def baselines() -> dict[str, Baseline]:
    """The arms that need no training, by name."""
    return _discover("sirenbench.baselines")


def metrics() -> dict[str, Metric]:
    """The metrics, by name (an id with switches, as ``psnr@y``, is read by ``sirenbench.metrics.ids``)."""
    return _discover("sirenbench.metrics")
