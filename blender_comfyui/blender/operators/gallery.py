"""The gallery's buttons: choosing a result, looking at it, putting it into the open file, making it again.

All act on the selected result; scripts select one by `comfyui.gallery_select(job_id=…)`.
"""

import dataclasses

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty
from bpy.types import Context, Event, Operator

from ...comfy.errors import ComfyError
from ...generation.history import SetFavourite
from .. import archive, delivery, diagnostics, order, regions, runtime, settings
from ..gallery import dialogs, larger, placing, reuse, showing, words
from ..gallery.reading import shelf
from ..sinks.target import CannotPlace
from .generate import follow

_NOTHING_SELECTED = "Select a result in the gallery first"


def has_selection(kind: type[Operator]) -> bool:
    """For `poll`: whether a result is selected; says so where none is."""
    if shelf.record is None:
        kind.poll_message_set(_NOTHING_SELECTED)
    return shelf.record is not None


def has_file(kind: type[Operator]) -> bool:
    """For `poll`: whether the selected result has a file; says so where it has none."""
    if has_selection(kind) and shelf.file is None:
        kind.poll_message_set("This has no files")
    return shelf.file is not None


def has_picture(kind: type[Operator]) -> bool:
    """For `poll`: whether the selected result's file is one that Blender shows; says so where it is not."""
    if not has_file(kind):
        return False
    shown = shelf.file.kind in words.SHOWN_IN_BLENDER
    if not shown:
        kind.poll_message_set("This is neither a picture nor a video: open its folder")
    return shown


class COMFYUI_OT_gallery_select(Operator):
    """Show what can be done with this result"""

    bl_idname = "comfyui.gallery_select"
    bl_label = "Select Result"
    bl_options = {"INTERNAL"}

    job_id: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: Context, properties: "COMFYUI_OT_gallery_select") -> str:
        """Return the whole prompt: the button's own text is short."""
        found = shelf.on_page(properties.job_id)
        return f"{words.title(found)}\n{words.made(found)}" if found else cls.__doc__

    def execute(self, context: Context) -> set[str]:
        shelf.select(self.job_id)
        return _shown_anew(context)


class COMFYUI_OT_gallery_turn(Operator):
    """Go to another page"""

    bl_idname = "comfyui.gallery_turn"
    bl_label = "Turn Page"
    bl_options = {"INTERNAL"}

    offset: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def execute(self, context: Context) -> set[str]:
        shelf.turn(self.offset)
        return _shown_anew(context)


class COMFYUI_OT_gallery_step(Operator):
    """Go to another file of this result"""

    bl_idname = "comfyui.gallery_step"
    bl_label = "Another File"
    bl_options = {"INTERNAL"}

    by: IntProperty(default=1, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return has_file(cls)

    def execute(self, context: Context) -> set[str]:
        shelf.step(self.by)
        return _shown_anew(context)


class COMFYUI_OT_gallery_view(Operator):
    """Show this result larger, with all that is known of how it was made"""

    bl_idname = "comfyui.gallery_view"
    bl_label = "ComfyUI Result"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return has_selection(cls)

    def invoke(self, context: Context, _event: Event) -> set[str]:
        return {*context.window_manager.invoke_props_dialog(self, width=larger.WIDTH)}

    def draw(self, _context: Context) -> None:
        if shelf.record is not None:
            larger.draw(self.layout, shelf.record, shelf.file)
        dialogs.draw_close(self.layout)

    def execute(self, _context: Context) -> set[str]:
        return {"FINISHED"}


class COMFYUI_OT_gallery_show(Operator):
    """Show this file: its strip at the playhead, or its picture in an Image Editor. It is not placed by that"""

    bl_idname = "comfyui.gallery_show"
    bl_label = "Show Result"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return has_picture(cls)

    def execute(self, context: Context) -> set[str]:
        try:
            self.report({"INFO"}, showing.show(context, shelf.record, shelf.file))
        except CannotPlace as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class COMFYUI_OT_gallery_place(Operator):
    """Put this file into the open .blend, as an image or a strip: whichever the panel's Result says"""

    bl_idname = "comfyui.gallery_place"
    bl_label = "Place Result"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if context.scene is None:
            cls.poll_message_set("There is no scene to place it in")
            return False
        return has_picture(cls)

    def execute(self, context: Context) -> set[str]:
        record, file = shelf.record, shelf.file
        again = placing.is_here(record, file)
        try:
            name = placing.place(record, file, order.target(context))
        except CannotPlace as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Placed once more, as “{name}”" if again else f"Placed as “{name}”")
        return _shown_anew(context)


class COMFYUI_OT_gallery_open_folder(Operator):
    """Open the folder of this file in the system's file browser"""

    bl_idname = "comfyui.gallery_open_folder"
    bl_label = "Open Folder of Result"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return has_file(cls)

    def execute(self, _context: Context) -> set[str]:
        folder = shelf.file.path.parent
        try:
            bpy.ops.wm.path_open(filepath=str(folder))
        except RuntimeError:
            self.report({"ERROR"}, f"The folder {folder} is not there (any more).")
            return {"CANCELLED"}
        return {"FINISHED"}


class COMFYUI_OT_gallery_copy_prompt(Operator):
    """Copy the prompt to the clipboard"""

    bl_idname = "comfyui.gallery_copy_prompt"
    bl_label = "Copy Prompt"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return has_selection(cls)

    def execute(self, context: Context) -> set[str]:
        context.window_manager.clipboard = shelf.record.label
        self.report({"INFO"}, "The prompt is on the clipboard")
        return {"FINISHED"}


class COMFYUI_OT_gallery_copy_details(Operator):
    """Copy the whole error to the clipboard, for a bug report or a search"""

    bl_idname = "comfyui.gallery_copy_details"
    bl_label = "Copy Error"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return has_selection(cls)

    def execute(self, context: Context) -> set[str]:
        record = shelf.record
        context.window_manager.clipboard = diagnostics.clean(f"{record.error}\n\n{record.error_details}".strip())
        self.report({"INFO"}, "The error is on the clipboard")
        return {"FINISHED"}


class COMFYUI_OT_gallery_reuse(Operator):
    """Set the panel as it was for this result"""

    bl_idname = "comfyui.gallery_reuse"
    bl_label = "Reuse Settings of Result"
    bl_options = {"INTERNAL", "UNDO"}

    only_seed: BoolProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def description(cls, _context: Context, properties: "COMFYUI_OT_gallery_reuse") -> str:
        """Say which of the two buttons it is."""
        only = "Set the panel's seed to this result's, and nothing else"
        return (
            only if properties.only_seed else "Set the panel's prompt, seed and settings as they were for this result"
        )

    @classmethod
    def poll(cls, context: Context) -> bool:
        if context.scene is None:
            cls.poll_message_set("There is no scene that could take the settings")
            return False
        return has_selection(cls)

    def execute(self, context: Context) -> set[str]:
        chosen, record = context.scene.comfyui, shelf.record
        if self.only_seed:
            if not reuse.reuse_seed(chosen, record):
                self.report({"ERROR"}, "The seed of this result is not known")
                return {"CANCELLED"}
            self.report({"INFO"}, f"The seed is {record.seed}")
            return {"FINISHED"}
        refused = reuse.reuse_all(chosen, record)
        left = f"; the panel has no place for {', '.join(refused)}" if refused else ""
        self.report({"WARNING" if refused else "INFO"}, f"The settings are those of this result{left}")
        return {"FINISHED"}


class COMFYUI_OT_gallery_run_again(Operator):
    """Make this once more, with the same prompt, seed and settings, for the open file"""

    bl_idname = "comfyui.gallery_run_again"
    bl_label = "Run Result Again"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        if not has_selection(cls):
            return False
        refusal = runtime.refusal()
        if refusal is not None:
            cls.poll_message_set(str(refusal))
        elif shelf.whole is None:
            cls.poll_message_set("It is being read: a moment")
        elif shelf.whole.request is None:
            cls.poll_message_set("What was sent to the server is not known any more")
        else:
            return context.scene is not None
        return False

    def execute(self, context: Context) -> set[str]:
        request = dataclasses.replace(
            shelf.whole.request, context=order.target(context), folder=settings.output_folder()
        )
        try:
            follow(runtime.session().run(request))
        except (ComfyError, runtime.NoOnlineAccess) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class COMFYUI_OT_gallery_favourite(Operator):
    """Mark this result as a favourite, or take the mark away. A clean-up never touches favourites"""

    bl_idname = "comfyui.gallery_favourite"
    bl_label = "Favourite"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: Context) -> bool:
        return has_selection(cls)

    def execute(self, context: Context) -> set[str]:
        record, wanted = shelf.record, not shelf.record.favourite
        archive.ask(SetFavourite(record.id, wanted))
        shelf.mark(record.id, wanted)
        return _shown_anew(context)


def _shown_anew(context: Context) -> set[str]:
    """Have the panel drawn anew, and the dialog that holds the button, if one does."""
    delivery.wake()
    regions.redraw()
    if getattr(context, "region_popup", None) is not None:
        context.region_popup.tag_refresh_ui()
    return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (
        COMFYUI_OT_gallery_select,
        COMFYUI_OT_gallery_turn,
        COMFYUI_OT_gallery_step,
        COMFYUI_OT_gallery_view,
        COMFYUI_OT_gallery_show,
        COMFYUI_OT_gallery_place,
        COMFYUI_OT_gallery_open_folder,
        COMFYUI_OT_gallery_copy_prompt,
        COMFYUI_OT_gallery_copy_details,
        COMFYUI_OT_gallery_reuse,
        COMFYUI_OT_gallery_run_again,
        COMFYUI_OT_gallery_favourite,
    )
)
