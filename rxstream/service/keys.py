"""Who asks: API keys, and tickets for those who can send no header.

A browser's EventSource and WebSocket send no ``Authorization``. A key in an address would end up in logs and
histories; a ticket is good for reading one stream, or for one kind of connection, for some minutes.
Nothing of it is stored: it is signed with the key that asked for it, so any worker with the same keys
can tell whether it is good.
"""

import hmac
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from rxstream.transports.refusals import Refusal

__all__ = ("Keys",)

#: Seconds for which a ticket is good.
TICKET_SECONDS: Final = 300


class _Key(NamedTuple):
    digest: bytes
    #: Whose the streams are that it begins: a name that tells nothing of the key.
    owner: str
    #: What its tickets are signed with.
    secret: bytes


class Keys:
    """Tell the owner of a request; without any keys, everybody is nobody and may do everything."""

    def __init__(self, keys: Sequence[str], *, clock: Callable[[], float] = time.time) -> None:
        self._keys = [
            _Key(
                sha256(key.encode()).digest(),
                sha256(b"rxstream owner\0" + key.encode()).hexdigest()[:32],
                sha256(b"rxstream ticket\0" + key.encode()).digest(),
            )
            for key in keys
        ]
        self._clock = clock

    @property
    def are_asked_for(self) -> bool:
        """Whether a request must have a key."""
        return bool(self._keys)

    def owner(self, authorization: str | None) -> str | None:
        """Return whose request it is that has such an ``Authorization`` header. Raises ``Refusal``, 401."""
        if not self._keys:
            return None
        if authorization is None:
            raise _unauthorized(
                "an API key is needed: send it as `Authorization: Bearer KEY`", "missing_api_key"
            )
        scheme, _, token = authorization.partition(" ")
        # The server gives headers as latin-1, whatever the client's bytes were.
        digest = sha256(token.strip().encode("latin-1", "replace")).digest()
        found: _Key | None = None
        for key in self._keys:  # all of them, so that the time tells nothing
            if hmac.compare_digest(digest, key.digest):
                found = key
        if found is None or scheme.lower() != "bearer":
            raise _unauthorized("this API key is not known here", "invalid_api_key")
        return found.owner

    def ticket(self, owner: str | None, subject: str) -> str:
        """Make a ticket of an owner's for a subject."""
        expiry = str(int(self._clock()) + TICKET_SECONDS)
        secret = next((key.secret for key in self._keys if key.owner == owner), b"")
        return f"{expiry}.{_signed(secret, expiry, subject)}"

    def owner_of_ticket(self, ticket: str, subject: str) -> str | None:
        """Return whose ticket it is. Raises ``Refusal``, 401, unless it is a good one for the subject."""
        if not self._keys:
            return None
        expiry, _, signature = ticket.partition(".")
        given = signature.encode("utf-8", "replace")
        found: str | None = None
        for key in self._keys:
            if hmac.compare_digest(given, _signed(key.secret, expiry, subject).encode()):
                found = key.owner
        # Only what has been signed is looked at.
        if found is None or int(expiry) < self._clock():
            raise _unauthorized(
                "this ticket is no longer good, or never was; ask for another", "invalid_ticket"
            )
        return found


def _signed(secret: bytes, expiry: str, subject: str) -> str:
    return hmac.new(secret, f"{expiry}\n{subject}".encode("utf-8", "replace"), sha256).hexdigest()


def _unauthorized(message: str, code: str) -> Refusal:
    return Refusal(401, message, code=code, headers={"WWW-Authenticate": 'Bearer realm="rxstream"'})
