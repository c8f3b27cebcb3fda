"""At the end: does each panel have a whole file of the right kind and size? Reads files; not for the main thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...comfy.errors import FileBroken
from ...workflow.containers.bounded import Cut
from ...workflow.containers.isobmff import frame_size
from ..outputs import kind_of
from ..pictures import check_file, picture_size
from ..tasks.records import Tier
from ..tasks.rules import number_of
from .resolution import enlargement
from .states import PanelProgress, Progress

_LATENT = 8  # pixels: what is enlarged before it is a picture is rounded to these
_MP4 = (".mp4", ".mov", ".m4v")


@dataclass(frozen=True)
class Finding:
    """What is wrong with a panel, as a sentence that does not name it; ``path`` is the file that it is about."""

    panel_id: str
    sentence: str
    path: Path | None = None


def check(progress: Progress, tier: Tier | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with any panel, also that it has no file; with the storyboard's ``tier`` kinds are
    checked, too."""
    found: list[Finding] = []
    for panel in progress.panels:
        if panel.best is None:
            found.append(Finding(panel.panel_id, f"It has no file. {panel.reason}".rstrip()))
        elif finding := check_panel(panel, tier):
            found.append(finding)
    return tuple(found)


def check_panel(panel: PanelProgress, tier: Tier | None = None) -> Finding | None:
    """Return what is wrong with the newest file of a panel; None where there is nothing, or no file."""
    best = panel.best
    if best is None or best.file is None:
        return None
    path = best.file
    try:
        check_file(path, path.name)
        sentence = _wrong_kind(path, tier) or _wrong_size(path, best.parameters)
    except FileNotFoundError:
        sentence = f"The file {path.name} is gone from {path.parent}. Make the panel again, or put the file back."
    except (FileBroken, OSError, ValueError) as error:
        sentence = str(error)
    except Cut:
        sentence = f"The file {path.name} is damaged or cut. Make the panel again."
    return Finding(panel.panel_id, sentence, path) if sentence else None


def makes_video(tier: Tier) -> bool:
    """Tell whether a tier makes videos: it says how many frames, and how fast they go."""
    return "length" in tier.parameters and "fps" in tier.parameters


def _wrong_kind(path: Path, tier: Tier | None) -> str:
    kind = kind_of(path.name)
    if kind not in ("image", "video"):
        return f"{path.name} is neither a picture nor a video. See what the workflow saves."
    if tier is not None and kind != "video" and makes_video(tier) and path.suffix.lower() not in (".webp", ".gif"):
        return f"{path.name} is a picture, and a video was asked for. See what the workflow saves."
    return ""


def _wrong_size(path: Path, parameters: Mapping[str, object]) -> str:
    width, height = number_of(parameters.get("width")), number_of(parameters.get("height"))
    size = _size(path)
    if size is None or width is None or height is None:
        return ""
    factor = enlargement(parameters)
    slack = 0 if factor == 1 else _LATENT
    if abs(size[0] - width * factor) <= slack and abs(size[1] - height * factor) <= slack:
        return ""
    return (
        f"{path.name} is {size[0]} × {size[1]} pixels, and {round(width * factor)} × {round(height * factor)} were "
        "asked for. See what the workflow does to its pictures."
    )


def _size(path: Path) -> tuple[int, int] | None:
    if kind_of(path.name) == "image":
        return picture_size(path)
    if path.suffix.lower() in _MP4:
        with path.open("rb") as file:
            return frame_size(file)
    return None
