"""What the pictures have in common: their looks, and how lines are named and numbers said."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import figure as mpl_figure
from matplotlib.backends import backend_agg
from PIL import Image

__all__ = (
    "BLUE",
    "GREY",
    "ORANGE",
    "RED",
    "SKY",
    "Curve",
    "Figure",
    "label",
    "length",
    "logarithmic",
    "looks",
    "named",
    "panels",
    "save",
    "seconds",
    "times",
)

#: Of Okabe and Ito, who see to it that everybody can tell them apart: ours are blue, the peers' warm.
BLUE, SKY, RED, ORANGE, GREY = "#0072B2", "#3FA0D8", "#D55E00", "#B87700", "#6B6B6B"

LOOKS: Final[dict[str, Any]] = {
    "figure.dpi": 110,
    "figure.facecolor": "white",
    "font.size": 10.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#999999",
    "axes.labelcolor": "#444444",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E8E8E8",
    "lines.linewidth": 2.2,
    "lines.markersize": 5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
}

#: Untyped, because the types of its keywords are not known to a strict checker.
Axes = Any
Figure = Any
#: A curve as it stands in the file of results.
Curve = Mapping[str, Any]


def looks() -> AbstractContextManager[None]:
    """Have everything look alike, for as long as the block lasts."""
    untyped: Any = mpl
    in_force: AbstractContextManager[None] = untyped.rc_context(LOOKS)
    return in_force


def panels(
    count: int, title: str, height: float, widths: Sequence[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """Make a figure of so many panels side by side, 8 inches wide, whose title says what is to be seen."""
    # No pyplot, which would keep it.
    figure: Figure = mpl_figure.Figure(figsize=(8.2, height), layout="constrained")
    backend_agg.FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.012, ha="left", fontsize=11.5, weight="bold")
    return figure, list(figure.subplots(1, count, squeeze=False, width_ratios=widths)[0])


def named(curves: Sequence[Curve], panel: str) -> dict[str, Curve]:
    """Give the curves of a panel by their names, without those of peers that are not installed."""
    return {curve["name"]: curve for curve in curves if curve["panel"] == panel and None not in curve["y"]}


def save(figure: Figure, file: Path) -> None:
    """Write it as a PNG with no more colours than are in it: a third of the size."""
    figure.canvas.draw()
    size: tuple[int, int] = figure.canvas.get_width_height()
    image = Image.frombytes("RGBA", size, bytes(figure.canvas.buffer_rgba())).convert("RGB")
    image.quantize(96, dither=Image.Dither.NONE).save(file, optimize=True)


def label(
    axes: Axes,
    curve: Curve,
    at: int,
    text: str,
    colour: str,
    away: tuple[float, float],
    *,
    left: bool = False,
) -> None:
    """Write what it is beside one of a curve's points (or its last), so far away to the right and up."""
    at = min(at, len(curve["x"]) - 1)
    axes.annotate(
        text,
        (curve["x"][at], curve["y"][at]),
        xytext=away,
        textcoords="offset points",
        ha="right" if left else "left",
        va="bottom",
        color=colour,
        weight="bold",
        annotation_clip=False,
    )


def logarithmic(axes: Axes, x: str, y: str) -> None:
    """Have both axes logarithmic, with plain numbers at powers of ten, and say what they are of."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    low, high = axes.get_ylim()
    if high < low * 30:  # too short for powers of ten alone
        axes.set_yticks([one for one in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low < one < high])
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def seconds(amount: float, _: int | None = None) -> str:
    """Say a time in the unit that it has a handful of."""
    for unit, size in (("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if amount >= size:
            return f"{_two_digits(amount / size)} {unit}"
    return f"{_two_digits(amount * 1e6)} µs"


def length(characters: float, _: int | None = None) -> str:
    """Say how long a text is."""
    if characters >= 1e6:
        return f"{characters / 1e6:g} MB"
    return f"{characters / 1e3:g} KB"


def times(ratio: float) -> str:
    """Say how many times as much something is."""
    return _two_digits(ratio)


def _two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):g}"
