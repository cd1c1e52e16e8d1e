"""The ``openai`` package, as far as somebody has imported it.

To import it takes longer than to import everything else that we need. Whoever has a client of it, or an
error, has imported it already; for anybody else nothing is one of its objects, and ``isinstance(error, ())``
says so. Its annotations stand in quotes.
"""

import sys
from typing import TYPE_CHECKING, Any

__all__ = ("openai",)

if TYPE_CHECKING:
    import openai
else:

    class _IfImported:
        def __getattr__(self, name: str) -> Any:
            return getattr(sys.modules.get("openai"), name, ())

    openai = _IfImported()
