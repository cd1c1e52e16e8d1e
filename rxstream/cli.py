"""The ``rxstream`` command: ask a model, replay a recording, see what the library does."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import rxstream as rxs
from rxstream.errors import RxStreamError, UnknownName
from rxstream.service.command import add_serve_command
from rxstream.service.provider import provider
from rxstream.sources.recording import bundled_recordings
from rxstream.tour import Screen, play_tour

if TYPE_CHECKING:
    from reactivex import Observable

    from rxstream.items import StreamChunk

__all__ = ("main",)

#: The units of --by, and what is printed behind each: some carry their own white space.
_UNITS: Final = {"raw": "", "word": "", "grapheme": "", "sentence": "\n", "line": "\n", "paragraph": "\n"}
_INTERRUPTED: Final = 128 + 2
_PIPE_CLOSED: Final = 128 + 13


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code."""
    for stream in (sys.stdin, sys.stdout):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a letter that one side does not know is no reason to stop
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is _chat and arguments.local and (arguments.base_url or arguments.api_key):
        parser.error("--local goes with neither --base-url nor --api-key")
    try:
        import anyio  # noqa: PLC0415

        if arguments.command is _chat:
            arguments.prompt = _prompt(parser, arguments.prompt)
        anyio.run(arguments.command, arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The reader has what it wants. What is flushed at exit must still have somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return _PIPE_CLOSED
    except Exception as error:
        message = _message(error)
        if message is None:
            raise
        print(f"rxstream: {message}", file=sys.stderr)
        return 1
    return 0


def _message(error: Exception) -> str | None:
    """Say what went wrong; ``None`` for what must be a fault of ours."""
    import openai  # noqa: PLC0415

    if isinstance(error, openai.APIConnectionError) and error.__cause__ is not None:
        return f"{error} {error.request.url}: {error.__cause__}"
    return str(error) if isinstance(error, (RxStreamError, openai.OpenAIError, OSError)) else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rxstream", description="Streamed answers of language models.")
    parser.add_argument("--version", action="version", version=f"rxstream {rxs.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    shown = argparse.ArgumentParser(add_help=False)
    shown.add_argument("--by", choices=_UNITS, default="raw", help="print in whole units (raw: chunks)")
    shown.add_argument("--stats", action="store_true", help="print times and counts to stderr")

    chat = commands.add_parser(
        "chat",
        parents=[shown],
        help="ask a model and print its answer as it comes",
        description="Ask a model and print its answer as it comes. The provider is what --base-url, "
        "--api-key, OPENAI_BASE_URL or OPENAI_API_KEY say; without them a small model is run on this "
        "machine, whose weights (93 MB) are fetched on first use.",
    )
    chat.add_argument("prompt", nargs="?", help="what to ask; '-' or none with a pipe: read it from stdin")
    chat.add_argument("--model", help="the model's name at the provider")
    chat.add_argument("--base-url", help="an OpenAI-compatible server, such as http://127.0.0.1:8080/v1")
    chat.add_argument("--api-key", help="the key for it")
    chat.add_argument(
        "--local", action="store_true", help="run the small model, whatever the environment says"
    )
    chat.add_argument("--system", metavar="TEXT", help="a system message")
    chat.add_argument("--max-tokens", type=int, metavar="N")
    chat.add_argument("--temperature", type=float, metavar="T")
    chat.add_argument("--record", metavar="FILE", help="write a recording that `rxstream replay` plays")
    chat.add_argument("--timeout", type=float, metavar="S", default=60.0, help="seconds of silence (60)")
    chat.set_defaults(command=_chat)

    add_serve_command(commands)

    replay = commands.add_parser("replay", parents=[shown], help="play a recording, with its timing")
    replay.add_argument("file", help=f"a file, or one of: {', '.join(bundled_recordings())}")
    replay.add_argument("--speed", type=_speed, default=1.0, help="2 is twice as fast; max: at once")
    replay.set_defaults(command=_replay)

    demo = commands.add_parser("demo", help="see what the library does, on real recordings")
    demo.add_argument(
        "--speed", type=_speed, default=1.0 if sys.stdout.isatty() else None, help="as in replay"
    )
    demo.set_defaults(command=_demo)
    return parser


def _speed(text: str) -> float | None:
    try:
        speed = None if text == "max" else float(text)
    except ValueError:
        speed = 0
    if speed is not None and not 0 < speed < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, or max, and got {text!r}")
    return speed


def _prompt(parser: argparse.ArgumentParser, given: str | None) -> str:
    if given is None and sys.stdin.isatty():
        parser.error("expected a prompt: rxstream chat 'Why is the sky blue?', or a pipe on stdin")
    prompt = sys.stdin.read() if given in {None, "-"} else given
    if not prompt or prompt.isspace():
        parser.error("expected a prompt, got nothing but white space")
    return prompt


# ---------------------------------------------------------------- chat


async def _chat(arguments: argparse.Namespace) -> None:
    messages = [{"role": "user", "content": arguments.prompt}]
    if arguments.system is not None:
        messages.insert(0, {"role": "system", "content": arguments.system})
    request: dict[str, Any] = {"messages": messages}
    if arguments.temperature is not None:
        request["temperature"] = arguments.temperature
    async with provider(
        base_url=arguments.base_url,
        api_key=arguments.api_key,
        model=arguments.model,
        local=arguments.local,
        timeout=arguments.timeout,
    ) as found:
        if arguments.max_tokens is not None:
            request[found.limit] = arguments.max_tokens
        source = rxs.from_chat(found.client, model=found.model, **request)
        if arguments.record is not None:
            source = source.pipe(rxs.record_stream(arguments.record))
        await _show(source, arguments)


# ---------------------------------------------------------------- replay


async def _replay(arguments: argparse.Namespace) -> None:
    await _show(rxs.from_recording(_recording(arguments.file), speed=arguments.speed), arguments)


def _recording(name: str) -> Path:
    path = Path(name)
    if path.exists():
        return path
    for stem, bundled in bundled_recordings().items():
        if name in {stem, stem.partition("-")[2]}:
            return bundled
    raise UnknownName(f"no file and no recording {name!r}; there are {', '.join(bundled_recordings())}")


async def _demo(arguments: argparse.Namespace) -> None:
    await play_tour(arguments.speed)


# ---------------------------------------------------------------- what is printed


async def _show(source: "Observable[StreamChunk]", arguments: argparse.Namespace) -> None:
    """Print the answer in units, each as it comes."""
    import reactivex  # noqa: PLC0415
    from reactivex import operators as ops  # noqa: PLC0415

    watch = _Watch()
    failures: list[Exception] = []

    def end(error: Exception, _: object) -> "Observable[StreamChunk]":
        # A unit that is not whole would die with the stream: let it end, and say afterwards why.
        failures.append(error)
        return reactivex.empty()

    units: Observable[str] = source.pipe(
        ops.filter(_of_first_answer),
        ops.do_action(watch.see),
        ops.catch(end),
        _unit(arguments.by),
    )
    screen = Screen(_UNITS[arguments.by])
    try:
        async with rxs.open_stream(units) as items:
            async for item in items:
                screen.show(item)
    finally:
        screen.end_line()
    for call in watch.answer.result().tool_calls:
        print(f"{call.name}({call.arguments})")
    if arguments.stats:
        watch.report()
    if failures:
        raise failures[0]


def _of_first_answer(chunk: "StreamChunk") -> bool:
    return chunk.choice == 0


def _unit(kind: str) -> Any:
    from reactivex import operators as ops  # noqa: PLC0415

    if kind == "raw":
        return ops.map(attrgetter("content"))
    if kind == "word":
        return rxs.buffer_words(keep_whitespace=True)
    return rxs.buffer_by(kind)


class _Watch:
    """Times and counts of one answer."""

    def __init__(self) -> None:
        from rxstream.sansio.answer import Answer  # noqa: PLC0415

        self.answer = Answer()
        self._chunks = 0
        self._begun = time.perf_counter()
        self._first: float | None = None

    def see(self, chunk: "StreamChunk") -> None:
        if chunk.content and self._first is None:
            self._first = time.perf_counter()
        self._chunks += 1
        self.answer.add(chunk)

    def report(self) -> None:
        now = time.perf_counter()
        result = self.answer.result()
        tokens = result.usage.completion_tokens if result.usage is not None else None
        lines = {
            "time to first text": "none came"
            if self._first is None
            else f"{self._first - self._begun:.3f} s",
            "total time": f"{now - self._begun:.3f} s",
            "chunks": self._chunks,
            "tokens": "unknown" if tokens is None else tokens,
            "tokens/s": "unknown"
            if tokens is None or self._first is None
            else f"{tokens / (now - self._first):.1f}",
            "finish reason": result.finish_reason or "none",
        }
        for name, value in lines.items():
            print(f"{name:<19} {value}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
