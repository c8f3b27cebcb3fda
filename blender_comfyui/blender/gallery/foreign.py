"""Results that other programs made on the same server: asked for by a click, listed, brought in one by one."""

import time
from typing import TYPE_CHECKING

from bpy.types import UILayout

from ...generation.events import Ended, ForeignListed, ForeignResult
from .. import archive
from ..wrapping import ICON, draw_sentence, scale, shortened, text_size
from . import words

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import IconItems

SHOWN = 10
_PATIENCE = 30.0  # seconds for which a list is waited for


class Foreign:
    """An `archive.Reader` of what Sessions tell. Ids of other clients' prompts are those of the jobs they become."""

    def __init__(self) -> None:
        self.listed: ForeignListed | None = None  # None before the first click
        self.coming: set[str] = set()  # ids that are being brought in
        self._asked = float("-inf")  # monotonic

    def ask(self) -> None:
        """Note that a list was asked for."""
        self._asked = time.monotonic()
        archive.expect_news(_PATIENCE)

    def bring(self, prompt_id: str) -> None:
        """Note that a result is being brought in."""
        self.coming.add(prompt_id)
        archive.expect_news(_PATIENCE)

    def questions(self) -> tuple[()]:
        return ()

    @property
    def is_asked(self) -> bool:
        """Whether a list is on its way."""
        return time.monotonic() - self._asked < _PATIENCE

    def take(self, news: object) -> bool:
        match news:
            case ForeignListed():
                self.listed, self._asked = news, float("-inf")
                self.coming &= {result.prompt_id for result in news.results}
            case Ended(job_id) if job_id in self.coming:
                self._leave_out(job_id)
            case _:
                return False
        if not self.coming and not self.is_asked:
            archive.expect_news(0)
        return True

    def _leave_out(self, prompt_id: str) -> None:
        self.coming.discard(prompt_id)
        if self.listed is not None:
            left = tuple(result for result in self.listed.results if result.prompt_id != prompt_id)
            self.listed = ForeignListed(left, self.listed.error)


foreign = Foreign()


def draw(layout: UILayout, width: int) -> None:
    """Draw the section for results that are not ours."""
    header, body = layout.panel("COMFYUI_foreign", default_closed=True)
    header.label(text="Made by Others")
    if body is None:
        return
    row = body.row()
    row.enabled = not foreign.is_asked
    text = "Look Again" if foreign.listed else "Look on the Server"
    row.operator("comfyui.gallery_list_foreign", text="Looking …" if foreign.is_asked else text, icon="WORLD")
    if foreign.listed is None:
        draw_sentence(body, "Results that other programs made on this server, such as its browser page.", width)
    else:
        _draw_list(body, foreign.listed, width)


def _draw_list(body: UILayout, listed: ForeignListed, width: int) -> None:
    if listed.error:
        draw_sentence(body, listed.error, width, icon="ERROR")
    elif not listed.results:
        draw_sentence(body, "There is nothing that you do not have already.", width, icon="INFO")
    column = body.column(align=True)
    for result in listed.results[:SHOWN]:
        _draw_result(column, result, width)
    more = len(listed.results) - SHOWN
    if more > 0:
        body.label(text=f"and {more:,} older")


def _draw_result(column: UILayout, result: ForeignResult, width: int) -> None:
    row = column.row()
    count = f" ×{result.files}" if result.files > 1 else ""
    when = f" · {words.moment(result.when, time.time())}" if result.when else ""
    text = (result.label or "No prompt") + count + when
    room = width - round(2.5 * ICON * scale())
    icon: IconItems = "ERROR" if result.failed else "IMAGE_DATA"
    row.label(text=shortened(text, room, text_size(), len(count + when)), icon=icon)
    if result.prompt_id in foreign.coming:
        row.label(text="", icon="SORTTIME")
    else:
        row.operator("comfyui.gallery_bring_in", text="", icon="IMPORT", emboss=False).prompt_id = result.prompt_id
