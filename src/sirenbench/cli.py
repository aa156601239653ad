"""The command ``sirenbench``: what is useful beside Snakemake."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sirenbench import __version__
from sirenbench.errors import UserError


def main(words: Sequence[str] | None = None) -> None:
    """Entry point; exit status 1 and one message for a mistake."""
    parser = _parser()
    chosen, rest = parser.parse_known_args(words)
    if rest and chosen.run is not _bench:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    chosen.rest = rest
    try:
        chosen.run(chosen)
        sys.stdout.flush()
    except UserError as error:
        sys.exit(f"sirenbench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read our list has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        sys.exit(f"sirenbench: {error}; see that files can be read and written here, and that there is room")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sirenbench", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    configured = argparse.ArgumentParser(add_help=False)
    configured.add_argument("--configfile", action="append", default=[], type=Path, help="as for snakemake")
    _add_commands_on_cells(commands, configured)
    _add_commands_on_runs(commands, configured)

    bench = commands.add_parser("bench", help="how fast the engine is here, beside a plain step", add_help=False)
    bench.set_defaults(run=_bench)

    fetch = commands.add_parser(
        "fetch", parents=[configured], help="bring assets into the cache, e.g. before the network is gone"
    )
    fetch.add_argument("assets", nargs="*", help="names of assets; all that the configured cells need if left out")
    fetch.set_defaults(run=_fetch)

    schema = commands.add_parser("schema", help="the files that are generated from the configuration's models")
    schema.add_argument("--write", action="store_true", help="write config/default.yaml and config/schema.json")
    schema.set_defaults(run=_schema)
    return parser


def _add_commands_on_cells(commands: Any, configured: argparse.ArgumentParser) -> None:
    cells = commands.add_parser(
        "cells", parents=[configured], help="list the cells of the configuration: state, study, target"
    )
    cells.set_defaults(run=_cells)

    cell = commands.add_parser(
        "cell", parents=[configured], help="all that is known of one cell: state, scores, files, log, command"
    )
    cell.add_argument("name", help="its name, or its folder")
    cell.set_defaults(run=_cell)

    verify = commands.add_parser(
        "verify", parents=[configured], help="compute the numbers of finished cells again and compare them"
    )
    verify.add_argument("cells", nargs="*", metavar="cell", help="a name, or a folder: all finished cells in it")
    verify.add_argument("--run", dest="whole_run", action="store_true", help="all cells of the configured run")
    verify.add_argument("--retrain", action="store_true", help="train them again, and compare every bit")
    verify.add_argument("--sample", type=_count, metavar="N", help="only N of the cells, always the same ones")
    verify.add_argument("--threads", type=_count, help="CPU threads; as many as the record says if left out")
    verify.set_defaults(run=_verify)

    run = commands.add_parser(
        "run", parents=[configured], help="run cells beside the workflow, here or on a cluster, into scratch/"
    )
    run.add_argument("cells", nargs="+", metavar="cell", help="name, e.g. fit/cameraman-64/siren-2x64/steps=100")
    run.add_argument("--cluster", choices=("slurm", "local", "debug"), help="submit there; run here if left out")
    run.add_argument("--threads", type=_count, help="CPU threads; those of the configuration if left out")
    run.add_argument("--runtime", type=_count, metavar="MINUTES", help="time limit on a cluster")
    run.add_argument("--gpus", type=_count, default=0, help="GPUs on a cluster; none if left out")
    run.add_argument("--partition", default="", help="Slurm partition; its default one if left out")
    run.add_argument("--force", action="store_true", help="run again what is done")
    run.add_argument("--no-fetch", action="store_true", help="take the assets as they were fetched for an earlier run")
    run.set_defaults(run=_run)


def _add_commands_on_runs(commands: Any, configured: argparse.ArgumentParser) -> None:
    status = commands.add_parser(
        "status", parents=[configured], help="how the cells of the configured run stand, and why"
    )
    status.add_argument("--json", action="store_true", help="for programs")
    status.set_defaults(run=_status)

    estimate = commands.add_parser(
        "estimate", parents=[configured], help="what the configured cells would cost on this machine, by study"
    )
    estimate.add_argument("--target", help="<run> or <run>/<study>; the configured run if left out")
    estimate.set_defaults(run=_estimate)

    report = commands.add_parser(
        "report", parents=[configured], help="collect and render what is there of a run, finished or not"
    )
    report.add_argument("target", nargs="?", help="<run> or <run>/<study>; the configured run if left out")
    report.add_argument(
        "--baseline", type=Path, metavar="FOLDER", help="results/<run> of an earlier run, or a copy, to compare with"
    )
    report.set_defaults(run=_report)

    summary = commands.add_parser(
        "summary", help="a finished run in the terminal: Table 1, and what became of the claims"
    )
    summary.add_argument("folder", nargs="?", type=Path, default=Path("results/demo"), help="results/<run>")
    summary.set_defaults(run=_summary)


def _cells(words: argparse.Namespace) -> None:
    from sirenbench.listing import print_cells
    from sirenbench.workflow import Workflow

    print_cells(Workflow(words.configfile), Path("results"))


def _status(words: argparse.Namespace) -> None:
    from sirenbench.status import print_status
    from sirenbench.workflow import Workflow

    print_status(Workflow(words.configfile), words.json)


def _cell(words: argparse.Namespace) -> None:
    from sirenbench.status import print_cell
    from sirenbench.workflow import Workflow

    print_cell(words.name, Workflow(words.configfile))


def _verify(words: argparse.Namespace) -> None:
    from sirenbench.verify import cells_of, print_verdicts, sample_of
    from sirenbench.workflow import Workflow

    bench, results = Workflow(words.configfile), Path("results")
    whole = [(results, name) for name in bench.main.unique_cells] if words.whole_run else []
    cells = list(dict.fromkeys([*whole, *cells_of(words.cells, results)]))
    if not cells:
        raise UserError("nothing to verify; name cells or a folder of them, or give --run")
    if words.sample:
        cells = sample_of(cells, words.sample)
    print_verdicts(cells, bench, retrain=words.retrain, threads=words.threads)


def _run(words: argparse.Namespace) -> None:
    from sirenbench.adhoc import run_here, submit, tell

    how = {"configfiles": words.configfile, "threads": words.threads, "force": words.force, "fetched": words.no_fetch}
    if words.cluster is None:
        run_here(words.cells, **how)
    else:
        asked = {"runtime": words.runtime, "gpus": words.gpus, "partition": words.partition}
        tell(submit(words.cells, words.cluster, **asked, **how), words.cluster)


def _count(text: str) -> int:
    """A number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _estimate(words: argparse.Namespace) -> None:
    from sirenbench.estimate import print_estimate
    from sirenbench.workflow import Workflow

    bench = Workflow(words.configfile)
    target = words.target or bench.main.config.run
    loaded, cells = bench.selected(target)
    print_estimate(loaded.config, cells, target, Path("results"))


def _report(words: argparse.Namespace) -> None:
    from sirenbench.partial import report_what_is_there
    from sirenbench.report.comparison import in_words
    from sirenbench.workflow import Workflow

    bench = Workflow(words.configfile)
    page, comparison = report_what_is_there(bench, words.target or bench.main.config.run, baseline=words.baseline)
    print(page)
    if comparison:
        print(in_words(comparison))


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
