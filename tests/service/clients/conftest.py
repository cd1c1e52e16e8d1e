"""The service in front of the embedded model, and in front of models that do what that one cannot."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

import rxstream as rxs
from rxstream.service.app import create_app
from tests.parsers.test_structured_answers import TOOLS_TEMPLATE
from tests.service.clients.upstream import Upstream
from tests.sources.clients import NO_TLS
from tests.transports.servers import serving

#: Seconds. So short that several heartbeats come between the events of a model that pauses.
TICK = 0.05


class Watched:
    """An application, and what it was asked for."""

    def __init__(self, app: Any) -> None:
        self._app = app
        #: The paths, each with the ``Last-Event-ID`` that came with it.
        self.asked: list[tuple[str, str | None]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            last = dict(scope["headers"]).get(b"last-event-id")
            self.asked.append((scope["path"], None if last is None else last.decode("latin-1")))
        await self._app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Service:
    """Three services: where they are, and what stands behind each of them."""

    #: In front of the embedded model, and in front of scripted ones.
    embedded: str
    scripted: str
    #: The same, with heartbeats all the time. A refusal that takes longer than one is no HTTP error any more.
    ticking: str
    model: rxs.LocalModel
    upstream: Upstream
    watched: Watched = field(repr=False)

    @property
    def urls(self) -> tuple[str, str, str]:
        """What the scripts want to know."""
        return self.embedded, self.scripted, self.ticking

    def is_idle(self) -> bool:
        """Tell whether the embedded model is writing nothing."""
        slots = httpx2.get(f"{self.model.root_url}/slots", verify=NO_TLS).json()
        return not any(slot["is_processing"] for slot in slots)

    def asked(self, path: str) -> list[str | None]:
        """Give the ``Last-Event-ID`` of each request for a path of the scripted one's."""
        return [last for asked, last in self.watched.asked if asked == path]


@contextmanager
def _service(base_url: str, model: str, *, heartbeat: float = 15.0) -> Generator[tuple[str, Watched]]:
    app = create_app(
        base_url=base_url,
        api_key="none",
        model=model,
        heartbeat=heartbeat,
        grace=5.0,
        retry_attempts=2,  # one of them mends what can be mended, and a test waits for no more
    )
    watched = Watched(app)
    with serving(watched) as url:
        yield url, watched


@pytest.fixture(scope="package")
def service() -> Generator[Service]:
    """Start them once for all clients, and end them before the tests of others count their threads."""
    with (
        rxs.LocalModel(parallel=2, chat_template=TOOLS_TEMPLATE) as model,
        Upstream() as upstream,
        _service(model.base_url, model.model) as (embedded, _),
        _service(upstream.base_url, "quick") as (scripted, watched),
        _service(upstream.base_url, "quick", heartbeat=TICK) as (ticking, _),
    ):
        yield Service(embedded, scripted, ticking, model, upstream, watched)
