"""One Session per Blender, made from the preferences on first use, and the jobs that it was given.

When the preferences change, the next use takes a new Session. The old one stays until its jobs have ended: nobody
loses a result because he looked at another server. All this belongs to the main thread, and nothing here blocks.
"""

from dataclasses import dataclass

import bpy

from ..generation.events import SessionEvent
from ..generation.feed import Subscription
from ..generation.server_state import ServerState
from ..generation.session import Session
from . import logbook, settings
from .job_list import Entry, JobList
from .tasks import files


class NoOnlineAccess(Exception):
    """The server is not on this computer, and Blender may not go online; str() is a sentence for the person."""


@dataclass
class _Connection:
    settings: settings.ServerSettings
    session: Session
    subscription: Subscription[SessionEvent]
    closed: bool = False

    def close(self) -> None:
        """End the Session; its threads end by themselves, and its jobs say so."""
        self.closed = True
        self.session.close(wait=False)

    @property
    def is_done(self) -> bool:
        """Whether nothing will come of it any more. A job tells its end before it leaves the Session's list."""
        return not self.session.jobs and self.subscription.empty


@dataclass
class _Pausing:
    """What the person has asked for; it holds for Sessions that are made later, too."""

    paused: bool = False


jobs = JobList()
_pausing = _Pausing()
_connections: list[_Connection] = []  # the current one last


def session() -> Session:
    """Return the Session for the server of the preferences; make it if need be.

    Raises InvalidAddress, InvalidCredentials or NoOnlineAccess.
    """
    wanted = _allowed_settings()
    connection = next((known for known in _connections if known.settings == wanted and not known.closed), None)
    if connection is None:
        logbook.protect()
        folder = settings.user_folder("session")
        made = Session(wanted.address, folder, credentials=wanted.credentials, task_book=files.book())
        connection = _Connection(wanted, made, made.subscribe())
        if _pausing.paused:
            made.pause()
    else:
        _connections.remove(connection)
    _connections.append(connection)
    return connection.session


def server_state() -> ServerState:
    """Return what is known of the server of the preferences; never makes a Session."""
    session = known_session()
    return session.server if session is not None else ServerState()


def known_session() -> Session | None:
    """Return the Session for the server of the preferences, if there is one; never makes it."""
    try:
        wanted = settings.server_settings()
    except ValueError:
        return None
    current = _connections[-1] if _connections else None
    return current.session if current and current.settings == wanted else None


def refusal() -> Exception | None:
    """Return why `session` would raise, or None."""
    try:
        _allowed_settings()
    except (ValueError, NoOnlineAccess) as error:
        return error
    return None


def session_of(job_id: str) -> Session | None:
    """Return the Session that follows this job, if one does."""
    return next((c.session for c in _connections if any(job.id == job_id for job in c.session.jobs)), None)


def held_jobs() -> list[Entry]:
    """Return the jobs that wait in our own queues, in order; those of the current Session first."""
    order = [job.id for connection in reversed(_connections) for job in connection.session.queue]
    return [entry for job_id in order if (entry := jobs.get(job_id)) is not None]


def is_paused() -> bool:
    """Whether jobs are held back."""
    return _pausing.paused


def pause(paused: bool) -> None:
    """Send nothing more to any server, or go on."""
    _pausing.paused = paused
    for connection in _connections:
        if paused:
            connection.session.pause()
        else:
            connection.session.resume()


def drain(limit: int) -> list[SessionEvent]:
    """Return what happened, at most `limit` events of each Session, and part from Sessions of no more use."""
    events = [event for connection in _connections for event in connection.subscription.drain(limit)]
    for connection in tuple(_connections):
        if not _is_allowed(connection.settings):
            connection.close()
        is_current = connection is _connections[-1] and not connection.closed
        if not is_current and connection.is_done:
            _forget(connection)
    return events


def close() -> None:
    """End all Sessions and forget their jobs; the threads end by themselves."""
    _pausing.paused = False
    for connection in tuple(_connections):
        _forget(connection)
    for entry in jobs:
        jobs.remove(entry.id)


def _forget(connection: _Connection) -> None:
    _connections.remove(connection)
    connection.subscription.close()
    connection.close()


def _is_allowed(wanted: settings.ServerSettings) -> bool:
    """This computer needs no permission, every other one does."""
    return wanted.address.is_loopback or bpy.app.online_access


def _allowed_settings() -> settings.ServerSettings:
    wanted = settings.server_settings()
    if not _is_allowed(wanted):
        raise NoOnlineAccess(
            f"{wanted.address.host} is another computer, and Blender is not allowed to go online. "
            "Switch on Allow Online Access in Blender's preferences, under System."
        )
    return wanted


def register() -> None:
    """Nothing is made before it is used."""


def unregister() -> None:
    close()
