"""The soak run's streams of the embedded model, and whoever kills it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import anyio
import httpx2
import openai

import rxstream as rxs
from rxstream.items import Attempt
from tests.laws.soak_one import Play
from tests.laws.soak_reading import Due, Reading, check
from tests.laws.soak_world import Stage
from tests.resilience.relay import Relay, relaying
from tests.sources.clients import NO_TLS

__all__ = ("Embedded",)

_PROMPTS: Final = (
    "Write a sentence about why people like the sea.",
    "Name three large cities.",
    "What is a stream?",
)
#: Seconds from one kill to the next.
_BETWEEN_KILLS: Final = 6.0


class Embedded:
    """A server of the embedded model, behind a relay that leads to the next one when it was killed."""

    def __init__(self, relay: Relay, client: openai.AsyncOpenAI) -> None:
        self._relay = relay
        self._client = client
        self._models: list[rxs.LocalModel] = []
        self.cuts = self.kills = 0
        #: What it says to each prompt, if nothing happens.
        self._said: dict[str, str] = {}
        #: It computes one answer at a time, and slowly.
        self._slots = anyio.CapacityLimiter(3)
        self._killed = anyio.Event()
        self._alive = anyio.Event()

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator[Self]:
        """Run the server, and another one whenever it was killed."""
        async with relaying("127.0.0.1:1") as relay, anyio.create_task_group() as tasks:
            # None is kept alive, so that between two rounds no task of the relay's serves any.
            limits = httpx2.Limits(max_keepalive_connections=0)
            http = openai.DefaultAsyncHttpxClient(verify=NO_TLS, limits=limits)
            async with openai.AsyncOpenAI(
                base_url=relay.base_url, api_key="none", http_client=http, max_retries=0
            ) as client:
                this = cls(relay, client)
                await tasks.start(this._serve)
                for prompt in _PROMPTS:
                    this._said[prompt] = (await rxs.collect(this._ask(prompt))).content
                while relay.connections:  # noqa: ASYNC110 - it is seen from the other side of a socket
                    await anyio.sleep(0.01)
                yield this
                tasks.cancel_scope.cancel()

    async def _serve(self, *, task_status: Any = anyio.TASK_STATUS_IGNORED) -> None:
        while True:
            self._killed = anyio.Event()
            async with rxs.LocalModel() as model:
                self._models = [model]
                self._relay.target = model.root_url
                self._alive.set()
                task_status.started()
                task_status = anyio.TASK_STATUS_IGNORED
                await self._killed.wait()

    async def kill_now_and_then(self) -> None:
        """Kill the server, or cut all connections to it, for as long as a round lasts."""
        while True:
            await anyio.sleep(_BETWEEN_KILLS)
            await self._relay.cut()
            self.cuts += 1
            await anyio.sleep(_BETWEEN_KILLS)
            (model,) = self._models
            with anyio.CancelScope(shield=True):
                self._alive = anyio.Event()
                await model.kill()
                self.kills += 1
                self._killed.set()
                await self._alive.wait()

    def _request(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        return {"model": rxs.LocalModel.model, "messages": messages, "temperature": 0, "max_tokens": 24}

    def _ask(self, prompt: str) -> Any:
        return rxs.from_chat(self._client, **self._request([{"role": "user", "content": prompt}]))

    def play(self, stage: Stage) -> Play:
        draw = stage.draw
        prompt = draw.one("prompt", _PROMPTS)
        reading = Reading(draw)
        told: list[Attempt] = []
        answer = self._ask(prompt).pipe(
            rxs.timeout_stream(first=60, gap=60),
            rxs.retry_stream(
                20, backoff=rxs.Backoff(base=0.2, maximum=0.5, jitter=lambda: 1.0), on_attempt=told.append
            ),
        )

        async def play() -> str:
            async with self._slots:
                heard = await reading.read(answer)
            reference = self._said[prompt]
            texts = {reference}
            for attempt in told:
                # Read again, its beginning may be continued in another way where two words are as good.
                if attempt.rung == "continue" and attempt.partial is not None:
                    assert heard.text.startswith(attempt.partial.content)
                    texts.add(heard.text)
            return check(heard, Due(tuple(texts), shape="chunks", reasons=("stop", "length"))).said

        return play
