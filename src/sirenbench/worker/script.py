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


def log_to(file: str | Path | None) -> None:
    """Log to a new file, or to stderr."""
    logging.raiseExceptions = False  # a full disk refuses the log's lines too; that needs no traceback on stderr
    where: dict[str, Any] = {"filename": file, "filemode": "w"} if file else {"stream": sys.stderr}
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True, **where)
    logging.captureWarnings(True)


@contextmanager
def told(rule: Any) -> Iterator[None]:
    """Log to the rule's own log file; a mistake is told in a line, and only a defect by its traceback."""
    log_to(rule.log[0] if rule is not None else None)
    try:
        yield
    except UserError as error:
        logging.error("%s", error)
        sys.exit(f"{type(error).__name__}: {error}")
    except OSError as error:
        logging.exception("the machine refused a file:")
        place = error.filename or f"a file below {RESULTS.absolute()}"
        sys.exit(f"{place}: {error.strerror or error}; see that it can be written and has room")
    except Exception:
        logging.exception("this is a defect of sirenbench, not of your input:")
        raise


def workflow_of(rule: Any) -> Workflow:
    """The configured workflow: that of the run, or by hand the default one."""
    from sirenbench.workflow import Workflow

    settings = rule.config["sirenbench"] if rule is not None else {"files": [], "overrides": {}}
    return Workflow(settings["files"], settings["overrides"])


def cell_job(rule: Any, script: str = "") -> CellJob:
    """The job of a cell's rule, or of the cell named on the command line of ``train.py`` or ``baseline.py``."""
    if rule is None:
        return _by_hand(script)
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


def _by_hand(script: str) -> CellJob:
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
    from sirenbench.adhoc import fetch_assets, job_of
    from sirenbench.workflow import Workflow

    right = "baseline.py" if parse_name(words.name).is_baseline else "train.py"
    if script != right:
        which = "needs no training" if right == "baseline.py" else "has to be trained"
        raise UserError(f"{words.name} {which}; run: python workflow/scripts/{right} {words.name}")
    bench = Workflow(words.configfile)
    fetch_assets([words.name], bench, RESULTS)
    return job_of(words.name, bench, RESULTS, words.threads)
