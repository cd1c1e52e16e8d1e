"""Who answers: the provider that a command or the environment names; else a small model of our own."""

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from rxstream.errors import UsageError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ("Provider", "provider")

_OPENAI_MODEL: Final = "gpt-4o-mini"


class Provider(NamedTuple):
    """A client that is open, and how to ask it."""

    client: "AsyncOpenAI"
    model: str
    #: What it calls the limit of tokens.
    limit: str


@asynccontextmanager
async def provider(
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    model: str | None = None,
    local: bool = False,
    timeout: float = 60.0,  # noqa: ASYNC109 - the client's own, for a silence
    parallel: int = 1,
) -> AsyncGenerator[Provider]:
    """Find the provider, and open a client for it as long as the block lasts.

    ``base_url`` and ``api_key`` default to OPENAI_BASE_URL and OPENAI_API_KEY. With ``local``, or where
    there is neither, a small model is run on this machine, for ``parallel`` answers at once; its weights are
    fetched on first use. ``timeout``: seconds of silence.

    Raises UsageError where a server has several models and none was named, LocalModelError.
    """
    from openai import AsyncOpenAI  # noqa: PLC0415

    base_url = base_url or os.environ.get("OPENAI_BASE_URL")
    key = api_key or os.environ.get("OPENAI_API_KEY")
    if local or not (base_url or key):
        from rxstream.sources.local import LocalModel  # noqa: PLC0415
        from rxstream.sources.weights import have_weights  # noqa: PLC0415

        if have_weights() is None:
            print("rxstream: fetching the weights of the local model, once (93 MB)", file=sys.stderr)  # noqa: T201
        async with (
            LocalModel(parallel=parallel) as own,
            AsyncOpenAI(base_url=own.base_url, api_key="none", timeout=timeout) as client,
        ):
            yield Provider(client, model or own.model, "max_tokens")
    else:
        async with AsyncOpenAI(base_url=base_url, api_key=key or "none", timeout=timeout) as client:
            if base_url:
                yield Provider(client, model or await _only_model(client), "max_tokens")
            else:
                yield Provider(client, model or _OPENAI_MODEL, "max_completion_tokens")


async def _only_model(client: "AsyncOpenAI") -> str:
    names = [model.id async for model in client.models.list()]
    if len(names) != 1:
        msg = f"expected --model, since the server at {client.base_url} has {len(names)}: {', '.join(names)}"
        raise UsageError(msg)
    return names[0]
