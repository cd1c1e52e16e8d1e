"""Markdown to HTML that is safe to show, whoever wrote it."""

from typing import Any, Final

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType]
from pygments.util import ClassNotFound

__all__ = ("markdown_html",)


def _highlighted(code: str, language: str, _attributes: str) -> str:
    """Colour code of a known language; "" leaves it to the renderer."""
    try:
        lexer: Any = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    html: Any = HtmlFormatter(noclasses=True, nobackground=True, prestyles="white-space:pre;overflow-x:auto")  # pyright: ignore[reportUnknownVariableType]
    return str(highlight(code, lexer, html))


# HTML in the text is shown as text. So is a picture: to load one tells its server what a model was made to
# write into its address.
_MARKDOWN: Final = (
    MarkdownIt("commonmark", {"html": False, "highlight": _highlighted})
    .enable(["table", "strikethrough"])
    .disable(["image", "html_inline", "html_block"])
)


def markdown_html(text: str) -> str:
    """Render Markdown, without anything that runs or loads."""
    return str(_MARKDOWN.render(text))
