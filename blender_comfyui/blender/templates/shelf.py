"""What the template browser shows: one server's templates, which of them are sought, and the page. No bpy here."""

from dataclasses import dataclass, replace

from ...comfy.offers import Template

PAGE = 12  # templates on a page: three rows of four


@dataclass(frozen=True)
class View:
    """What the person wants to see; of all categories where that is ''."""

    text: str = ""
    category: str = ""
    page: int = 0


class Shelf:
    """The browser's memory; belongs to the main thread."""

    def __init__(self) -> None:
        self.server = ""  # whose templates these are
        self.templates: tuple[Template, ...] | None = None  # None before the first answer
        self.view = View()
        self._found: tuple[Template, ...] | None = None

    def take(self, templates: tuple[Template, ...]) -> None:
        self.templates, self._found = templates, None
        if self.view.category not in self.categories:
            self.change(category="")

    def change(self, **what: object) -> None:
        """Seek something else, from its first page on."""
        self.view, self._found = replace(self.view, **{"page": 0, **what}), None  # type: ignore[arg-type]

    def turn(self, by: int) -> None:
        """Go some pages on, but not beyond the last or the first."""
        self.view = replace(self.view, page=min(max(self.view.page + by, 0), self.pages - 1))

    @property
    def categories(self) -> tuple[str, ...]:
        """In the server's order: those of the collection, then node packs."""
        return tuple(dict.fromkeys(template.category for template in self.templates or ()))

    @property
    def found(self) -> tuple[Template, ...]:
        """What is sought, first what has all the words in its title."""
        if self._found is None:
            self._found = self._sought()
        return self._found

    @property
    def pages(self) -> int:
        """At least one."""
        return max(1, -(-len(self.found) // PAGE))

    @property
    def page(self) -> tuple[Template, ...]:
        """The templates on the page that is shown."""
        start = min(self.view.page, self.pages - 1) * PAGE
        return self.found[start : start + PAGE]

    def get(self, name: str, module: str) -> Template | None:
        return next((one for one in self.templates or () if (one.name, one.module) == (name, module)), None)

    def _sought(self) -> tuple[Template, ...]:
        text, category = self.view.text, self.view.category
        found = [one for one in self.templates or () if category in ("", one.category) and one.matches(text)]
        words = text.casefold().split()
        return tuple(sorted(found, key=lambda one: not all(word in one.title.casefold() for word in words)))
