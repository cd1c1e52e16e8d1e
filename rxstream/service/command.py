"""``rxstream serve``: the service, from the command line."""

import argparse
import gc
import logging
import os
import sys
from typing import Any, Final

from rxstream.errors import RxStreamError

__all__ = ("add_serve_command", "serve")

_MISSING: Final = (
    "`rxstream serve` needs FastAPI, uvicorn and websockets: install them with pip install 'rxstream[server]'"
)


def add_serve_command(commands: Any) -> None:
    """Add the command to the ``rxstream`` command's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "serve",
        help="serve answers to browsers and programs",
        description="Serve answers over server-sent events and WebSockets, with a chat page at /, "
        "documentation at /docs, and /v1/chat/completions for any OpenAI client. The provider is what "
        "--base-url, --api-key, OPENAI_BASE_URL or OPENAI_API_KEY say; without them a small model is run on "
        "this machine, whose weights (93 MB) are fetched on first use.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="the port; 0: any that is free (8000)")
    parser.add_argument("--base-url", help="the OpenAI-compatible server that answers")
    parser.add_argument("--api-key", help="the key for it")
    parser.add_argument("--model", help="the model's name there")
    parser.add_argument("--fallback", action="append", default=[], metavar="MODEL", help="asked if it fails")
    parser.add_argument(
        "--local", action="store_true", help="run the small model, whatever the environment says"
    )
    parser.add_argument("--parallel", type=int, default=2, metavar="N", help="its answers at once (2)")
    parser.add_argument(
        "--log",
        default="memory",
        metavar="LOG",
        help="where streams are kept, for clients that come back: memory, sqlite:PATH, redis://... (memory)",
    )
    parser.add_argument(
        "--lease",
        type=float,
        default=10.0,
        metavar="S",
        help="seconds after which another process takes over the streams of one that died (10)",
    )
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY",
        help="an API key that clients must have; may be repeated (RXSTREAM_API_KEYS, separated by commas)",
    )
    parser.add_argument("--allow-origin", action="append", default=[], metavar="URL", help="for other sites")
    parser.add_argument("--max-streams", type=int, default=100, metavar="N", help="answers at once (100)")
    parser.add_argument(
        "--grace",
        type=float,
        default=60.0,
        metavar="S",
        help="seconds an answer goes on without a reader (60)",
    )
    parser.add_argument(
        "--drain", type=float, default=10.0, metavar="S", help="seconds that answers have at a shutdown (10)"
    )
    parser.add_argument("--timeout", type=float, default=60.0, metavar="S", help="seconds of silence (60)")
    parser.set_defaults(command=serve)


async def serve(arguments: argparse.Namespace) -> None:
    """Run the service until it is told to stop."""
    try:
        from rxstream.service.app import create_app  # noqa: PLC0415
        from rxstream.service.server import Server, bound_socket  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise RxStreamError(f"{_MISSING} ({error})") from None
    from rxstream.service.provider import provider  # noqa: PLC0415
    from rxstream.transports.open_log import open_log  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    log = open_log(arguments.log, lease=arguments.lease)
    listening = bound_socket(arguments.host, arguments.port)
    with listening:
        async with provider(
            base_url=arguments.base_url,
            api_key=arguments.api_key,
            model=arguments.model,
            local=arguments.local,
            timeout=arguments.timeout,
            parallel=arguments.parallel,
        ) as found:
            app = create_app(
                client=found.client,
                model=found.model,
                log=log,
                api_keys=_keys(arguments.key),
                allowed_origins=arguments.allow_origin,
                fallback_models=arguments.fallback,
                max_concurrent=arguments.max_streams,
                grace=arguments.grace,
            )
            host, port = listening.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            sys.stderr.write(f"rxstream: {found.model} at http://{shown}:{port}/ (Ctrl-C ends it)\n")
            sys.stderr.flush()
            # What there is by now stays. To look at it again in each collection of everything takes 40 ms, in
            # which no stream goes on.
            gc.collect()
            gc.freeze()
            server = Server(app, app.state.drain, grace=arguments.drain)
            await server.serve(sockets=[listening])


def _keys(given: list[str]) -> list[str]:
    return given or [key.strip() for key in os.environ.get("RXSTREAM_API_KEYS", "").split(",") if key.strip()]
