"""Errors from closing: none is lost, and none hides another."""

import anyio
import pytest

from rxstream.engine.close_failures import CloseFailures, is_from_cancelling


def test_without_a_failure_nothing_is_raised() -> None:
    failures = CloseFailures()
    failures.raise_now()
    failures.raise_now(OSError("primary"))


def test_the_first_is_raised_and_the_others_are_its_notes() -> None:
    failures = CloseFailures()
    failures.report(OSError("one"), None)
    failures.report(OSError("two"), None)
    with pytest.raises(OSError, match="one") as raised:
        failures.raise_now()
    assert raised.value.__notes__ == ["Closing the stream failed once more: OSError('two')"]
    failures.raise_now()  # it was told once


def test_with_another_error_on_its_way_they_are_notes_on_that() -> None:
    failures = CloseFailures()
    primary = ValueError("primary")
    failures.report(OSError("one"), primary)
    failures.report(OSError("two"), None)
    failures.raise_now(primary)
    assert primary.__notes__ == [
        "Closing the source then failed, too: OSError('one')",
        "Closing the stream then failed, too: OSError('two')",
    ]


@pytest.mark.anyio
async def test_an_error_in_a_clean_up_is_told_from_one_before_it() -> None:
    raised: Exception | None = None
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.sleep(1)
        finally:
            try:
                try:
                    raise OSError("clean-up")
                except OSError as inner:
                    raise ValueError("outer") from inner
            except ValueError as error:
                raised = error
    assert raised is not None
    assert is_from_cancelling(raised)
    assert not is_from_cancelling(OSError("by itself"))
