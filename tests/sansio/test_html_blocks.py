import pytest

from rxstream.sansio.html_blocks import ends_html, html_kind


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        *((line, 1) for line in ("<script", "<PRE>", "<style x", "<textarea\t")),
        *((line, 2) for line in ("<!--", "<!-- x -->", "<!---->")),
        *((line, 3) for line in ("<?", "<?php")),
        *((line, 4) for line in ("<!D", "<!doctype html>")),
        ("<![CDATA[x", 5),
        *((line, 6) for line in ("<div", "</div", "<DIV>", "<h1 x", "<hr/>", "</p >", "<p")),
        *((line, 7) for line in ("<a>", "</a >", "<x-y a=\"1\" b='2' c=3 d/> \t", "<b :x.y = z >", "</pre>")),
        *((line, 0) for line in ("", "<", "< div", "<!", "<![cdata[", "<divx", "<div/", "<prex", "<3>")),
        *(
            (line, 0)
            for line in ("<a", "<a> x", "<a b=>", '<a b="', "<a b='1'c>", "</a b>", "<a /x>", "x<p>")
        ),
        *((line, 0) for line in ("<\u017fcript>", "<a b=`c`>", "<a b=c\x01>", "<a\x0bb>")),
    ],
)
def test_a_line_begins_a_block_of_a_kind(line: str, kind: int) -> None:
    assert html_kind(f"> {line}", 2) == kind


@pytest.mark.parametrize(
    ("kind", "line", "ends"),
    [
        (1, "x </SCRIPT> y", True),
        (1, "</pre>", True),
        (1, "</pre >", False),
        (2, "<!-->", True),
        (2, "-- >", False),
        (3, "<?>", True),
        (4, "<!a", False),
        (4, "<!a>", True),
        (5, "]]>", True),
        (5, "]>", False),
        (6, "</div>", False),
        (7, "</a>", False),
    ],
)
def test_a_line_is_the_last_of_a_block(kind: int, line: str, ends: bool) -> None:
    assert ends_html(kind, line, 0) == ends
