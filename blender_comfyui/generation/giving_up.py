"""Jobs that nobody waits for any longer, though their server may still run them."""

from __future__ import annotations

import logging

from ..comfy.errors import ComfyError
from .cancelling import cancel_prompt
from .server_watch import ServerWatch

log = logging.getLogger(__name__)


class GivenUp:
    """Asks the server to stop them, as soon as it answers. Belongs to the worker thread.

    Kept in memory only: after Blender's end the server does that work for nobody. So it does with what is left of a
    part, where a job was run in several.
    """

    def __init__(self, watch: ServerWatch) -> None:
        self._watch = watch
        self._ids: set[str] = set()

    def __bool__(self) -> bool:
        """Whether the server is still to be told of one."""
        return bool(self._ids)

    def add(self, job_id: str) -> None:
        self._ids.add(job_id)

    def tell(self) -> None:
        """Ask for the end of each. What the server refuses is not asked for again."""
        for job_id in tuple(self._ids):
            try:
                cancel_prompt(self._watch, job_id)
            except ComfyError as error:
                log.info("job %s was given up, its server was not told: %s", job_id, error)
                if error.transient:
                    return
            self._ids.discard(job_id)
