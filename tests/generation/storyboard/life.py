"""A program that makes a storyboard of sixty panels, run by test_killed.py as a process of its own.

``python -m tests.generation.storyboard.life URL FOLDER [PANELS]``: with PANELS it kills itself once so many wait
in its queue; else it says "done" and how many files there are.
"""

from __future__ import annotations

import os
import signal
import sys

from blender_comfyui.generation.events import QueueChanged
from blender_comfyui.generation.session import Session
from tests.generation.storyboard.conftest import QUICK, SOON, board


def main(url: str, folder: str, panels: int) -> None:
    with Session(url, data_dir=folder, patience=QUICK, retry=SOON) as session:
        events = session.subscribe()
        production = session.storyboard(board(60))
        production.run_missing()
        while panels:
            event = events.get()
            if isinstance(event, QueueChanged) and len(event.order) >= panels:
                os.kill(os.getpid(), signal.SIGKILL)
        progress = production.wait(120)
        print("done", progress.done, "whole" if progress.is_whole else progress.findings, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
