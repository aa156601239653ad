"""What a training cell costs beside its training, in CPU time: wall time is others' too."""

from __future__ import annotations

import pytest

from workflow.conftest import Project
from workflow.start_up import PRELOAD, measure, prepare


@pytest.mark.slow
def test_a_cell_starts_fast_and_a_further_one_of_its_allocation_at_once(project: Project) -> None:
    """5.4 to 6.5 s and 0.56 to 0.78 s with nothing beside it (docs/slurm.md)."""
    prepare(project)
    first, *further = measure(project, 4, PRELOAD)
    assert first.cpu < 9
    assert min(cost.cpu for cost in further) < 0.9
