"""The SRGAN generator with 16 residual blocks in plain NumPy, to compare with."""

from __future__ import annotations

import numpy as np

Arrays = dict[str, np.ndarray]


def keras_layers(kind: str, count: int) -> list[str]:
    """What Keras calls so many layers of a kind."""
    return [kind if n == 0 else f"{kind}_{n}" for n in range(count)]


def generator_in_numpy(arrays: Arrays, image: np.ndarray) -> np.ndarray:
    """The network in float64 on (H, W, 3), as its Keras code reads: features last, one layer after the other."""

    def of(layer: str, array: str) -> np.ndarray:
        return arrays[f"{layer}/{layer}/{array}:0"].astype(np.float64)

    def conv(x: np.ndarray) -> np.ndarray:
        layer = next(convs)
        kernel = of(layer, "kernel")
        reach = len(kernel) // 2
        padded = np.pad(x, ((reach, reach), (reach, reach), (0, 0)))
        rows, columns, _ = x.shape
        taps = [
            padded[dy : dy + rows, dx : dx + columns] @ kernel[dy, dx]
            for dy in range(len(kernel))
            for dx in range(len(kernel))
        ]
        return np.sum(taps, axis=0) + of(layer, "bias")

    def norm(x: np.ndarray) -> np.ndarray:
        layer = next(norms)
        scaled = (x - of(layer, "moving_mean")) / np.sqrt(of(layer, "moving_variance") + 1e-3)
        return of(layer, "gamma") * scaled + of(layer, "beta")

    def prelu(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, x, of(next(slopes), "alpha") * x)

    def depth_to_space(x: np.ndarray) -> np.ndarray:
        rows, columns, depth = x.shape
        blocks = x.reshape(rows, columns, 2, 2, depth // 4).swapaxes(1, 2)
        return blocks.reshape(2 * rows, 2 * columns, depth // 4)

    convs, norms = iter(keras_layers("conv2d", 37)), iter(keras_layers("batch_normalization_v1", 33))
    slopes = iter(keras_layers("p_re_lu", 19))
    first = x = prelu(conv(image))
    for _ in range(16):
        x = x + norm(conv(prelu(norm(conv(x)))))
    x = first + norm(conv(x))
    for _ in range(2):
        x = prelu(depth_to_space(conv(x)))
    return (np.tanh(conv(x)) + 1) / 2
