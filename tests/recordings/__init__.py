"""Every real recording of the repository, by name; see the README beside this file."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rxstream

__all__ = ("NAMES", "Recording", "load")

#: Some are part of the package, the others are here.
FOLDERS = (Path(__file__).parent, Path(rxstream.__file__).parent / "recordings")

PATHS = {path.stem: path for folder in FOLDERS for path in folder.glob("*.jsonl")}

NAMES = tuple(sorted(PATHS))


@dataclass(slots=True)
class Recording:
    """One HTTP answer: what was asked, and the bytes of the body as the network delivered them."""

    name: str
    #: The request, the response's status and headers, and how the body ended.
    header: dict[str, Any]
    #: Seconds since the request was sent, and what one read gave.
    reads: list[tuple[float, bytes]]

    @property
    def body(self) -> bytes:
        return b"".join(data for _, data in self.reads)

    @property
    def status(self) -> int:
        status: int = self.header["response"]["status"]
        return status

    @property
    def request(self) -> dict[str, Any]:
        body: dict[str, Any] = self.header["request"]["body"]
        return body


def load(name: str) -> Recording:
    """Read the recording of that name, such as ``"01-prose"``; the number alone will do."""
    found = [known for known in NAMES if known == name or known.startswith(f"{name}-")]
    if len(found) != 1:
        raise ValueError(f"no recording is called {name!r}; there are {', '.join(NAMES)}")
    with PATHS[found[0]].open(encoding="utf-8") as file:
        header, *lines = map(json.loads, file)
    return Recording(found[0], header, [(line["t"], _data(line)) for line in lines])


def _data(line: dict[str, str]) -> bytes:
    if "data_b64" in line:
        return base64.b64decode(line["data_b64"])
    return line["data"].encode()
