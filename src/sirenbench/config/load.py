"""Loading: several files and ``--config`` words become one checked configuration, or a list of mistakes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sirenbench.config.assets import Asset, PathSource
from sirenbench.config.checks import check
from sirenbench.config.grid import expand
from sirenbench.config.images import ImageRecipe
from sirenbench.config.messages import mistake
from sirenbench.config.model import Config
from sirenbench.config.yaml import read_yaml
from sirenbench.errors import Mistake, Mistakes, UserError, allowed, check_file_name
from sirenbench.images.folders import expand as expand_folders
from sirenbench.spec import CellSpec

_COMMAND_LINE = "--config"


@dataclass(frozen=True)
class Loaded:
    """A checked configuration and what follows from it.

    Attributes
    ----------
    config
        As written, with paths made absolute and folders of images expanded.
    cells
        Study -> its cells, in order.
    digest
        SHA-256 of the configuration: the same for the same content, wherever it was written.
    files
        Where it came from.
    """

    config: Config
    cells: dict[str, list[CellSpec]]
    digest: str
    files: tuple[str, ...]

    @cached_property
    def unique_cells(self) -> dict[str, CellSpec]:
        """Every cell once, by name, in order."""
        return {spec.name: spec for specs in self.cells.values() for spec in specs}

    def recipe(self, image: str) -> ImageRecipe:
        """How an image is made. Raises UserError for an image that the configuration does not know."""
        if image not in self.config.images:
            raise UserError(f"no image is named {image!r} in the configuration; {allowed(self.config.images, image)}")
        return self.config.images[image]

    def asset_of(self, image: str) -> str:
        """The name of the asset that holds an image."""
        return self.recipe(image).asset or file_asset(image)

    def has_asset(self, name: str) -> bool:
        """Whether an asset is known, those of the user's own files among them."""
        return name in self.config.assets or self._own_path(name) is not None

    def asset(self, name: str) -> Asset:
        """An asset by name. Raises UserError for an unknown one."""
        if path := self._own_path(name):
            return PathSource(source="path", path=path, licence="the user's own file")
        if name not in self.config.assets:
            raise UserError(f"no asset is named {name!r} in the configuration; {allowed(self.config.assets, name)}")
        return self.config.assets[name]

    def _own_path(self, asset: str) -> str | None:
        recipe = self.config.images.get(asset.removesuffix(_FILE_SUFFIX))
        return recipe.path if recipe and asset.endswith(_FILE_SUFFIX) else None


_FILE_SUFFIX = ".file"


def file_asset(image: str) -> str:
    """The name of the asset of an image that is given by its path."""
    return image + _FILE_SUFFIX


def load(files: Iterable[Path], overrides: Mapping[str, Any] | None = None) -> Loaded:
    """Merge files in order, then ``overrides``, and check everything.

    An entry of a later file replaces the entry of the same name in an earlier one.

    Raises
    ------
    Mistakes
        All mistakes at once, each with its file and key, what is allowed, and the nearest valid word.
    """
    paths = tuple(files)
    merged, origins = _merge(
        [
            *((str(path), _anchored(read_yaml(path), path.parent)) for path in paths),
            (_COMMAND_LINE, dict(overrides or {})),
        ]
    )

    def origin(*location: str) -> str:
        return origins.get(location) or origins.get(location[:1]) or ", ".join(map(str, paths))

    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        raise Mistakes(mistake(detail, origin, Config) for detail in error.errors(include_url=False)) from None
    mistakes: list[Mistake] = []
    images: dict[str, ImageRecipe] = {}
    for name, recipe in config.images.items():
        try:
            found = expand_folders({name: recipe})
        except UserError as error:
            mistakes.append(Mistake(origin("images", name), "", str(error)))
            continue
        for image in found.keys() & images.keys():
            text = f"gives an image named {image!r}, which there is already; rename one"
            mistakes.append(Mistake(origin("images", name), f"images.{name}", text))
        images |= found
    config = config.model_copy(update={"images": images})
    cells = {}
    for name, study in config.studies.items():
        cells[name], wrong = expand(study, origin("studies", name), f"studies.{name}")
        mistakes += wrong
    mistakes += check(config, cells, origin)
    if mistakes:
        raise Mistakes(mistakes)
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True, allow_nan=False)
    return Loaded(config, cells, hashlib.sha256(text.encode()).hexdigest(), tuple(map(str, paths)))


def _merge(sources: list[tuple[str, dict[str, Any]]]) -> tuple[dict[str, Any], dict[tuple[str, ...], str]]:
    """The merged content, and which source each block and each entry of a block comes from."""
    merged: dict[str, Any] = {}
    origins: dict[tuple[str, ...], str] = {}
    for where, content in sources:
        for key, value in content.items():
            origins[(key,)] = where
            if isinstance(value, dict):
                origins |= {(key, str(name)): where for name in value}
            is_block = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = merged[key] | value if is_block else value
    return merged, origins


def _anchored(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same content with relative paths, which start at the file's own folder, as seen from the current one."""
    here = Path.cwd()
    for block in ("assets", "images"):
        entries = content.get(block)
        for entry in entries.values() if isinstance(entries, dict) else ():
            for key in ("path", "folder", "url") if isinstance(entry, dict) else ():
                given = entry.get(key)
                if isinstance(given, str) and given and "://" not in given:
                    path = Path(os.path.normpath(folder.absolute() / Path(given).expanduser()))
                    check_file_name(path)
                    # A path inside the project stays relative: the project can be moved.
                    entry[key] = str(path.relative_to(here) if path.is_relative_to(here) else path)
    return content
