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


@pytest.mark.parametrize("formula", ["$a_1 * b_2 * c$", "$$\\sum_i x_i$$", "\\(a_1\\)", "\\[a * b * c\\]"])
def test_a_formula_is_left_to_the_notebook(formula: str) -> None:
    assert f"so {formula}." in markdown_html(f"so {formula}.")


@pytest.mark.parametrize("text", ["$5 and *6*", "$ a * b * c $", "costs $5 *or* $6"])
def test_money_is_no_formula(text: str) -> None:
    html = markdown_html(text)
    assert "$" in html
    assert html == markdown_html(text.replace("$", "\\$"))


def test_a_formula_is_no_html() -> None:
    assert "<b>" not in markdown_html("$<b>$")


def test_a_link_may_stand_beside_a_formula() -> None:
    assert markdown_html("[a $x$](https://b.invalid)") == '<p><a href="https://b.invalid">a $x$</a></p>\n'


def test_cells_of_a_table_stand_where_it_says() -> None:
    html = markdown_html("|a|b|\n|-|-:|\n|1|2|")
    assert html.count("text-align:left") == html.count("text-align:right") == 2
