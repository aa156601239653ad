"""The configuration as a whole."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sirenbench.config.assets import Asset
from sirenbench.config.base import Block
from sirenbench.config.images import ImageRecipe
from sirenbench.config.resources import Resources
from sirenbench.config.studies import Study


class Config(Block):
    """Everything a run can be told. Each block is described in its own module."""

    run: str = Field("demo", pattern=r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$", description="Name of the run: results/<run>/.")
    title: str = Field("", description="Title of the report.")
    text: str = Field("", description="What this run is, for the reader of the report.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where cells train: 'auto' takes the GPU where there is one."
    )
    cache: str = Field(
        "",
        description="Folder of downloaded assets, may be shared by many users; the user's cache folder "
        "if left out. A relative path starts where Snakemake runs.",
    )
    checkpoint_minutes: float = Field(
        5, gt=0, allow_inf_nan=False, description="How often a training cell writes its checkpoint, in minutes."
    )
    metrics: list[str] = Field(
        default_factory=list,
        description="Further metrics to compute from the stored weights, e.g. psnr@border=4 or lpips; "
        "psnr and ssim are always there.",
    )
    resources: Resources = Field(default_factory=Resources, description="What one cell asks of the machine it runs on.")
    assets: dict[str, Asset] = Field(default_factory=dict, description="Where files come from, by name.")
    images: dict[str, ImageRecipe] = Field(default_factory=dict, description="Images that cells can name.")
    studies: dict[str, Study] = Field(default_factory=dict, description="Grids of cells, by name.")
