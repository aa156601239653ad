"""Which tasks, networks, encodings, losses, baselines and metrics there are.

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
    from sirenbench.losses.base import Loss
    from sirenbench.metrics.base import Metric
    from sirenbench.networks.base import AnyNetwork
    from sirenbench.spec import CellSpec
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


def networks() -> dict[str, AnyNetwork]:
    """The coordinate networks, by name."""
    return _discover("sirenbench.networks")


def encodings() -> dict[str, Encoding]:
    """What can stand between the coordinates and a network, by name (written ``+name`` in an arm)."""
    return _discover("sirenbench.encodings")


def losses() -> dict[str, Loss]:
    """What can be minimised instead of the mean squared error, by name (written ``+name`` at the end of an arm)."""
    return _discover("sirenbench.losses")


def baselines() -> dict[str, Baseline]:
    """The arms that need no training, by name."""
    return _discover("sirenbench.baselines")


def metrics() -> dict[str, Metric]:
    """The metrics, by name (an id with switches, as ``psnr@y``, is read by ``sirenbench.metrics.ids``)."""
    return _discover("sirenbench.metrics")


def components_of(spec: CellSpec) -> list[Task | AnyNetwork | Encoding | Loss | Baseline]:
    """What a cell is made of: its task, then the parts of its arm."""
    task: list[Task | AnyNetwork | Encoding | Loss | Baseline] = [tasks()[spec.task]]
    if spec.is_baseline:
        return [*task, baselines()[spec.arm]]
    encoding = [encodings()[spec.encoding]] if spec.encoding else []
    loss = [losses()[spec.loss]] if spec.loss else []
    return [*task, networks()[spec.network], *encoding, *loss]


def assets_of(spec: CellSpec) -> tuple[str, ...]:
    """The assets that a cell needs beside its image."""
    if spec.is_baseline:
        return baselines()[spec.arm].assets(spec)
    return losses()[spec.loss].assets(spec) if spec.loss else ()
