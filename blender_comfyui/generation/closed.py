"""What is raised where a session has been closed."""

from __future__ import annotations


class SessionClosed(Exception):
    """The session was closed before the job ended; the server may still be running it."""
