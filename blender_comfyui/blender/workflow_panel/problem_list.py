"""What is wrong with the workflow, each with what one click does about it. Only reads."""

from urllib.parse import urlsplit

from bpy.types import UILayout

from ...workflow.problems import Problem, SetValue
from ..wrapping import draw_sentence, scale, shortened, text_size
from . import checking
from .state import ComfyImported

SHOWN = 10
_SUGGESTIONS = 3
_BOX = 12  # pixels that a box takes of the width, at scale 1
_BUTTON = 30  # … and a button of its text


def draw(layout: UILayout, imported: ComfyImported, width: int) -> None:
    """Draw the problems that the last look found, in at most `width` pixels."""
    problems = checking.findings(imported).problems
    if not problems:
        return
    inside = width - round(_BOX * scale())
    for index, problem in enumerate(problems[:SHOWN]):
        _draw_problem(layout.box(), problem, index, inside)
    if len(problems) > SHOWN:
        draw_sentence(layout, f"and {len(problems) - SHOWN} more", width)
    row = layout.row(align=True)
    row.operator("comfyui.check_workflow", icon="FILE_REFRESH")
    row.operator("comfyui.run_anyway")


def suggestions(problem: Problem) -> list[object]:
    """Return the values that are offered beside the problem's own action."""
    own = problem.action.value if isinstance(problem.action, SetValue) else None
    return [value for value in problem.suggestions if value != own][:_SUGGESTIONS]


def _draw_problem(box: UILayout, problem: Problem, index: int, width: int) -> None:
    draw_sentence(box, problem.sentence, width, icon="ERROR")
    column = box.column(align=True)
    room = width - round(_BUTTON * scale())
    if problem.action is not None:
        button = column.operator("comfyui.fix_problem", text=shortened(problem.label or "Fix", room, text_size()))
        button.index, button.suggestion = index, -1
    if problem.source:
        host = urlsplit(problem.source).hostname
        column.operator("wm.url_open", text=f"Get It from {host}", icon="URL").url = problem.source
    for number, value in enumerate(suggestions(problem)):
        text = shortened(f"Use “{value}”", room, text_size(), 12)
        button = column.operator("comfyui.fix_problem", text=text)
        button.index, button.suggestion = index, number
