"""Real cells through a real Slurm, by the profile that people use: the same numbers as on this machine."""

from __future__ import annotations

import shutil

import pytest
from workflow.conftest import Project, study

from cluster.conftest import ROOT
from cluster.slurm import Cluster
from sirenbench.records import CellRecord

pytestmark = pytest.mark.slow


def numbers(record: CellRecord) -> dict[str, object]:
    """Everything but times, places, and the files that have times in them."""
    known = record.model_dump(exclude={"cost", "provenance", "files"})
    return known | {name: digest for name, digest in record.files.items() if name != "curves.npz"}


@pytest.mark.parametrize("pack", [1, 3])
def test_the_profile_makes_the_cells_of_this_machine(slurm: Cluster, project: Project, pack: int) -> None:
    project.configure(
        run="small",
        images={"tile": {"path": "tile.png"}},
        studies={
            "fitting": study(),
            "scaling": study(task="sr", factor=2, arm=["siren", "bicubic"]),
            "reconstruction": study(task="poisson", arm="siren"),
        },
        checkpoint_minutes=1,
    )
    project.environment["PYTHONPATH"] = str(ROOT / "src")
    before = len(slurm.accounts("jobid"))
    code, said = project.snakemake("--profile", "profiles/slurm", "--submitit-pack", str(pack))
    assert code == 0, said
    made = {name: project.record(name) for name in project.stamps()}
    assert len(made) == 5
    assert (project.folder / "results/small/report.html").exists()

    jobs = {record.provenance.slurm_job_id for record in made.values() if record.provenance}
    states = dict(slurm.accounts("jobid", "state")[before:])
    assert len(states) == (5 if pack == 1 else 3)  # four to train, one baseline without a GPU
    assert set(states.values()) == {"COMPLETED"}
    assert None not in jobs

    shutil.rmtree(project.folder / "results/cells")
    assert project.snakemake("--quiet")[0] == 0
    for name, record in made.items():
        assert numbers(project.record(name)) == numbers(record)
        assert project.record(name).provenance.slurm_job_id is None  # type: ignore[union-attr]
