"""What the service is told: every option, checked when the application is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rxstream.engine.arguments import check_count
from rxstream.sansio.prices import Price

__all__ = ("Limits", "Settings", "Timeout")

#: Seconds until the first content, between two pieces of it, and for the whole; None: no limit.
Timeout = tuple[float | None, float | None, float | None]

_LIMITS_OF_NOTHING: Final = (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the service takes on."""

    #: Answers that are written at once, by all and for one key, and requests that wait for their turn.
    max_concurrent: int = 100
    max_per_key: int = 20
    max_queue: int = 100
    #: Seconds that a request waits for its turn at most.
    max_wait: float = 10.0
    #: Bytes of a request's body, messages in it, arrays and objects that stand in one another in it,
    #: and answers to one request (``n``).
    max_body: int = 1 << 20
    max_messages: int = 1000
    max_depth: int = 64
    max_choices: int = 8

    def __post_init__(self) -> None:
        for name in ("max_concurrent", "max_per_key", "max_body", "max_messages", "max_depth", "max_choices"):
            check_count("create_app()", name, getattr(self, name))
        check_count("create_app()", "max_queue", self.max_queue, least=0)
        _check_seconds("max_wait", self.max_wait, zero=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the service behaves."""

    limits: Limits = field(default_factory=Limits)
    model: str | None = None
    api_keys: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    fallback_models: tuple[str, ...] = ()
    fallback_clients: tuple[Any, ...] = ()
    retry_attempts: int = 3
    timeout: Timeout = (120.0, 60.0, 900.0)
    heartbeat: float = 15.0
    grace: float = 60.0
    send_deadline: float = 30.0
    prices: Mapping[str, Price] | None = None

    def __post_init__(self) -> None:
        for name in ("api_keys", "allowed_origins", "fallback_models"):
            _check_texts(name, getattr(self, name))
        check_count("create_app()", "retry_attempts", self.retry_attempts)
        for name in ("heartbeat", "grace", "send_deadline"):
            _check_seconds(name, getattr(self, name))
        _check_timeout(self.timeout)
        if self.model is not None and not (isinstance(self.model, str) and self.model):
            raise TypeError(f"create_app(model=...) expects a model's name, or None, and got {self.model!r}")
        if self.fallback_clients and len(self.fallback_clients) != len(self.fallback_models):
            raise ValueError(
                f"create_app(fallback_clients=...) expects a client for each of fallback_models, of which "
                f"there are {len(self.fallback_models)}, and got {len(self.fallback_clients)}"
            )

    @property
    def has_time_limit(self) -> bool:
        """Whether there is any limit on an answer's time."""
        return self.timeout != _LIMITS_OF_NOTHING


def _check_seconds(name: str, value: object, *, zero: bool = False) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"create_app({name}=...) expects seconds and got {value!r}")
    if not (value > 0 or (zero and value == 0)):
        raise ValueError(
            f"create_app({name}=...) expects {'' if zero else 'positive '}seconds and got {value!r}"
        )


def _check_texts(name: str, value: Any) -> None:
    sequence: Any = Sequence
    if (
        isinstance(value, str)
        or not isinstance(value, sequence)
        or not all(isinstance(one, str) for one in value)
    ):
        raise TypeError(f"create_app({name}=...) expects a sequence of strings and got {value!r:.80}")
    if not all(value):
        raise ValueError(f"create_app({name}=...) expects strings that are not empty: one of them is")


def _check_timeout(value: Any) -> None:
    several: Any = tuple
    if not isinstance(value, several) or len(value) != 3:
        raise TypeError(
            f"create_app(timeout=...) expects three numbers of seconds, or None: until the first content, "
            f"between two pieces of it, for the whole; and got {value!r}"
        )
    for one in value:
        if one is not None:
            _check_seconds("timeout", one)
