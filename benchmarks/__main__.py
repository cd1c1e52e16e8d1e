"""Run the rows, print the table, save it with its pictures, and fail if a budget is missed."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import (
    bare_chain,
    first_token,
    importing,
    json_parsing,
    many_streams,
    merging,
    own_operators,
    sentences,
    serving,
    sse_decoding,
    sse_reading,
    sse_to_words,
    stock_operators,
    worst_documents,
)
from benchmarks.measure import Curve, Found, Line
from benchmarks.peers import NotInstalled, versions
from benchmarks.results import Results, read_results, write_results
from benchmarks.table import print_head, print_line

__all__ = ("FOLDER", "ROWS", "main")

ROWS: Final[dict[str, Callable[[bool], list[Found]]]] = {
    sse_to_words.ROW: lambda quick: sse_to_words.lines(quick=quick),
    first_token.ROW: lambda quick: first_token.lines(quick=quick),
    stock_operators.GENERATORS_ROW: lambda quick: stock_operators.against_generators(quick=quick),
    stock_operators.AIOSTREAM_ROW: lambda quick: stock_operators.against_aiostream(quick=quick),
    own_operators.ROW: lambda quick: own_operators.lines(quick=quick),
    sentences.ROW: lambda quick: sentences.lines(quick=quick),
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
    importing.ROW: lambda quick: importing.lines(quick=quick),
}

#: Where results.json is, and the folder of the pictures.
FOLDER: Final = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 if a minimum is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Our budgets, with the peers in the same run."
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all by default: {', '.join(ROWS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there, too")
    parser.add_argument("--quick", action="store_true", help="smaller inputs, fewer rounds")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results.json and its pictures")
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw what has been saved anew")
    options = parser.parse_args(arguments)
    unknown = [row for row in options.rows if row not in ROWS]
    if unknown:
        parser.error(f"there is no row {unknown[0]!r}; those that there are: {', '.join(ROWS)}")
    if options.save and (options.rows or options.quick):
        parser.error("--save goes with all rows, in full: the pictures are of one run")
    if options.draw:
        _draw(read_results(FOLDER / "results.json"))
        return 0

    results = _measured(options.rows or list(ROWS), quick=options.quick)
    if options.json is not None:
        write_results(results, options.json)
    if options.save:
        write_results(results, FOLDER / "results.json")
        _draw(read_results(FOLDER / "results.json"))
    return int(any(line.verdict == "FAILS" for line in results.lines))


def _measured(rows: Sequence[str], *, quick: bool) -> Results:
    """Run the rows and print their lines as they come."""
    results = Results(versions())
    print_head(results.versions)
    for row in rows:
        start = time.monotonic()
        try:
            found = ROWS[row](quick)
        except NotInstalled as missing:
            results.left_out[row] = f"not installed: {missing}"
            print(f"{row} is left out, not installed: {missing}")
            continue
        results.seconds[row] = time.monotonic() - start
        for one in found:
            if isinstance(one, Line):
                results.lines.append(one)
                print_line(one)
        results.curves += [one for one in found if isinstance(one, Curve)]
    print(f"\n{sum(results.seconds.values()) / 60:.1f} minutes")
    sys.stdout.flush()
    return results


def _draw(saved: dict[str, object]) -> None:
    from benchmarks.pictures import draw  # noqa: PLC0415 - matplotlib is nobody else's

    for picture in draw(saved, FOLDER / "pictures"):
        print(f"drawn: {picture.name}")


if __name__ == "__main__":
    raise SystemExit(main())
