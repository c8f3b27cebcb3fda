"""Small pictures of results as icons."""

from ...generation.history import FileRecord, NoThumbnail, Question, Thumbnail, WantThumbnail
from ..picture_icons import PictureIcons

KEPT = 72  # pictures: six pages; each takes 256 KB
SIDE = 256  # pixels of a thumbnail at most
LARGE = 640  # … of the picture in the larger view; taking one over takes 1 ms

Key = tuple[str, int]  # a job's id, and the number of one of its files


class Thumbnails(PictureIcons):
    """Drawing asks for icons by `icon_of`; what is missing is asked of the Desk by the next tick."""

    def __init__(self, kept: int = KEPT, side: int = SIDE) -> None:
        super().__init__(kept)
        self._side = side
        self._wanted: dict[Key, FileRecord] = {}
        self._asked: set[Key] = set()
        self._none: set[Key] = set()

    def icon_of(self, job_id: str, file: FileRecord) -> int:
        """Return the icon of a file's picture, 0 where it is not there (yet); see `has_none`."""
        key = (job_id, file.number)
        icon = self.seen(key)
        if icon is None and file.kind == "image" and key not in self._none and key not in self._asked:
            self._wanted[key] = file
        return icon or 0

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
                self.put((job_id, number), width, height, pixels)
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
        super().forget()
        self.__init__(self._kept, self._side)
