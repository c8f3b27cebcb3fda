"""Everything that can go wrong between us and a ComfyUI server. No network here.

::

    ComfyError
    ├── InvalidAddress        what was typed is no server address (also a ValueError)
    ├── InvalidCredentials    a header that cannot be sent (also a ValueError)
    ├── InvalidCertificates   the file of trusted certificates is not there
    ├── CannotConnect         refused, unreachable, unknown host, TLS, connection lost
    ├── CredentialsRefused    401 or 403
    ├── NotAComfyServer       something answers, but it is not ComfyUI
    ├── TooOld                a ComfyUI that lacks what we cannot do without
    ├── ServerFault           5xx, 429, or an answer that makes no sense
    ├── InvalidPrompt         the server's validation refused the prompt (node, title, parameter)
    ├── ExecutionFailed       a node raised while it ran
    │   └── OutOfMemory       … because memory ran out
    ├── Interrupted           the run was stopped on the server, not by us
    ├── Lost                  the server no longer knows the prompt
    ├── UploadRefused         the server does not take a file that a workflow needs
    ├── FileMissing           the server no longer has an output file
    ├── FileBroken            an output file came cut, or is not what its name says
    └── TimedOut              a time limit ran out (also a TimeoutError)

``str(error)`` is one readable sentence or two for a person: what is wrong, where, and what to do next.
``error.details`` holds what a developer wants to see behind it. ``error.transient`` says whether the same request,
sent again a little later, may well succeed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

_JOINERS = "\u200c\u200d"  # invisible, but letters of some languages
_MAX_SENTENCE = 1000  # characters; a server's own words can be part of it
_MAX_DETAILS = 100_000


def plain_text(text: str, limit: int, allowed: str = "") -> str:
    """What a server says, fit to be shown: no control characters but those `allowed`, no turning of the writing's
    direction, no halves of characters, and at most `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() or c in allowed or c in _JOINERS else " " for c in cut)


class ComfyError(Exception):
    """The root of the tree. What a server says in it is made one short line of characters that can be seen."""

    transient = False

    def __init__(self, sentence: str, *, details: str = "") -> None:
        super().__init__(plain_text(sentence, _MAX_SENTENCE))
        self.details = plain_text(details, _MAX_DETAILS, "\n\t")

    def hide(self, redact: Callable[[str], str]) -> None:
        """Have all its texts go through `redact`: a server, or a proxy before it, may say back what we sent."""
        self.args = (redact(str(self)),)
        self.details = redact(self.details)


class InvalidAddress(ComfyError, ValueError):
    """What was typed is no server address."""


class InvalidCredentials(ComfyError, ValueError):
    """A header name or value that HTTP cannot carry."""


class InvalidCertificates(ComfyError):
    """The environment names a file of trusted certificates that cannot be read."""


class CannotConnect(ComfyError):
    """No connection, or it broke.

    ``sent`` is True when the request may have reached the server before the connection broke: then the effect of
    a POST is unclear.
    """

    transient = True

    def __init__(self, sentence: str, *, details: str = "", sent: bool = False) -> None:
        super().__init__(sentence, details=details)
        self.sent = sent


class CredentialsRefused(ComfyError):
    """The server, or a proxy before it, answered 401 or 403."""


class NotAComfyServer(ComfyError):
    """Something answers at this address, but not as ComfyUI does."""


class TooOld(ComfyError):
    """A ComfyUI from before the prompt ids of clients."""


class ServerFault(ComfyError):
    """The server answered with an error of its own (5xx, 429) or with something unreadable.

    ``retry_after`` is the server's wish in seconds, or None.
    """

    def __init__(
        self,
        sentence: str,
        *,
        details: str = "",
        status: int = 0,
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(sentence, details=details)
        self.status = status
        self.transient = transient
        self.retry_after = retry_after


@dataclass(frozen=True)
class NodeProblem:
    """One thing that the server's validation found wrong. ``parameter`` is '' where it names none."""

    node_id: str
    title: str
    class_type: str
    parameter: str
    type: str
    message: str
    details: str

    def __str__(self) -> str:
        where = f"“{self.title}”" if self.title else "The workflow"
        if self.parameter:
            where += f", {self.parameter}"
        text = f"{self.message}: {self.details}" if self.details else self.message
        return f"{where}: {text}"

    def hidden(self, redact: Callable[[str], str]) -> NodeProblem:
        """The same with all that the server may have said in it gone through `redact`."""
        return NodeProblem(*(redact(getattr(self, field.name)) for field in dataclasses.fields(self)))


class InvalidPrompt(ComfyError):
    """POST /prompt was refused by the server's validation; ``problems`` names each."""

    def __init__(self, sentence: str, *, problems: tuple[NodeProblem, ...] = (), details: str = "") -> None:
        super().__init__(sentence, details=details)
        self.problems = problems

    def hide(self, redact: Callable[[str], str]) -> None:
        super().hide(redact)
        self.problems = tuple(problem.hidden(redact) for problem in self.problems)


class ExecutionFailed(ComfyError):
    """A node raised while the prompt ran. ``details`` holds the server's traceback."""

    def __init__(
        self,
        sentence: str,
        *,
        node_id: str = "",
        node_title: str = "",
        node_type: str = "",
        exception_type: str = "",
        details: str = "",
    ) -> None:
        super().__init__(sentence, details=details)
        self.node_id = node_id
        self.node_title = node_title
        self.node_type = node_type
        self.exception_type = exception_type


class OutOfMemory(ExecutionFailed):
    """The server ran out of memory, on the GPU or on the CPU."""


class Interrupted(ComfyError):
    """Somebody stopped the run on the server; it was not us."""


class Lost(ComfyError):
    """Neither the queue nor the history of the server knows the prompt any more."""


class UploadRefused(ComfyError):
    """A file for the server's input folder is too large for it, or not what it takes."""


class FileMissing(ComfyError):
    """/view answers 404 for an output that the history names."""


class FileBroken(ComfyError):
    """An output came cut short, or is not what its name says."""

    transient = True


class TimedOut(ComfyError, TimeoutError):
    """A time limit ran out. ``sent`` as in CannotConnect."""

    transient = True

    def __init__(self, sentence: str, *, details: str = "", sent: bool = False) -> None:
        super().__init__(sentence, details=details)
        self.sent = sent
