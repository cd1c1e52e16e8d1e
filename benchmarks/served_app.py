"""The server of ``serving``, in a process of its own: ``python -m benchmarks.served_app FD``."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

__all__ = ("GAPS", "make_app")

#: How a source gives its events: never waiting, letting others run between two, and in a model's pace.
GAPS: Final[dict[str, float | None]] = {"flat out": None, "sleep(0)": 0.0, "20 ms": 0.02, "idle": 1e9}


def make_app() -> Any:
    """Make an application that serves the same events in three ways."""
    from sse_starlette import EventSourceResponse
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    import rxstream as rxs

    log = rxs.StreamLog.memory()

    async def words(request: Request) -> AsyncIterator[str]:
        gap = GAPS[request.query_params["gap"]]
        more = "." * int(request.query_params.get("more", "0"))
        for number in range(int(request.query_params["events"])):
            if gap is not None and number:
                await asyncio.sleep(gap)
            yield f" word{number}{more}"

    async def bare(request: Request) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            async for word in words(request):
                yield b'event: chunk\ndata: {"content":"%s","finish_reason":null}\n\n' % word.encode()

        return StreamingResponse(body(), media_type="text/event-stream")

    async def starlette(request: Request) -> EventSourceResponse:
        async def events() -> AsyncIterator[dict[str, str]]:
            async for word in words(request):
                yield {"event": "chunk", "data": f'{{"content":"{word}","finish_reason":null}}'}

        return EventSourceResponse(events())

    async def ours(request: Request) -> Any:
        async def chunks() -> AsyncIterator[rxs.StreamChunk]:
            async for word in words(request):
                yield rxs.StreamChunk(word)

        return rxs.sse_response(rxs.from_stream(chunks), log=log)

    async def unlogged(request: Request) -> Any:
        async def chunks() -> AsyncIterator[rxs.StreamChunk]:
            async for word in words(request):
                yield rxs.StreamChunk(word)

        return rxs.sse_response(rxs.from_stream(chunks))

    ways = {"bare": bare, "sse-starlette": starlette, "ours": ours, "ours, no log": unlogged}
    return Starlette(routes=[Route(f"/{name}", way) for name, way in ways.items()])


def main() -> None:
    """Serve on a socket that is inherited."""
    import uvicorn

    # A core of its own, where there are two: the load is the other one's.
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    config = uvicorn.Config(make_app(), http="httptools", loop="uvloop", log_level="error", access_log=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
