"""An allocation's process as submitit starts it, for ``workflow.start_up``: it imports no more than a pack does.

``python -m workflow.allocation '{"preload": [...], "commands": [...]}'`` prints of each job its end and its
CPU seconds.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from snakemake_executor_plugin_submitit.pack import Pack, Task


class Clocked(Pack):
    """A pack that notes the CPU time after every job."""

    cpu: list[float]

    def _outcome(self, *args):  # type: ignore[no-untyped-def]
        self.cpu.append(_cpu())
        return super()._outcome(*args)


def main() -> None:
    order = json.loads(sys.argv[1])
    folder = Path(".snakemake/submitit").absolute()
    tasks = [Task(str(number), command) for number, command in enumerate(order["commands"])]
    pack = Clocked(folder, tasks, minutes=30, signal_seconds=60, max_requeues=0, preload=order["preload"])
    pack.cpu = [0.0]
    pack()
    ends = []
    for task, before, after in zip(tasks, pack.cpu, pack.cpu[1:], strict=False):
        outcome = pack._outcomes.read(task.key)
        assert outcome is not None
        assert outcome.exit == 0, (folder / "logs" / f"{task.key}.log").read_text()
        ends.append((outcome.ended, after - before))
    print(json.dumps(ends))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
