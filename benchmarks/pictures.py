"""The pictures of a run, drawn from what has been saved of it and from nothing else."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.drawing import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    SKY,
    Curve,
    Figure,
    label,
    length,
    logarithmic,
    looks,
    named,
    panels,
    save,
    seconds,
    times,
)

__all__ = ("PACES", "PICTURES", "SERVED", "THROUGHPUTS", "draw")


def draw(results: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw all that there are figures for; give the files."""
    folder.mkdir(exist_ok=True)
    drawn: list[Path] = []
    for name, picture in PICTURES.items():
        curves = [curve for curve in results["curves"] if curve["picture"] == name]
        if curves:
            with looks():
                save(picture(curves), folder / f"{name}.png")
            drawn.append(folder / f"{name}.png")
    return drawn


def throughput(curves: Sequence[Curve]) -> Figure:
    """Show how many bytes a second become events, sentences and words, against the size of a chunk."""
    ratios: list[str] = []
    for panel, said, _, shown in THROUGHPUTS:
        ways = named(curves, panel)
        ours, peer = list(shown)[:2]
        if peer in ways:
            ratios.append(f"{said.split()[-1]} {times(_lead(ways, ours, peer))}×")
    title = f"Throughput in chunks of 4: {', '.join(ratios)} the peer's" if ratios else "Throughput"
    figure, all_axes = panels(3, title, 4.1, widths=(1.35, 1, 1))
    for axes, (panel, said, unit, shown) in zip(all_axes, THROUGHPUTS, strict=True):
        ways = named(curves, panel)
        found: list[str] = []
        for name, (text, colour, at, away) in shown.items():
            if name not in ways:
                continue
            curve = ways[name]
            axes.plot(curve["x"], curve["y"], color=colour, marker="o")
            label(axes, curve, at, text, colour, away)
            if colour != BLUE:
                found.append(f"{times(_lead(ways, next(iter(shown)), name))}× {text}")
        axes.set_title(f"{said}:\n{', '.join(found)}")
        logarithmic(axes, unit, "MB a second" if axes is all_axes[0] else "")
        ticks = [size for size in SIZES if size <= ways[next(iter(shown))]["x"][-1]]
        axes.set_xticks(ticks, [SIZES[size] for size in ticks])
        low, high = axes.get_ylim()
        axes.set_ylim(low, high * 1.25)
    left = all_axes[0]
    low, high = left.get_xlim()
    left.set_xlim(low, high * (high / low) ** 0.4)  # here the names stand behind the lines
    return figure


def _lead(ways: Mapping[str, Curve], ours: str, peer: str) -> float:
    """Give how many times as much we do in chunks of four, which are about a token: the second point."""
    ratio: float = ways[ours]["y"][1] / ways[peer]["y"][1]
    return ratio


def partial_json(curves: Sequence[Curve]) -> Figure:
    """Show the time that a whole document takes, against its length."""
    figure, all_axes = panels(2, "JSON, followed while it is being written: linear, not quadratic", 4.0)
    for axes, panel in zip(all_axes, dict.fromkeys(curve["panel"] for curve in curves), strict=True):
        ways = named(curves, panel)
        ours, theirs = ways["ours"], ways["jiter"]
        for curve, colour in ((theirs, RED), (ours, BLUE)):
            axes.plot(curve["x"], curve["y"], color=colour, marker="o")
        label(axes, theirs, -2, "jiter, anew\nfor each chunk", RED, (-8, 2), left=True)
        label(axes, ours, -2, "rxstream", BLUE, (6, -14))
        long, short = theirs["y"][-1], ours["y"][-1]
        axes.set_title(
            f"{panel.capitalize()}, {length(ours['x'][-1])}:\n"
            f"{seconds(short)}, not {seconds(long)} ({times(long / short)}×)"
        )
        logarithmic(axes, "length of the document", "")
        axes.xaxis.set_major_formatter(length)
        axes.set_yticks(TIMES, [seconds(took) for took in TIMES])
    all_axes[0].set_ylabel("CPU time for all of it,\nin chunks of 4 characters")
    low = min(axes.get_ylim()[0] for axes in all_axes)
    high = max(axes.get_ylim()[1] for axes in all_axes)
    for axes in all_axes:
        axes.set_ylim(low / 2, high)
    return figure


def first_token(curves: Sequence[Curve]) -> Figure:
    """Show how late how many of all answers have their first token."""
    ways = {curve["name"]: [late / 1000 for late in curve["y"]] for curve in curves}
    middle = {name: late[len(late) // 2] for name, late in ways.items()}
    (sdk, ours, chain), percent = ways, curves[0]["x"]
    late = f"{middle[ours]:.0f} µs in rxstream, {middle[sdk]:.0f} µs in the SDK's own loop"
    figure, (axes,) = panels(1, f"Latency added to the first token: {late}", 3.7)
    for name, colour in ((sdk, RED), (chain, SKY), (ours, BLUE)):
        shown = {"x": percent[:SHOWN], "y": ways[name][:SHOWN]}
        axes.plot(shown["x"], shown["y"], color=colour)
        text = f"{name.replace('ours', 'rxstream')}: median {middle[name]:.0f} µs"
        label(axes, shown, 1, text, colour, (0, -22 if name == chain else 9))
    axes.set_yscale("log")
    axes.set_xlim(0, 100)
    axes.set_ylim(min(ways[ours]) / 1.3, ways[sdk][SHOWN - 1] * 1.3)
    axes.set_yticks(TICKS, [f"{tick}" for tick in TICKS])
    axes.minorticks_off()
    axes.set_xlabel(f"percent of answers, fastest first; the slowest {100 - SHOWN} are left out")
    axes.set_ylabel("µs from the bytes being there\nto the reader having the token")
    return figure


def load(curves: Sequence[Curve]) -> Figure:
    """Show what an event takes of the server, by who serves it and by how fast the events come."""
    paces = list(dict.fromkeys(curve["panel"] for curve in curves))
    costs = {
        pace: {name: curve["y"][0] / 1000 for name, curve in named(curves, pace).items()} for pace in paces
    }
    most = max(ways["ours"] / ways["bare"] for ways in costs.values())
    clients = f"{curves[0]['x'][0]:.0f} clients"
    title = f"{clients}: an event with every feature on takes at most {most:.2f}× a bare one"
    figure, all_axes = panels(len(paces), title, 3.2)
    for axes, (pace, ways) in zip(all_axes, costs.items(), strict=True):
        shown = [name for name in SERVED if name in ways]
        for place, name in enumerate(shown):
            axes.barh(place, ways[name], color=SERVED[name][1], height=0.68)
            axes.text(ways[name], place, f" {ways[name]:.1f}", va="center", color="#333333")
        said = [SERVED[name][0] if axes is all_axes[0] else "" for name in shown]
        axes.set_yticks(range(len(shown)), said)
        axes.invert_yaxis()
        axes.set_xlim(0, max(ways.values()) * 1.25)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_title(PACES[pace])
        axes.set_xlabel("µs of CPU time an event")
    return figure


#: The panels of ``throughput``, and of each curve what it is called, its colour, the point where that is
#: written and how far from there. The first is ours, and the second what it is compared with in the title.
THROUGHPUTS: Final[tuple[tuple[str, str, str, dict[str, tuple[str, str, int, tuple[int, int]]]], ...]] = (
    (
        "SSE",
        "Bytes to events",
        "bytes a chunk",
        {
            "ours": ("rxstream", BLUE, -1, (8, -2)),
            "httpx-sse": ("httpx-sse", RED, -1, (8, -11)),
            "openai SDK": ("the SDK", ORANGE, -1, (8, -6)),
        },
    ),
    (
        "sentences",
        "Text to sentences",
        "characters a chunk",
        {
            "ours": ("rxstream", BLUE, 1, (4, -24)),
            "stream2sentence, at its best": ("stream2sentence", RED, 0, (0, 9)),
        },
    ),
    (
        "words",
        "Text to words",
        "characters a chunk",
        {
            "words": ("rxstream", BLUE, 1, (4, -24)),
            "words by hand": ("a loop by hand", GREY, 3, (-45, 12)),
        },
    ),
)
SIZES: Final = {1: "1", 10: "10", 100: "100", 1000: "1k", 10000: "10k"}
#: Percent of the answers in the picture of the first token.
SHOWN: Final = 90
#: Seconds, in the picture of a whole document, and microseconds, in that of the first token.
TIMES: Final = (1e-4, 1e-3, 0.01, 0.1, 1, 10, 60, 600)
TICKS: Final = (5, 10, 20, 50, 100, 200)
SERVED: Final = {
    "bare": ("Starlette, bare", GREY),
    "ours, no log": ("rxstream, no log", SKY),
    "ours": ("rxstream,\nevery feature on", BLUE),
    "sse-starlette": ("sse-starlette", RED),
}
PACES: Final = {
    "20 ms": "A model's pace:\nan event every 20 ms",
    "sleep(0)": "As fast as it goes, with a\nturn of the event loop each",
    "flat out": "As fast as it goes,\nall ready at once",
}
PICTURES: Final[dict[str, Callable[[Sequence[Curve]], Figure]]] = {
    "throughput": throughput,
    "partial-json": partial_json,
    "first-token": first_token,
    "load": load,
}
