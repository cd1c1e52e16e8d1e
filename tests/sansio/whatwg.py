"""Event streams, and the events that are in them by the WHATWG's rules; and its way to read broken UTF-8.

Every rule of the standard's section 9.2.6 has its cases, with the corners of it that the web platform's own
tests look into. The texts are ours.
"""

import re

from rxstream.items import SSEEvent

__all__ = ("CASES", "decoded_utf8", "naively")

Cases = dict[str, tuple[bytes, list[SSEEvent]]]

#: What ends a line elsewhere, and does not here.
NO_LINE_ENDS = "\u2028\u2029\u0085\u000b\u000c\u001c\u001d\u001e"

BYTE_ORDER_MARK: Cases = {
    "a byte-order mark is dropped once": (b"\xef\xbb\xbfdata: x\n\n", [SSEEvent("x")]),
    "a second byte-order mark is part of the name": (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n", []),
    "a later byte-order mark is part of the name": (
        b"data: x\n\n\xef\xbb\xbfdata: y\n\ndata: \xef\xbb\xbfz\n\n",
        [SSEEvent("x"), SSEEvent("\ufeffz")],
    ),
    "a mark behind a line end is not at the start": (b"\n\xef\xbb\xbfdata: x\n\n", []),
    "a mark in a name, an id and between two data": (
        b"event: \xef\xbb\xbfe\nid: \xef\xbb\xbf\ndata: a\n\xef\xbb\xbfdata: b\ndata: c\n\n",
        [SSEEvent("a\nc", "\ufeffe", "\ufeff")],
    ),
    "a mark alone is nothing": (b"\xef\xbb\xbf", []),
    "a mark before a blank line is nothing": (b"\xef\xbb\xbf\r\n\ndata: x\n\n", [SSEEvent("x")]),
    "a mark before a comment goes": (b"\xef\xbb\xbf: hi\ndata: x\n\n", [SSEEvent("x")]),
    "half a mark is broken text": (b"\xef\xbbdata: x\ndata: y\n\n", [SSEEvent("y")]),
    "the mark of utf-16 is broken text": (b"\xff\xfedata: x\ndata: y\n\n", [SSEEvent("y")]),
}

LINES: Cases = {
    "carriage returns end lines": (b"data: a\rdata: b\r\r", [SSEEvent("a\nb")]),
    "carriage return line feed is one line end": (b"data: a\r\ndata: b\r\n\r\n", [SSEEvent("a\nb")]),
    "line ends may be mixed": (b"data: a\r\ndata: b\n\rdata: c\n\r\n", [SSEEvent("a\nb"), SSEEvent("c")]),
    "one of each kind in one event": (
        b"data: a\rdata: b\ndata: c\r\ndata: d\r\r\nevent: e\r\ndata\n\r",
        [SSEEvent("a\nb\nc\nd"), SSEEvent("", "e")],
    ),
    "line feed carriage return is two": (b"data: a\n\rdata: b\n\n", [SSEEvent("a"), SSEEvent("b")]),
    "two carriage returns and a line feed are two": (
        b"event: e\r\r\ndata: a\r\r\ndata: b\n\r\n",
        [SSEEvent("a"), SSEEvent("b")],
    ),
    "nothing else ends a line": (
        f"data: a{NO_LINE_ENDS}b\nevent: c{NO_LINE_ENDS}\nid: {NO_LINE_ENDS}d\n\n".encode(),
        [SSEEvent(f"a{NO_LINE_ENDS}b", f"c{NO_LINE_ENDS}", f"{NO_LINE_ENDS}d")],
    ),
    "a line of what ends no line is not blank": (
        f"data: a\n{NO_LINE_ENDS}\n \n\t\ndata: b\n\n".encode(),
        [SSEEvent("a\nb")],
    ),
    "blank lines are nothing": (b"\n\r\r\n\n", []),
    "nothing is nothing": (b"", []),
}

COMMENTS: Cases = {
    "a comment is nothing": (b": hi\n:\ndata: x\n: there\n\n", [SSEEvent("x")]),
    "a comment that looks like a field is one": (
        b"data: 1\n:data: 2\n: data: 3\n::\n:\0\r\n:id: 4\n\n",
        [SSEEvent("1")],
    ),
    "a comment may be long": (b":" + b"ab " * 700 + b"\rdata: x\r\r", [SSEEvent("x")]),
    "a comment may be broken text": (b":\xff\xc3\ndata: x\n:\xe2\x82\n\n", [SSEEvent("x")]),
    "a keep-alive behind an id is no event": (
        b"id: 1\ndata: x\n\n: keep-alive\n\ndata: y\n\n",
        [SSEEvent("x", id="1"), SSEEvent("y", id="1")],
    ),
}

DATA: Cases = {
    "one line of data": (b"data: hello\n\n", [SSEEvent("hello")]),
    "data lines are joined": (b"data: a\ndata: b\ndata:c\n\n", [SSEEvent("a\nb\nc")]),
    "a field without a colon has an empty value": (b"data\n\n", [SSEEvent("")]),
    "empty data is data": (b"data:\n\ndata: \n\n", [SSEEvent(""), SSEEvent("")]),
    "two empty data lines are one line end": (b"data\ndata\n\n", [SSEEvent("\n")]),
    "empty lines at both ends are kept": (b"data\ndata: x\ndata:\ndata\n\n", [SSEEvent("\nx\n\n")]),
    "colons in the value stay": (b"data: a: b\ndata::\ndata: :\n\n", [SSEEvent("a: b\n:\n:")]),
    "data of an event is not data of the next": (b"data: x\n\n\ndata\n\n\n", [SSEEvent("x"), SSEEvent("")]),
    "no data no event": (b"event: a\nid: 1\nretry: 2\nfoo: 3\n\n\n", []),
    "a line may be of any length": (b"data: " + b"0123 " * 400 + b"\n\n", [SSEEvent("0123 " * 400)]),
    "an unfinished event is none": (b"data: x\n\ndata: y\n", [SSEEvent("x")]),
    "an unfinished line is none": (b"data: x\n\ndata: y", [SSEEvent("x")]),
    "an unfinished first event is none": (b"retry: 10\r\nid: 1\r\ndata: x\r\n", []),
    "half a line end may close it": (b"data: x\n\r", [SSEEvent("x")]),
}

NAMES: Cases = {
    "an event has its name": (b"event: tick\ndata: x\n\n", [SSEEvent("x", "tick")]),
    "the name may follow the data": (b"data: x\nevent:tick\n\n", [SSEEvent("x", "tick")]),
    "the last name counts": (b"event: a\nevent: b\ndata: x\n\n", [SSEEvent("x", "b")]),
    "an empty name is none": (
        b"event: a\nevent:\ndata: x\n\nevent\ndata: y\n\nevent: \ndata: z\n\n",
        [SSEEvent("x"), SSEEvent("y"), SSEEvent("z")],
    ),
    "a name is for one event": (
        b"event: a\ndata: x\n\ndata: y\n\n",
        [SSEEvent("x", "a"), SSEEvent("y")],
    ),
    "no data no event and the name is gone": (b"event: a\n\ndata: y\n\n", [SSEEvent("y")]),
    "the name that is the default may be given": (b"event: message\ndata\n\n", [SSEEvent("", "message")]),
    "a name is any text": ("event:  é: 日 \ndata\n\n".encode(), [SSEEvent("", " é: 日 ")]),
}

IDS: Cases = {
    "an id stays": (
        b"id: 1\ndata: x\n\ndata: y\n\nid: 2\n\ndata: z\n\n",
        [SSEEvent("x", id="1"), SSEEvent("y", id="1"), SSEEvent("z", id="2")],
    ),
    "an id may follow the data": (b"data: x\nid: 1\n\n", [SSEEvent("x", id="1")]),
    "the last id of a block counts": (b"id: 1\ndata: x\nid: 2\n\n", [SSEEvent("x", id="2")]),
    "an id stays beyond blocks of other fields": (
        b"id: 1\n\nevent: e\n\nretry: 5\n\n: c\n\n\ndata: x\n\n",
        [SSEEvent("x", id="1", retry=5)],
    ),
    "an id may be taken back": (
        b"id: 1\ndata: x\n\nid\ndata: y\n\nid: 2\n\nid:\n\ndata: z\n\nid: \ndata\n\n",
        [SSEEvent("x", id="1"), SSEEvent("y", id=""), SSEEvent("z", id=""), SSEEvent("", id="")],
    ),
    "an id with a null is ignored": (
        b"id: 1\nid: 2\0\nid: \0\nid:\0003\nid: 4\0004\ndata: x\n\n",
        [SSEEvent("x", id="1")],
    ),
    "an id with a null is no id": (b"id: \0\ndata: x\n\n", [SSEEvent("x")]),
    "an id is any text": ("id:  é: 日\t\ndata\n\n".encode(), [SSEEvent("", id=" é: 日\t")]),
    "an id may be broken text": (b"id: a\xff\xe2\x82\ndata\n\n", [SSEEvent("", id="a\ufffd\ufffd")]),
}

RETRY: Cases = {
    "retry takes digits": (
        b"retry: 250\ndata: x\n\ndata: y\n\n",
        [SSEEvent("x", retry=250), SSEEvent("y")],
    ),
    "retry is in base ten": (
        b"retry:007\ndata\n\nretry: 00\ndata\n\n",
        [SSEEvent("", retry=7), SSEEvent("", retry=0)],
    ),
    "retry waits for an event": (b"retry: 250\n\ndata: x\n\n", [SSEEvent("x", retry=250)]),
    "the last retry counts": (b"retry: 1\ndata: x\nretry: 2\n\n", [SSEEvent("x", retry=2)]),
    "retry takes nothing but ascii digits": (
        "retry: 1_0\nretry: +5\nretry: -5\nretry: ٣\nretry: 10x\nretry: 1 \nretry\ndata: x\n\n".encode(),
        [SSEEvent("x")],
    ),
    "a bad retry leaves the one before": (
        "retry: 5\nretry:\nretry: \nretry:  6\nretry: 6\t\nretry: 0x6\nretry: 6e1\nretry: 6.0\nretry: ６\n"
        "retry: ²\nretry: 6\0\nretry: 6, 7\nretry 6\nRetry: 6\ndata\n\n".encode(),
        [SSEEvent("", retry=5)],
    ),
    "retry beyond any clock is ignored": (b"retry: " + b"9" * 5000 + b"\ndata: x\n\n", [SSEEvent("x")]),
    "zeros make no number long": (b"retry: " + b"0" * 5000 + b"9\ndata: x\n\n", [SSEEvent("x", retry=9)]),
}

FIELDS: Cases = {
    "unknown fields are ignored": (b"Data: a\n data: b\nerror: c\ndata: d\n\n", [SSEEvent("d")]),
    "a name is exact": (
        b"DATA: 1\ndat: 2\ndatas: 3\ndata : 4\ndata\t: 5\n\tdata: 6\nda ta: 7\ndata8\ndata: 9\n\n",
        [SSEEvent("9")],
    ),
    "other names are exact": (b"Event: e\nid : 1\n id: 2\nretry : 3\n event: e\ndata\n\n", [SSEEvent("")]),
    "only one leading space goes": (b"data:  two\ndata:\ttab\n\n", [SSEEvent(" two\n\ttab")]),
    "only a space goes": (
        "data:\u00a0a\ndata:\u3000b\ndata:\x0bc\ndata: \td\ndata:\0 e\n\n".encode(),
        [SSEEvent("\u00a0a\n\u3000b\n\x0bc\n\td\n\0 e")],
    ),
    "space at the end stays": (b"data: a \ndata:  \ndata:\t\n\n", [SSEEvent("a \n \n\t")]),
    "one space of each value goes": (b"event:  e\nid:  1\ndata:  x\n\n", [SSEEvent(" x", " e", " 1")]),
    "a null is a character": (
        b"data: a\0b\nevent: \0\ndata\0: c\n\0data: d\n\0\n\n",
        [SSEEvent("a\0b", "\0")],
    ),
}

BROKEN_UTF_8: Cases = {
    "broken text is replaced": (
        b"data: \xffa\xe2\x82\nevent: \xc3\ndata: \xf0\x9f\x98\n\n",
        [SSEEvent("\ufffda\ufffd\n\ufffd", "\ufffd")],
    ),
    "what was begun is replaced once": (
        b"data: \xe2\x82\rdata: \xf0\x9f\x98 \xc3:\xe2\x82\xf0\x9f\x98\x80\r\r",
        [SSEEvent("\ufffd\n\ufffd \ufffd:\ufffd😀")],
    ),
    "what cannot begin is replaced each": (
        b"data: \x80\xbf\xc0\x80\xc1\xbf\xf5\x80\xff\xfe\n\n",
        [SSEEvent("\ufffd" * 10)],
    ),
    "what is too long, too far or a surrogate is replaced each": (
        b"data: \xe0\x80\x80 \xf0\x80\x80\x80 \xf4\x90\x80\x80 \xed\xa0\x80\n\n",
        [SSEEvent("\ufffd\ufffd\ufffd \ufffd\ufffd\ufffd\ufffd \ufffd\ufffd\ufffd\ufffd \ufffd\ufffd\ufffd")],
    ),
    "a broken name is another name": (b"data\xff: a\n\xffdata: b\nda\xc3ta: c\ndata: d\n\n", [SSEEvent("d")]),
    "characters of every length come whole": (
        "event: é\ndata: aß日😀\u0000\U0010ffff\ufffd\n\n".encode(),
        [SSEEvent("aß日😀\u0000\U0010ffff\ufffd", "é")],
    ),
}

CASES: Cases = {
    **BYTE_ORDER_MARK,
    **LINES,
    **COMMENTS,
    **DATA,
    **NAMES,
    **IDS,
    **RETRY,
    **FIELDS,
    **BROKEN_UTF_8,
}


def decoded_utf8(body: bytes) -> str:
    """Decode as the Encoding standard's UTF-8 decoder does, byte by byte, without its byte-order mark."""
    text: list[str] = []
    point = needed = 0
    lower, upper = 0x80, 0xBF
    for byte in body:
        if needed and not lower <= byte <= upper:
            text.append("\ufffd")
            point = needed = 0
            lower, upper = 0x80, 0xBF
        elif needed:
            lower, upper = 0x80, 0xBF
            point = point << 6 | byte & 0x3F
            needed -= 1
            if not needed:
                text.append(chr(point))
            continue
        if byte <= 0x7F:
            text.append(chr(byte))
        elif 0xC2 <= byte <= 0xDF:
            needed, point = 1, byte & 0x1F
        elif 0xE0 <= byte <= 0xEF:
            needed, point = 2, byte & 0xF
            lower, upper = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F)}.get(byte, (lower, upper))
        elif 0xF0 <= byte <= 0xF4:
            needed, point = 3, byte & 0x7
            lower, upper = {0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}.get(byte, (lower, upper))
        else:
            text.append("\ufffd")
    if needed:
        text.append("\ufffd")
    return "".join(text)


def naively(body: bytes) -> list[SSEEvent]:
    """Decode a whole stream in the standard's own words, slowly."""
    lines = re.split("\r\n|\n|\r", decoded_utf8(body).removeprefix("\ufeff"))[:-1]
    events: list[SSEEvent] = []
    data, name, last_id, retry = "", "", None, None
    for line in lines:
        if not line:
            if data:
                events.append(SSEEvent(data[:-1], name or None, last_id, retry))
                retry = None
            data, name = "", ""
            continue
        field, _, value = line.partition(":")
        value = value[1:] if value[:1] == " " else value
        if field == "data":
            data += value + "\n"
        elif field == "event":
            name = value
        elif field == "id" and "\0" not in value:
            last_id = value
        elif field == "retry" and re.fullmatch("0*[0-9]{1,18}", value):
            retry = int(value[-18:])
    return events
