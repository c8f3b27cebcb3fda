"""The workflows that a server offers: those that people saved on it, and templates. Checked; no network here.

The official collection comes with the server's front end (``/templates/index.json``), other templates with its node
packs (``/workflow_templates``). How both are served: https://github.com/Comfy-Org/ComfyUI (``server.py``,
``app/custom_node_manager.py``, ``app/user_manager.py``).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard
from urllib.parse import quote

from .errors import plain_text

MAX_OFFERED = 10_000  # files, and templates
_LONGEST_PATH = 500  # characters
_LONGEST_TITLE = 200
_LONGEST_TEXT = 2000
_MAX_TAGS = 50
_JOINERS = "\u200c\u200d"
_PICTURES = frozenset({"webp", "png", "jpg", "jpeg", "gif", "avif"})
_GIGABYTES = 1e5  # up to here a size of models is in these, as in the packages of templates before 0.3
_MILLISECONDS = 1e11  # from here on a time is in these: as seconds it would be in the year 5138


@dataclass(frozen=True)
class SavedWorkflow:
    """A workflow in the server's own folder; size in bytes, modified in seconds since 1970, both 0 where unknown."""

    path: str
    size: int = 0
    modified: float = 0.0


@dataclass(frozen=True)
class Template:
    """A workflow to begin with. `module` is the node pack that brings it, '' for the official collection.

    `picture` is the ending of its thumbnail's name, '' where there is none; `size` what its models take on the disk, in
    bytes, 0 where unknown; `needs_version` the oldest ComfyUI that runs it, '' for any; `is_open` False where it uses
    services that cost money, None where unknown.
    """

    name: str
    module: str = ""
    title: str = ""
    description: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    picture: str = ""
    size: int = 0
    needs_version: str = ""
    is_open: bool | None = None

    @property
    def route(self) -> str:
        """'' for names that lead elsewhere; none that a server listed do."""
        return self._file(f"{self.name}.json")

    @property
    def thumbnail_route(self) -> str:
        """'' where there is none."""
        ending = f".{self.picture}" if self.module else f"-1.{self.picture}"
        return self._file(f"{self.name}{ending}") if self.picture else ""

    def matches(self, text: str) -> bool:
        """Whether every word of `text` is somewhere in what is known of it, in whatever case."""
        return all(word in self._said for word in text.casefold().split())

    @functools.cached_property
    def _said(self) -> str:
        said = (self.title, self.name, self.category, self.description, *self.tags, *self.models)
        return "\n".join(said).casefold()

    def _file(self, name: str) -> str:
        if not is_safe_name(self.name) or not is_safe_name(self.module or "official"):
            return ""
        if not self.module:
            return f"/templates/{quote(name, safe='')}"
        return f"/api/workflow_templates/{quote(self.module, safe='')}/{quote(name, safe='')}"  # old ones: only there


def saved_workflows(data: object) -> tuple[SavedWorkflow, ...]:
    """GET /userdata of a folder, by path: with and without full_info, and with split; other files are left out."""
    found = {saved.path: saved for saved in map(_saved, itertools.islice(_items(data), MAX_OFFERED)) if saved}
    return tuple(sorted(found.values(), key=lambda saved: (saved.path.casefold(), saved.path)))


def official_templates(data: object) -> tuple[Template, ...]:
    """GET /templates/index.json in its order, each template once."""
    found: dict[str, Template] = {}
    for group in _items(data):
        if isinstance(group, Mapping):
            category = _text(group.get("title"), _LONGEST_TITLE) or _text(group.get("category"), _LONGEST_TITLE)
            for template in _of_group(group.get("templates"), category):
                found.setdefault(template.name, template)
    return tuple(itertools.islice(found.values(), MAX_OFFERED))


def pack_templates(data: object) -> tuple[Template, ...]:
    """GET /workflow_templates: names by node pack."""
    templates = (
        Template(name, module, title=name, category=module, picture="jpg")
        for module, names in (data.items() if isinstance(data, Mapping) else ())
        if is_safe_name(module)
        for name in _items(names)
        if is_safe_name(name)
    )
    return tuple(dict.fromkeys(itertools.islice(templates, MAX_OFFERED)))


def is_safe_name(name: object) -> TypeGuard[str]:
    """Whether this can be one part of a path, and be shown."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= _LONGEST_PATH
        and name.strip(" ").strip(".") != ""
        and not set(name) & {"/", "\\"}
        and all(character.isprintable() or character in _JOINERS for character in name)
    )


def is_safe_path(path: object) -> TypeGuard[str]:
    """Whether this leads from a folder to something in it, and can be shown."""
    return isinstance(path, str) and len(path) <= _LONGEST_PATH and all(map(is_safe_name, path.split("/")))


def _saved(item: object) -> SavedWorkflow | None:
    if isinstance(item, list) and item:  # split: the path, then its parts
        item = item[0]
    path = item.get("path") if isinstance(item, Mapping) else item
    if not isinstance(path, str):
        return None
    path = path.replace("\\", "/")  # of servers on Windows, before they said it as we do
    if not is_safe_path(path) or not path.lower().endswith(".json") or path.rpartition("/")[2].startswith("."):
        return None
    if not isinstance(item, Mapping):
        return SavedWorkflow(path)
    size, modified = _number(item.get("size")), _number(item.get("modified"))
    return SavedWorkflow(path, int(size), modified / 1000 if modified > _MILLISECONDS else modified)


def _of_group(data: object, category: str) -> Iterator[Template]:
    for raw in _items(data):
        if isinstance(raw, Mapping) and is_safe_name(raw.get("name")) and _is_for_servers(raw):
            yield _official(raw, str(raw["name"]), category)


def _is_for_servers(raw: Mapping[str, object]) -> bool:
    """False for what the editor shows in the cloud alone."""
    products = raw.get("includeOnDistributions")
    return products != ["cloud"]


def _official(raw: Mapping[str, object], name: str, category: str) -> Template:
    subtype, is_open = raw.get("mediaSubtype"), raw.get("openSource", raw.get("OpenSource"))  # so in old packages
    size = _number(raw.get("size"))
    return Template(
        name,
        title=_text(raw.get("title"), _LONGEST_TITLE) or name,
        description=_text(raw.get("description"), _LONGEST_TEXT),
        category=category,
        tags=_texts(raw.get("tags")),
        models=_texts(raw.get("models")),
        picture=subtype if isinstance(subtype, str) and subtype in _PICTURES else "",
        size=int(size if size > _GIGABYTES else size * 1e9),
        needs_version=_text(raw.get("minComfyUIVersion"), _LONGEST_TITLE),
        is_open=is_open if isinstance(is_open, bool) else None,
    )


def _items(data: object) -> Iterator[object]:
    return iter(data if isinstance(data, list) else ())


def _text(value: object, limit: int) -> str:
    return plain_text(value, limit).strip() if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    texts = (_text(item, _LONGEST_TITLE) for item in _items(value))
    return tuple(itertools.islice(filter(None, texts), _MAX_TAGS))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < 2**62 else 0.0  # NaN is neither
