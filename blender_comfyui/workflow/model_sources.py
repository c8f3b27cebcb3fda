"""Where a workflow's file says that its models are to be had: official templates do. No bpy, no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from .conversion.graphs import read
from .graph import Workflow
from .problems import Problem, ProblemKind
from .value_checks import MODELS_FOLDER

_LONGEST_URL = 2000


@dataclass(frozen=True)
class ModelSource:
    """A page or file of the web, and the folder below ``models`` where the server looks for it, '' where unknown."""

    url: str
    folder: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def sources_of(ui: Mapping[str, Any]) -> dict[str, ModelSource]:
    """Return where models are to be had, by file name, as nodes of the file tell it in their properties.

    Raises NotAWorkflow and BrokenWorkflow.
    """
    file = read(ui)
    found: dict[str, ModelSource] = {}
    for graph in (file.root, *file.definitions.values()):
        for node in graph.nodes.values():
            found |= _told(node.properties.get("models"))
    return found


def with_sources(
    problems: Iterable[Problem], workflow: Workflow, sources: Mapping[str, ModelSource]
) -> Iterator[Problem]:
    """Yield the problems; those with a model say where it is to be had, and where it belongs."""
    for problem in problems:
        source = sources.get(_missing(problem, workflow))
        if source is None:
            yield problem
            continue
        place = f"models/{source.folder}" if source.folder else MODELS_FOLDER
        yield replace(problem, sentence=problem.sentence.replace(MODELS_FOLDER, place), source=source.url)


def _told(models: object) -> dict[str, ModelSource]:
    found = {}
    for model in models if isinstance(models, list) else []:
        match model:
            case {"name": str(name), "url": str(url)} if name and _is_web(url):
                folder = model.get("directory")
                is_plain = isinstance(folder, str) and len(folder) < 100 and folder.isprintable()
                found[_base(name)] = ModelSource(url, folder if is_plain else "")
    return found


def _is_web(url: str) -> bool:
    """Files come from anywhere: only what a browser opens as a page or a download."""
    if len(url) > _LONGEST_URL or not url.isprintable() or not url.startswith(("https://", "http://")):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _missing(problem: Problem, workflow: Workflow) -> str:
    if problem.kind is not ProblemKind.MISSING_MODEL or problem.node_id not in workflow.nodes:
        return ""
    value = workflow.nodes[problem.node_id].inputs.get(problem.parameter)
    return _base(value) if isinstance(value, str) else ""


def _base(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]
