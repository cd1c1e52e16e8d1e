"""Who answers, by flags and environment. What the commands make of it, tests/test_cli.py shows."""

import pytest

import rxstream as rxs
from rxstream.errors import UsageError
from rxstream.service.provider import provider
from rxstream.testing import Answer, FaultServer

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


async def test_a_server_is_asked_with_what_was_given() -> None:
    async with provider(base_url="http://127.0.0.1:1/v1", api_key="key", model="m", timeout=7) as found:
        assert (found.model, found.limit) == ("m", "max_tokens")
        assert str(found.client.base_url) == "http://127.0.0.1:1/v1/"
        assert (found.client.api_key, found.client.timeout) == ("key", 7)
    assert found.client.is_closed()


async def test_the_environment_names_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    async with provider() as found:
        assert (found.model, found.limit) == ("gpt-4o-mini", "max_completion_tokens")


async def test_the_only_model_of_a_server_needs_no_name() -> None:
    def models(_request: object, *names: str) -> Answer:
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "us"} for name in names]
        return Answer.json({"object": "list", "data": data})

    with FaultServer(lambda request: models(request, "one")) as server:
        async with provider(base_url=server.base_url) as found:
            assert found.model == "one"
    with (
        FaultServer(lambda request: models(request, "one", "two")) as server,
        pytest.raises(UsageError, match=r"has 2: one, two"),
    ):
        async with provider(base_url=server.base_url):
            pass


async def test_local_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    async with provider(local=True, parallel=1) as found:
        assert found.model == rxs.LocalModel.model
        assert found.client.base_url.host == "127.0.0.1"
