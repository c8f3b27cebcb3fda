"""The log of this Blender: it begins when the extension is enabled, and ends with it."""

import contextlib
import getpass
import tomllib
from collections.abc import Callable
from pathlib import Path

import bpy

from ..comfy.redaction import Redactor
from ..generation.diagnostics import machine
from ..generation.logbook import Logbook
from . import settings

NAME = "blender_comfyui.log"


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # nobody by that number
        return ""


def _redactor() -> Redactor:
    try:
        return Redactor(homes=(str(Path.home()),), login=_login())
    except RuntimeError:  # no home
        return Redactor(login=_login())


book = Logbook(settings.PACKAGE, settings.user_path("logs") / NAME, _redactor())


def protect() -> None:
    """Have the secrets of the preferences, as they are now, in no line from now on."""
    with contextlib.suppress(KeyError):  # enabled by a script, without preferences
        book.protect(settings.secrets())


def _opening(blender: str) -> Callable[[], str]:
    """What the log's own thread finds out: it may read from the disk, but not ask Blender."""

    def said() -> str:
        manifest = Path(__file__).parents[1] / "blender_manifest.toml"
        about = tomllib.loads(manifest.read_text(encoding="utf-8"))
        return "\n".join((f"{about['name']} {about['version']}", blender, *machine()))

    return said


def register() -> None:
    protect()
    background = ", in background" if bpy.app.background else ""
    build = bpy.app.build_hash.decode("ascii", "replace")
    book.start(_opening(f"Blender {bpy.app.version_string} ({build}){background}"))


def unregister() -> None:
    book.stop()
