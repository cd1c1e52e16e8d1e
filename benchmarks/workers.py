"""A process for each contender, in which it works when it is told to.

The processes are forked, so that what a contender closes over need not be sent: POSIX only. They take turns:
while one works, the others wait for their pipe and cost nothing.
"""

import gc
import multiprocessing
import signal
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import Any

__all__ = ("Ask", "Job", "WorkerFailed", "workers")

#: What a worker does: it is told something, and answers with something that can be pickled.
Job = Callable[[str], Any]
#: Tells the worker of that name to do something, and waits for its answer.
Ask = Callable[[str, str], Any]

#: Seconds that a worker has to end by itself.
PATIENCE = 5.0


class WorkerFailed(Exception):
    """Raised in place of what a worker raised, with its traceback, or when it died without a word."""


@contextmanager
def workers(jobs: Mapping[str, Callable[[], AbstractContextManager[Job]]]) -> Generator[Ask]:
    """Run a process for each job, for as long as the block lasts; the job is entered and left in there."""
    # Not spawned: a closure cannot be pickled, and the workload would be made anew in each process.
    fork = multiprocessing.get_context("fork")
    pipes: dict[str, Connection[Any, Any]] = {}
    processes: list[ForkProcess] = []

    def ask(name: str, told: str) -> Any:
        try:
            pipes[name].send(told)
            well, answer = pipes[name].recv()
        except (EOFError, OSError) as error:
            raise WorkerFailed(f"{name!r} died while it was at work") from error
        if not well:
            raise WorkerFailed(f"{name!r} failed:\n{answer}")
        return answer

    try:
        for name, job in jobs.items():
            pipes[name], its = fork.Pipe()
            process = fork.Process(target=_work, args=(its, pipes[name], job), name=name, daemon=True)
            process.start()
            processes.append(process)
            its.close()  # when the worker dies nobody holds this end, and to wait for it ends
        yield ask
    finally:
        for pipe in pipes.values():
            _end(pipe)
        for process in processes:
            process.join(PATIENCE)
            if process.exitcode is None:
                process.kill()
                process.join()
            process.close()


def _end(pipe: "Connection[Any, Any]") -> None:
    try:
        pipe.send(None)
    except OSError:  # it is dead already
        pass
    finally:
        pipe.close()


def _work(
    pipe: "Connection[Any, Any]",
    theirs: "Connection[Any, Any]",
    job: Callable[[], AbstractContextManager[Job]],
) -> None:
    # Ctrl-C goes to the whole group: who has started us ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    theirs.close()
    # What has been inherited is not collected here, so that it need not be looked at, nor copied.
    gc.collect()
    gc.freeze()
    try:
        with job() as do:
            while (told := pipe.recv()) is not None:
                pipe.send((True, do(told)))
    except (EOFError, BrokenPipeError):  # who has started us is dead
        pass
    except BaseException:  # noqa: BLE001 - whatever it is, it is told where somebody sees it
        pipe.send((False, traceback.format_exc()))
