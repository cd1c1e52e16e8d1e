"""The child process of ``local.py``: one llama.cpp server on one loopback port.

Run by its path, ``python -P _local_server.py GGUF OPTIONS``, and without a word of rxstream imported:
importing the package would double the time that a start takes. OPTIONS is a JSON object: "threads", and
attributes of ``xllamacpp.CommonParams``. On stdout comes one line of JSON when requests are taken,
``{"address": "http://127.0.0.1:PORT"}``. The process ends when its stdin does, and so never outlives
its parent, not even one that was killed.
"""

import importlib
import json
import os
import sys
import traceback
from typing import Any


def main(gguf: str, options: str) -> None:
    """Serve ``gguf`` until stdin ends."""
    # Whatever the engine may print goes where its log goes: stdout carries our one line only.
    announce = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)

    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = gguf
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # the system chooses a free one
    wanted = json.loads(options)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = wanted.pop("threads")
    for name, value in wanted.items():
        setattr(params, name, value)
    server = xllamacpp.Server(params)
    with announce:
        json.dump({"address": server.listening_address}, announce)
        announce.write("\n")
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BaseException:  # noqa: BLE001 - any of them ends the process, none is to end it slowly
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    # There is nothing to save, and the engine's own farewell waits for its threads.
    os._exit(0)
