"""What can be clicked, searched with F3 and called from scripts. Operators are thin: read, call, report."""

from . import (
    diagnostics,
    gallery,
    gallery_upkeep,
    generate,
    jobs,
    models,
    prompt,
    queue,
    server,
    storyboard,
    storyboard_files,
    storyboard_run,
    tasks,
    templates,
    workflow,
    workflow_layout,
    workflow_library,
    workflow_presets,
    workflow_problems,
    workflow_values,
)

_MODULES = (
    generate,
    jobs,
    queue,
    prompt,
    server,
    storyboard,
    storyboard_files,
    storyboard_run,
    tasks,
    models,
    gallery,
    gallery_upkeep,
    diagnostics,
    workflow,
    workflow_library,
    workflow_values,
    workflow_layout,
    workflow_presets,
    workflow_problems,
    templates,
)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
