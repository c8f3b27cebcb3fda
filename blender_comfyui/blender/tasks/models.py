"""The models of the server, as last read; which ones a person likes, and which ones a task shall use."""

from collections.abc import Iterator, Mapping

from ...comfy.models import in_menus
from ...workflow.node_types import NodeTypes
from .. import runtime, settings
from ..workflow_panel import reception

LORAS = "loras"


class _Sorted:
    """Lists are long, and asked for with each drawing."""

    known: dict[str, tuple[tuple[str, ...], frozenset[str], tuple[str, ...]]] = {}
    definitions: object = None
    loras: tuple[str, ...] = ()


def names(folder: str) -> tuple[str, ...]:
    """Return what the server has in a folder, favourites first; never asks the server."""
    known, liked = _told(folder), favourites(folder)
    was = _Sorted.known.get(folder)
    if was is None or was[0] is not known or was[1] != liked:
        first = tuple(name for name in known if name in liked)
        rest = tuple(name for name in known if name not in liked) if first else known
        _Sorted.known[folder] = was = (known, liked, first + rest)
    return was[2]


def _told(folder: str) -> tuple[str, ...]:
    session = runtime.known_session()
    stock = session.stock.last if session is not None else None
    if stock is not None and folder in stock.models.folders:
        return stock.models.names(folder)
    if folder == "checkpoints":
        return runtime.server_state().checkpoints
    definitions = reception.definitions() if folder == LORAS else None
    if definitions is None:
        return ()
    if _Sorted.definitions is not definitions:
        _Sorted.definitions, _Sorted.loras = definitions, of_menus(definitions.node_types)
    return _Sorted.loras


def of_menus(node_types: NodeTypes) -> tuple[str, ...]:
    """Return the LoRAs that the menus of ComfyUI's own loaders offer."""
    return in_menus(node_types.described(("LoraLoader", "LoraLoaderModelOnly"))).names(LORAS)


def is_missing(folder: str, name: str) -> bool:
    """Tell whether the server is known not to have a model."""
    known = names(folder)
    return bool(known) and bool(name) and name not in known


def refresh() -> None:
    """Have the server's models read anew, in the background."""
    session = runtime.known_session()
    if session is not None:
        session.stock.want(anew=True)


def favourites(folder: str) -> frozenset[str]:
    """Return the models of a folder that a person likes."""
    return frozenset(found.name for found in settings.preferences().favourite_models if found.folder == folder)


def toggle_favourite(folder: str, name: str) -> None:
    """Like a model, or no longer."""
    liked = settings.preferences().favourite_models
    at = next((at for at, found in enumerate(liked) if (found.folder, found.name) == (folder, name)), None)
    if at is not None:
        liked.remove(at)
        return
    added = liked.add()
    added.folder, added.name = folder, name


def preferred(task: str) -> Mapping[str, str]:
    """Return the models that a task shall use, by parameter."""
    return {found.parameter: found.model for found in settings.preferences().preferred_models if found.name == task}


def prefer(task: str, parameter: str, model: str) -> None:
    """Have a task use a model wherever nothing else is set; '' for none, and the present one again for none."""
    chosen = settings.preferences().preferred_models
    was = preferred(task).get(parameter)
    for at in reversed(list(_places(task, parameter))):
        chosen.remove(at)
    if model and model != was:
        added = chosen.add()
        added.name, added.parameter, added.model = task, parameter, model


def _places(task: str, parameter: str) -> Iterator[int]:
    chosen = settings.preferences().preferred_models
    return (at for at, found in enumerate(chosen) if (found.name, found.parameter) == (task, parameter))
