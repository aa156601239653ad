"""Adam, by the fused kernel of PyTorch.

``torch.optim.Adam`` calls the same function and gives the same bits. But the first use of an optimiser's class imports
PyTorch's compiler, which takes more than a second of every cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sirenbench.lazy import torch


class Adam:
    """Adam (Kingma and Ba, 2015) with PyTorch's defaults, on tensors that are updated in place.

    Attributes
    ----------
    state
        Of each parameter: ``step``, ``exp_avg`` and ``exp_avg_sq``, on its device.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], lr: float) -> None:
        self._parameters = list(parameters)
        self._lr = lr
        self.state: list[dict[str, torch.Tensor]] = [
            {
                "step": torch.zeros((), device=parameter.device),
                "exp_avg": torch.zeros_like(parameter, requires_grad=False),
                "exp_avg_sq": torch.zeros_like(parameter, requires_grad=False),
            }
            for parameter in self._parameters
        ]

    def step(self, gradients: Sequence[torch.Tensor]) -> None:
        """Update every parameter by its gradient."""
        from torch.optim.adam import adam

        with torch.no_grad():
            adam(
                self._parameters,
                list(gradients),
                [own["exp_avg"] for own in self.state],
                [own["exp_avg_sq"] for own in self.state],
                [],
                [own["step"] for own in self.state],
                fused=True,
                amsgrad=False,
                beta1=0.9,
                beta2=0.999,
                lr=self._lr,
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )

    def load(self, state: Sequence[Mapping[str, torch.Tensor]]) -> None:
        """Go on from what :attr:`state` once held."""
        for own, saved in zip(self.state, state, strict=True):
            for key, values in own.items():
                values.copy_(saved[key])
