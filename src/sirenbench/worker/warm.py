"""All that jobs of cells import: named in ``submitit-preload``, an allocation loads it once for all its cells."""

from sirenbench import catalog
from sirenbench.worker import script, train

__all__ = ["script", "train"]

for _find in (catalog.tasks, catalog.networks, catalog.encodings, catalog.losses, catalog.baselines, catalog.metrics):
    _find()
