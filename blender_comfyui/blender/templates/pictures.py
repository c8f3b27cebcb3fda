"""The pictures of the templates on the page that is shown, as icons; what is missing is asked for a few at a time."""

from collections.abc import Sequence

from ...comfy.offers import Template
from ...generation.workshop import Answer, NoTemplateThumbnail, TemplateThumbnail, Trouble, WantTemplateThumbnail
from ..picture_icons import PictureIcons
from . import stand_ins

KEPT = 60  # pictures: five pages; each takes 256 KB
SIDE = 256  # pixels of a picture at most
AT_ONCE = 3  # questions under way: whoever turns the pages quickly does not wait for those that he has left

Key = tuple[str, str]  # a template's name and module


class Pictures(PictureIcons):
    """Each template that is drawn has an icon at once; what it shows changes when its picture is there."""

    def __init__(self, kept: int = KEPT) -> None:
        super().__init__(kept)
        self._page: tuple[Template, ...] = ()
        self._asked: set[Key] = set()
        self._answered: set[Key] = set()
        self._none: set[Key] = set()  # of those that were answered

    def icon_of(self, template: Template) -> int:
        """Return the icon to draw; 0 without a window."""
        key = template.name, template.module
        if self.seen(key) is None:
            self._answered.discard(key)  # its picture made room for others meanwhile
            self.put(key, *stand_ins.waiting())
        return self.seen(key) or 0

    def want(self, templates: Sequence[Template]) -> None:
        """Say what the page shows now."""
        self._page = tuple(template for template in templates if template.thumbnail_route)

    def questions(self) -> list[WantTemplateThumbnail]:
        """Return what to ask now, which then counts as asked."""
        keys = dict.fromkeys((template.name, template.module) for template in self._page)
        missing = [key for key in keys if key not in self._asked and key not in self._answered]
        chosen = missing[: max(0, AT_ONCE - len(self._asked))]
        self._asked.update(chosen)
        return [WantTemplateThumbnail(*key, side=SIDE) for key in chosen]

    def take(self, answer: Answer) -> None:
        """Take over an answer to one of the questions."""
        match answer:
            case TemplateThumbnail(name, module, width, height, pixels):
                self._note((name, module), (width, height, pixels))
            case NoTemplateThumbnail(name, module) | Trouble(question=WantTemplateThumbnail(name, module)):
                self._none.add((name, module))
                self._note((name, module), stand_ins.missing())

    def look_again(self) -> None:
        """Ask anew for what had no picture: the server may have been away."""
        self._answered -= self._none
        self._none.clear()

    def forget(self) -> None:
        """Leave nothing behind."""
        super().forget()
        self.__init__(self._kept)

    def _note(self, key: Key, drawing: stand_ins.Drawing) -> None:
        self._asked.discard(key)
        self._answered.add(key)
        self.put(key, *drawing)
