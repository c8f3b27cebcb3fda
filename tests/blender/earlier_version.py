"""What preferences and .blend files were before there were tasks: the `__init__.py` of an extension of its own.

It stands in for the earlier version, and for nothing else: no panel, no operator.
"""

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import AddonPreferences, PropertyGroup, Scene


class ComfyTaskWorkflow(PropertyGroup):
    entry: StringProperty()


class ComfyPreferences(AddonPreferences):
    bl_idname = __package__ or __name__

    host: StringProperty(default="127.0.0.1")
    port: IntProperty(default=8188)
    token: StringProperty(subtype="PASSWORD")
    output_folder: StringProperty(default="//comfyui/", subtype="DIR_PATH")
    task_workflows: CollectionProperty(type=ComfyTaskWorkflow)
    show_previews: BoolProperty(default=True)
    no_longer_there: StringProperty()


class ComfySettings(PropertyGroup):
    task: EnumProperty(items=(("image_generation", "Image", ""), ("video_generation", "Video", "")))
    workflow: StringProperty(default="sd_basic")
    prompt: StringProperty()
    steps: IntProperty(default=20)
    sampler: StringProperty(default="euler")
    scheduler: StringProperty(default="normal")


_register, _unregister = bpy.utils.register_classes_factory((ComfyTaskWorkflow, ComfyPreferences, ComfySettings))


def register() -> None:
    _register()
    Scene.comfyui = PointerProperty(type=ComfySettings)


def unregister() -> None:
    del Scene.comfyui
    _unregister()
