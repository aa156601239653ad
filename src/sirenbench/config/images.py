"""The block ``images``: how a file becomes the square image that a cell is asked for by name."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sirenbench.config.base import Block


class ImageRecipe(Block):
    """An image by name, or a folder of images; every size of it can be asked for.

    The file is decoded to 8 bit, cropped, turned grey (or kept RGB, by the cell's ``channel``), resized to the
    cell's size with PIL on 8-bit values, and mapped to [-1, 1].
    """

    asset: str | None = Field(None, description="Name of the asset that holds the file.")
    path: str | None = Field(
        None, description="Instead of an asset: a PNG, JPEG, TIFF or WebP file of yours. Relative to this file."
    )
    folder: str | None = Field(
        None,
        description="Instead of an asset: a folder of such files. Each becomes an image named <this name>-<file name>.",
    )
    crop: Literal["none", "topleft", "center"] = Field(
        "none", description="Which square is cut out; 'none' asks for a file that is square already."
    )
    title: str = Field("", description="How the report calls it; its name if left out.")

    @model_validator(mode="after")
    def _one_origin(self) -> ImageRecipe:
        given = [key for key in ("asset", "path", "folder") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError(f"give exactly one of asset, path and folder (given: {', '.join(given) or 'none'})")
        return self
