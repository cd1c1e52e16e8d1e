"""What went wrong while a stream was being closed."""

import anyio

__all__ = ("CloseFailures", "is_from_cancelling")


def is_from_cancelling(error: BaseException) -> bool:
    """Tell whether a source that was cancelled raised this in cleaning up, and not by itself before that."""
    cancelled = anyio.get_cancelled_exc_class()
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, cancelled):
            return True
        seen = seen.__context__
    return False


class CloseFailures:
    """Errors from closing never hide the one that came before them, and are never lost."""

    __slots__ = ("_failures",)

    def __init__(self) -> None:
        self._failures: list[Exception] = []

    def report(self, failure: Exception, primary: BaseException | None) -> None:
        """Keep an error that happened while closing after ``primary``, if that is known."""
        if primary is None:
            self._failures.append(failure)
        else:
            primary.add_note(f"Closing the source then failed, too: {failure!r}")

    def raise_now(self, primary: BaseException | None = None) -> None:
        """Raise what went wrong while closing, unless a primary error is on its way already."""
        failures, self._failures = self._failures, []
        if primary is None and failures:
            primary = failures.pop(0)
            for failure in failures:
                primary.add_note(f"Closing the stream failed once more: {failure!r}")
            raise primary
        for failure in failures:
            assert primary is not None
            primary.add_note(f"Closing the stream then failed, too: {failure!r}")
