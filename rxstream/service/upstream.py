"""The models behind the service: asked again where they fail, and others asked in their place."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import openai
from anyio import fail_after
from reactivex import Observable

from rxstream.combine.fallback import fallback_to
from rxstream.flow.measure import OnMetrics, measure_stream
from rxstream.items import StreamChunk
from rxstream.resilience.retry import retry_stream
from rxstream.resilience.timeout import timeout_stream
from rxstream.service.settings import Settings
from rxstream.sources.chat import from_chat
from rxstream.transports.refusals import Refusal

__all__ = ("Upstream",)

#: Parameters of the SDK's method that are no parameters of a model: they would be headers, addresses, time.
_OF_THE_SDK: Final = frozenset(("self", "extra_headers", "extra_query", "extra_body", "timeout"))
#: Statuses that say that the request is wrong: no other model would make it right.
_WRONG_REQUESTS: Final = frozenset((400, 413, 415, 422))
#: Seconds in which an upstream that is ready answers.
_PATIENCE: Final = 2.0


class Upstream:
    """Make answers. ``client`` or, until ``aclose``, one of our own, which ``make`` makes."""

    def __init__(
        self,
        settings: Settings,
        *,
        client: Any = None,
        make: Callable[[], openai.AsyncOpenAI] | None = None,
        on_metrics: OnMetrics | None = None,
    ) -> None:
        self._settings = settings
        self._given = client
        self._make = make
        self._own: openai.AsyncOpenAI | None = None
        self._on_metrics = on_metrics

    @property
    def client(self) -> Any:
        """Whom the model is asked through."""
        if self._given is not None:
            return self._given
        if self._own is None:
            assert self._make is not None
            self._own = self._make()
        return self._own

    @property
    def model(self) -> str | None:
        """The model that is asked if a request names none."""
        return self._settings.model

    def answer(self, request: Mapping[str, Any]) -> Observable[StreamChunk]:
        """Return the answer to a request, in the Chat Completions API's words.

        Raises ``Refusal`` if neither it nor the service names a model.
        """
        settings = self._settings
        model = request.get("model") or settings.model
        if not model:
            raise Refusal(
                422, "expected a model: this service has none of its own", code="model_missing", param="model"
            )
        first = self._asked(self.client, {**request, "model": model})
        others = [
            self._asked(client, {**request, "model": other})
            for client, other in zip(self._fallback_clients(), settings.fallback_models, strict=True)
        ]
        answer = first.pipe(fallback_to(*others, when=_may_go_better)) if others else first
        return answer.pipe(measure_stream(self._on_metrics, prices=settings.prices))

    def _asked(self, client: Any, request: dict[str, Any]) -> Observable[Any]:
        settings = self._settings
        first, gap, total = settings.timeout
        answer = from_chat(client, **_arguments(client.chat.completions.create, request))
        if settings.has_time_limit:
            answer = answer.pipe(timeout_stream(first=first, gap=gap, total=total))
        return answer.pipe(retry_stream(settings.retry_attempts))

    def _fallback_clients(self) -> tuple[Any, ...]:
        settings = self._settings
        return settings.fallback_clients or (self.client,) * len(settings.fallback_models)

    async def models(self) -> list[dict[str, Any]]:
        """Return the models that clients can name, as the upstream lists them; else our own."""
        try:
            with fail_after(_PATIENCE):
                page = await self.client.models.list()
            found: list[dict[str, Any]] = [model.to_dict() for model in page.data]
        except (openai.OpenAIError, TimeoutError, AttributeError, TypeError):
            found = []
        if not found:
            names = filter(None, (self._settings.model, *self._settings.fallback_models))
            found = [{"id": name, "object": "model", "created": 0, "owned_by": "rxstream"} for name in names]
        return found

    async def trouble(self) -> str | None:
        """Say why it does not answer, if it does not; nothing that is not for all to know."""
        try:
            with fail_after(_PATIENCE):
                await self.client.models.list()
        except openai.APIStatusError as error:
            # Whatever it says, it is there; but with the wrong key, or in trouble, it is of no use.
            useless = error.status_code >= 500 or error.status_code in {401, 403}
            return f"the model's server answers with status {error.status_code}" if useless else None
        except (openai.OpenAIError, TimeoutError):
            return "the model's server cannot be reached"
        except (AttributeError, TypeError):
            return None  # a client of another make, which has no such list
        return None

    async def aclose(self) -> None:
        """Close our own client; another will be made if need be."""
        own, self._own = self._own, None
        if own is not None:
            await own.close()


def _may_go_better(error: Exception) -> bool:
    return not (isinstance(error, openai.APIStatusError) and error.status_code in _WRONG_REQUESTS)


def _arguments(create: Callable[..., Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Sort a request into what the client's method has parameters for, and what goes along as it is.

    Never is anything that came from outside taken for one of the method's own options.
    """
    parameters = inspect.signature(create).parameters
    known = {name for name in parameters if name not in _OF_THE_SDK}
    named = {name: value for name, value in request.items() if name in known}
    rest = {name: value for name, value in request.items() if name not in known}
    if rest and "extra_body" in parameters:
        return {**named, "extra_body": rest}
    takes_any = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters.values())
    safe = {name: value for name, value in rest.items() if name not in _RESERVED} if takes_any else {}
    return {**named, **safe}


#: Names that ``from_chat`` would take for its own.
_RESERVED: Final = _OF_THE_SDK | {"client", "continuation", "stream"}
