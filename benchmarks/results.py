"""The results of a run as a file: everything that is printed and drawn."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from math import isnan
from pathlib import Path
from typing import Any, cast

from benchmarks.measure import Curve, Line

__all__ = ("Results", "read_results", "write_results")


@dataclass(slots=True)
class Results:
    """What was found so far."""

    #: Of each peer; None if it is not installed.
    versions: dict[str, str | None]
    lines: list[Line] = field(default_factory=list[Line])
    curves: list[Curve] = field(default_factory=list[Curve])
    #: How long each row took.
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    #: Rows that could not be measured, and why.
    left_out: dict[str, str] = field(default_factory=dict[str, str])


def write_results(results: Results, file: Path) -> None:
    """Write them as JSON."""
    found: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": results.versions,
        "not installed": [name for name, version in results.versions.items() if version is None],
        "left out": results.left_out,
        "seconds": {row: round(took, 1) for row, took in results.seconds.items()},
        "lines": [asdict(line) | {"ratio": line.ratio, "verdict": line.verdict} for line in results.lines],
        "curves": [asdict(curve) for curve in results.curves],
    }
    file.write_text(json.dumps(_plain(found), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_results(file: Path) -> dict[str, Any]:
    """Read them, as they stand there."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _plain(value: Any) -> Any:
    """Say null for what is not a number: JSON has no name for it; and no more digits than were measured."""
    match value:
        case dict():
            return {key: _plain(one) for key, one in cast("dict[str, Any]", value).items()}
        case list() | tuple():
            return [_plain(one) for one in cast("Sequence[Any]", value)]
        case float():
            return None if isnan(value) else float(f"{value:.5g}")
        case _:
            return value
