"""The command as a user runs it: a process of its own, with the real embedded model behind ``chat``."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import IO

import pytest

import rxstream
from rxstream.sources.local import LocalModel

ROOT = Path(rxstream.__file__).parents[1]
POEM = ["chat", "--temperature", "0", "--max-tokens", "40", "Write a poem about rain."]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give this one, without a provider in it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    path = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH")]))
    return {**env, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", **(extra or {})}


def rx(
    *arguments: str, stdin: str | None = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rxstream.cli", *arguments],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        env=environment(env),
        timeout=120,
        check=False,
    )


def begin(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "rxstream.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        bufsize=0,
    )


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def children(pid: int) -> list[int]:
    table = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    pairs = [line.split() for line in table.splitlines()]
    return [int(child) for child, parent in pairs if int(parent) == pid]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(scope="module")
def server() -> Iterator[LocalModel]:
    with LocalModel() as model:
        yield model


# ---------------------------------------------------------------- the frame


def test_help_names_the_commands() -> None:
    done = rx("--help")
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("chat", "replay", "demo"))


def test_the_version_is_the_package_s() -> None:
    done = rx("--version")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"rxstream {rxstream.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "arguments are required: COMMAND"),
        (["sing"], "invalid choice"),
        (["replay", "prose", "--by", "inch"], "invalid choice: 'inch'"),
        (["replay", "prose", "--speed", "0"], "expected a number above 0, or max, and got '0'"),
        (["replay", "prose", "--speed", "fast"], "expected a number above 0, or max, and got 'fast'"),
        (["chat"], "got nothing but white space"),
        (["chat", "--local", "--base-url", "http://127.0.0.1:9/v1", "hi"], "--local goes with neither"),
    ],
)
def test_a_wrong_use_ends_with_2_and_the_usage(arguments: list[str], complaint: str) -> None:
    done = rx(*arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.startswith("usage: rxstream")
    assert done.stdout == ""


# ---------------------------------------------------------------- replay


def test_a_replay_by_words_reads_like_the_raw_one() -> None:
    raw = rx("replay", "prose", "--speed", "max")
    words = rx("replay", "01-prose", "--speed", "max", "--by", "word")
    assert (raw.returncode, raw.stderr) == (0, "")
    assert raw.stdout.startswith("The sea, a mysterious")
    assert raw.stdout.endswith("humbling.\n")
    assert words.stdout == raw.stdout


def test_sentences_and_lines_stand_each_on_a_line_of_its_own() -> None:
    sentences = rx("replay", "prose", "--speed", "max", "--by", "sentence").stdout.splitlines()
    assert [sentence[:10] for sentence in sentences] == ["The sea, a", "People are"]
    code = rx("replay", "code-python", "--speed", "max", "--by", "line").stdout
    assert code == rx("replay", "code-python", "--speed", "max").stdout
    assert "\n\n#" in code


def test_a_file_is_replayed_like_a_bundled_recording() -> None:
    path = ROOT / "rxstream" / "recordings" / "10-multibyte.jsonl"
    by_path = rx("replay", str(path), "--speed", "max", "--by", "grapheme")
    assert by_path.returncode == 0
    assert by_path.stdout == rx("replay", "multibyte", "--speed", "max").stdout
    assert not by_path.stdout.isascii()


def test_stats_go_to_stderr() -> None:
    done = rx("replay", "prose", "--speed", "20", "--stats")
    assert "humbling" in done.stdout
    stats = dict(re.split(r"  +", line, maxsplit=1) for line in done.stderr.splitlines() if "  " in line)
    assert stats["finish reason"].strip() == "stop"
    assert re.search(r"^time to first text +\d\.\d{3} s$", done.stderr, re.MULTILINE)
    assert re.search(r"^tokens +\d+$", done.stderr, re.MULTILINE)
    assert re.search(r"^tokens/s +\d+\.\d$", done.stderr, re.MULTILINE)


def test_what_a_truncated_stream_brought_is_printed_before_the_error() -> None:
    for unit in ("raw", "sentence"):
        done = rx("replay", "server-killed", "--speed", "max", "--by", unit)
        assert done.returncode == 1
        assert done.stdout.startswith("There's been a lot of talk")
        assert done.stdout.endswith("creature in all\n")
        assert done.stderr.startswith("rxstream: ")
        assert "Traceback" not in done.stderr


def test_tool_calls_are_printed_whole() -> None:
    done = rx("replay", "tool-calls-parallel", "--speed", "max")
    assert done.returncode == 0
    assert re.fullmatch(r"(get_weather\(\{[^{}]*\}\)\n){2}", done.stdout)


def test_of_several_answers_the_first_is_printed() -> None:
    done = rx("replay", "n2", "--speed", "max", "--by", "sentence")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_an_unknown_recording_is_answered_with_those_that_there_are() -> None:
    done = rx("replay", "nonesuch")
    assert done.returncode == 1
    assert re.fullmatch(
        r"rxstream: no file and no recording 'nonesuch'; there are .*01-prose.*\n", done.stderr
    )


def test_a_file_that_is_no_recording_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n", encoding="utf-8")
    for name in (tmp_path / "notes.txt", tmp_path):
        done = rx("replay", str(name))
        assert done.returncode == 1
        assert done.stderr.startswith("rxstream: ")
        assert "Traceback" not in done.stderr


# ---------------------------------------------------------------- demo


def test_the_demo_runs_through_at_once_when_nobody_watches() -> None:
    done = rx("demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert "| vast|ness|" in done.stdout  # chunks
    assert "|vastness|" in done.stdout  # words
    assert "\nPeople are drawn" in done.stdout  # sentences
    redacted = done.stdout.partition("4. ")[2].partition("5. ")[0].partition("\n\n")[2]
    assert "[name]" in redacted
    assert "Eld" not in redacted
    assert "creature in all" in done.stdout.partition("5. ")[2]
    assert "Truncated" in done.stdout or "ConnectionLost" in done.stdout
    assert "\n```python\ndef add_fenced_code" in done.stdout


# ---------------------------------------------------------------- chat


def test_without_a_provider_the_embedded_model_answers() -> None:
    done = rx(*POEM, "--stats")
    assert done.returncode == 0
    assert len(done.stdout.split()) > 5
    assert done.stdout.endswith("\n")
    assert re.search(r"^tokens +40$", done.stderr, re.MULTILINE)
    assert re.search(r"^finish reason +length$", done.stderr, re.MULTILINE)


def test_local_wins_over_the_environment() -> None:
    done = rx(*POEM, "--local", env={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "none"})
    assert done.returncode == 0
    assert len(done.stdout.split()) > 5


def test_the_environment_names_the_provider_and_its_only_model_is_taken(server: LocalModel) -> None:
    done = rx(*POEM, env={"OPENAI_BASE_URL": server.base_url})
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.split()) > 5


def test_the_flags_reach_the_provider(server: LocalModel) -> None:
    at = ["--base-url", server.base_url, "--api-key", "none", "--model", "any", "--temperature", "0"]
    plain = rx("chat", *at, "--max-tokens", "3", "--stats", "Count to ten.")
    assert re.search(r"^tokens +3$", plain.stderr, re.MULTILINE)
    told = rx("chat", *at, "--max-tokens", "12", "--system", "You speak French only.", "Count to ten.")
    untold = rx("chat", *at, "--max-tokens", "12", "Count to ten.")
    assert told.stdout != untold.stdout


def test_the_prompt_may_come_through_a_pipe(server: LocalModel) -> None:
    at = ["--base-url", server.base_url, "--temperature", "0", "--max-tokens", "8"]
    given = rx("chat", *at, "Name a color.").stdout
    assert rx("chat", *at, stdin="Name a color.").stdout == given
    assert rx("chat", *at, "-", stdin="Name a color.").stdout == given


def test_a_recorded_answer_is_replayed_as_it_was(server: LocalModel, tmp_path: Path) -> None:
    file = tmp_path / "poem.jsonl"
    done = rx(*POEM, "--base-url", server.base_url, "--record", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    again = rx("replay", str(file), "--speed", "max")
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == done.stdout


def test_a_server_that_is_not_there_is_one_line_of_error() -> None:
    done = rx("chat", "--base-url", "http://127.0.0.1:9/v1", "--model", "any", "hi")
    assert done.returncode == 1
    assert re.fullmatch(r"rxstream: .*[Cc]onnect.*\n", done.stderr)


def test_of_several_models_one_must_be_named() -> None:
    class Models(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"object": "list", "data": [{"id": "small"}, {"id": "large"}]}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    with HTTPServer(("127.0.0.1", 0), Models) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        done = rx("chat", "--base-url", f"http://127.0.0.1:{server.server_port}/v1", "hi")
        thread.join()
    assert done.returncode == 1
    assert re.fullmatch(r"rxstream: expected --model, .* has 2: small, large\n", done.stderr)


def test_a_server_that_dies_leaves_what_came_and_an_error() -> None:
    story = ["--max-tokens", "2000", "Tell me a long story."]
    with LocalModel() as model, begin("chat", "--base-url", model.base_url, *story) as process:
        first = pipe(process.stdout).read(1)
        os.kill(model.pid, signal.SIGKILL)
        out, err = process.communicate()
    assert process.returncode == 1
    assert (first + out).decode().strip()
    assert re.fullmatch(r"rxstream: [^\n]+\n", err.decode())


def test_ctrl_c_ends_it_cleanly_with_130_and_the_model_with_it() -> None:
    with begin("chat", "--local", "--max-tokens", "2000", "Tell me a very long story.") as process:
        assert pipe(process.stdout).read(1)
        (child,) = children(process.pid)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err == b""
    assert gone(child)


def test_a_closed_pipe_ends_it_quietly_and_the_model_with_it() -> None:
    with begin("chat", "--local", "--max-tokens", "2000", "Tell me a very long story.") as process:
        assert pipe(process.stdout).read(1)
        (child,) = children(process.pid)
        pipe(process.stdout).close()
        err = pipe(process.stderr).read()
    assert process.returncode == 141
    assert err == b""
    assert gone(child)


def test_without_network_and_weights_the_ways_to_go_on_are_told(tmp_path: Path) -> None:
    offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}
    done = rx("chat", "--local", "hi", env={**offline, "RXSTREAM_CACHE": str(tmp_path / "cache")})
    assert done.returncode == 1
    assert done.stdout == ""
    assert "\nrxstream: cannot fetch the embedded model's weights" in done.stderr
    assert all(
        way in done.stderr for way in ("--base-url", "OPENAI_API_KEY", "rxstream replay", "rxstream demo")
    )
    assert "Traceback" not in done.stderr
