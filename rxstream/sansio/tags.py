"""Labelled text: what stands inside of tags, and what outside.

Of all that begins with ``<`` only the tags with the given names count, whatever else there may be: this is
no parser of XML or HTML, but one for what a model writes between its own words. A tag is

    <name>   <name attribute="value" other='value' third=value fourth>   <name/>   </name>

with white space (space, tab, line end, form feed) between the attributes, around ``=`` and before the end.
Attributes begin with a letter, ``_`` or ``:``; ``>`` and ``<`` may stand in a quoted value, nothing is
decoded in it. Whatever breaks these rules is text, exactly as it stands, and so is

* a tag of more than ``max_tag`` characters, from ``<`` to ``>``,
* an opening tag inside of ``max_depth`` others,
* a closing tag of something that is not open.

Whether a tag begins at a ``<`` rests on the text behind it alone, not on what else might have begun before:
of ``<think a="<answer>`` the second is a tag, if the first turns out to be none.
"""

import re
from typing import Final

from rxstream.items import TaggedText

__all__ = ("Tags",)

_SPACE: Final = r"[ \t\n\r\f]"
#: What an unquoted value is made of, but for the "/", which may also be that of "/>".
_BARE: Final = r"[^ \t\n\r\f\"'<>/]"
_FIRST: Final = r"(?:[^\W\d]|:)"
_NAME: Final = rf"{_FIRST}[\w.:-]*+"

_is_name = re.compile(_NAME).fullmatch
#: Of a tag that is known to be one.
_attributes = re.compile(
    rf"""({_NAME})(?:{_SPACE}*+={_SPACE}*+(?:"([^"]*+)"|'([^']*+)'|((?:{_BARE}|/(?!>))++)))?"""
).finditer

_DONE: Final = "done"
_NO_TAG: Final = "no_tag"

#: Where in a tag we are: what goes on there, and then in the group's name where that leads to.
#: Each pattern matches nothing, too: then more text is needed, or it is no tag.
_STEPS: Final = {
    state: re.compile(pattern).match
    for state, pattern in {
        # Behind the tag's name or a quoted value; in the white space before an attribute.
        "behind": rf"(?:(?P<gap>{_SPACE})|(?P<slash>/)|(?P<done>>))?",
        "gap": rf"{_SPACE}*+(?:(?P<name>{_FIRST})|(?P<slash>/)|(?P<done>>))?",
        # In an attribute's name; in the white space behind it.
        "name": rf"[\w.:-]*+(?:(?P<named>{_SPACE})|(?P<value>=)|(?P<slash>/)|(?P<done>>))?",
        "named": rf"{_SPACE}*+(?:(?P<name>{_FIRST})|(?P<value>=)|(?P<slash>/)|(?P<done>>))?",
        # Behind the "="; in a value.
        "value": rf"{_SPACE}*+(?:(?P<double>\")|(?P<single>')|(?P<first_slash>/)|(?P<bare>{_BARE}))?",
        "double": r"[^\"]*+(?P<behind>\")?",
        "single": r"[^']*+(?P<behind>')?",
        "bare": rf"{_BARE}*+(?:(?P<gap>{_SPACE})|(?P<bare_slash>/)|(?P<done>>))?",
        # A "/" belongs to an unquoted value, unless ">" follows; as its first character, it must not.
        "bare_slash": rf"(?:(?P<bare>{_BARE})|(?P<bare_slash>/)|(?P<gap>{_SPACE})|(?P<done>>))?",
        "first_slash": rf"(?:(?P<bare>{_BARE})|(?P<bare_slash>/)|(?P<gap>{_SPACE}))?",
        # In "/>"; behind the name of a closing tag.
        "slash": r"(?P<done>>)?",
        "closing": rf"{_SPACE}*+(?P<done>>)?",
    }.items()
}
#: From where a tag needs at least two more characters; from anywhere else one will do.
_NEEDS_TWO: Final = frozenset({"value", "double", "single", "first_slash"})


class Tags:
    """Cut a text into what is inside of the named tags and what is outside of all.

    An opening tag gives an item without text, so that its attributes are known at once; then text comes as
    soon as it is certain; its closing tag gives an item without text that is ``complete``. ``<name/>`` gives
    that item alone. Tags nest: ``</a>`` closes the nearest ``a`` and, before it, all that was opened inside.
    What is still open at the end never gets complete. Held back is what may still be a tag, nothing else.
    """

    __slots__ = (
        "_count",
        "_find_head",
        "_held",
        "_longest",
        "_max_depth",
        "_max_tag",
        "_names",
        "_open",
        "_opens_of",
        "_size",
        "_state",
    )

    def __init__(self, *names: str, max_tag: int = 1024, max_depth: int = 100) -> None:
        _check_names(names)
        self._names = names
        self._longest = max(map(len, names))
        _check_int("max_tag", max_tag, self._longest + len("</>"), "the longest name's closing tag")
        _check_int("max_depth", max_depth, 1, "one tag")
        self._max_tag = max_tag
        self._max_depth = max_depth
        either = "|".join(map(re.escape, names))
        self._find_head = re.compile(
            rf"<(?:(?P<opening>{either})(?=[ \t\n\r\f/>])|/(?P<closing>{either})(?=[ \t\n\r\f>]))"
        ).search
        #: The items that opened what is open, the outermost first; and how many there are of each name.
        self._open: list[TaggedText] = []
        self._opens_of: dict[str, int] = {}
        self._count = 0
        #: What may be a tag, in pieces, and its length; without a state not even its name is there.
        self._held: list[str] = []
        self._size = 0
        self._state = ""

    def passes(self, chunk: str) -> bool:
        """Say if the chunk is nothing but text that goes where the last went; it need not be fed then."""
        return not self._held and "<" not in chunk

    def feed(self, chunk: str) -> list[TaggedText]:
        """Cut up what is certain now."""
        found: list[TaggedText] = []
        if not self._held:
            if "<" in chunk:
                self._scan(chunk, 0, 0, found)
            elif chunk:
                found.append(self._text(chunk))
        elif not self._state:
            self._scan(self._take() + chunk, 0, 0, found)
        elif chunk:
            self._go_on(chunk, found)
        return found

    def close(self) -> list[TaggedText]:
        """Give what was held: it is no tag, though another one may have begun inside of it."""
        found: list[TaggedText] = []
        while self._held:
            self._scan(self._take(), 0, 1, found)
        return found

    def _go_on(self, chunk: str, found: list[TaggedText]) -> None:
        """Follow the tag that has begun in an earlier chunk."""
        self._state, end = self._follow(self._state, chunk, 0, -self._size)
        if self._state == _DONE:
            self._tag(self._take() + chunk[:end], found)
            self._scan(chunk, end, end, found)
        elif self._state == _NO_TAG:
            self._scan(self._take() + chunk, 0, 1, found)
        else:
            self._hold(chunk)

    def _scan(self, text: str, out: int, place: int, found: list[TaggedText]) -> None:
        """Cut up a text of which nothing is followed yet from ``out`` on; no tag begins before ``place``."""
        while (head := self._find_head(text, place)) is not None:
            place = head.end()
            if head["opening"]:
                if len(self._open) == self._max_depth:
                    continue
                state = "behind"
            elif head["closing"] in self._opens_of:
                state = "closing"
            else:
                continue
            start = head.start()
            state, end = self._follow(state, text, place, start)
            if state == _NO_TAG:
                continue
            if start > out:
                found.append(self._text(text[out:start]))
            if state != _DONE:
                self._state = state
                self._hold(text[start:])
                return
            self._tag(text[start:end], found)
            out = place = end
        self._state = ""
        start = self._begun(text, place)
        if start > out:
            found.append(self._text(text[out:start]))
        if start < len(text):
            self._hold(text[start:])

    def _begun(self, text: str, place: int) -> int:
        """Find where at the text's end a tag has begun, of which not even the name is certain."""
        start = text.rfind("<", max(place, len(text) - self._longest - len("</")))
        if start >= 0:
            name = text[start + 1 :]
            if name.startswith("/"):
                known = any(other.startswith(name[1:]) for other in self._opens_of)
            elif len(self._open) < self._max_depth:
                known = any(other.startswith(name) for other in self._names)
            else:
                known = not name
            if known:
                return start
        return len(text)

    def _follow(self, state: str, text: str, place: int, start: int) -> tuple[str, int]:
        """Follow the tag that begins at ``start`` from ``place`` on.

        Give the end of what was followed, and that it is done, or no tag, or where in the tag we are.
        """
        limit = start + self._max_tag
        while True:
            step = _STEPS[state](text, place, limit)
            assert step is not None
            place = step.end()
            if step.lastgroup is None:
                break
            state = step.lastgroup
            if state == _DONE:
                return _DONE, place
        if place < len(text) or place + 1 + (state in _NEEDS_TWO) > limit:
            return _NO_TAG, place
        return state, place

    def _hold(self, piece: str) -> None:
        self._held.append(piece)
        self._size += len(piece)

    def _take(self) -> str:
        text = "".join(self._held)
        self._held.clear()
        self._size = 0
        return text

    def _text(self, text: str) -> TaggedText:
        if not self._open:
            return TaggedText(text)
        last = self._open[-1]
        return TaggedText(text, last.tag, last.attributes, last.path, last.index)

    def _tag(self, tag: str, found: list[TaggedText]) -> None:
        """Do what a tag says."""
        head = self._find_head(tag)
        assert head is not None
        name = head["opening"]
        if name is None:
            self._close(head["closing"], found)
            return
        attributes: dict[str, str] = {}
        for attribute in _attributes(tag, head.end()):
            key, *values = attribute.groups()
            # Of two with one name the first counts, as in HTML.
            attributes.setdefault(key, next((value for value in values if value is not None), ""))
        path = (*self._open[-1].path, name) if self._open else (name,)
        item = TaggedText("", name, attributes, path, self._count, tag.endswith("/>"))
        self._count += 1
        found.append(item)
        if not item.complete:
            self._open.append(item)
            self._opens_of[name] = self._opens_of.get(name, 0) + 1

    def _close(self, name: str, found: list[TaggedText]) -> None:
        closed = ""
        while closed != name:
            last = self._open.pop()
            closed = last.path[-1]
            if self._opens_of[closed] == 1:
                del self._opens_of[closed]
            else:
                self._opens_of[closed] -= 1
            found.append(TaggedText("", closed, last.attributes, last.path, last.index, complete=True))


def _check_names(names: tuple[object, ...]) -> None:
    example = "as in 'think', 'answer'"
    if not names:
        msg = f"expected the names of the tags to look for, {example}, and got none"
        raise TypeError(msg)
    for name in names:
        if not isinstance(name, str):
            hint = ". Write *names to give those in a list" if isinstance(name, list | tuple | set) else ""
            msg = f"expected names of tags one by one, {example}, and got {name!r:.80}{hint}"
            raise TypeError(msg)
        if _is_name(name) is None:
            bare = name.strip("</> ")
            hint = f". Leave out the brackets: {bare!r}" if bare != name and _is_name(bare) else ""
            msg = (
                f"expected names of tags, {example} (a letter, '_' or ':', then also digits, '-' and '.'), "
                f"and got {name!r:.80}{hint}"
            )
            raise ValueError(msg)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"expected each name once, and got {twice!r} twice"
        raise ValueError(msg)


def _check_int(option: str, value: object, least: int, room: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        msg = f"{option} expects a number of type int and got {value!r:.80}"
        raise TypeError(msg)
    if value < least:
        msg = f"{option} must be at least {least}, to have room for {room}, and is {value}"
        raise ValueError(msg)
