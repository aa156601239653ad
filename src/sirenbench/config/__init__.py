"""The configuration: one pydantic model a block, loaded from several files and checked before anything runs."""

from sirenbench.config.load import Loaded, load
from sirenbench.config.model import Config

__all__ = ["Config", "Loaded", "load"]
