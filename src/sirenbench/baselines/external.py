"""Any super-resolution network that the package ``spandrel`` knows, from a weight file of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sirenbench.baselines.base import Baseline
from sirenbench.errors import UserError
from sirenbench.options import Word
from sirenbench.spec import CellSpec, SpecError

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

    from sirenbench.tasks.base import Reconstruction

NO_WEIGHTS = "none"


class External(Baseline):
    """The network, its output in 8 bit, and a bilinear resize where its scale is not the cell's factor."""

    name = "external"
    title = "External network"
    version = 1
    trained_on_external_data = True
    options = (
        Word(
            "weights",
            NO_WEIGHTS,
            "The asset that holds the network's weights; it must be given.",
            beyond_paper=True,
        ),
    )

    def check(self, spec: CellSpec) -> None:
        if spec["weights"] == NO_WEIGHTS:
            raise SpecError(
                "weights",
                f"{spec.name} names none; add weights=<asset>, the name of a PyTorch or safetensors file under "
                "'assets' in the configuration",
            )

    def assets(self, spec: CellSpec) -> tuple[str, ...]:
        return (str(spec["weights"]),)

    def enlarge(self, spec: CellSpec, images: Reconstruction, assets: Mapping[str, Path]) -> np.ndarray:
        from sirenbench.baselines.generators import route

        path = assets[str(spec["weights"])]
        network = load_network(path)
        if network.input_channels == 1 and images.low.ndim == 3:
            raise UserError(f"{path}: this network takes grey images only; leave out channel={spec['channel']}")
        return route.enlarge(network, images.low, spec.size, network.input_channels)


def load_network(path: Path) -> ImageModelDescriptor:
    """A super-resolution network for grey or RGB images, on the CPU in float32.

    The file is read here, without running any code of it; spandrel then finds the architecture by names and shapes.

    Raises
    ------
    UserError
        If spandrel is not installed, or the file is damaged or of no such network.
    """
    try:
        from spandrel import ImageModelDescriptor, ModelLoader
    except ImportError as error:
        raise UserError(
            f"the arm 'external' needs the package spandrel ({error}); run: pip install spandrel"
        ) from error
    from sirenbench.weights.files import check_finite, read_state_dict

    state = read_state_dict(path)
    try:
        network = ModelLoader(device="cpu").load_from_state_dict(state)
    except Exception as error:
        # It guesses from names and shapes; a file that it was not made for can make it raise anything.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(
            f"{path} holds no network that spandrel knows ({reason}); its architectures are listed at "
            "https://github.com/chaiNNer-org/spandrel"
        ) from error
    what = f"{path} holds a network of {network.architecture.name}"
    if not isinstance(network, ImageModelDescriptor) or network.purpose != "SR" or network.scale == 1:
        raise UserError(f"{what} for {network.purpose}, scale {network.scale}; allowed: super-resolution")
    if network.input_channels not in (1, 3) or network.input_channels != network.output_channels:
        channels = f"from {network.input_channels} to {network.output_channels} channels"
        raise UserError(f"{what} {channels}; allowed: grey to grey, RGB to RGB")
    check_finite(path, network.model.state_dict())
    return network.eval()


COMPONENTS = (External(),)
