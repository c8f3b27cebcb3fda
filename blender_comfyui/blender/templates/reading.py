"""The browser's one shelf and its pictures, and the way of questions and answers between them and the workshop."""

import functools
import time
import weakref
from dataclasses import dataclass

import bpy
from bpy.types import Context, Operator

from ...generation.workshop import Answer, ListTemplates, TemplatesListed, Trouble
from .. import delivery, regions
from ..workflow_panel import reception
from .pictures import Pictures
from .shelf import Shelf

_LIST_AGE = 60.0  # seconds after which who opens the browser has the list read anew

shelf = Shelf()
pictures = Pictures()


@dataclass
class _Popup:
    """The popup, and what it waits for."""

    listed: float = float("-inf")  # when the list was last read, monotonic
    is_reading: bool = False
    window: int = 0  # the address of the one that was clicked in, where the popup is to open; 0 for none
    shown: weakref.ref[Operator] | None = None  # Blender lets go of the operator when its popup is closed


_popup = _Popup()


def begin() -> None:
    """Make ready for somebody who looks: the server may be another one, or have other templates, or be back."""
    server = reception.server_name()
    if server != shelf.server:
        forget()
        shelf.server = server
    pictures.look_again()
    if not _popup.is_reading and time.monotonic() - _popup.listed > _LIST_AGE:
        _popup.is_reading = True
        reception.ask(ListTemplates(), functools.partial(_hear_list, server))
        delivery.wake()


def open_when_read(context: Context) -> None:
    """Have the popup open where somebody clicked, once there is something to show in it."""
    _popup.window = context.window.as_pointer() if context.window else 0


def note_shown(operator: Operator) -> None:
    """Say whose popup is open now."""
    _popup.shown = weakref.ref(operator)


def look() -> None:
    """Have the pictures of the page that is drawn asked for."""
    pictures.want(shelf.page)
    _ask_for_pictures()


def forget() -> None:
    """Begin anew."""
    shelf.__init__()
    pictures.forget()
    _popup.__init__()


def _ask_for_pictures() -> None:
    questions = pictures.questions()
    for question in questions:
        reception.ask(question, functools.partial(_hear_picture, shelf.server))
    if questions:
        delivery.wake()


def _hear_list(server: str, answer: Answer) -> None:
    if server != shelf.server:  # another one was chosen meanwhile
        return
    _popup.is_reading = False
    match answer:
        case TemplatesListed(templates):
            _popup.listed = time.monotonic()
            shelf.take(templates)
            _open()
        case Trouble(sentence) if _popup.window:
            _popup.window = 0
            reception.say(sentence, "ERROR")


def _hear_picture(server: str, answer: Answer) -> None:
    if server != shelf.server:
        return
    pictures.take(answer)
    if _popup.shown is not None and _popup.shown() is not None:
        regions.redraw_popups()
        _ask_for_pictures()


def _open() -> None:
    windows = list(bpy.context.window_manager.windows)
    clicked, _popup.window = _popup.window, 0
    if not clicked or not windows or bpy.app.background or delivery.blender_is_busy():
        return
    window = next((window for window in windows if window.as_pointer() == clicked), windows[0])
    with bpy.context.temp_override(window=window):
        bpy.ops.comfyui.browse_templates("INVOKE_DEFAULT")


def register() -> None:
    """Nothing is read before it is wanted."""


def unregister() -> None:
    forget()
