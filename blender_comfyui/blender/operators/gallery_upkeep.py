"""What concerns the whole history: reading it anew, deleting, cleaning up, statistics, other clients' results.

Clean-up and statistics ask first and open their dialog when the answer is there: nothing waits.
"""

import bpy
from bpy.props import EnumProperty, StringProperty
from bpy.types import Context, Event, Operator

from ...generation.history import AskStatistics, Clean, Delete
from .. import archive, delivery, notices, order, regions, runtime, settings
from ..gallery import dialogs, words
from ..gallery.foreign import foreign
from ..gallery.reading import shelf
from ..wrapping import draw_sentence, scale
from .gallery import has_selection

_NARROW, _WIDE = 340, 420  # pixels of a dialog at scale 1


class COMFYUI_OT_gallery_refresh(Operator):
    """Read the history anew"""

    bl_idname = "comfyui.gallery_refresh"
    bl_label = "Refresh Gallery"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        shelf.refresh()
        return _awake()


class COMFYUI_OT_gallery_dismiss_notice(Operator):
    """Take this sentence away"""

    bl_idname = "comfyui.gallery_dismiss_notice"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        notices.newest.text = ""
        return _awake()


class COMFYUI_OT_gallery_show_all(Operator):
    """Empty the search field and show all results"""

    bl_idname = "comfyui.gallery_show_all"
    bl_label = "Show All Results"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        shelf.show_all()
        return _awake()


class COMFYUI_OT_gallery_delete(Operator):
    """Delete this result from the history, with or without its files. Asks first"""

    bl_idname = "comfyui.gallery_delete"
    bl_label = "Delete Result"
    bl_options = {"INTERNAL"}

    with_files: EnumProperty(
        name="Files",
        items=(
            ("KEEP", "Keep Files", "Only the gallery forgets it; the files stay where they are"),
            ("DELETE", "Delete Files", "The files are deleted from the disk too. This cannot be undone"),
        ),
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return has_selection(cls)

    def invoke(self, context: Context, _event: Event) -> set[str]:
        return {*context.window_manager.invoke_props_dialog(self, width=_NARROW, confirm_text="Delete")}

    def draw(self, _context: Context) -> None:
        layout, width = self.layout, _inside(_NARROW)
        record = shelf.record
        if record is None:
            return
        draw_sentence(layout, words.title(record)[:200], width)
        if record.files:
            layout.row().prop(self, "with_files", expand=True)
        for sentence in dialogs.warnings(record, with_files=self.with_files == "DELETE"):
            draw_sentence(layout, sentence, width, icon="ERROR")

    def execute(self, _context: Context) -> set[str]:
        archive.ask(Delete((shelf.record.id,), self.with_files == "DELETE"))
        shelf.select(shelf.record.id)
        return _awake()


class COMFYUI_OT_gallery_statistics(Operator):
    """Show how many jobs there were, how many went well, and how long they took"""

    bl_idname = "comfyui.gallery_statistics"
    bl_label = "Gallery Statistics"
    bl_options = {"INTERNAL"}

    def execute(self, _context: Context) -> set[str]:
        archive.ask(AskStatistics())
        return _awake()


class COMFYUI_OT_gallery_statistics_dialog(Operator):
    """The statistics, as they were asked for"""

    bl_idname = "comfyui.gallery_statistics_dialog"
    bl_label = "ComfyUI Statistics"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return dialogs.answers.statistics is not None

    def invoke(self, context: Context, _event: Event) -> set[str]:
        return {*context.window_manager.invoke_props_dialog(self, width=_WIDE)}

    def draw(self, _context: Context) -> None:
        dialogs.draw_statistics(self.layout, dialogs.answers.statistics, _inside(_WIDE))
        dialogs.draw_close(self.layout)

    def execute(self, _context: Context) -> set[str]:
        return {"FINISHED"}


class COMFYUI_OT_gallery_clean_up(Operator):
    """Find out what the preferences' limits would delete, and ask before it is done"""

    bl_idname = "comfyui.gallery_clean_up"
    bl_label = "Clean Up Gallery"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        if dialogs.policy() is None:
            cls.poll_message_set("There is no limit: set one in the preferences of ComfyUI Studio, under Gallery")
        return dialogs.policy() is not None

    def execute(self, _context: Context) -> set[str]:
        archive.ask(Clean(dialogs.policy(), dry_run=True))
        return _awake()


class COMFYUI_OT_gallery_clean_up_now(Operator):
    """Delete what was found"""

    bl_idname = "comfyui.gallery_clean_up_now"
    bl_label = "Clean Up Gallery"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        if dialogs.answers.plan is None:
            cls.poll_message_set("Find out first what would be deleted: Clean Up Gallery")
        return dialogs.answers.plan is not None and dialogs.policy() is not None

    def invoke(self, context: Context, _event: Event) -> set[str]:
        return {*context.window_manager.invoke_props_dialog(self, width=_NARROW, confirm_text="Delete")}

    def draw(self, _context: Context) -> None:
        dialogs.draw_plan(self.layout, dialogs.answers.plan, dialogs.policy(), _inside(_NARROW))
        if not dialogs.answers.plan.ids:
            dialogs.draw_close(self.layout)

    def execute(self, _context: Context) -> set[str]:
        plan, dialogs.answers.plan = dialogs.answers.plan, None
        if not plan.ids:
            return {"FINISHED"}
        archive.ask(Clean(dialogs.policy(), dry_run=False))
        self.report({"INFO"}, f"Deleting {dialogs.plan_sentence(plan)}")
        return _awake()


class COMFYUI_OT_gallery_list_foreign(Operator):
    """List the results on the server that other programs made, such as its browser page"""

    bl_idname = "comfyui.gallery_list_foreign"
    bl_label = "Look for Others' Results"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return _server_is_usable(cls)

    def execute(self, _context: Context) -> set[str]:
        runtime.session().list_foreign()
        foreign.ask()
        return _awake()


class COMFYUI_OT_gallery_bring_in(Operator):
    """Fetch this result and keep it in the gallery, for the open file"""

    bl_idname = "comfyui.gallery_bring_in"
    bl_label = "Bring In"
    bl_options = {"INTERNAL"}

    prompt_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Context) -> bool:
        return context.scene is not None and _server_is_usable(cls)

    def execute(self, context: Context) -> set[str]:
        session = runtime.session()
        session.bring_in(self.prompt_id, folder=settings.output_folder(), context=order.target(context))
        foreign.bring(self.prompt_id)
        return _awake()


def _server_is_usable(kind: type[Operator]) -> bool:
    refusal = runtime.refusal()
    if refusal is not None:
        kind.poll_message_set(str(refusal))
    return refusal is None


def _inside(width: int) -> int:
    """Return the pixels that a dialog of that width has for a line."""
    return round((width - 40) * scale())


def _awake() -> set[str]:
    delivery.wake()
    regions.redraw()
    return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_gallery_refresh,
        COMFYUI_OT_gallery_dismiss_notice,
        COMFYUI_OT_gallery_show_all,
        COMFYUI_OT_gallery_delete,
        COMFYUI_OT_gallery_statistics,
        COMFYUI_OT_gallery_statistics_dialog,
        COMFYUI_OT_gallery_clean_up,
        COMFYUI_OT_gallery_clean_up_now,
        COMFYUI_OT_gallery_list_foreign,
        COMFYUI_OT_gallery_bring_in,
    )
)
