"""Run the rows, print the table, and fail if a budget is missed."""

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

from benchmarks import own_operators, sse_to_words, stock_operators
from benchmarks.measure import Line

__all__ = ("ROWS", "main")

Row = Callable[[bool], list[Line]]

ROWS: dict[str, Callable[..., list[Line]]] = {
    sse_to_words.ROW: sse_to_words.lines,
    stock_operators.GENERATORS_ROW: stock_operators.against_generators,
    stock_operators.AIOSTREAM_ROW: stock_operators.against_aiostream,
    own_operators.ROW: own_operators.lines,
}

PEERS = ("openai", "httpx2", "reactivex", "aiostream", "anyio")
HEAD = ("what", "against", "ours", "theirs", "ratio", "minimum", "aim", "verdict")
