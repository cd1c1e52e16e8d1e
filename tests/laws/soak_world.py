"""Where the soak run's streams come from: one server with a voice for each, and clients that all share."""

import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import openai
from reactivex import Observable

import rxstream as rxs
from rxstream.items import StreamChunk
from rxstream.testing import Answer, FaultServer, Request, ScriptedModel
from rxstream.testing.faults import Faults, faulty
from tests.laws.soak_draw import Draw
from tests.sources.clients import NO_TLS

__all__ = ("ASK", "Stage", "Voice", "World")

ASK: dict[str, Any] = {"model": "any", "messages": [{"role": "user", "content": "Speak."}]}


class Voice:
    """A model for one stream; its n-th answer has the n-th fault."""

    def __init__(self, model: ScriptedModel, faults: Sequence[Faults]) -> None:
        self._model = model
        self._faults = faults
        self._lock = threading.Lock()
        #: How many requests have come.
        self.asked = 0

    def answer(self, request: Request) -> Answer:
        with self._lock:
            number, self.asked = self.asked, self.asked + 1
        answer = self._model(request)
        return faulty(answer, self._faults[number]) if number < len(self._faults) else answer


class World:
    """The server, and, inside ``clients()``, the clients of one event loop."""

    def __init__(self, synchronous: float = 0.0) -> None:
        self.server = FaultServer(self._respond)
        #: What share of the clients is synchronous, and so works in threads.
        self.synchronous_share = synchronous
        self.voices: dict[str, Voice] = {}
        #: Connections that the server has seen closed, and how many it has open.
        self.served = 0
        self.open = 0
        self.most_open = 0
        self.requests = 0
        self.asynchronous: Any = None
        self.synchronous: Any = None

    def _respond(self, request: Request) -> Answer:
        voice = self.voices.get(request.path.partition("/v1")[0])
        if voice is None:  # asked by somebody who has left since
            return Answer.json({"error": {"message": "this voice is silent"}}, status=410)
        return voice.answer(request)

    @asynccontextmanager
    async def clients(self) -> AsyncGenerator[None]:
        base: Any = {"base_url": self.server.base_url, "api_key": "none", "max_retries": 0}
        http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
        plain = openai.DefaultHttpxClient(verify=NO_TLS)
        async with openai.AsyncOpenAI(**base, http_client=http) as self.asynchronous:
            with openai.OpenAI(**base, http_client=plain) as self.synchronous:
                yield

    def tidy(self) -> None:
        """Count the server's connections, and have it forget those that are over: it forgets none itself."""
        server = self.server
        self.requests += len(server.requests)
        server.requests.clear()
        for connection in tuple(server.connections):
            if connection.closed.is_set():
                server.connections.remove(connection)
                self.served += 1
        self.open = len(server.connections)
        self.most_open = max(self.most_open, self.open)

    async def all_closed(self) -> None:
        """Wait for the server to see all connections closed; give up after a while."""
        self.tidy()
        with anyio.move_on_after(10):
            while self.open:
                await anyio.sleep(0.05)
                self.tidy()


class Stage:
    """One stream's place in the world; what it has here is gone when it ends."""

    def __init__(self, world: World, draw: Draw) -> None:
        self.world = world
        self.draw = draw
        self._names: list[str] = []

    def client(
        self, model: ScriptedModel, faults: Sequence[Faults], *, synchronous: bool = False
    ) -> tuple[Any, Voice]:
        """Make a client, one of those that share a pool of connections, and who answers to it."""
        name = f"/{self.draw.number}/{len(self._names)}"
        self._names.append(name)
        voice = self.world.voices[name] = Voice(model, faults)
        synchronous = synchronous or self.draw.chance("sync", self.world.synchronous_share)
        shared = self.world.synchronous if synchronous else self.world.asynchronous
        return shared.with_options(base_url=f"{self.world.server.url}{name}/v1"), voice

    def chat(
        self, model: ScriptedModel, faults: Sequence[Faults] = (), **request: Any
    ) -> tuple[Observable[StreamChunk], Voice]:
        client, voice = self.client(model, faults)
        return rxs.from_chat(client, **{**ASK, **request}), voice

    def close(self) -> None:
        for name in self._names:
            del self.world.voices[name]
