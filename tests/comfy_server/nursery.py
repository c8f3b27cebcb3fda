"""``python -m tests.comfy_server.nursery``: many stand-in servers, one after the other, for the imports of one.

A line on stdin is a JSON list: the options of a server to begin, answered with its process id and URL, or the process
id of one to end, answered once it has ended. When stdin closes, all end. Needs ``fork``.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from .__main__ import serve


def main() -> None:
    children: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, int):
            os.kill(asked, signal.SIGTERM)
            os.waitpid(asked, 0)
            children.discard(asked)
            _say("ended")
        elif child := os.fork():
            children.add(child)
        else:
            _begin(asked)
    for child in children:
        os.kill(child, signal.SIGTERM)


def _begin(options: list[str]) -> None:
    """In the child: it has no more to do with the nursery's stdin, and never comes back."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    status = 1
    try:
        serve([*options, "--keep"], lambda url: _say(f"{os.getpid()} {url}"))
        status = 0
    finally:
        os._exit(status)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
