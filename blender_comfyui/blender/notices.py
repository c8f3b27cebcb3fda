"""What a person should know though no job says it: the history was damaged, a job is of another server."""

from bpy.types import UILayout

from ..generation.events import HistoryNotice
from ..generation.history import Notice
from .wrapping import draw_sentence, scale

_BOX = 12  # pixels that a box takes of the width, at scale 1


class Notices:
    """An `archive.Reader` that keeps the newest one."""

    def __init__(self) -> None:
        self.text = ""  # a sentence, '' where there is none, or it was dismissed

    def questions(self) -> tuple[()]:
        return ()

    def take(self, news: object) -> bool:
        match news:
            case Notice(sentence=text) | HistoryNotice(text=text):
                self.text = text
                return True
        return False


newest = Notices()


def draw(layout: UILayout, width: int) -> None:
    """Draw the newest notice, if there is one."""
    if newest.text:
        box = layout.box()
        draw_sentence(box, newest.text, width - round(_BOX * scale()), icon="INFO")
        box.operator("comfyui.gallery_dismiss_notice", icon="X")
