"""What ``import rxstream`` takes, next to ``import openai``: each time in a new process."""

import os
import subprocess
import sys
from typing import Final

from benchmarks.measure import Cost, Found, compare

__all__ = ("PROGRAMS", "ROW", "cpu_seconds", "lines", "memory")

ROW: Final = "import"
#: Nothing is there for comparison: what Python itself takes is no package's.
PROGRAMS: Final = {
    "rxstream": "import rxstream",
    "openai": "import openai",
    "both": "import openai, rxstream",
    "nothing": "pass",
}
TRACED: Final = "import tracemalloc; tracemalloc.start(); {}; print(tracemalloc.get_traced_memory()[1])"


def lines(*, quick: bool) -> list[Found]:
    """Measure the row."""
    rounds = 3 if quick else 8
    best = dict.fromkeys(PROGRAMS, float("inf"))
    for number in range(rounds + 1):
        for name, program in PROGRAMS.items():
            took = cpu_seconds(program)
            if number:  # the first time the files are read from the disk, and compiled
                best[name] = min(best[name], took)
    cost = {
        name: Cost((best[name] - best["nothing"]) * 1e9, memory(PROGRAMS[name]))
        for name in ("rxstream", "openai", "both")
    }
    what, against = "import rxstream", "import openai"
    return [
        compare(ROW, what, against, cost["rxstream"], cost["openai"], "of its cost", 1.05, 1.02),
        # It imports openai when it is first needed: this is what a program takes that uses both.
        compare(ROW, "import openai, rxstream", against, cost["both"], cost["openai"], "of its cost"),
    ]


def cpu_seconds(program: str) -> float:
    """Return the CPU time of a process that does nothing else."""
    process = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise RuntimeError(f"{program!r} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime


def memory(program: str) -> float:
    """Return what Python's allocator had given at the most when it was imported."""
    command = [sys.executable, "-c", TRACED.format(program)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
