"""What the Snakefile asks: which cells a target needs, and what a cell's job depends on. No torch in here."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sirenbench import catalog
from sirenbench.assets.status import read_status, sha256_of
from sirenbench.collect import RESULTS, made_of, stamp_of
from sirenbench.config import Loaded, load
from sirenbench.config.assets import Asset, PathSource
from sirenbench.errors import AssetUnavailable, UserError, check_file_name
from sirenbench.limits import Limits
from sirenbench.metrics.ids import parse_metric
from sirenbench.names import changed, parse_name
from sirenbench.numerics import numerics_of
from sirenbench.records import RECORD, atomic_path, read_record
from sirenbench.spec import CellSpec

ASSETS = Path("config/assets.yaml")
DEFAULT = Path("config/config.yaml")
PAPER = Path("config/paper.yaml")


class Workflow:
    """The configured run, and the paper's, which is always there.

    Parameters
    ----------
    files
        What ``--configfile`` named; the default configuration if nothing.
    overrides
        What ``--config`` set.
    """

    def __init__(self, files: Iterable[str | Path] = (), overrides: Mapping[str, Any] | None = None) -> None:
        check_file_name(Path.cwd())
        self.files = [Path(file) for file in files] or [DEFAULT]
        self.overrides = dict(overrides or {})
        self.main = load([ASSETS, *self.files], self.overrides)
        self._digest = cache(sha256_of)
        self._limits = Limits(Path("results"), self.main.config.resources.runtime)

    @cached_property
    def runs(self) -> dict[str, Loaded]:
        """The configured run and the paper's, by name."""
        paper = self.main if self.main.config.run == "paper" else load([ASSETS, PAPER])
        return {self.main.config.run: self.main, paper.config.run: paper}

    @property
    def configfiles(self) -> list[str]:
        """What a command that runs one of the cells again has to name."""
        return [] if self.files == [DEFAULT] else [str(file) for file in self.files]

    def script_settings(self) -> dict[str, Any]:
        """What a rule's script is told beside its inputs and params; a change of it runs nothing again."""
        config = self.main.config
        return {
            "files": [str(file) for file in self.files],
            "overrides": self.overrides,
            "device": config.device,
            "cache": config.cache,
            "checkpoint_minutes": config.checkpoint_minutes,
        }

    def targets(self) -> Iterator[tuple[str, str]]:
        """(rule name, run or run/study) of every run and study."""
        for run, loaded in self.runs.items():
            yield run, run
            for study in loaded.config.studies:
                is_shared = sum(study in other.config.studies for other in self.runs.values()) > 1
                yield (f"{run}-{study}" if is_shared else study), f"{run}/{study}"

    def selected(self, target: str) -> tuple[Loaded, dict[str, list[CellSpec]]]:
        """The configuration and the cells, by study, of ``run`` or ``run/study``. Raises UserError."""
        run, _, study = target.partition("/")
        if run not in self.runs or (study and study not in self.runs[run].cells):
            known = ", ".join(target for _, target in self.targets())
            raise UserError(f"results/{target}: no such run or study in the configuration; there are: {known}")
        loaded = self.runs[run]
        return loaded, {study: loaded.cells[study]} if study else loaded.cells

    def records(self, target: str) -> list[str]:
        """The records that the report of a target is made of."""
        _, cells = self.selected(target)
        names = dict.fromkeys(spec.name for specs in cells.values() for spec in specs)
        return [f"results/cells/{name}/{RECORD}" for name in names]

    def evaluations(self, target: str) -> list[str]:
        """The further scores that the report of a target shows; not those that the cells have of themselves."""
        loaded, cells = self.selected(target)
        specs = {spec.name: spec for of_study in cells.values() for spec in of_study}
        return [
            f"results/cells/{name}/metrics/{metric}.json"
            for name, spec in specs.items()
            for metric in loaded.config.metrics
            if metric not in catalog.tasks()[spec.task].measured_once(spec)
        ]

    def claims(self, target: str) -> list[str]:
        """The verdicts that the report of a target shows: a study alone decides too little."""
        return [] if "/" in target else [f"results/{target}/claims.json"]

    def status(self, name: str) -> str:
        """The status file of the asset that holds a cell's image."""
        spec = parse_name(name)
        return status_file(self._knowing(spec.image).asset_of(spec.image))

    def weights(self, name: str) -> list[str]:
        """The status files of the assets that a cell's arm needs."""
        return [status_file(asset) for asset in catalog.assets_of(parse_name(name))]

    def needed(self, metric: str) -> list[str]:
        """The status files of the assets that a metric needs."""
        return [status_file(asset) for asset in parse_metric(metric).metric.assets]

    def own_file(self, asset: str) -> list[str]:
        """The file of an asset that lies on this machine and may be edited: a change of it runs its cells again."""
        source = self.asset(asset)
        if isinstance(source, PathSource) and Path(source.path).is_file():
            return [source.path]
        return []

    def own_picture(self, name: str) -> list[str]:
        """The same for the image of a cell."""
        image = parse_name(name).image
        return self.own_file(self._knowing(image).asset_of(image))

    def spec_text(self, name: str) -> str:
        """The full configuration of a cell, defaults filled in."""
        return json.dumps(parse_name(name).as_dict(), allow_nan=False)

    def recipe_text(self, name: str) -> str:
        """How the image of a cell is made and which weights it needs, down to the assets' hashes.

        Not where the files lie and what is said of them.
        """
        spec = parse_name(name)
        loaded = self._knowing(spec.image)
        recipe = {"crop": loaded.recipe(spec.image).crop, "asset": self.asset_identity(loaded.asset_of(spec.image))}
        weights = {asset: self.asset_identity(asset) for asset in catalog.assets_of(spec)}
        return json.dumps(recipe | ({"weights": weights} if weights else {}), allow_nan=False)

    def numerics(self, name: str) -> str:
        """The versions of the numbers of a cell."""
        return numerics_of(parse_name(name))

    def minutes(self, name: str, attempt: int) -> int:
        """The time limit of a training cell on a cluster."""
        return self._limits.minutes(parse_name(name), attempt)

    def asset(self, name: str) -> Asset:
        """Where an asset comes from. Raises UserError for an unknown one."""
        if self.main.has_asset(name):
            return self.main.asset(name)
        return next((loaded for loaded in self.runs.values() if loaded.has_asset(name)), self.main).asset(name)

    def asset_identity(self, name: str) -> str:
        """Which file an asset is: its hash where one is given or it lies here, else where it comes from.

        The time of a file of the user's own says little: one that is moved over another keeps its older one.
        """
        asset = self.asset(name)
        for own in self.own_file(name) if not asset.sha256 else ():
            with suppress(OSError):  # it may not be read: whoever fetches it tells
                return json.dumps({"sha256": self._digest(Path(own))}, allow_nan=False)
        kept = {"sha256"} if asset.sha256 else set(type(asset).model_fields) - {"note", "licence", "path"}
        return asset.model_dump_json(include=kept)

    def check_targets(self, words: Iterable[str]) -> None:
        """Raise UserError for what is asked for on a command line and cannot be had.

        That is a file that no cell, run or study can be, and a run that means other pictures by the same names.
        """
        targets = dict(self.targets())
        for word in map(os.path.normpath, words):
            if word in targets:
                self._check_pictures(targets[word])
            elif asset := re.fullmatch(r"results/assets/(.+)\.json", word):
                self.asset(asset[1])
            elif cell := re.fullmatch(r"results/cells/(.+)/(?:cell\.json|metrics/([^/]+)\.json)", word):
                spec = parse_name(cell[1])
                self._knowing(spec.image).recipe(spec.image)
                for needed in catalog.assets_of(spec):
                    self.asset(needed)
                parse_metric(cell[2] or "psnr")
            elif page := re.fullmatch(
                r"results/(.+)/(?:report\.html|results\.(?:parquet|csv)|(?:run|claims)\.json)", word
            ):
                self._check_pictures(page[1])

    def _check_pictures(self, target: str) -> None:
        """Raise UserError where a cell's name would mean one picture here and another in the configured run."""
        loaded, cells = self.selected(target)
        for image in dict.fromkeys(spec.image for specs in cells.values() for spec in specs):
            if image in self.main.config.images and _picture(self.main, image) != _picture(loaded, image):
                here = ", ".join(map(str, self.files))
                raise UserError(
                    f"{target} means another picture by the image {image!r} than {here} does; give the image another "
                    "name there, for both would share their cells"
                )

    def next_steps(self, target: str, snakemake: str) -> str:
        """Where the report of a run or study is, and three commands to go on with.

        Parameters
        ----------
        snakemake
            How the command is called here.
        """
        _, cells = self.selected(target)
        specs = [spec for study in cells.values() for spec in study]
        trained = [changed(spec, seed=100) for spec in specs if not spec.is_baseline]
        own = f" --configfile {shlex.join(self.configfiles)}" if self.configfiles else ""
        commands = {
            f"{snakemake} results/cells/{spec.name}/{RECORD}{own}": "one cell by its name, here with other seeds"
            for spec in trained[:1]
        } | {
            f"{snakemake} cells{own}": "every cell with its state, study and target",
            f"{snakemake} -n paper": "what the paper at full size would run",
        }
        lines = [f"  {command}\n      {what}" for command, what in commands.items()]
        page = f"The report is results/{target}/report.html: open it in any browser, it needs no network."
        return "\n".join(["", page, "Go on with:", *lines])

    def forget_what_was_lacking(self, results: Path) -> None:
        """Let Snakemake ask again for assets that could not be had last time, and run the cells that lacked them."""
        lacking = set()
        for path in sorted((results / "assets").glob("*.json")):
            with suppress(AssetUnavailable):  # damaged: as good as none
                if read_status(path).state == "available":
                    continue
            lacking.add(path.stem)
            path.unlink()
        for path in (results / "cells").rglob(RECORD) if lacking else ():
            with suppress(UserError):  # a damaged record, or the name of another version
                record = read_record(path)
                if record.state == "not-testable" and lacking & self._assets(parse_name(record.name)):
                    path.unlink()

    def age_tables_of_other_records(self, results: Path) -> None:
        """Let Snakemake collect again where the records are others than those of the table, and yet no newer than it.

        They were copied from another machine, or written while the clock was behind.
        """
        for _, target in self.targets():
            folder = results / target
            if not (folder / RESULTS).is_file():
                continue
            loaded, cells = self.selected(target)
            if made_of(folder, "records") != [stamp_of(results, cells, loaded.config.metrics)]:
                with suppress(OSError):  # who may not write there cannot collect either
                    _age(folder / RESULTS)

    def _assets(self, spec: CellSpec) -> set[str]:
        """Everything that a cell needs."""
        return {self._knowing(spec.image).asset_of(spec.image), *catalog.assets_of(spec)}

    def _knowing(self, image: str) -> Loaded:
        # The paper's configuration is read only where it is asked for: every job of a cluster begins with a Workflow.
        if image in self.main.config.images:
            return self.main
        return next((loaded for loaded in self.runs.values() if image in loaded.config.images), self.main)


def check_notes(notes: Path = Path(".snakemake")) -> None:
    """Raise UserError in another user's folder, where even a dry run of Snakemake could not take its notes."""
    for folder in (notes, *notes.glob("*")) if notes.exists() else (notes.parent,):
        if folder.is_dir() and not os.access(folder, os.W_OK):
            raise UserError(
                f"you may not write {folder.absolute()}, so Snakemake cannot work here; ask its owner to share the "
                "project with a group of you both (chmod -R g+rwX, folders g+s, umask 002 for both), or take a copy; "
                "'sirenbench status', 'cell' and 'verify' only read"
            )


def _age(path: Path) -> None:
    """Make a file older than all others, by a copy: only its owner may set the time of one."""
    with atomic_path(path) as aged:
        shutil.copyfile(path, aged)
        os.utime(aged, (1, 1))  # a time of 0 is none to Snakemake


def _picture(loaded: Loaded, image: str) -> tuple[str, dict[str, Any]]:
    """What an image is made of."""
    return loaded.recipe(image).crop, loaded.asset(loaded.asset_of(image)).model_dump(exclude={"note", "licence"})


def status_file(asset: str) -> str:
    """Where the rule ``asset`` tells what became of one."""
    return f"results/assets/{asset}.json"


def baseline_pattern() -> str:
    """A regular expression of the names of cells that need no training."""
    return rf"[^/]+/[^/]+/(?:{'|'.join(map(re.escape, catalog.baselines()))})(?:/[^/]+)*"


@cache
def report_code() -> str:
    """A hash of what makes tables and pages, comments aside: a report is made anew when it has changed."""
    package = Path(__file__).parent
    files = [
        package / "collect.py",
        package / "statistics.py",
        *(f for part in ("report", "claims") for f in sorted((package / part).rglob("*.*"))),
    ]
    digest = hashlib.sha256()
    for path in files:
        if path.suffix != ".pyc":
            text = path.read_text(encoding="utf-8")
            digest.update((ast.dump(ast.parse(text)) if path.suffix == ".py" else text).encode())
    return digest.hexdigest()
