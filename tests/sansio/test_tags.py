"""Tags, wherever they are cut; and a parser of whole texts that says the same."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rxstream.items import TaggedText
from rxstream.sansio.tags import Tags
from rxstream.testing import assert_linear, check_machine, chunkings, run_machine, texts

#: The same name, for what its types forbid.
anything: Any = import_module("rxstream.sansio.tags")

NAMES = ("think", "answer", "a", "a-b")


def made() -> Tags:
    return Tags(*NAMES)


def in_tags(items: Sequence[TaggedText]) -> list[Any]:
    """Take an item without text as it is, and text by its characters: where that is cut means nothing."""
    found: list[Any] = []
    for item in items:
        where = item.tag, item.attributes, item.path, item.index
        assert not (item.text and item.complete)
        assert item.text or item.tag is not None
        found += [(char, *where) for char in item.text] or [(item.complete, *where)]
    return found


def drawn(items: Sequence[TaggedText]) -> str:
    """Draw items as a text: ``[name key='value':`` where one opens, ``]`` where it is complete."""
    out: list[str] = []
    opened: set[int | None] = set()
    for item in items:
        if item.text:
            out.append(item.text)
            continue
        if item.index not in opened:
            opened.add(item.index)
            out.append("[" + " ".join([str(item.tag), *(f"{k}={v!r}" for k, v in item.attributes.items())]))
            out.append(":")
        if item.complete:
            out.append("]")
    return "".join(out)


def everywhere(make: Callable[[], Tags], text: str) -> list[TaggedText]:
    """Drive with the text whole, as single characters, and cut at every place; the same must come out."""
    whole, _ = run_machine(make, [text])
    ways = [[text[:cut], text[cut:]] for cut in range(1, len(text))]
    for chunks in ([*text], [piece for char in text for piece in ("", char)], *ways):
        assert in_tags(run_machine(make, chunks)[0]) == in_tags(whole)
    return whole


# ---------------------------------------------------------------- what is a tag

CASES = {
    "text": ("no tags < at > all", "no tags < at > all"),
    "a tag": ("x<think>y</think>z", "x[think:y]z"),
    "nothing in it": ("<think></think>", "[think:]"),
    "two in a row": ("<think>1</think><think>2</think>", "[think:1][think:2]"),
    "unclosed": ("x<think>y", "x[think:y"),
    "only opened": ("<think>", "[think:"),
    "white space behind the name": ("<think \n\t\r\f>y</think\n >", "[think:y]"),
    "white space before the name": ("< think>y</ think>", "< think>y</ think>"),
    "white space of other kinds": ("<think\u00a0>", "<think\u00a0>"),
    "an unknown tag": ("<b>x</b><br/><thinking>", "<b>x</b><br/><thinking>"),
    "another case": ("<Think>x</THINK>", "<Think>x</THINK>"),
    "a name that begins like another": ("<a-b>x</a-b><a>y</a>", "[a-b:x][a:y]"),
    "a closing tag of nothing": ("x</think>y", "x</think>y"),
    "a closing tag of another": ("<think>x</answer>y</think>", "[think:x</answer>y]"),
    "a closing tag with more in it": ("<think>x</think y></think/></think>", "[think:x</think y></think/>]"),
    "nested": ("<think>1<answer>2</answer>3</think>4", "[think:1[answer:2]3]4"),
    "nested in itself": ("<a>1<a>2</a>3</a>4", "[a:1[a:2]3]4"),
    "closed from outside": ("<think>1<answer>2<a>3</think>4</answer>", "[think:1[answer:2[a:3]]]4</answer>"),
    "the nearest is closed": ("<a>1<think>2<a>3</a>4</a>5", "[a:1[think:2[a:3]4]]5"),
    "an empty element": ("x<think/>y<a />z", "x[think:]y[a:]z"),
    "an empty element in another": ("<a><think/>x</a>", "[a:[think:]x]"),
    "a slash elsewhere": ("<think/ ><think / ><think //>", "<think/ ><think / ><think //>"),
    "attributes": ("""<a x="1" y='2' z=3 w>t""", "[a x='1' y='2' z='3' w='':t"),
    "white space around the =": ("<a x\n=\n'1' y = 2>t", "[a x='1' y='2':t"),
    "lines between": ('<a\nx="1"\r\ny="2"\n>t', "[a x='1' y='2':t"),
    "quotes in the other ones": ("""<a x="it's" y='"'>t""", """[a x="it's" y='"':t"""),
    "an end in quotes": ("""<a x=">" y='/>'>t""", "[a x='>' y='/>':t"),
    "a tag in quotes": ("""<a x="</a><think>">t""", "[a x='</a><think>':t"),
    "nothing is decoded": ('<a x="&lt;&amp;\\"/>', "[a x='&lt;&amp;\\\\':]"),
    "an empty value": ("<a x='' y=\"\"/>", "[a x='' y='':]"),
    "names of attributes": (
        "<a data-x=1 n:y=2 _z.1=3 é=4 :w>",
        "[a data-x='1' n:y='2' _z.1='3' é='4' :w='':",
    ),
    "no names of attributes": ("<a 1=2><a -x><a .><a @x=1>", "<a 1=2><a -x><a .><a @x=1>"),
    "the first of two": ("<a x=1 x=2 y y=3>", "[a x='1' y='':"),
    "unquoted": ("<a x=/p/q?r=s y=// z==>", "[a x='/p/q?r=s' y='//' z='=':"),
    "unquoted, then the end": ("<a x=b/><a x=b//><a x=// />", "[a x='b':][a x='b/':][a x='//':]"),
    "unquoted, a slash first": ("<a x=/ y=/b z=/\n/>", "[a x='/' y='/b' z='/':]"),
    "a quote in an unquoted value": ("<a x=b'c><a x=b\"c>", "<a x=b'c><a x=b\"c>"),
    "no value": ("<a x=><a x= ><a x=/>", "<a x=><a x= ><a x=/>"),
    "no name": ("<a =1><a x=1 =2><a x==1>", "<a =1><a x=1 =2>[a x='=1':"),
    "nothing between attributes": ("""<a x="1"y="2">""", """<a x="1"y="2">"""),
    "a quote where none may be": ("<a \"x\"><a x'><a x='1''>", "<a \"x\"><a x'><a x='1''>"),
    "a tag in a tag": ("<think <think x=<think>y", "<think <think x=[think:y"),
    "a tag in quotes that never end": ("<think x='<answer>y", "<think x='[answer:y"),
    "two of them": ("<think x='<a y=\"<answer>z", "<think x='<a y=\"[answer:z"),
    "a tag in quotes of no tag": ("<think x='<answer>'y</answer>", "<think x='[answer:'y]"),
    "many beginnings": ("<<</<thi<think<think>", "<<</<thi<think[think:"),
    "broken off": ("x<thi", "x<thi"),
    "broken off behind the name": ("x<think", "x<think"),
    "broken off in the tag": ("x<think y='1' z", "x<think y='1' z"),
    "broken off in the closing tag": ("<think>x</thi", "[think:x</thi"),
    "broken off before its end": ("<think>x</think ", "[think:x</think "),
    "other angle brackets": ("1 < 2 <- x -> <3 a<b <= a>b <a<", "1 < 2 <- x -> <3 a<b <= a>b <a<"),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_what_is_a_tag(text: str, expected: str) -> None:
    assert drawn(everywhere(made, text)) == expected


def test_an_item_knows_all_tags_around_it() -> None:
    items = everywhere(made, "x<a k=1><think>y</think></a>z<a/>")
    a, think = {"k": "1"}, ("a", "think")
    assert items == [
        TaggedText("x"),
        TaggedText("", "a", a, ("a",), 0),
        TaggedText("", "think", {}, think, 1),
        TaggedText("y", "think", {}, think, 1),
        TaggedText("", "think", {}, think, 1, complete=True),
        TaggedText("", "a", a, ("a",), 0, complete=True),
        TaggedText("z"),
        TaggedText("", "a", {}, ("a",), 2, complete=True),
    ]


# ---------------------------------------------------------------- when it comes


def after(text: str, make: Callable[[], Tags] = made) -> str:
    """Draw what is out after a text that may go on."""
    machine = make()
    return drawn([item for char in text for item in machine.feed(char)])


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("x <", "x "),
        ("x <t", "x "),
        ("x <think", "x "),
        ("x <thinkx", "x <thinkx"),
        ("x <think y", "x "),
        ("x <think y<", "x <think y"),
        ("x <think y <a", "x <think y "),
        ("x <think y='<a>", "x "),
        ("x <think y='<a>'z", "x <think y='[a:'z"),
        ("x </", "x </"),
        ("x </thi", "x </thi"),
        ("<think></thi", "[think:"),
        ("<think></a", "[think:</a"),
        ("<think></think\n", "[think:"),
        ("<think></think x", "[think:</think x"),
        ("<b", "<b"),
    ],
)
def test_what_can_be_no_tag_is_out(text: str, out: str) -> None:
    assert after(text) == out


def test_text_in_a_tag_streams() -> None:
    machine = Tags("think")
    assert [drawn(machine.feed(piece)) for piece in ("<think>", "so ", "what", "</think>")] == [
        "[think:",
        "so ",
        "what",
        "[think:]",
    ]


def test_a_chunk_that_is_text_need_not_be_fed() -> None:
    machine = Tags("think")
    assert machine.passes("x")
    assert not machine.passes("x<")
    assert not list(machine.feed("<"))
    assert not machine.passes("x")


# ---------------------------------------------------------------- bounds


def short() -> Tags:
    return Tags("think", "a", max_tag=12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think x=12>y", "[think x='12':y"),
        ("<think x=123>y", "<think x=123>y"),
        ("<think x='1'>y", "<think x='1'>y"),
        ("<think  xy/>y", "[think xy='':]y"),
        ("<think  xyz/>y", "<think  xyz/>y"),
        ("<think>y</think    >", "[think:y]"),
        ("<think>y</think     >", "[think:y</think     >"),
        ("<think      <think>", "<think      [think:"),
        ("<think x='<a>y", "<think x='[a:y"),
        ("<a x='<think>'>y", "<a x='[think:'>y"),
    ],
)
def test_a_tag_that_is_too_long_is_text(text: str, expected: str) -> None:
    assert drawn(everywhere(short, text)) == expected


@pytest.mark.parametrize("tag", ["<think x='1", '<think x="1', "<think   x=", "<think  x=/", "<think x= \n"])
def test_a_tag_that_must_become_too_long_is_text_at_once(tag: str) -> None:
    # Two characters are missing at least, and there is room for one.
    assert len(tag) == 11
    assert after(tag[:-1], short) == ""
    assert after(tag, short) == tag


@pytest.mark.parametrize(
    "tag", ["<think     ", "<think    x", "<think  x  ", "<think x=12", "<think x=1/", "<think    /"]
)
def test_a_tag_that_may_just_fit_waits(tag: str) -> None:
    assert len(tag) == 11
    assert after(tag, short) == ""
    assert after(tag + "\n", short) == tag + "\n"
    assert after("<think></think    ", short) == "[think:"
    assert after("<think></think     ", short) == "[think:</think     "


def test_deeper_than_max_depth_a_tag_is_text() -> None:
    make = lambda: Tags("a", "think", max_depth=2)  # noqa: E731
    text = "<a><a><a><think/>x</a>y<think>z</a>"
    assert drawn(everywhere(make, text)) == "[a:[a:<a><think/>x]y[think:z]]"
    assert after("<a><a><a", make) == "[a:[a:<a"
    assert after("<a><a><", make) == "[a:[a:"
    assert after("<a><a></", make) == "[a:[a:"


LONG = {
    "<": "<",
    "<think": "<think",
    "an open quote": '<think a="',
    "spaces in a tag": "<think" + " " * 5000,
    "attributes": "<think " + "a='<a' " * 50,
    "quotes in quotes": '<think a=\'"<think b="\' c="',
    "tags": "<think>",
    "tags that open and close": "<a><think>x</a>",
    "closing tags": "</think>",
    "empty elements": "<a/>",
}


@pytest.mark.parametrize("unit", LONG.values(), ids=LONG)
@pytest.mark.parametrize("size", [3, None])
def test_the_cost_grows_with_the_length(unit: str, size: int | None) -> None:
    def cut(length: int) -> list[str]:
        text = unit * (length // len(unit) + 1)
        return [text] if size is None else [text[at : at + size] for at in range(0, len(text), size)]

    assert_linear(made, cut, shape=f"{unit!r:.30} over and over")


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["think", "tool-call", "ns:x", "a_b", "_", "h1", "x.y", "思考"])
def test_names(name: str) -> None:
    assert drawn(everywhere(lambda: Tags(name), f"<{name}>x</{name}>")) == f"[{name}:x]"


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        ((), TypeError, "expected the names of the tags to look for, as in 'think', 'answer', and got none"),
        ((["think", "a"],), TypeError, r"got \['think', 'a'\]. Write \*names"),
        (("think", 1), TypeError, r"one by one.*and got 1$"),
        (("",), ValueError, "expected names of tags.*and got ''$"),
        (("<think>",), ValueError, r"got '<think>'\. Leave out the brackets: 'think'"),
        (("</think>",), ValueError, "Leave out the brackets: 'think'"),
        (("<>",), ValueError, r"got '<>'$"),
        (("a b",), ValueError, "got 'a b'$"),
        (("1a",), ValueError, "got '1a'$"),
        (("-a",), ValueError, "got '-a'$"),
        (("a", "b", "a"), ValueError, "each name once, and got 'a' twice"),
    ],
)
def test_a_name_that_is_none_is_refused(names: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Tags(*names)


def test_a_bound_without_sense_is_refused() -> None:
    assert drawn(everywhere(lambda: Tags("a", max_tag=4, max_depth=1), "<a>x</a>")) == "[a:x]"
    with pytest.raises(ValueError, match=r"max_tag must be at least 8, to have room for .*, and is 7"):
        Tags("a", "think", max_tag=7)
    with pytest.raises(ValueError, match="max_depth must be at least 1"):
        Tags("a", max_depth=0)
    for wrong in (True, "9", 9.0, None):
        with pytest.raises(TypeError, match="max_tag expects a number of type int"):
            anything.Tags("a", max_tag=wrong)


# ---------------------------------------------------------------- an oracle

SPACE = " \t\n\r\f"


class Batch:
    """A parser of whole texts, one character after the other, with nothing in common with the machine."""

    def __init__(self, text: str, names: Sequence[str], max_tag: int, max_depth: int) -> None:
        self.text = text + "\0"  # ends whatever is open
        self.names = names
        self.max_tag = max_tag
        self.max_depth = max_depth
        self.at = 0

    def items(self) -> Iterator[TaggedText]:
        open_: list[TaggedText] = []
        count = at = 0
        while at < len(self.text) - 1:
            tag = self.tag(at)
            names = [item.tag for item in open_]
            if tag is not None:
                name, attributes, kind = tag
                if kind == "close" and name in names:
                    while True:
                        last = open_.pop()
                        yield TaggedText("", last.tag, last.attributes, last.path, last.index, complete=True)
                        if last.tag == name:
                            break
                    at = self.at
                    continue
                if kind != "close" and len(open_) < self.max_depth:
                    path = (*(item.path[-1] for item in open_), name)
                    item = TaggedText("", name, attributes, path, count, complete=kind == "empty")
                    count += 1
                    yield item
                    if kind == "open":
                        open_.append(item)
                    at = self.at
                    continue
            here = open_[-1] if open_ else TaggedText("")
            yield TaggedText(self.text[at], here.tag, here.attributes, here.path, here.index)
            at += 1

    def tag(self, start: int) -> tuple[str, dict[str, str], str] | None:
        """Read the tag at a place; None if there is none. ``at`` is then behind it."""
        self.at = start
        if not self.take("<"):
            return None
        closing = self.take("/")
        name = self.run(lambda char: char not in SPACE + "/>\0<")
        if name not in self.names:
            return None
        attributes: dict[str, str] = {}
        kind = "close" if closing else "open"
        while True:
            spaces = self.run(lambda char: char in SPACE)
            if self.take(">"):
                break
            if closing:
                return None
            if self.take("/"):
                if not self.take(">"):
                    return None
                kind = "empty"
                break
            if not spaces or not self.attribute(attributes):
                return None
        return None if self.at - start > self.max_tag else (name, attributes, kind)

    def attribute(self, attributes: dict[str, str]) -> bool:
        first = self.text[self.at]
        if not (first in "_:" or (first.isalnum() and not first.isdecimal())):
            return False
        name = self.run(lambda char: char.isalnum() or char in "_.:-")
        behind = self.at
        self.run(lambda char: char in SPACE)
        value = ""
        if self.take("="):
            self.run(lambda char: char in SPACE)
            quote = self.text[self.at]
            if quote in "\"'":
                self.at += 1
                value = self.run(lambda char: char not in quote + "\0")
                if not self.take(quote):
                    return False
            else:
                while self.text[self.at] not in SPACE + "\"'<>\0" and not self.text.startswith("/>", self.at):
                    value += self.text[self.at]
                    self.at += 1
                if not value:
                    return False
        else:
            self.at = behind
        attributes.setdefault(name, value)
        return True

    def take(self, char: str) -> bool:
        found = self.text[self.at] == char
        self.at += found
        return found

    def run(self, belongs: Callable[[str], bool]) -> str:
        start = self.at
        while belongs(self.text[self.at]):
            self.at += 1
        return self.text[start : self.at]


FRAGMENTS = (
    *(
        "<think>",
        "</think>",
        "<answer>",
        "</answer >",
        "<a>",
        "</a>",
        "<a-b>",
        "</a-b>",
        "<a/>",
        "<b>",
        "</b>",
    ),
    *(
        "<a x='1'>",
        '<think x="<a>">',
        "<a x=1/>",
        "<a x y>",
        "<a x=\n'>'\n/>",
        "<think ",
        "x=",
        "'",
        '"',
        "/>",
    ),
)


@given(st.data(), texts(*FRAGMENTS), st.sampled_from((12, 30, 1024)), st.sampled_from((1, 2, 100)))
@example(None, "<a x='<think>'y", 1024, 100)
@example(None, "<a x=/><a x=//>", 1024, 100)
@example(None, "<a \u00b2=1><a \u0663=1><a \u2167=1><a x\u00b2=1>", 1024, 100)
def test_it_says_what_a_parser_of_whole_texts_says(
    data: Any, text: str, max_tag: int, max_depth: int
) -> None:
    text = text.replace("\0", "")
    expected = in_tags(list(Batch(text, NAMES, max_tag, max_depth).items()))
    chunks = [*text] if data is None else data.draw(chunkings(text))
    items, fault = run_machine(lambda: Tags(*NAMES, max_tag=max_tag, max_depth=max_depth), chunks)
    assert fault is None
    assert in_tags(items) == expected


@given(texts(*FRAGMENTS), st.sampled_from((12, 1024)))
def test_no_more_is_held_than_a_tag(text: str, max_tag: int) -> None:
    for end in range(len(text)):
        machine = Tags(*NAMES, max_tag=max_tag)
        machine.feed(text[:end])
        assert sum(len(item.text) for item in machine.close()) < max_tag


# ---------------------------------------------------------------- the laws

SAMPLES = (
    "Hi <think>so <a x='1' y=\"<a>\" z=2 w>b</a></think >. <thi <think/>x</answer></think>",
    "<a><a-b>x</a>y</a-b><answer <answer\n>z</ans",
    "<think x='<answer>y</answer><think x",
    "a < b <= c <<think>>> </thi</think>",
    "",
)
#: What ends a tag that has begun, so that the laws know it may still become one.
ENDS = (
    *("x>", "'>", '">', "/>", "x/>", "='>'>"),
    *sorted({f"{name}>"[cut:] for name in NAMES for cut in range(len(name) + 1)}),
)


def test_the_laws() -> None:
    check_machine(made, SAMPLES, join=in_tags, continuations=ENDS)
    check_machine(
        short, ["<think  <a x='<a>b</a><think    ", "<a x=1 /></a  "], join=in_tags, continuations=ENDS
    )


@given(st.data(), texts(*FRAGMENTS))
def test_law_1_where_a_text_is_cut_never_matters(data: st.DataObject, text: str) -> None:
    whole, _ = run_machine(made, [text])
    items, _ = run_machine(made, data.draw(chunkings(text)))
    assert in_tags(items) == in_tags(whole)
    for one, other in pairwise(items):
        assert one.index != other.index or one.attributes == other.attributes
