"""Ending one prompt on the server, by its id: other people work there too."""

from __future__ import annotations

from ..comfy.errors import CredentialsRefused, NotAComfyServer, ServerFault
from .server_watch import ServerWatch


def cancel_prompt(watch: ServerWatch, prompt_id: str) -> None:
    """Ask the server to end this prompt, queued or running. Raises ComfyError."""
    if not _cancel_by_job(watch, prompt_id):
        _cancel_on_old_server(watch, prompt_id)
    watch.forget_queue()


def _cancel_by_job(watch: ServerWatch, prompt_id: str) -> bool:
    """Whether the server has the newer route and took it; a proxy that forbids it has not."""
    try:
        return watch.client.cancel_job(prompt_id) is not None
    except (CredentialsRefused, ServerFault, NotAComfyServer) as error:
        if error.transient:
            raise
        return False


def _cancel_on_old_server(watch: ServerWatch, prompt_id: str) -> None:
    """Before 0.26. /interrupt only where ours is what runs: very old servers do not read the id."""
    watch.client.delete_queued(prompt_id)
    watch.forget_queue()
    if prompt_id in watch.queue().running:
        watch.client.interrupt(prompt_id)
