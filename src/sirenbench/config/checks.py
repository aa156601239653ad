"""What a configuration can get wrong beyond its form: names that do not exist, files that are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from sirenbench import catalog
from sirenbench.config.model import Config
from sirenbench.config.studies import WITH_STRIPS, Study
from sirenbench.errors import Mistake, UserError, allowed, shown
from sirenbench.metrics.ids import parse_metric
from sirenbench.names import IMAGE_ID
from sirenbench.spec import CellSpec

# Names of rules and of the runs that are always there: a study cannot take them.
RESERVED = ("all", "asset", "train", "baseline", "evaluate", "collect", "report", "cells", "estimate", "paper")
_FOLDERS = ("assets", "benchmarks", "checkpoints", "logs")
_TARGET_FORM = "lower-case letters and digits, with single '-' or '_' between them"
_NAME_FORM = "lower-case letters and digits, with single '-', '_' or '.' between them"

Origin = Callable[..., str]


def check(config: Config, cells: dict[str, list[CellSpec]], origin: Origin) -> Iterator[Mistake]:
    """Every such mistake; ``origin`` tells the file of a block and its entry."""
    if config.run in (*RESERVED[:-1], *_FOLDERS):
        yield Mistake(origin("run"), "run", f"{shown(config.run)} names something else; choose another name")
    yield from _images(config, origin)
    yield from _metrics(config, origin)
    yield from _studies(config, cells, origin)


def _images(config: Config, origin: Origin) -> Iterator[Mistake]:
    for name, recipe in config.images.items():
        where = origin("images", name)
        if not IMAGE_ID.fullmatch(name):
            yield Mistake(where, f"images.{name}", f"{shown(name)} cannot be part of a cell name: {_NAME_FORM}")
        if recipe.asset and recipe.asset not in config.assets:
            text = f"no asset is named {shown(recipe.asset)}; {allowed(config.assets, recipe.asset)}"
            yield Mistake(where, f"images.{name}.asset", text)
        if recipe.path and not Path(recipe.path).is_file():
            is_folder = Path(recipe.path).is_dir()
            text = "is a folder; give it as 'folder:'" if is_folder else "there is no such file"
            yield Mistake(where, f"images.{name}.path", f"{shown(recipe.path)}: {text}")


def _metrics(config: Config, origin: Origin) -> Iterator[Mistake]:
    for index, metric in enumerate(config.metrics):
        if metric in ("psnr", "ssim", *config.metrics[:index]):
            yield Mistake(origin("metrics"), f"metrics[{index}]", f"{shown(metric)} is there already; leave it out")
        try:
            if parse_metric(metric).metric.against is None:
                text = f"{shown(metric)} is measured where it applies; leave it out"
                yield Mistake(origin("metrics"), f"metrics[{index}]", text)
        except UserError as error:
            yield Mistake(origin("metrics"), f"metrics[{index}]", str(error))


def _studies(config: Config, cells: dict[str, list[CellSpec]], origin: Origin) -> Iterator[Mistake]:
    for name, specs in cells.items():
        where, key = origin("studies", name), f"studies.{name}"
        if name in (*RESERVED, config.run):
            yield Mistake(where, key, f"{shown(name)} names something else in the workflow; choose another name")
        elif not IMAGE_ID.fullmatch(name) or "." in name:
            yield Mistake(where, key, f"{shown(name)} cannot be a target: {_TARGET_FORM}")
        for image in dict.fromkeys(spec.image for spec in specs if spec.image not in config.images):
            text = f"no image is named {shown(image)}; {allowed(config.images, image)}"
            yield Mistake(where, f"{key}.grid.image", text)
        needed = dict.fromkeys(asset for spec in specs for asset in catalog.assets_of(spec))
        for asset in (asset for asset in needed if asset not in config.assets):
            text = f"a cell needs the asset {shown(asset)}, which is not there; {allowed(config.assets, asset)}"
            yield Mistake(where, f"{key}.grid", text)
        yield from (Mistake(where, f"{key}.{part}", text) for part, text in _crops(config.studies[name], specs))


def _crops(study: Study, cells: list[CellSpec]) -> Iterator[tuple[str, str]]:
    """Key and text of what is wrong with the crops of a study."""
    if study.crops and study.layout not in WITH_STRIPS:
        yield "layout", f"{shown(study.layout)} has no images to show crops of; {allowed(WITH_STRIPS)}"
    side = min((spec.size for spec in cells), default=None)
    for name, (x, y, width, height) in study.crops.items():
        if not name.strip():
            yield "crops", f"{shown(name)} is no name of a crop; give it one that a reader understands"
        if side and max(x + width, y + height) > side:
            given = shown([x, y, width, height])
            text = f"{given} ends at ({x + width}, {y + height}), beyond an image of {side} x {side} pixels"
            yield f"crops.{name}", f"{text}; allowed: x + width and y + height up to {side}"
