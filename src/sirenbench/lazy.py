"""PyTorch, imported only when it is first used.

The Snakefile reads every network, task and baseline to expand the grid; it must not wait two seconds
for ``import torch`` to do so. A component therefore writes ``from sirenbench.lazy import torch``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch as torch
else:

    class _Torch:
        """Stands for the module without being it: other packages look for ``torch`` among the imported modules."""

        def __getattr__(self, name: str) -> Any:
            import torch

            return getattr(torch, name)

    torch = _Torch()
