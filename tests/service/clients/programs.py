"""Programs that the tests need and pip does not install: where they are, or why a test is skipped."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

__all__ = ("Found", "missing", "needed", "run_node")

_HERE: Final = Path(__file__).parent

#: How each of them is had, on Debian.
_INSTALL: Final = {
    "chromium": "apt-get install chromium",
    "curl": "apt-get install curl",
    "node": "apt-get install nodejs npm",
    "redis-server": "apt-get install redis-server",
    "npm packages": "npm install --no-package-lock --prefix tests/service/clients",
}
#: Set by ``.ci/run``, which installs all of them: there nothing is skipped.
_REQUIRED: Final = os.environ.get("RXSTREAM_CLIENTS") == "required"
#: A run of a script has several checks in it, and what hangs in one of them must not hang the tests.
_PATIENCE: Final = 60.0


def needed(name: str) -> str:
    """Give the path of a program; where it is missing the test is skipped, or fails in CI."""
    return shutil.which(name) or missing(name)


def missing(name: str) -> NoReturn:
    """Skip the test for want of a program, or let it fail in CI."""
    reason = f"{name}: not installed; `{_INSTALL[name]}` (as root, for Debian's) brings it"
    if _REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


class Found:
    """What the checks of a script got, by their names."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Any:
        found = self._found[name]
        # Nothing else that a check gives is, or has, a "failed".
        if "failed" in found:
            pytest.fail(f"{name}: {found['failed']}")
        return found


def run_node(script: str, *arguments: str) -> Found:
    """Run one of the scripts here; give what it prints. Nothing may stand on its stderr."""
    node = needed("node")
    if not (_HERE / "node_modules").is_dir():
        missing("npm packages")
    done = subprocess.run(
        [node, str(_HERE / script), *arguments],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, f"{script} failed:\n{done.stderr}{done.stdout}"
    assert done.stderr == "", f"{script} complained:\n{done.stderr}"
    return Found(json.loads(done.stdout))
