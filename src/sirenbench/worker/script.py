"""How the scripts of the workflow are started: by a Snakemake rule, or by hand with the name of a cell."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sirenbench.errors import UserError
from sirenbench.names import parse_name
from sirenbench.worker.job import CellJob

if TYPE_CHECKING:
    from sirenbench.workflow import Workflow

RESULTS = Path("results")


@contextmanager
def told(rule: Any) -> Iterator[None]:
    """Log to the rule's own log file; a mistake is told in a line, and only a defect by its traceback."""
    where: dict[str, Any] = {"filename": rule.log[0], "filemode": "w"} if rule is not None else {"stream": sys.stderr}
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True, **where)
    logging.captureWarnings(True)
    try:
        yield
    except UserError as error:
        logging.error("%s", error)
        sys.exit(f"{type(error).__name__}: {error}")
    except OSError as error:
        logging.exception("the machine refused a file:")
        sys.exit(f"{error.filename or 'a file'}: {error.strerror or error}; see that it can be written and has room")
    except Exception:
        logging.exception("this is a defect of sirenbench, not of your input:")
        raise


def workflow_of(rule: Any) -> Workflow:
    """The configured workflow: that of the run, or by hand the default one."""
    from sirenbench.workflow import Workflow

    settings = rule.config["sirenbench"] if rule is not None else {"files": [], "overrides": {}}
    return Workflow(settings["files"], settings["overrides"])


def cell_job(rule: Any) -> CellJob:
    """The job of a cell's rule, or of the cell named on the command line."""
    if rule is None:
        return _by_hand()
    settings = rule.config["sirenbench"]
    return CellJob(
        spec=parse_name(rule.wildcards.name),
        crop=json.loads(rule.params.recipe)["crop"],
        status=Path(rule.input.status),
        assets={Path(path).stem: Path(path) for path in rule.input.weights},
        results=RESULTS,
        device=settings["device"],
        threads=rule.threads,
        checkpoint_minutes=settings["checkpoint_minutes"],
    )


def _by_hand() -> CellJob:
    parser = argparse.ArgumentParser(
        description="Run one cell without Snakemake; its files go to results/cells/<name>."
    )
    parser.add_argument("name", help="name of the cell, e.g. fit/cameraman-64/siren-2x64/steps=100")
    parser.add_argument(
        "--configfile", action="append", default=[], help="as for snakemake; may be given several times"
    )
    parser.add_argument("--threads", type=int, default=1)
    words = parser.parse_args()
    # Only by hand: a rule's job has no use for the configuration and the downloads.
    from sirenbench.assets.status import write_status
    from sirenbench.assets.store import cache_folder, fetch
    from sirenbench.catalog import assets_of
    from sirenbench.workflow import Workflow, status_file

    bench = Workflow(words.configfile)
    spec, config = parse_name(words.name), bench.main.config

    def fetched(name: str) -> Path:
        status = Path(status_file(name))
        write_status(status, fetch(name, bench.main.asset(name), cache_folder(config.cache), progress=True))
        return status

    return CellJob(
        spec=spec,
        crop=bench.main.recipe(spec.image).crop,
        status=fetched(bench.main.asset_of(spec.image)),
        assets={name: fetched(name) for name in assets_of(spec)},
        results=RESULTS,
        device=config.device,
        threads=words.threads,
        checkpoint_minutes=config.checkpoint_minutes,
    )
