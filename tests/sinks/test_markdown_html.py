import pytest

from rxstream.sinks.markdown_html import markdown_html


def test_markdown_is_rendered() -> None:
    assert markdown_html("# A *b*") == "<h1>A <em>b</em></h1>\n"
    assert "<table>" in markdown_html("|a|b|\n|-|-|\n|1|2|")


def test_code_of_a_known_language_is_coloured() -> None:
    assert "<span style=" in markdown_html("```python\nreturn 1\n```")


@pytest.mark.parametrize("info", ["", "no-such-language"])
def test_other_code_is_not(info: str) -> None:
    assert markdown_html(f"```{info}\na < b\n```").count("a &lt; b") == 1


@pytest.mark.parametrize(
    "text",
    [
        "<script>run()</script>",
        "a <img src=x onerror=run()> b",
        "![a picture](https://elsewhere.invalid/?what=was-said)",
        "[a link](javascript:run())",
        "```html\n<script>run()</script>\n```",
    ],
)
def test_nothing_in_it_runs_or_loads(text: str) -> None:
    html = markdown_html(text)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
