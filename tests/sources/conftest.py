"""The embedded model, started once for all tests that ask it something."""

from collections.abc import Generator

import pytest

import rxstream as rxs


@pytest.fixture(scope="session")
def local_model() -> Generator[rxs.LocalModel]:
    with rxs.LocalModel() as model:
        yield model
