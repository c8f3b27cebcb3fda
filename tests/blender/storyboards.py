"""A storyboard of many panels, as a person would have it in a scene or in a file."""

import json
from pathlib import Path
from typing import Any

import bpy

FPS = 24
CHECKPOINT = "random_sd15.safetensors"  # the stand-in server has it
PLACES = ("forest", "river", "village", "bridge", "hill", "cave")


def panels(count: int) -> list[dict[str, Any]]:
    """Panels of different lengths, each at the end of the one before."""
    found, start = [], 1
    for number in range(count):
        length = 24 + 12 * (number % 3)
        prompt = f"shot {number + 1}: a fox near the {PLACES[number % len(PLACES)]}"
        if number % 5 == 4:  # longer than a marker's name, and than a text strip's text in older Blenders
            prompt += ", " + ", ".join(f"detail {detail} of the picture" for detail in range(40))
        found.append({"id": f"{number + 1:03}", "prompt": prompt, "start": start, "end": start + length})
        start += length
    return found


def as_file(path: Path, shots: list[dict[str, Any]], **more: Any) -> Path:
    """Write them as a project file in JSON."""
    told = [{"id": s["id"], "prompt": s["prompt"], "seconds": (s["end"] - s["start"]) / FPS} for s in shots]
    project = {"id": "the-fox", "title": "The Fox", "seed": 7, "task": "image_generation", "tier": "low"}
    project |= {"style": {"before": "ink drawing", "after": "soft light"}, "parameters": {"checkpoint": CHECKPOINT}}
    path.write_text(json.dumps({**project, **more, "panels": told}, ensure_ascii=False), encoding="utf-8")
    return path


def strips(scene: Any = None) -> list[Any]:
    """All strips of the sequencer."""
    editor = (scene or bpy.context.scene).sequence_editor
    if editor is None:
        return []
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences)


def span(strip: Any) -> tuple[int, int]:
    return int(strip.frame_final_start), int(strip.frame_final_end)


def placed(scene: Any = None) -> list[tuple[str, int, int]]:
    """Panel, first frame and frame after the last one of each result in the cut, in the order of the film."""
    found = []
    for strip in strips(scene):
        mark = json.loads(strip.get("comfyui_story", "null"))
        if mark and not mark["is_take"]:
            found.append((mark["panel"], *span(strip)))
    return sorted(found, key=lambda one: one[1])


def settle(board: Any, *, seed: str = "7", tier: str = "low") -> None:
    """Set what all panels have in common, as `as_file` does."""
    board.seed, board.task, board.tier, board.title = seed, "image_generation", tier, "The Fox"
    board.before, board.after = "ink drawing", "soft light"
    setting = board.settings.add()
    setting.name, setting.text = "checkpoint", CHECKPOINT
