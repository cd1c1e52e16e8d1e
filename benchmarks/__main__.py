"""Run the rows, print the table, and fail if a budget is missed."""

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks import (
    bare_chain,
    json_parsing,
    many_streams,
    merging,
    own_operators,
    serving,
    sse_decoding,
    sse_reading,
    sse_to_words,
    stock_operators,
    worst_documents,
)
from benchmarks.measure import Line, Unit

__all__ = ("ROWS", "main")

ROWS: Final[dict[str, Callable[[bool], list[Line]]]] = {
    sse_to_words.ROW: lambda quick: sse_to_words.lines(quick=quick),
    stock_operators.GENERATORS_ROW: lambda quick: stock_operators.against_generators(quick=quick),
    stock_operators.AIOSTREAM_ROW: lambda quick: stock_operators.against_aiostream(quick=quick),
    own_operators.ROW: lambda quick: own_operators.lines(quick=quick),
    sse_decoding.ROW: lambda quick: sse_decoding.lines(quick=quick),
    sse_reading.ROW: lambda quick: sse_reading.lines(quick=quick),
    json_parsing.PARTIAL_ROW: lambda quick: json_parsing.partial(quick=quick),
    json_parsing.GROWTH_ROW: lambda quick: json_parsing.growth(quick=quick),
    json_parsing.VALUES_ROW: lambda quick: json_parsing.values(quick=quick),
    worst_documents.ROW: lambda quick: worst_documents.lines(quick=quick),
    merging.ROW: lambda quick: merging.lines(quick=quick),
    bare_chain.ROW: lambda quick: bare_chain.lines(quick=quick),
    serving.ROW: lambda quick: serving.lines(quick=quick),
    many_streams.ROW: lambda quick: many_streams.lines(quick=quick),
}

PEERS: Final = (
    "openai",
    "httpx2",
    "httpx-sse",
    "starlette",
    "uvicorn",
    "sse-starlette",
    "reactivex",
    "aiostream",
    "anyio",
    "jiter",
)
#: What an amount is called, and a thousand of it.
NAMES: Final[dict[Unit, tuple[str, str]]] = {"ns": ("ns", "us"), "bytes": ("B", "KB")}
HEAD: Final = ("what", "against", "ours", "theirs", "ratio", "minimum", "aim", "verdict")
WIDTHS: Final = (58, 28, 10, 10, 7, 8, 6, 9)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 if a minimum is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Our budgets, with the peers in the same run."
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all by default: {', '.join(ROWS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument("--quick", action="store_true", help="smaller inputs, fewer rounds")
    options = parser.parse_args(arguments)
    unknown = [row for row in options.rows if row not in ROWS]
    if unknown:
        parser.error(f"there is no row {unknown[0]!r}; those that there are: {', '.join(ROWS)}")

    versions = {name: version(name) for name in PEERS}
    print(f"Python {platform.python_version()}, {', '.join(f'{n} {v}' for n, v in versions.items())}")
    print("CPU time per item, each side's best of several rounds in turns; or memory per stream\n")
    _print_row(HEAD)
    found: list[Line] = []
    for row in options.rows or ROWS:
        for line in ROWS[row](options.quick):
            found.append(line)
            _print_line(line)
    if options.json is not None:
        lines = [asdict(line) | {"ratio": line.ratio, "verdict": line.verdict} for line in found]
        results = {"python": platform.python_version(), "versions": versions, "lines": lines}
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return int(any(line.verdict == "FAILS" for line in found))


def _print_line(line: Line) -> None:
    unit = "x" if line.scale == "cheaper" else ""
    ratio = f"{line.ratio:.2f}{unit}" if line.ratio < 10 else f"{line.ratio:.1f}{unit}"
    ours, theirs = (_amount(cost, line.unit) for cost in (line.ours, line.theirs))
    budget = ["-" if number is None else f"{number:g}{unit}" for number in (line.minimum, line.aim)]
    _print_row((line.what, line.against, ours, theirs, ratio, *budget, line.verdict))
    if line.parts:
        parts = (f"{name} {_amount(cost, line.unit)}" for name, cost in line.parts.items())
        print(f"    our cost is: {', '.join(parts)}")
    sys.stdout.flush()


def _print_row(cells: Sequence[str]) -> None:
    print("  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip())


def _amount(cost: float, unit: Unit) -> str:
    one, thousand = NAMES[unit]
    return f"{cost:.0f} {one}" if abs(cost) < 1000 else f"{cost / 1000:.2f} {thousand}"


if __name__ == "__main__":
    raise SystemExit(main())
