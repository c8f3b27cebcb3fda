"""What a command finds when it begins: Blender with its preferences and a .blend, or nothing but an environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ...comfy.address import ServerAddress
from ...comfy.credentials import Credentials, secrets_of
from ...comfy.errors import InvalidCredentials
from ..request import Request
from ..storyboard.model import Storyboard
from ..tasks.book import TaskBook
from ..tasks.preparing import Order
from ..tasks.replacing import Replacement
from .exit_codes import CommandError, ExitCode, UsageError

SERVER_VARIABLE = "COMFYUI_URL"
SECRET_VARIABLE = "COMFYUI_API_KEY"
DATA_VARIABLE = "COMFYUI_DATA"
LOGINS = ("none", "bearer", "api-key", "basic")
_FOLDER = "blender_comfyui"


class SavedScene(Protocol):
    """What a .blend says, read when a command wants it. Each raises errors with sentences for a person."""

    @property
    def name(self) -> str:
        """The file's name."""

    def order(self) -> Order | None:
        """Return the task of the panel with its tier and parameters; None where an imported workflow is in use."""

    def request(self) -> Request | None:
        """Return the imported workflow with the panel's values; None where a task is in use."""

    def storyboard(self) -> Storyboard | None:
        """Return the scene's storyboard; None where it has no panels."""

    def replacement(self) -> Replacement | None:
        """Return the workflow that makes the storyboard's task in the place of the tiers' own, if there is one."""

    def contexts(self) -> Mapping[str, Mapping[str, str]]:
        """Return where in the .blend the result of each panel belongs, for when it is opened again."""


@dataclass(frozen=True)
class Surroundings:
    """`program` is what a person types before the verb. `server` and `credentials` are of Blender's preferences;
    `refusal` says why they cannot be used, if they cannot. `data` is the folder of the history, `output` that of
    results, `library` that of imported workflows; `fonts` are folders of fonts.
    """

    program: str
    data: Path
    output: Path
    server: ServerAddress | None = None
    credentials: Credentials = field(default_factory=Credentials.none)
    refusal: Exception | None = None
    may_go_online: bool = True
    library: Path | None = None
    task_book: TaskBook | None = None
    scene: SavedScene | None = None
    secrets: frozenset[str] = frozenset()
    fonts: tuple[Path, ...] = ()


def without_blender(environment: Mapping[str, str]) -> Surroundings:
    """Return what there is where Python runs by itself."""
    return Surroundings("python -m blender_comfyui", user_data(environment), Path.cwd() / "comfyui")


def user_data(environment: Mapping[str, str]) -> Path:
    """Return where the history is kept without Blender: COMFYUI_DATA, or the system's folder for such things."""
    named = environment.get(DATA_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / _FOLDER
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / _FOLDER
    return Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / _FOLDER


@dataclass(frozen=True)
class ChosenServer:
    """Where a command goes, and how it logs in there."""

    address: ServerAddress
    credentials: Credentials


def choose_server(
    named: str | None, login: str | None, surroundings: Surroundings, environment: Mapping[str, str]
) -> ChosenServer:
    """Return the server of --server, else that of COMFYUI_URL, else that of the preferences, else this computer's.

    The login of the preferences goes to their own server only. Raises InvalidAddress, InvalidCredentials, CommandError
    where Blender may not go online.
    """
    text = named or environment.get(SERVER_VARIABLE)
    if text:
        address = ServerAddress.parse(text)
    elif surroundings.refusal is not None:
        raise surroundings.refusal
    else:
        address = surroundings.server or ServerAddress.parse("127.0.0.1")
    if not (address.is_loopback or surroundings.may_go_online):
        raise CommandError(
            f"{address.host} is another computer, and Blender is not allowed to go online. "
            "Start it with --online-mode, or allow it in Blender's preferences, under System.",
            ExitCode.NO_SERVER,
        )
    return ChosenServer(address, _credentials(address, login, surroundings, environment))


def _credentials(
    address: ServerAddress, login: str | None, surroundings: Surroundings, environment: Mapping[str, str]
) -> Credentials:
    if login is None:
        own = surroundings.server
        is_own = own is not None and own.host == address.host
        is_as_safe = own is not None and (own.scheme == "http" or address.scheme == "https")
        return surroundings.credentials if is_own and is_as_safe else Credentials.none()
    if login == "none":
        return Credentials.none()
    secret = environment.get(SECRET_VARIABLE, "")
    if not secret:
        raise UsageError(f"--login {login} takes the secret from {SECRET_VARIABLE} of the environment. Set it there.")
    if login == "bearer":
        return Credentials.bearer(secret)
    if login == "api-key":
        return Credentials.api_key(secret)
    user, colon, password = secret.partition(":")
    if not colon:
        raise InvalidCredentials(f"For --login basic, {SECRET_VARIABLE} holds “user:password”. Set it so.")
    return Credentials.basic(user, password)


def known_secrets(surroundings: Surroundings, environment: Mapping[str, str]) -> frozenset[str]:
    """Return all that may be in no output, in use or not."""
    found = secrets_of(environment.get(SECRET_VARIABLE, "").strip())
    return surroundings.secrets | surroundings.credentials.secrets | frozenset(found)


def default_environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ
