r"""JSON's grammar, RFC 8259, taken in pieces: every character is looked at once, wherever the text is cut.

Stricter than many parsers, so that what comes out is JSON for everybody: no NaN, no Infinity, no comma
before a closing bracket, no control character and no half of a surrogate pair in a string, raw or escaped.

The grammar knows no values. Whoever wants some overrides the hooks: ``opened``, ``key``, ``began``,
``text``, ``ended``, ``scalar``, ``closed``.
"""

import re
import sys
from typing import Final

__all__ = ("BLANK", "END", "MAX_DEPTH", "STRING", "Broken", "Grammar", "all_of_string")

#: How deep arrays and objects may stand in one another, unless the user says otherwise.
MAX_DEPTH: Final = 500

# What is waited for. The order matters: from STRING on, a token has begun.
VALUE, FIRST_VALUE, FIRST_KEY, KEY, COLON, AFTER, END, STRING, KEY_STRING, NUMBER, LITERAL = range(11)

_EXPECTED: Final = {
    VALUE: "a value",
    FIRST_VALUE: "a value or ']'",
    FIRST_KEY: "a key in double quotes or '}'",
    KEY: "a key in double quotes",
    COLON: "':'",
    STRING: "the rest of a string",
    KEY_STRING: "the rest of a key",
}
_EXPECTED_IN_STRING: Final = "a character of a string, or the quote that ends it"
#: What models forget, above all in code and in long texts.
_ESCAPED: Final = "a control character of a string as an escape, such as \\n"
_SPACE: Final = re.compile(r"[ \t\n\r]*+").match
#: White space, as JSON has it.
BLANK: Final = " \t\n\r"
#: What may stand behind a number, true, false or null.
_DELIMITERS: Final = ",]} \t\n\r"

_HEX: Final = "0123456789abcdefABCDEF"
#: Whole characters and whole escapes; what it stops at is the end, the beginning of an escape, or wrong.
_PLAIN: Final = r'[^"\\\x00-\x1f\ud800-\udfff]*+'
_ESCAPE: Final = (
    r'\\(?:["\\/bfnrt]|u(?:(?![dD][89a-fA-F])[0-9a-fA-F]{4}'
    r"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))"
)
_CHARACTERS: Final = re.compile(f"{_PLAIN}(?:{_ESCAPE}{_PLAIN})*+")
_BODY: Final = _CHARACTERS.match
#: A piece that is nothing but the inside of a string, with no escape that is cut in two.
all_of_string: Final = _CHARACTERS.fullmatch
#: An escape of a surrogate pair, character by character behind its ``\uD``.
_PAIR: Final = ("89abAB", _HEX, _HEX, "\\", "u", "dD", "cdefCDEF", _HEX, _HEX)

_WHOLE_NUMBER: Final = re.compile(r"-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+").match
_DIGITS: Final = re.compile(r"[0-9]*+").match
# Where in a number one is. From ZERO on it may end.
_MINUS, _POINT, _E, _SIGN, _ZERO, _INTEGER, _FRACTION, _EXPONENT = range(8)
_AT_FIRST: Final = {"-": _MINUS, "0": _ZERO, **dict.fromkeys("123456789", _INTEGER)}
_TO_FRACTION: Final = {".": _POINT, "e": _E, "E": _E}
_EXPONENT_DIGITS: Final = dict.fromkeys("0123456789", _EXPONENT)
_NEXT: Final = {
    _MINUS: {"0": _ZERO, **dict.fromkeys("123456789", _INTEGER)},
    _POINT: dict.fromkeys("0123456789", _FRACTION),
    _E: {"+": _SIGN, "-": _SIGN, **_EXPONENT_DIGITS},
    _SIGN: _EXPONENT_DIGITS,
    _ZERO: _TO_FRACTION,
    _INTEGER: {**_TO_FRACTION, **dict.fromkeys("0123456789", _INTEGER)},
    _FRACTION: {"e": _E, "E": _E, **dict.fromkeys("0123456789", _FRACTION)},
    _EXPONENT: _EXPONENT_DIGITS,
}
_LITERALS: Final = {"t": "true", "f": "false", "n": "null"}


class Broken(Exception):
    """The text breaks the grammar at ``index`` of the text that was taken; -1 says that it is over."""

    def __init__(self, index: int, expected: str, *, deep: bool = False, got: str = "") -> None:
        self.index = index
        self.expected = expected
        self.deep = deep
        self.got = got


class Grammar:
    """One JSON value, taken in pieces.

    ``max_depth`` bounds how deep arrays and objects stand in one another; ``over`` tells whether the value
    is whole; ``held`` is the beginning of an escape, which the next piece will end.
    """

    __slots__ = ("_key", "_limit", "_number", "_token", "held", "max_depth", "over", "stack", "state")

    def __init__(self, *, max_depth: int = MAX_DEPTH) -> None:
        if not isinstance(max_depth, int) or isinstance(max_depth, bool) or max_depth < 1:
            raise ValueError(f"max_depth must be an int of at least 1, got {max_depth!r}")
        self.max_depth = max_depth
        # Python refuses to make an int of more digits than this, since that takes quadratic time.
        self._limit = sys.get_int_max_str_digits()
        self.restart()

    def restart(self) -> None:
        """Begin another value."""
        self.over = False
        #: The open arrays and objects, the outermost first, as the brackets that opened them.
        self.stack: list[str] = []
        self.state = VALUE
        self._key: list[str] = []
        self.held = ""
        #: A number or literal in pieces, and where in a number one is.
        self._token: list[str] = []
        self._number = _MINUS

    # ------------------------------------------------------------ hooks

    def opened(self, index: int) -> None:
        """Learn that an array or object has begun at ``index``; ``stack`` has it already."""

    def closed(self, index: int) -> None:
        """Learn that an array or object has ended before ``index``; ``stack`` no longer has it."""

    def key(self, raw: str) -> None:
        """Learn that a key is whole; ``raw`` may hold escapes."""

    def began(self, index: int) -> None:
        """Learn that a string has begun; its opening quote is at ``index``."""

    def text(self, raw: str) -> None:
        """Learn some more of a string; ``raw`` may hold escapes, and each of them is whole."""

    def ended(self, index: int) -> None:
        """Learn that a string has ended before ``index``."""

    def scalar(self, raw: str, index: int) -> None:
        """Learn that a number, true, false or null has ended before ``index``."""

    # ------------------------------------------------------------ the grammar

    @property
    def in_string(self) -> bool:
        """Whether a string is open, which is no key."""
        return self.state == STRING

    @property
    def in_token(self) -> bool:
        """Whether a number, true, false or null is not delimited yet."""
        return self.state >= NUMBER

    def resumed(self, text: str) -> str:
        """Give the next piece with what was held in front of it, for ``take``; it is held no longer."""
        held = self.held
        if not held:
            return text
        self.held = ""
        return held + text

    def take(self, text: str, i: int = 0) -> int:  # noqa: C901, PLR0912, PLR0915 - it runs once a token
        """Take ``text`` from ``i`` on; give the index behind the value, or the text's length if it goes on.

        What was ``held`` must stand at ``i`` again, see ``resumed``. Raises ``Broken``.
        """
        state = self.state
        n = len(text)
        try:
            while i < n:
                if state == STRING:
                    end = _BODY(text, i).end()  # type: ignore[union-attr]
                    if end > i:
                        self.text(text[i:end])
                    if end == n:
                        return n
                    if text[end] == '"':
                        i = end + 1
                        state = AFTER if self.stack else END
                        self.ended(i)
                        if state == END:
                            self.over = True
                            return i
                        continue
                    self.held = self._escape(text, end)
                    return n
                c = text[i]
                if c in BLANK and state < STRING:
                    i = _SPACE(text, i).end()  # type: ignore[union-attr]
                    continue
                if state == AFTER:
                    inside = self.stack[-1]
                    if c == ",":
                        state = KEY if inside == "{" else VALUE
                    elif c == ("}" if inside == "{" else "]"):
                        state = self._close(i + 1)
                    else:
                        raise Broken(i, self._after())
                    i += 1
                elif state <= FIRST_VALUE:
                    if c == '"':
                        state = STRING
                        self.began(i)
                        i += 1
                    elif c in "{[":
                        if len(self.stack) >= self.max_depth:
                            raise Broken(i, f"at most max_depth={self.max_depth} open brackets", deep=True)
                        self.stack.append(c)
                        state = FIRST_KEY if c == "{" else FIRST_VALUE
                        self.opened(i)
                        i += 1
                    elif c in _AT_FIRST:
                        end = _WHOLE_NUMBER(text, i)
                        if end is not None and (e := end.end()) < n and text[e] in _DELIMITERS:
                            state = self._scalar(text[i:e], e)
                            i = e
                        else:
                            state = NUMBER
                            self._number = _AT_FIRST[c]
                            self._token.append(c)
                            i += 1
                    elif c in _LITERALS:
                        state = LITERAL
                        self._token.append(c)
                        i += 1
                    elif c == "]" and state == FIRST_VALUE:
                        state = self._close(i + 1)
                        i += 1
                    else:
                        raise Broken(i, _EXPECTED[state])
                elif state == COLON:
                    if c != ":":
                        raise Broken(i, _EXPECTED[state])
                    state = VALUE
                    i += 1
                elif state == KEY_STRING:
                    end = _BODY(text, i).end()  # type: ignore[union-attr]
                    if end > i:
                        self._key.append(text[i:end])
                    if end == n:
                        return n
                    if text[end] != '"':
                        self.held = self._escape(text, end)
                        return n
                    self.key("".join(self._key))
                    self._key.clear()
                    state = COLON
                    i = end + 1
                elif state <= KEY:
                    if c == '"':
                        state = KEY_STRING
                        i += 1
                    elif c == "}" and state == FIRST_KEY:
                        state = self._close(i + 1)
                        i += 1
                    else:
                        raise Broken(i, _EXPECTED[state])
                elif state == NUMBER:
                    i = self._in_number(text, i)
                    if i < n:
                        state = self._end_token_before(text[i], i)
                else:
                    i = self._in_literal(text, i)
                    if i < n:
                        state = self._end_token_before(text[i], i)
                if state == END:
                    return i
            return n
        finally:
            self.state = state

    def finish(self) -> None:
        """Learn that the text is over: a number, true, false or null may end with it. Raises ``Broken``."""
        if self.over:
            return
        state = self.state
        whole = (state == NUMBER and self._number >= _ZERO) or (
            state == LITERAL and "".join(self._token) in _LITERALS.values()
        )
        if not whole or self.stack:
            raise Broken(-1, self._after() if whole else self._wanted(state))
        self._end_token(0)

    def _after(self) -> str:
        """Say what may stand behind a value."""
        if not self.stack:
            return "the end of the text"
        return "',' or '}'" if self.stack[-1] == "{" else "',' or ']'"

    def _wanted(self, state: int) -> str:
        if state == AFTER:
            return self._after()
        if state == NUMBER:
            return "a digit"
        return repr(_LITERALS[self._token[0]]) if state == LITERAL else _EXPECTED[state]

    def _close(self, index: int) -> int:
        self.stack.pop()
        if self.stack:
            self.closed(index)
            return AFTER
        self.over = True
        self.closed(index)
        return END

    def _scalar(self, raw: str, index: int) -> int:
        if 0 < self._limit < len(raw) and raw.lstrip("-").isdigit() and len(raw.lstrip("-")) > self._limit:
            wanted = f"an integer of at most {self._limit} digits (see sys.set_int_max_str_digits)"
            raise Broken(index, wanted, got=f"one of {len(raw.lstrip('-'))}")
        if self.stack:
            self.scalar(raw, index)
            return AFTER
        self.over = True
        self.scalar(raw, index)
        return END

    def _end_token(self, index: int) -> int:
        raw = "".join(self._token)
        self._token.clear()
        return self._scalar(raw, index)

    def _end_token_before(self, char: str, index: int) -> int:
        if char not in _DELIMITERS:
            raise Broken(index, self._after())
        return self._end_token(index)

    def _in_number(self, text: str, i: int) -> int:
        """Take a number's characters from ``i`` on; give where they end."""
        start, state, n = i, self._number, len(text)
        while i < n:
            if state > _ZERO:
                i = _DIGITS(text, i).end()  # type: ignore[union-attr]
                if i == n:
                    break
            following = _NEXT[state].get(text[i])
            if following is None:
                if state < _ZERO:
                    raise Broken(i, "a digit")
                break
            state = following
            i += 1
        self._token.append(text[start:i])
        self._number = state
        return i

    def _in_literal(self, text: str, i: int) -> int:
        """Take the letters of true, false or null from ``i`` on; give where they end."""
        have = "".join(self._token)
        want = _LITERALS[have[0]]
        got = text[i : i + len(want) - len(have)]
        for place, char in enumerate(got, len(have)):
            if char != want[place]:
                raise Broken(i + place - len(have), repr(want))
        self._token.append(got)
        return i + len(got)

    @staticmethod
    def _escape(text: str, i: int) -> str:
        """Give the beginning of an escape that stands at ``i`` and goes on behind the text."""
        if text[i] != "\\":
            raise Broken(i, _ESCAPED if text[i] < " " else _EXPECTED_IN_STRING)
        tail = text[i : i + len("\\ud83d\\ude00")]
        if len(tail) > 1 and tail[1] != "u":
            raise Broken(i + 1, 'one of "\\/bfnrtu')
        for place, char in enumerate(tail[2:], 2):
            if place < 3 or tail[2] not in "dD" or tail[3] in "01234567":
                allowed, wanted = _HEX, "a hexadecimal digit"
            else:
                allowed, wanted = _PAIR[place - 3], "a pair of surrogates, such as \\ud83d\\ude00"
            if char not in allowed:
                raise Broken(i + place, wanted)
        return tail
