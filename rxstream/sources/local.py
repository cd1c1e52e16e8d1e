"""The embedded model: a small real language model, served to this program alone.

The server is a child process: llama.cpp stops for nothing while it loads or computes, but a process can
be killed. It ends when its stdin ends. Closing that pipe is how it is stopped, and the system
closes it for a parent that had no time to.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from anyio import CancelScope, CapacityLimiter, to_thread

from rxstream.engine.arguments import check_count, check_function, check_number, check_type
from rxstream.errors import LocalModelError, UsageError
from rxstream.sources.weights import HOW_TO_GO_ON, Progress, show_progress, weights_path

__all__ = ("LocalModel",)

_SERVER: Final = Path(__file__).with_name("_local_server.py")
#: Seconds given to each kinder way of ending, before the next.
_GRACE: Final = 2.0
_LOG_TAIL: Final = 2000

# A process group of its own: Ctrl-C is for the program, which then stops its server in its own time.
if sys.platform == "win32":
    _GROUP: Final = None
    _FLAGS: Final = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _GROUP: Final = 0
    _FLAGS: Final = 0


class LocalModel:
    """Run the embedded model's server for as long as a ``with`` or an ``async with`` lasts.

        async with rxs.LocalModel() as model, AsyncOpenAI(base_url=model.base_url, api_key="none") as client:
            answer = rxs.from_chat(client, model=model.model, messages=messages, max_tokens=20)
            async with rxs.open_stream(answer.pipe(rxs.buffer_words())) as words:
                async for word in words:
                    print(word)

    A small real model (SmolLM2, 135 million parameters), for programs and tests that are to run anywhere. Its
    weights, 93 MB, are fetched on first use; a start then takes less than a second. However the block is
    left, the server is gone behind it. ``base_url`` is what a client of the ``openai`` package takes,
    ``model`` the name to ask for.

    ``n_ctx``: tokens of one conversation; ``parallel``: how many are served at once. Memory grows with their
    product. ``threads``: how many compute one answer; by default one for two cores. They wait for each
    other at every step: as many as there are cores are faster on an idle machine, and many times slower on a
    busy one. ``cache_prompt``: what two prompts begin with alike is computed once. ``chat_template``: Jinja,
    in place of the model's own. ``endpoint_slots``: serve ``/slots``, which tells what the server is doing.
    ``start_timeout``: seconds, the fetch not counted. ``progress``: called with the bytes of weights that are
    there and those in all while they are fetched; by default a line is written, to a terminal.

    Raises LocalModelError if the engine or the weights are missing (``pip install 'rxstream[local]'``), or
    the server does not start; UsageError if it is entered twice, or asked for its address outside of the
    block; TypeError and ValueError for wrong arguments. For an answer without a model there is
    ``from_recording``.
    """

    #: The name to give as ``model=``; the server takes any.
    model: Final = "smollm2-135m"

    def __init__(
        self,
        *,
        n_ctx: int = 4096,
        parallel: int = 1,
        threads: int | None = None,
        cache_prompt: bool = True,
        chat_template: str | None = None,
        endpoint_slots: bool = True,
        start_timeout: float = 60.0,
        progress: Progress | None = None,
    ) -> None:
        check_count("LocalModel()", "n_ctx", n_ctx)
        check_count("LocalModel()", "parallel", parallel)
        check_count("LocalModel()", "threads", threads, optional=True)
        check_type("LocalModel()", "chat_template", chat_template, str, "a str", optional=True)
        check_number("LocalModel()", "start_timeout", start_timeout)
        check_function(
            "LocalModel()", "progress", progress, "a function of two numbers of bytes", optional=True
        )
        self._options: dict[str, object] = {
            "model_alias": [self.model],
            "n_ctx": n_ctx * parallel,  # the server shares it out over its slots
            "n_parallel": parallel,
            "threads": max(1, (os.cpu_count() or 2) // 2) if threads is None else threads,
            "cache_prompt": cache_prompt,
            "cache_ram_mib": 0,
            "endpoint_metrics": True,
            "endpoint_slots": endpoint_slots,
            "cors_origins": "",  # or any page in the user's browser may read what is asked here
            "ui": False,
            "verbosity": 1,  # errors only
        }
        if chat_template is not None:
            self._options["chat_template"] = chat_template
        self._start_timeout = start_timeout
        self._progress = show_progress if progress is None else progress
        self._process: subprocess.Popen[bytes] | None = None
        self._root_url: str | None = None
        # Held by a start from its beginning to its end; so whoever got it after `_stopping` was set
        # sees either no process, or one that is running.
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @property
    def root_url(self) -> str:
        """The server's address, where ``/health``, ``/slots`` and ``/metrics`` are."""
        if self._root_url is None:
            raise _not_running()
        return self._root_url

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as ``base_url``."""
        return f"{self.root_url}/v1"

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._process is None:
            raise _not_running()
        return self._process.pid

    async def kill(self) -> None:
        """Kill the server as a crash would, and wait until it is gone: for tests of what follows."""
        process = self._process
        if process is None:
            raise _not_running()
        process.kill()
        with CancelScope(shield=True):
            await to_thread.run_sync(process.wait, limiter=CapacityLimiter(1))

    def __enter__(self) -> Self:
        self._begin()
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    async def __aenter__(self) -> Self:
        self._begin()
        try:
            await to_thread.run_sync(self._start, abandon_on_cancel=True, limiter=CapacityLimiter(1))
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        self._hang_up()
        try:
            with CancelScope(shield=True):
                await to_thread.run_sync(self._stop, limiter=CapacityLimiter(1))
        finally:
            # `task.cancel()` of asyncio goes through a shield, and may have been called
            # before. Then the milliseconds that are left are waited for here.
            self._stop()

    def _begin(self) -> None:
        if self._process is not None:
            raise UsageError("this LocalModel is running already: make another one for a second server")
        # Here and not in `_start`, whose thread may come to run after a cancellation has set it.
        self._stopping.clear()

    def _start(self) -> None:
        with self._lock:
            if importlib.util.find_spec("xllamacpp") is None:
                raise LocalModelError(
                    "the embedded model's engine is not installed: `pip install 'rxstream[local]'`.\n"
                    + HOW_TO_GO_ON
                )
            gguf = weights_path(progress=self._report)
            with tempfile.TemporaryFile() as log:
                process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
                    [sys.executable, "-P", str(_SERVER), str(gguf), json.dumps(self._options)],
                    bufsize=0,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    process_group=_GROUP,
                    creationflags=_FLAGS,
                )
                try:
                    self._process = process
                    self._root_url = self._address(process, log)
                except BaseException:
                    self._process = None
                    _end(process)
                    raise

    def _address(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
        """Wait for the one line that the child prints when it is ready."""
        assert process.stdout is not None
        late = threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._start_timeout, give_up)
        timer.start()
        try:
            if self._stopping.is_set():  # since before there was a process to kill
                process.kill()
            line = process.stdout.readline()
        finally:
            timer.cancel()
            timer.join()
        if line.endswith(b"\n") and not late.is_set():
            return str(json.loads(line)["address"])
        status = process.wait()
        log.seek(max(0, log.seek(0, 2) - _LOG_TAIL))
        tail = log.read().decode(errors="replace").splitlines()
        what = (
            f"was not ready after {self._start_timeout:g} s, and was killed"
            if late.is_set()
            else f"ended with exit code {status} before it was ready"
        )
        lines = (f"the embedded model's server {what}.", *(f"    {line}" for line in tail), HOW_TO_GO_ON)
        raise LocalModelError("\n".join(lines))

    def _report(self, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise LocalModelError("the fetch of the weights was stopped")
        self._progress(done, total)

    def _hang_up(self) -> None:
        """Make the server end, or its start fail, without waiting for it."""
        self._stopping.set()
        process = self._process
        if process is None:
            return
        if self._root_url is None:
            process.kill()  # while it loads it does not read its stdin
        else:
            assert process.stdin is not None
            process.stdin.close()

    def _stop(self) -> None:
        self._hang_up()
        with self._lock:
            process, self._process, self._root_url = self._process, None, None
            if process is not None:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """See ``process`` gone: nicely, then firmly, then by force."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        if process.returncode is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        process.stdout.close()


def _not_running() -> UsageError:
    return UsageError("this LocalModel is not running: use it inside `async with LocalModel() as model:`")
