"""The only floor that knows bpy: what the artist sees, and the way from Blender to a Session and back.

The main thread alone runs here. No network, no waiting for a disk or a lock; `delivery` says how results come in.
"""

from . import (
    archive,
    blend_file,
    commands,
    delivery,
    diagnostics,
    gallery,
    grids,
    logbook,
    operators,
    panels,
    placements,
    preferences,
    properties,
    recovery,
    runtime,
    storyboard,
    templates,
)
from .sinks import ledger
from .tasks import asking
from .workflow_panel import reception, refusals

# In this order, in which they also hear of a file that was opened: which one it is, what it holds, what waits for it.
_MODULES = (
    properties,
    preferences,
    logbook,
    blend_file,
    ledger,
    runtime,
    commands,
    archive,
    diagnostics,
    placements,
    recovery,
    reception,
    refusals,
    asking,
    delivery,
    operators,
    panels,
    grids,
    gallery,
    storyboard,
    templates,
)


def register() -> None:
    for module in _MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(_MODULES):
        module.unregister()
