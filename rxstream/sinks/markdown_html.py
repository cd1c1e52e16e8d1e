"""Markdown to HTML that is safe to show, whoever wrote it."""

import re
from html import escape
from typing import Any, Final

from markdown_it import MarkdownIt
from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType]
from pygments.token import Comment, Keyword, Name, Number, Operator, String
from pygments.util import ClassNotFound

__all__ = ("markdown_html",)

#: What the notebook's own editor colours code with, in its light and its dark theme; elsewhere, as in its
#: light one. The first that a token belongs to.
_COLOURS: Final[dict[Any, str]] = {
    Comment: "color:var(--jp-mirror-editor-comment-color,#408080);font-style:italic",
    Keyword: "color:var(--jp-mirror-editor-keyword-color,#008000);font-weight:bold",
    Name.Function: "color:var(--jp-mirror-editor-def-color,#0000ff)",
    Name.Class: "color:var(--jp-mirror-editor-def-color,#0000ff)",
    Name.Builtin: "color:var(--jp-mirror-editor-builtin-color,#008000)",
    Name.Tag: "color:var(--jp-mirror-editor-tag-color,#117700)",
    Name.Attribute: "color:var(--jp-mirror-editor-attribute-color,#0000cc)",
    Number: "color:var(--jp-mirror-editor-number-color,#008800)",
    String: "color:var(--jp-mirror-editor-string-color,#ba2121)",
    Operator: "color:var(--jp-mirror-editor-operator-color,#7800c2)",
}

#: As the notebook finds them: $...$ and $$...$$, \\(...\\) and \\[...\\].
_FORMULA: Final = re.compile(
    r"\$\$.+?\$\$ | \$(?=\S)[^$\n]+?(?<=\S)\$(?!\d) | \\\(.+?\\\) | \\\[.+?\\\]", re.DOTALL | re.VERBOSE
)


def _highlighted(code: str, language: str, _attributes: str) -> str:
    """Colour code of a known language; "" leaves it to the renderer."""
    try:
        lexer: Any = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return ""
    return "".join(_coloured(token, escape(text, quote=False)) for token, text in lexer.get_tokens(code))


def _coloured(token: Any, html: str) -> str:
    style = next((style for kind, style in _COLOURS.items() if token in kind), None)
    return html if style is None else f'<span style="{style}">{html}</span>'


def _formula(state: Any, silent: bool) -> bool:  # noqa: FBT001 - as it is called
    """Leave a formula as it is: the notebook draws it, and Markdown would take it apart."""
    found = _FORMULA.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("text", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _cell(renderer: Any, tokens: Any, place: int, options: Any, _env: Any) -> str:
    """Begin a cell of a table, at the left if the table says nothing: a notebook has numbers in mind."""
    tokens[place].attrs.setdefault("style", "text-align:left")
    return str(renderer.renderToken(tokens, place, options, _env))


# HTML in the text is shown as text. So is a picture: to load one tells its server what a model was made to
# write into its address.
_MARKDOWN: Final = (
    MarkdownIt("commonmark", {"html": False, "highlight": _highlighted})
    .enable(["table", "strikethrough"])
    .disable(["image", "html_inline", "html_block"])
)
_MARKDOWN.inline.ruler.before("escape", "formula", _formula)
_MARKDOWN.add_render_rule("th_open", _cell)
_MARKDOWN.add_render_rule("td_open", _cell)


def markdown_html(text: str) -> str:
    """Render Markdown, without anything that runs or loads."""
    return str(_MARKDOWN.render(text))
