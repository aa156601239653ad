"""The command ``sirenbench``: what is useful beside Snakemake."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sirenbench import __version__
from sirenbench.errors import UserError


def main(words: Sequence[str] | None = None) -> None:
    """Entry point; exit status 1 and one message for a mistake."""
    parser = argparse.ArgumentParser(prog="sirenbench", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")

    cells = commands.add_parser("cells", help="list the cells of the configuration: state, study, target")
    cells.add_argument("--configfile", action="append", default=[], type=Path, help="as for snakemake")
    cells.set_defaults(run=_cells)

    estimate = commands.add_parser("estimate", help="what the configured cells would cost on this machine, by study")
    estimate.add_argument("--configfile", action="append", default=[], type=Path, help="as for snakemake")
    estimate.add_argument("--target", help="<run> or <run>/<study>; the configured run if left out")
    estimate.set_defaults(run=_estimate)

    report = commands.add_parser("report", help="collect and render what is there of a run, finished or not")
    report.add_argument("target", nargs="?", help="<run> or <run>/<study>; the configured run if left out")
    report.add_argument("--configfile", action="append", default=[], type=Path, help="as for snakemake")
    report.set_defaults(run=_report)

    summary = commands.add_parser(
        "summary", help="a finished run in the terminal: Table 1, and what became of the claims"
    )
    summary.add_argument("folder", nargs="?", type=Path, default=Path("results/demo"), help="results/<run>")
    summary.set_defaults(run=_summary)

    bench = commands.add_parser("bench", help="how fast the engine is here, beside a plain step", add_help=False)
    bench.set_defaults(run=_bench)

    fetch = commands.add_parser("fetch", help="bring assets into the cache, e.g. before the network is gone")
    fetch.add_argument("assets", nargs="*", help="names of assets; all that the configured cells need if left out")
    fetch.add_argument("--configfile", action="append", default=[], type=Path, help="as for snakemake")
    fetch.set_defaults(run=_fetch)

    schema = commands.add_parser("schema", help="the files that are generated from the configuration's models")
    schema.add_argument("--write", action="store_true", help="write config/default.yaml and config/schema.json")
    schema.set_defaults(run=_schema)

    chosen, rest = parser.parse_known_args(words)
    if rest and chosen.run is not _bench:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    chosen.rest = rest
    try:
        chosen.run(chosen)
        sys.stdout.flush()
    except UserError as error:
        sys.exit(f"sirenbench: {error}")
    except BrokenPipeError:  # whoever read our list has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _cells(words: argparse.Namespace) -> None:
    from sirenbench.listing import print_cells
    from sirenbench.workflow import Workflow

    print_cells(Workflow(words.configfile), Path("results"))


def _estimate(words: argparse.Namespace) -> None:
    from sirenbench.estimate import print_estimate
    from sirenbench.workflow import Workflow

    bench = Workflow(words.configfile)
    target = words.target or bench.main.config.run
    loaded, cells = bench.selected(target)
    print_estimate(loaded.config, cells, target, Path("results"))


def _report(words: argparse.Namespace) -> None:
    from sirenbench.partial import report_what_is_there
    from sirenbench.workflow import Workflow

    bench = Workflow(words.configfile)
    print(report_what_is_there(bench, words.target or bench.main.config.run))


def _summary(words: argparse.Namespace) -> None:
    from sirenbench.claims.summary import summary

    print(summary(words.folder), end="")


def _bench(words: argparse.Namespace) -> None:
    script = Path("benchmarks/bench.py")
    if not script.exists():
        raise UserError(f"{script} is not here; run this in the project's folder")
    # A process of its own: what is measured shares it with nothing.
    sys.exit(subprocess.run([sys.executable, "-W", "ignore", str(script), *words.rest], check=False).returncode)


def _fetch(words: argparse.Namespace) -> None:
    from sirenbench import catalog
    from sirenbench.assets.store import cache_folder, fetch
    from sirenbench.workflow import Workflow

    bench = Workflow(words.configfile)
    cells = bench.main.unique_cells.values()
    needed = dict.fromkeys(
        asset for spec in cells for asset in (bench.main.asset_of(spec.image), *catalog.assets_of(spec))
    )
    cache = cache_folder(bench.main.config.cache)
    found = [fetch(name, bench.asset(name), cache, progress=True) for name in words.assets or needed]
    for status in found:
        print(f"{status.id}: {status.path or status.reason}")
    if any(status.state == "unavailable" for status in found):
        raise UserError("not everything could be had; the reasons stand above")


def _schema(words: argparse.Namespace) -> None:
    from sirenbench.config.generate import generated

    for path, text in generated().items():
        if words.write:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            raise UserError(f"{path} is not what the models say; run 'make generate'")


if __name__ == "__main__":
    main()
