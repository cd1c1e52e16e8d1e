"""Read a stream of server-sent events back, over HTTP."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeAlias, overload

import httpx2
from reactivex import Observable

from rxstream.engine.arguments import check_count, check_number, check_type
from rxstream.engine.lift import LiftedObservable
from rxstream.engine.observable import PullObservable
from rxstream.engine.pipeline import named
from rxstream.engine.resumable import Continuation, ResumableObservable, Rung
from rxstream.items import SSEEvent, StreamChunk
from rxstream.sansio.delivered import Delivered
from rxstream.sansio.joint import PassedOn
from rxstream.sansio.sse import MAX_EVENT_SIZE, SSEDecoder
from rxstream.transports.dialects.contract import Decoder, Dialect
from rxstream.transports.dialects.named import dialect_named
from rxstream.transports.sse_client import SSEClient
from rxstream.transports.sse_client_dialect import GuessedDialect, RawEvents
from rxstream.transports.sse_client_place import Place, sendable
from rxstream.transports.sse_client_reading import Batches, Plan, Reading
from rxstream.transports.sse_client_stand import Stand, Stands

__all__ = ("from_sse",)

Client: TypeAlias = httpx2.AsyncClient | httpx2.Client
Headers: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]] | httpx2.Headers
Params: TypeAlias = Mapping[str, Any] | Sequence[tuple[str, Any]] | str | httpx2.QueryParams
#: Those whose items are chunks and nothing else.
ChunkDialect: TypeAlias = Literal["openai", "anthropic"]

#: A heartbeat comes every 15 s; httpx2's own 5 s would end a stream whose model only thinks.
_TIMEOUT: Final = httpx2.Timeout(60.0, connect=10.0, pool=None)
_OF_HTTPX2: Final = httpx2.Timeout(5.0)


@overload
def from_sse(
    url: str | httpx2.URL,
    *,
    client: Client | None = ...,
    method: str | None = ...,
    params: Params | None = ...,
    headers: Headers | None = ...,
    json: Any = ...,
    content: str | bytes | None = ...,
    dialect: None,
    reconnects: int = ...,
    retry: float = ...,
    last_event_id: str | None = ...,
    timeout: float | httpx2.Timeout | Literal["default"] | None = ...,
    max_event_size: int = ...,
) -> Observable[SSEEvent]: ...
@overload
def from_sse(
    url: str | httpx2.URL,
    *,
    client: Client | None = ...,
    method: str | None = ...,
    params: Params | None = ...,
    headers: Headers | None = ...,
    json: Any = ...,
    content: str | bytes | None = ...,
    dialect: ChunkDialect,
    reconnects: int = ...,
    retry: float = ...,
    last_event_id: str | None = ...,
    timeout: float | httpx2.Timeout | Literal["default"] | None = ...,
    max_event_size: int = ...,
) -> Observable[StreamChunk]: ...
@overload
def from_sse(
    url: str | httpx2.URL,
    *,
    client: Client | None = ...,
    method: str | None = ...,
    params: Params | None = ...,
    headers: Headers | None = ...,
    json: Any = ...,
    content: str | bytes | None = ...,
    dialect: str | Dialect = ...,
    reconnects: int = ...,
    retry: float = ...,
    last_event_id: str | None = ...,
    timeout: float | httpx2.Timeout | Literal["default"] | None = ...,
    max_event_size: int = ...,
) -> Observable[Any]: ...
@named
def from_sse(
    url: str | httpx2.URL,
    *,
    client: Client | None = None,
    method: str | None = None,
    params: Params | None = None,
    headers: Headers | None = None,
    json: Any = None,
    content: str | bytes | None = None,
    dialect: str | Dialect | None = "auto",
    reconnects: int = 5,
    retry: float = 3.0,
    last_event_id: str | None = None,
    timeout: float | httpx2.Timeout | Literal["default"] | None = "default",
    max_event_size: int = MAX_EVENT_SIZE,
) -> Observable[Any]:
    """Read any stream of server-sent events.

        answer = rxs.from_sse("http://127.0.0.1:8000/v1/stream/raw", json={"messages": messages})
        words = answer.pipe(rxs.buffer_words())

    Each subscription sends the request to ``url`` anew, when its first item is asked for, and closes the
    connection, once, when it is left. asyncio and trio. ``client``: an ``httpx2.AsyncClient``, or an
    ``httpx2.Client``, which works in a thread; its cookies, auth and hooks hold, and it is not closed. By
    default each subscription has one of its own. ``method``: POST with ``json`` or ``content``, else GET.
    ``params``, ``headers``, ``json`` and ``content`` are httpx2's. Redirects are followed if the client
    follows them, and httpx2's do not by default: the headers may hold a key.

    ``dialect``: how an answer is written. "auto" finds it out by the response's headers and its first event;
    "rxstream", "openai", "ui-message", "anthropic" or "ag-ui"; or a Dialect. Answers come as StreamChunk,
    and of the native "rxstream" text and objects as what they were, too. None gives every SSEEvent as it
    comes. Bytes are read as UTF-8, whatever the response says of them.

    **The end.** A stream that ends without its dialect's terminator, or inside an event, raises
    StreamTruncated, and ConnectionLost (one of those) if the connection died; ``partial`` is the answer so
    far. Behind ``dialect=None`` any event may be the last. 204 is an empty stream: there is nothing to read.

    **Reconnecting.** If the last event that came has an id of its own, a lost or truncated stream is asked
    for again, with that id as Last-Event-ID, and goes on behind it, up to ``reconnects`` times in a row
    without a new event; 0 is never. A server that begins at the first event instead is noticed by its id:
    what had come is dropped, and must be the same (else AnswerChanged). Before the first of them
    ``retry`` seconds pass, or what the server's own ``retry:`` says, before each further one twice as many;
    Retry-After counts for more; up to a quarter is added at random; never more than 60 s. 408, 409, 429 and
    5xx are failed attempts. 404, 410 and the like end the stream with their error. 204 there says that
    nothing more comes: the end of raw events, a truncation in a dialect, whose terminator is missing. A
    server that writes ids is taken to keep what it wrote: with one that answers each request anew, say
    ``reconnects=0``.

    Without ids the error comes out, and ``retry_stream()`` right behind aligns another answer. With ids it
    goes on by its rung "server" when the reconnects are used up: on the same answer, one request for each
    of its attempts, and none of them reconnects until something new has come; so the two add up, and do not
    multiply. ``last_event_id`` is the id to begin behind: the first request is nobody's to repeat but
    ``retry_stream``'s.

    ``timeout``: an ``httpx2.Timeout``; or seconds that one read may take; None for no limit. By default 60 s
    for a read, since servers send a heartbeat every 15 s, 10 s to connect, none to wait for a client's
    pool; a client that has other limits than httpx2's own 5 s keeps them. ``max_event_size``: bytes of one
    event. Memory: one event, and the answer's text.

    Raises what httpx2 does when the first request cannot be sent (``httpx2.ConnectError``, ...);
    ProviderError with ``status`` for an answer that is neither 200 nor 204, and for an error in the stream;
    MalformedStream for what is no event stream; EventTooLarge; TypeError, ValueError and UnknownName for
    wrong arguments. For a provider of the ``openai`` package there is ``from_chat``, for bytes that you have
    already ``parse_sse``.
    """
    _check_request(client, method, json, content)
    _made(httpx2.QueryParams, "params", params)  # says what is wrong with them
    limits = _limits(client, timeout)
    target = _target(url, client)
    _check_reconnects(reconnects, retry, last_event_id)
    decoder = _decoder(dialect)
    SSEDecoder(max_event_size=max_event_size)  # says what is wrong with it
    asked = {
        "method": method or ("GET" if json is None and content is None else "POST"),
        "params": params,
        "headers": _headers(headers),
        "json": json,
        "content": content,
        "timeout": limits,
    }
    stands = Stands()
    plan = Plan(partial(SSEClient, client, target, asked), max_event_size, reconnects, float(retry), stands)
    return _Stream(plan, lambda: Stand(decoder(), Place(last_event_id)))


class _Stream(LiftedObservable[Any], ResumableObservable):
    """A stream of events, which can go on behind the last of them."""

    def __init__(self, plan: Plan, stand: Callable[[], Stand]) -> None:
        source: PullObservable[Any] = PullObservable(lambda: Reading(plan, stand()), "from_sse()")
        super().__init__(source, (Batches,))
        self._plan = plan

    def resume(self, rung: Rung, delivered: Delivered) -> Continuation | None:
        """Ask for what stands behind the last event, and read it as if nothing had happened."""
        stand = self._plan.stands.take(delivered) if rung == "server" else None
        if stand is None:
            return None
        # Its chunks are numbered behind those that came, and the usage is that of the one answer.
        return _Stream(self._plan, stand.resumed), PassedOn(in_line=True)


# ---------------------------------------------------------------- arguments


def _check_request(client: Any, method: Any, json: Any, content: Any) -> None:
    check_type("from_sse()", "method", method, str, "an HTTP method, as in 'POST',", optional=True)
    if client is not None and not isinstance(client, httpx2.AsyncClient | httpx2.Client):
        raise TypeError(
            f"from_sse(client=...) expects an httpx2.AsyncClient or an httpx2.Client, and got {client!r:.120}"
        )
    if json is not None and content is not None:
        raise TypeError("from_sse() expects json= or content=, and got both: a request has one body")
    if content is not None and not isinstance(content, str | bytes):
        raise TypeError(
            f"from_sse(content=...) expects str or bytes, which can be sent again, and got {content!r:.120}"
        )


def _target(url: Any, client: Client | None) -> httpx2.URL:
    if not isinstance(url, str | httpx2.URL):
        raise TypeError(f"from_sse() expects a URL and got {url!r:.120}")
    try:
        target = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"from_sse() expects a URL and got {url!r:.120}: {error}") from None
    whole = target if client is None else client.base_url.join(target)
    if whole.scheme not in {"http", "https"} or not whole.host:
        raise ValueError(
            f"from_sse() expects a URL with http:// or https:// and a host, or a client= with a base_url, "
            f"and got {url!r:.120}"
        )
    return target


def _made(kind: Callable[[Any], Any], name: str, given: Any) -> Any:
    try:
        return kind(given)
    except (TypeError, ValueError, AttributeError) as error:
        raise TypeError(
            f"from_sse() expects {name} as httpx2 takes them, and got {given!r:.120}: {error}"
        ) from None


def _headers(given: Headers | None) -> httpx2.Headers:
    """Give the headers of every request; what the user says counts."""
    headers = httpx2.Headers({"Accept": "text/event-stream", "Cache-Control": "no-store"})
    # Those of one name stay together: update() keeps the last of them only.
    named = _made(httpx2.Headers, "headers", given)
    for name in named:
        headers.pop(name, None)
    return httpx2.Headers([*headers.multi_items(), *named.multi_items()])


def _limits(client: Client | None, timeout: Any) -> httpx2.Timeout:
    if isinstance(timeout, str) and timeout == "default":
        if client is None or client.timeout == _OF_HTTPX2:
            return _TIMEOUT
        return client.timeout
    if timeout is None or isinstance(timeout, httpx2.Timeout):
        return httpx2.Timeout(timeout)
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(
            f"from_sse(timeout=...) expects seconds, an httpx2.Timeout or None, and got {timeout!r:.120}"
        )
    if not 0 < timeout < math.inf:
        raise ValueError(f"from_sse(timeout=...) expects more than 0 s, or None, and got {timeout!r}")
    return httpx2.Timeout(timeout, connect=min(timeout, 10.0), pool=None)


def _check_reconnects(reconnects: Any, retry: Any, last_event_id: Any) -> None:
    check_count("from_sse()", "reconnects", reconnects, least=0)
    check_number("from_sse()", "retry", retry, zero=True, finite=True)
    if last_event_id is None:
        return
    if not isinstance(last_event_id, str) or not last_event_id or not sendable(last_event_id):
        raise ValueError(
            f"from_sse(last_event_id=...) expects an id that a header can hold: printable, without spaces at "
            f"its ends, at most 4096 characters; and got {last_event_id!r:.120}"
        )


def _decoder(dialect: Any) -> Callable[[], Decoder]:
    if dialect is None:
        return RawEvents
    if isinstance(dialect, str) and dialect == "auto":
        return GuessedDialect
    return dialect_named(dialect).decoder
