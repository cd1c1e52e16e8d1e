"""The results as they are printed."""

import sys
from collections.abc import Mapping, Sequence
from math import isnan
from platform import python_version
from typing import Final

from benchmarks.measure import Line, Unit

__all__ = ("print_head", "print_line")

#: What an amount is called, and a thousand of it; in millions and more there are none to be told apart.
NAMES: Final[dict[Unit, tuple[str, ...]]] = {
    "ns": ("ns", "us", "ms"),
    "bytes": ("B", "KB", "MB"),
    "rules": ("right",),
}
HEAD: Final = ("what", "against", "ours", "theirs", "ratio", "minimum", "aim", "verdict", "memory, theirs")
WIDTHS: Final = (58, 28, 10, 10, 7, 8, 6, 13, 20)


def print_head(versions: Mapping[str, str | None]) -> None:
    """Print what was compared, and what the columns are."""
    there = (f"{name} {version}" for name, version in versions.items() if version)
    print(f"Python {python_version()}, {', '.join(there)}")
    for name, version in versions.items():
        if version is None:
            print(f"{name} is not installed: what is compared with it has no figures")
    print("CPU time per item, each side's best of several rounds in turns, each in a process of its own;")
    print("memory: what each had allocated at the most, apart from its input\n")
    _print_row(HEAD)


def print_line(line: Line) -> None:
    """Print a line of the table, and under it what our cost is made of."""
    unit = "" if line.scale == "of its cost" else "x"
    ratio = f"{line.ratio:.2f}{unit}" if line.ratio < 10 else f"{line.ratio:.1f}{unit}"
    ours, theirs = (_amount(cost, line.unit) for cost in (line.ours, line.theirs))
    budget = ["-" if number is None else f"{number:.4g}{unit}" for number in (line.minimum, line.aim)]
    memory = [_amount(size, "bytes") for size in (line.our_memory, line.their_memory)]
    held = "" if isnan(line.our_memory) else ", ".join(memory)
    ratio = "-" if isnan(line.ratio) else ratio
    _print_row((line.what, line.against, ours, theirs, ratio, *budget, line.verdict, held))
    if line.parts:
        parts = (f"{name} {_amount(cost, line.unit)}" for name, cost in line.parts.items())
        print(f"    our cost is: {', '.join(parts)}")
    sys.stdout.flush()


def _print_row(cells: Sequence[str]) -> None:
    print("  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip())


def _amount(amount: float, unit: Unit) -> str:
    if isnan(amount):
        return "-"
    *smaller, largest = NAMES[unit]
    for name in smaller:
        if abs(amount) < 1000:
            return f"{amount:.0f} {name}" if name == smaller[0] else f"{amount:.2f} {name}"
        amount /= 1000
    return f"{amount:.0f} {largest}" if not smaller else f"{amount:.2f} {largest}"
