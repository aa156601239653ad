"""PyTorch, imported only when it is first used.

The Snakefile reads every network, task and baseline to expand the grid; it must not wait two seconds
for ``import torch`` to do so. A component therefore writes ``from sirenbench.lazy import torch``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch as torch
else:
    import lazy_loader

    torch = lazy_loader.load("torch")
