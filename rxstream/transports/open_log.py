"""A log by the text that names it, as a command line has it."""

from rxstream.errors import UnknownName
from rxstream.transports.log import StreamLog

__all__ = ("open_log",)


def open_log(text: str, *, lease: float = 10.0) -> StreamLog:
    """Make the log that ``text`` names: ``memory``, ``sqlite:PATH``, ``redis://HOST:PORT/DB``, ``rediss://...``.

    ``lease``: seconds after which a producer that was killed counts as gone; in memory there is none.
    Nothing is opened yet: a file or a server that cannot be used raises LogError on first use. Bounds are the
    usual ones; whoever wants others calls ``StreamLog.memory``, ``.sqlite`` or ``.redis``. Raises
    ``UnknownName`` for anything else, a URL that is none included, and ImportError if the extra ``redis`` is
    missing.
    """
    if not isinstance(text, str):
        raise TypeError(f"A log is named by a str, but got {text!r} ({type(text).__name__}).")
    kind, colon, rest = text.partition(":")
    if text == "memory":
        return StreamLog.memory()
    try:
        if kind == "sqlite" and rest.strip():
            return StreamLog.sqlite(rest, lease=lease)
        if kind in {"redis", "rediss"} and rest.startswith("//"):
            return StreamLog.redis(text, lease=lease)
    except ValueError as error:
        raise UnknownName(str(error)) from None
    # What it looks like may be told; what stands behind the colon may be a password.
    told = f"{kind}:..." if colon else kind
    raise UnknownName(
        "A log is 'memory', 'sqlite:PATH', 'redis://HOST:PORT/DB' or 'rediss://HOST:PORT/DB', but got "
        f"{told[:40]!r}."
    )
