"""Fuzz every machine on text with libFuzzer: ``python -m tests.laws.fuzz [--minutes 60] [NAME ...]``.

Needs ``pip install atheris``, which is no dependency: the laws run without it, with Hypothesis. Each machine
gets its share of the time, in a process of its own, coverage-guided, from the registry's samples on. An
input fails that makes a machine

* raise anything that is no ``RxStreamError``,
* give something else because the text is cut elsewhere,
* or take more than its time for the input repeated up to 40,000 characters, in chunks of four.

The inputs that fail are written where the message says, and are to become examples of the laws' tests.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.laws.registry import OfText

# Whatever imports rxstream is imported where it is used: in a fuzzing process atheris must be there first.

#: Characters of the long input, and the processor time it may take. A linear machine takes a hundredth of it.
LONG = 40_000
SECONDS = 8.0


def outcome(machine: "OfText", chunks: Iterable[Any]) -> tuple[Any, str]:
    """Run a machine; let nothing pass but what is ours."""
    from rxstream.errors import RxStreamError
    from rxstream.testing import run_machine

    items, fault = run_machine(machine.factory, chunks)
    if fault is not None and not isinstance(fault, RxStreamError):
        raise fault
    return (items if machine.join is None else machine.join(items)), repr(fault)


def cuts(text: Any, seed: bytes) -> list[Any]:
    """Cut a text at places that the first bytes of the input choose."""
    chunks: list[Any] = []
    start, turn = 0, 0
    while start < len(text):
        size = seed[turn % len(seed)] % 9
        chunks.append(text[start : start + size])
        start += size or (turn % len(seed) == 0)
        turn += 1
    return chunks if "".join(map(str, chunks)) == str(text) else [text[n : n + 1] for n in range(len(text))]


def check(machine: "OfText", data: bytes) -> None:
    """Hold a machine against one input."""
    from rxstream.testing import run_machine

    if len(data) < 5:
        return
    seed, body = data[:4], data[4:]
    text: Any = body if isinstance(machine.samples[0], bytes) else body.decode("utf-8", "replace")
    whole = outcome(machine, [text])
    assert outcome(machine, cuts(text, seed)) == whole, "law 1"
    assert outcome(machine, [text[n : n + 1] for n in range(len(text))]) == whole, "law 1"
    if seed[0] % 64 == 0 and not machine.quadratic_because:
        long = text * (LONG // len(text))
        start = time.thread_time()
        run_machine(machine.factory, [long[n : n + 4] for n in range(0, len(long), 4)])
        took = time.thread_time() - start
        assert took < SECONDS, f"law 3: {took:.1f} s for {len(long)} characters"


def fuzz(name: str, seconds: int, folder: Path) -> int:
    """Fuzz one machine in this process, which does not return."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=["rxstream"]):
        from tests.laws.registry import MACHINES

    machine = next(one for one in MACHINES if one.label == name)
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(machine.samples):
        body = sample if isinstance(sample, bytes) else sample.encode()
        (corpus / f"sample{number}").write_bytes(b"\x01\x02\x03\x04" + body)
    options = [f"-max_total_time={seconds}", "-max_len=400", "-rss_limit_mb=2048", "-timeout=60"]
    options += [f"-artifact_prefix={folder}{os.sep}", "-verbosity=0", "-print_final_stats=1"]

    def test_one(data: bytes) -> None:
        check(machine, data)

    atheris.Setup([sys.argv[0], *options, str(corpus)], test_one)
    atheris.Fuzz()
    return 0


def run_all(names: Sequence[str], minutes: float, jobs: int) -> int:
    """Fuzz machines side by side, each in a process of its own; return how many failed."""
    from tests.laws.registry import MACHINES

    machines = [one.label for one in MACHINES if not names or any(name in one.label for name in names)]
    seconds = max(1, int(minutes * 60 / len(machines)))
    root = Path(tempfile.mkdtemp(prefix="fuzz-"))

    def one(number_and_name: tuple[int, str]) -> bool:
        number, name = number_and_name
        folder = root / str(number)
        command = [sys.executable, "-m", "tests.laws.fuzz", "--one", name, str(seconds), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        stats = [line for line in done.stderr.splitlines() if "executed_units" in line]
        print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name}: {' '.join(stats)}", flush=True)
        if done.returncode:
            print(f"  inputs in {folder}\n" + "\n".join(done.stderr.splitlines()[-25:]), flush=True)
        return done.returncode != 0

    with ThreadPoolExecutor(jobs) as pool:
        return sum(pool.map(one, enumerate(machines)))


def main() -> int:
    """Read the command line."""
    if sys.argv[1:2] == ["--one"]:
        name, seconds, folder = sys.argv[2:]
        return fuzz(name, int(seconds), Path(folder))
    parser = argparse.ArgumentParser(description="Fuzz every machine on text.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="parts of the machines' names; all by default"
    )
    parser.add_argument("--minutes", type=float, default=60.0, help="processor time for all of them together")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    options = parser.parse_args()
    return min(run_all(options.names, options.minutes, options.jobs), 1)


if __name__ == "__main__":
    raise SystemExit(main())
