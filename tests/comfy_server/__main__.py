"""``python -m tests.comfy_server``: prints its URL, then serves until stdin closes or SIGTERM."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .ending import EndRequest
from .level import NEW
from .server import ComfyServer


def main() -> None:
    serve(sys.argv[1:], _print)


def _print(url: str) -> None:
    sys.stdout.write(url + "\n")
    sys.stdout.flush()


def serve(arguments: list[str], tell: Callable[[str], None]) -> None:
    """Serve until stdin closes or SIGTERM; `tell` gets the URL once it listens."""
    options = _parse(arguments)
    auth = tuple(options.auth.split("=", 1)) if options.auth else None
    server = ComfyServer(
        options.level,
        port=options.port,
        prefix=options.prefix,
        data_dir=options.data_dir,
        step_delay=options.step_delay,
        post_delay=options.post_delay,
        history_delay=options.history_delay,
        vram_batch_limit=options.vram_batch_limit,
        auth=auth,
        object_info=options.object_info,
    )
    end = EndRequest()
    with server:
        if options.port_file:
            temporary = options.port_file.with_suffix(".part")
            temporary.write_text(str(server.port))
            temporary.replace(options.port_file)
        tell(server.url)
        if not options.keep:
            end.follow_stdin()
        end.wait()


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.comfy_server")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--level", default=NEW, help="the ComfyUI release to speak like")
    parser.add_argument("--prefix", default="", help="path before every route")
    parser.add_argument("--data-dir", type=Path, help="where input, output, temp and user are; default: temporary")
    parser.add_argument("--step-delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--post-delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--history-delay", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--vram-batch-limit", type=int, metavar="IMAGES")
    parser.add_argument("--object-info", type=Path, help="a real server's answer: its classes, as far as they can run")
    parser.add_argument("--auth", metavar="HEADER=VALUE", help="401 without this header")
    parser.add_argument("--port-file", type=Path, help="gets the port number once it listens")
    parser.add_argument("--keep", action="store_true", help="serve on when stdin closes")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
