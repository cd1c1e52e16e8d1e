"""What went wrong while a stream was being closed."""

__all__ = ("CloseFailures",)


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
