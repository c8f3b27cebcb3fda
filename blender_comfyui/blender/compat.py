"""What differs between Blender 4.2 and 5.2, in one place: everything else is written once for all of them."""

from pathlib import Path
from typing import Any, Literal

import bpy
import imbuf
import numpy
from bpy.types import Context, Image, Scene, SequenceEditor, UILayout, Window

# Data-block names hold 63 bytes up to 4.5 and 255 from 5.0. Ours stay short enough for a file to go either way.
MAX_NAME_BYTES = 63
# What the text of a text strip holds; None from 5.0 on, where it has no limit.
MAX_TEXT_BYTES = None if bpy.app.version >= (5, 0, 0) else 511
# What a path property needs for its "//"; before 4.5 every one takes it.
RELATIVE_PATH = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()
# `retiming_keys.add` works from 5.2 on; in 4.5 and 5.0 it crashes Blender, in 4.2 it does nothing.
_RETIMING_WORKS = bpy.app.version >= (5, 2, 0)

_CARRIER = ".ComfyUI Preview"


def prompt_field(layout: UILayout, data: object, name: str, *, lines: int, placeholder: str) -> bool:
    """Draw the field of a long text; return whether it shows more than one line (from 5.2 on)."""
    if hasattr(layout, "textbox"):
        layout.textbox(data, name, initial_visible_lines=lines, placeholder=placeholder)
        return True
    layout.prop(data, name, text="", placeholder=placeholder)
    return False


def sequencer_scene(context: Context) -> Scene:
    """Return the scene whose sequence the person sees: from 5.0 on the workspace can choose another one."""
    workspace = getattr(context, "workspace", None)
    return getattr(workspace, "sequencer_scene", None) or context.scene


def strips(editor: SequenceEditor) -> "bpy.types.StripsTopLevel":
    """Return the editor's top level strips (`sequences` before 4.4). An empty collection is falsy: no `or` here."""
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def strip_range(strip: "bpy.types.Strip") -> tuple[int, int]:
    """Return the strip's first frame and the frame after its last one."""
    if hasattr(strip, "right_handle"):
        return int(strip.left_handle), int(strip.right_handle)
    return strip.frame_final_start, strip.frame_final_end


def set_strip_length(strip: "bpy.types.Strip", frames: int) -> None:
    """Make the strip end `frames` frames after its start."""
    if hasattr(strip, "right_handle"):
        strip.right_handle = int(strip.left_handle) + frames
    else:
        strip.frame_final_duration = frames


def play_in(editor: SequenceEditor, strip: "bpy.types.Strip", frames: int) -> None:
    """Play the whole movie strip in `frames` frames, whatever its own frame rate. The channel above must be free."""
    start, end = strip_range(strip)
    if _RETIMING_WORKS:
        strip.retiming_keys.add(timeline_frame=end)
        strip.retiming_keys[-1].timeline_frame = start + frames
        return
    set_strip_length(strip, frames)
    new_effect(editor, f"{strip.name} Speed", "SPEED", strip.channel + 1, start, frames, strip)


def play_from_start(editor: SequenceEditor, strip: "bpy.types.Strip", speed: float, frames: int, channel: int) -> None:
    """Play the movie strip from its start, `speed` of its pictures a frame, for `frames` frames.

    What is longer is cut off, and what is shorter holds its last picture. Where Blender cannot retime a strip from
    Python, a Speed effect does it on `channel`, which must be free there.
    """
    start, end = strip_range(strip)
    if _RETIMING_WORKS and speed != 1.0:
        strip.retiming_keys.add(timeline_frame=end)
        strip.retiming_keys[-1].timeline_frame = start + max(1, round((end - start) / speed))
    set_strip_length(strip, frames)
    if _RETIMING_WORKS or speed == 1.0:
        return
    effect = new_effect(editor, f"{strip.name} Speed", "SPEED", channel, start, frames, strip)
    effect.speed_control, effect.speed_factor = "MULTIPLY", speed


def needs_effect(speed: float) -> bool:
    """Whether `play_from_start` takes a channel for a Speed effect."""
    return speed != 1.0 and not _RETIMING_WORKS


def move_strip(strip: "bpy.types.Strip", start: int) -> None:
    """Have the strip begin at this frame, all of it moved."""
    by = start - strip_range(strip)[0]
    if hasattr(strip, "content_start"):
        strip.content_start += by
    else:
        strip.frame_start += by


def new_effect(
    editor: SequenceEditor,
    name: str,
    kind: Literal["SPEED", "TEXT", "COLOR"],
    channel: int,
    start: int,
    frames: int,
    of: "bpy.types.Strip | None" = None,
) -> "bpy.types.Strip":
    """Make an effect strip, of another strip where it needs one."""
    arguments: dict[str, Any] = {}
    if of is not None:
        arguments["input1" if bpy.app.version >= (4, 4, 0) else "seq1"] = of
    arguments |= {"length": frames} if bpy.app.version >= (5, 0, 0) else {"frame_end": start + frames}
    return strips(editor).new_effect(name=name, type=kind, channel=channel, frame_start=start, **arguments)


def save_render(image: Image, path: Path, scene: Scene) -> None:
    """Write the last render as it is shown, as a PNG of 8 bits with alpha. Raises RuntimeError where there is none."""
    settings = scene.render.image_settings
    wanted = {"media_type": "IMAGE", "file_format": "PNG", "color_mode": "RGBA", "color_depth": "8"}
    before = {name: getattr(settings, name) for name in wanted if hasattr(settings, name)}  # media_type: since 5.0
    try:
        for name in before:
            setattr(settings, name, wanted[name])
        image.save_render(str(path), scene=scene)
    finally:
        for name, value in before.items():
            setattr(settings, name, value)


def busy_editing(window: Window) -> bool:
    """Whether a tool is under way in this window that will push its own undo step: a grab says UNDO, strokes of sculpt
    and paint say only BLOCKING, and Blender crashes at their end where an undo step came between."""
    return any({"UNDO", "BLOCKING"} & operator.bl_options for operator in window.modal_operators)


def decode(encoded: bytes, side: int) -> numpy.ndarray:
    """Return an encoded picture's pixels, thinned out to at most `side` a side.

    They are floats from 0 to 1 of shape (height, width, 4), the bottom row first. Takes 2 to 4 ms for 512 pixels.
    """
    if hasattr(imbuf.types.ImBuf, "with_buffer"):
        picture = imbuf.load_from_buffer(encoded)
        try:
            with picture.with_buffer() as pixels:
                return _thinned(numpy.asarray(pixels), side) / numpy.float32(255)
        finally:
            picture.free()
    return _thinned(_decode_in_image(encoded), side)


def end_decoding() -> None:
    """Leave nothing behind that `decode` needed."""
    if carrier := bpy.data.images.get(_CARRIER):
        bpy.data.images.remove(carrier)


def _decode_in_image(encoded: bytes) -> numpy.ndarray:
    """Before 5.2 only an image decodes bytes: a hidden one without users, so that no .blend ever holds it."""
    # looked for by name each time: undo and opening a file take it away
    carrier = bpy.data.images.get(_CARRIER) or bpy.data.images.new(_CARRIER, 1, 1)
    carrier.pack(data=encoded, data_len=len(encoded))
    carrier.source = "FILE"
    carrier.buffers_free()
    width, height = carrier.size
    pixels = numpy.empty(width * height * carrier.channels, dtype=numpy.float32)
    carrier.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, -1)


def _thinned(pixels: numpy.ndarray, side: int) -> numpy.ndarray:
    step = -(-max(pixels.shape[:2]) // side)
    return numpy.ascontiguousarray(pixels[::step, ::step])
