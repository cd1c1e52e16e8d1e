import subprocess
import sys

import openai as real

from rxstream.sources.sdk import openai

WITHOUT = """
import sys
import httpx2
import rxstream as rxs
from rxstream.resilience.backoff import is_transient
from rxstream.sources.sdk import openai
from rxstream.transports.dialects.error_form import error_form
from rxstream.transports.refusals import public_error, refusal_of

assert not isinstance(OSError(), openai.OpenAIError)
assert is_transient(ConnectionError()) and not is_transient(ValueError())
assert error_form(TimeoutError())["code"] == "timeout"
assert refusal_of(httpx2.ReadTimeout("late")).status == 504 and public_error(ValueError())
assert rxs.run(rxs.from_recording("01-prose", speed=None).pipe(rxs.buffer_words()))[0] == "The"
print("openai" in sys.modules)
"""


def test_what_somebody_has_imported_is_it() -> None:
    assert openai.APIError is real.APIError
    assert isinstance(real.OpenAIError(), openai.OpenAIError)


def test_what_is_not_in_it_is_the_class_of_nothing() -> None:
    assert not isinstance(1, openai.NoSuchName)  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue]


def test_without_it_everything_else_works_and_nobody_imports_it() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT], capture_output=True, text=True, check=False
    )
    assert (ran.stdout, ran.stderr) == ("False\n", "")
