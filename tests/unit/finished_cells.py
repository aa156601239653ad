"""Records of cells that never ran, for tests of what is told from their cost."""

from __future__ import annotations

from pathlib import Path

from sirenbench.names import parse_name
from sirenbench.numerics import numerics_of
from sirenbench.pace import Machine
from sirenbench.records import RECORD, CellRecord, Cost, Provenance, folder_of, write_record

HERE = Machine("A processor", is_gpu=False, threads=1, cores=2)


def recorded(
    results: Path,
    name: str,
    *,
    seconds: float,
    overhead: float = 3.0,
    device: str = HERE.device,
    threads: int = 1,
    numerics: str = "",
    slurm_job: str | None = None,
    resumed: int = 0,
) -> None:
    """Write the record of a cell that trained for so long and took ``overhead`` beside."""
    spec = parse_name(name)
    made = Provenance(
        package="0", numerics=numerics or numerics_of(spec), git_commit=None, git_dirty=None, python="", torch=None,
        cuda=None, driver=None, device=device, threads=threads, host="", slurm_job_id=slurm_job, started="", ended="",
        resumed=resumed,
    )  # fmt: skip
    cost = Cost(
        seconds=seconds + overhead,
        startup_seconds=overhead,
        training_seconds=0.75 * seconds,
        metrics_seconds=0.25 * seconds,
        peak_memory_mib=1,
    )
    record = CellRecord(name=name, spec=spec.as_dict(), track="as-run", state="ok", cost=cost, provenance=made)
    write_record(folder_of(results, name) / RECORD, record)
