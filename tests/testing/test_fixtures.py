"""The fixtures, as a user's own tests use them."""

import subprocess
import sys
from pathlib import Path

import pytest

TEST = """
import openai
import pytest
import rxstream as rxs
from rxstream.testing import Fault
{imported}

started = []

def test_a_cut_is_found_out(fault_server) -> None:
    server = fault_server("01-prose", faults=[Fault.cut(3000)])
    other = fault_server("17-responses-text")
    assert server.url != other.url
    with openai.OpenAI(base_url=server.base_url, api_key="none") as client:
        answer = rxs.from_chat(client, model="any", messages=[])
        with pytest.raises(rxs.ConnectionLost):
            rxs.run(answer)
        assert rxs.run(answer) == rxs.run(rxs.from_recording("01-prose", speed=None))
    started.append(server)

def test_it_is_closed_behind_its_test() -> None:
    (server,) = started
    assert server.closed().closed_by
    with pytest.raises(OSError):
        import urllib.request
        urllib.request.urlopen(server.url, timeout=5)
"""

WAYS = {
    "as a plugin": ('pytest_plugins = ["rxstream.testing.fixtures"]', ""),
    "imported": ("", "from rxstream.testing.fixtures import fault_server"),
}


@pytest.mark.parametrize(("conftest", "imported"), WAYS.values(), ids=WAYS)
def test_a_users_test_gets_a_server(tmp_path: Path, conftest: str, imported: str) -> None:
    (tmp_path / "conftest.py").write_text(conftest, encoding="utf-8")
    (tmp_path / "test_own.py").write_text(TEST.format(imported=imported), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_without_them_pytest_is_not_needed() -> None:
    program = "import sys, rxstream.testing; sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
