"""The block ``resources``: what one cell asks of the machine."""

from __future__ import annotations

from pydantic import Field

from sirenbench.config.base import Block


class Resources(Block):
    """What one cell asks of the machine it runs on."""

    threads: int = Field(1, ge=1, description="CPU threads of a training cell.")
    mem_mb: int = Field(
        4000, ge=500, description="Main memory of a training cell, in MB; a second attempt gets twice that."
    )
    runtime: int = Field(
        120,
        ge=1,
        description="Longest time limit of a training cell on a cluster, in minutes. Where finished cells of its kind "
        "tell how long it takes there, it is twice that and five minutes; a second attempt gets twice as long, but "
        "never more than this.",
    )
