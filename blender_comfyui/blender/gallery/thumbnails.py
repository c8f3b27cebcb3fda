"""Small pictures of results as icons, a bounded number of them: the one that was not seen for longest makes room."""

import bpy
import bpy.utils.previews

from ...generation.history import FileRecord, NoThumbnail, Question, Thumbnail, WantThumbnail

KEPT = 72  # pictures: six pages; each takes 256 KB
SIDE = 256  # pixels of a thumbnail at most
LARGE = 640  # … of the picture in the larger view; taking one over takes 1 ms

Key = tuple[str, int]  # a job's id, and the number of one of its files


class Thumbnails:
    """Drawing asks for icons by `icon_of`; what is missing is asked of the Desk by the next tick."""

    def __init__(self, kept: int = KEPT, side: int = SIDE) -> None:
        self._kept = kept
        self._side = side
        self._icons: bpy.utils.previews.ImagePreviewCollection | None = None
        self._slots: dict[Key, str] = {}  # names of icons; what was seen last is last
        self._wanted: dict[Key, FileRecord] = {}
        self._asked: set[Key] = set()
        self._none: set[Key] = set()

    def icon_of(self, job_id: str, file: FileRecord) -> int:
        """Return the icon of a file's picture, 0 where it is not there (yet); see `has_none`."""
        key = (job_id, file.number)
        if key in self._slots:
            self._slots[key] = slot = self._slots.pop(key)
            return self._icons[slot].icon_id
        if file.kind == "image" and key not in self._none and key not in self._asked:
            self._wanted[key] = file
        return 0

    def has_none(self, job_id: str, number: int) -> bool:
        """Whether the file was looked at and has no picture."""
        return (job_id, number) in self._none

    @property
    def is_missing_some(self) -> bool:
        return bool(self._wanted)

    def questions(self) -> list[Question]:
        wanted, self._wanted = self._wanted, {}
        self._asked.update(wanted)
        return [WantThumbnail(job_id, number, file.path, self._side) for (job_id, number), file in wanted.items()]

    def take(self, news: object) -> bool:
        """Take over a picture; return whether there is something new to draw."""
        match news:
            case Thumbnail(job_id, number, width, height, pixels, side) if side == self._side:
                self._asked.discard((job_id, number))
                icon = self._icon_for((job_id, number))
                icon.image_size = width, height
                icon.image_pixels_float.foreach_set(memoryview(pixels).cast("f"))
            case NoThumbnail(job_id, number, side) if side == self._side:
                self._asked.discard((job_id, number))
                self._none.add((job_id, number))
            case _:
                return False
        return True

    def look_again(self) -> None:
        """Ask anew for what had no picture, or was never answered."""
        self._asked.clear()
        self._none.clear()

    def forget(self) -> None:
        """Leave nothing behind."""
        if self._icons is not None:
            bpy.utils.previews.remove(self._icons)
        self.__init__(self._kept, self._side)

    def _icon_for(self, key: Key) -> "bpy.types.ImagePreview":
        if self._icons is None:
            self._icons = bpy.utils.previews.new()
        if key not in self._slots:
            full = len(self._slots) >= self._kept
            slot = self._slots.pop(next(iter(self._slots))) if full else str(len(self._slots))
            self._slots[key] = slot
        slot = self._slots[key]
        return self._icons[slot] if slot in self._icons else self._icons.new(slot)
