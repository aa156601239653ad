"""A folder of pictures as a data set: each file becomes an image that cells can name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from sirenbench.config.images import ImageRecipe
from sirenbench.errors import UserError, check_file_name, shown

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
MAX_ID_LENGTH = 80


def expand(images: Mapping[str, ImageRecipe]) -> dict[str, ImageRecipe]:
    """The recipes with every folder replaced by one recipe a picture, named ``<name>-<file name>``.

    Raises
    ------
    UserError
        If a folder cannot be read or holds no picture, a file name leaves nothing to name an image by, or two images
        would have one name.
    """
    expanded: dict[str, ImageRecipe] = {}
    for name, recipe in images.items():
        found = {name: recipe} if recipe.folder is None else _recipes_in(name, recipe, Path(recipe.folder))
        for image in found:
            if image in expanded:
                raise UserError(f"images.{name}: gives an image named {image!r}, which there is already; rename one")
        expanded |= found
    return expanded


def pictures_in(name: str, folder: Path) -> dict[str, Path]:
    """The pictures of a folder (not of its sub-folders) by image name, in the order of their file names.

    File names are reduced to the letters and digits that a cell name can hold. Hidden files, and files that are no
    PNG, JPEG, TIFF or WebP by their extension, are passed over.

    Raises
    ------
    UserError
        As for :func:`expand`.
    """
    pictures: dict[str, Path] = {}
    for path in _files(name, folder):
        check_file_name(path)
        slug = _slug(path.stem)
        image = f"{name}-{slug}"
        if not slug or len(image) > MAX_ID_LENGTH:
            raise UserError(
                f"images.{name}: the file name {shown(path.name)} cannot name an image, for which it needs 1 to "
                f"{MAX_ID_LENGTH - len(name) - 1} letters or digits (a-z, 0-9); rename the file"
            )
        if image in pictures:
            raise UserError(
                f"images.{name}: the files {shown(pictures[image].name)} and {shown(path.name)} would both be the "
                f"image {image!r}; rename one"
            )
        pictures[image] = path
    return pictures


def _recipes_in(name: str, recipe: ImageRecipe, folder: Path) -> dict[str, ImageRecipe]:
    return {
        image: recipe.model_copy(update={"folder": None, "path": str(path), "title": path.stem})
        for image, path in pictures_in(name, folder).items()
    }


def _files(name: str, folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(
            f"images.{name}: {folder} cannot be read as a folder ({error.strerror}); give a folder of pictures"
        ) from error
    wanted = [p for p in entries if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and not p.is_dir()]
    if not wanted:
        raise UserError(f"images.{name}: {folder} holds no picture; looked for files ending in {', '.join(SUFFIXES)}")
    return wanted


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
