"""The extension's page in Blender's preferences. Changing a value never talks to the server."""

import os

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, StringProperty
from bpy.types import AddonPreferences, Context, PropertyGroup, UILayout

from ..comfy.address import COMFYUI_PORT, ServerAddress
from ..comfy.errors import InvalidAddress
from . import compat, delivery, logbook, server_view, settings
from .settings import API_KEY_VARIABLE, PACKAGE, names_more_than_a_host
from .tasks import preferences as task_preferences

AUTHENTICATIONS = (
    ("NONE", "None", "The server asks for nothing, as ComfyUI does by default"),
    ("BEARER", "Bearer Token", "Sent as “Authorization: Bearer …”"),
    ("API_KEY", "API Key", "Sent as “X-API-Key: …”"),
    ("BASIC", "User and Password", "HTTP basic authentication, which many proxies ask for"),
    ("HEADERS", "Own Headers", "Any HTTP headers, for example those of Cloudflare Access"),
)
_SECRETS = {"BEARER": ("token",), "API_KEY": ("api_key",), "BASIC": ("user", "password")}
_STORED = "Kept in Blender's preferences on this computer, never in a .blend file"
_OR_VARIABLE = f"Where empty, {API_KEY_VARIABLE} of the environment is used"


def _spread_address(self: "ComfyPreferences", _context: Context) -> None:
    """People paste whole URLs: put the parts where they belong. What cannot be read stays as it was typed."""
    if not names_more_than_a_host(self.host):
        return
    try:
        address = ServerAddress.parse(self.host)
    except InvalidAddress:
        return
    self.scheme, self.port, self.prefix = address.scheme.upper(), address.port, address.prefix
    self.host = address.host


def _bind_secrets(_self: object, _context: Context) -> None:
    settings.bind_secrets()
    logbook.protect()


def _look_at_files(_self: object, _context: Context) -> None:
    delivery.wake()


def _secret(name: str, description: str) -> StringProperty:
    return StringProperty(name=name, description=f"{description}. {_STORED}", subtype="PASSWORD", update=_bind_secrets)


class ComfyHeader(PropertyGroup):
    """One free HTTP header; `name` is every PropertyGroup's own."""

    value: StringProperty(
        name="Value", description=f"The header's value. {_STORED}", subtype="PASSWORD", update=_bind_secrets
    )


class ComfyTaskWorkflow(PropertyGroup):
    """A task, by `name`, and the id of the workflow in the library that makes it (task_workflows.py)."""

    entry: StringProperty(name="Workflow", options={"HIDDEN"})


class ComfyFavouriteModel(PropertyGroup):
    """A model, by `name`, that stands first in lists."""

    folder: StringProperty(options={"HIDDEN"})


class ComfyPreferredModel(PropertyGroup):
    """The model that a task, by `name`, uses for a parameter wherever nothing else is set."""

    parameter: StringProperty(options={"HIDDEN"})
    model: StringProperty(options={"HIDDEN"})


class ComfyPreferences(AddonPreferences):
    """The server, and what else belongs to the person rather than to a .blend."""

    bl_idname = PACKAGE

    host: StringProperty(
        name="Host",
        description="The computer that runs ComfyUI: its name, its IP address, or the whole URL from the browser",
        default="127.0.0.1",
        update=_spread_address,
    )
    port: IntProperty(
        name="Port",
        description="The port that ComfyUI prints when it starts",
        default=COMFYUI_PORT,
        min=1,
        max=65535,
    )
    scheme: EnumProperty(
        name="Protocol",
        description="How to talk to the server",
        items=(
            ("HTTP", "http", "Plain, as ComfyUI itself speaks"),
            ("HTTPS", "https", "Encrypted, where a proxy stands before ComfyUI"),
        ),
    )
    prefix: StringProperty(
        name="Path", description="What a proxy wants before ComfyUI's own paths, such as /comfy. Usually empty"
    )
    authentication: EnumProperty(
        name="Login", description="What the server asks for before it answers", items=AUTHENTICATIONS
    )
    token: StringProperty(
        name="Token",
        description=f"The bearer token. {_STORED}. {_OR_VARIABLE}",
        subtype="PASSWORD",
        update=_bind_secrets,
    )
    api_key: StringProperty(
        name="API Key", description=f"The API key. {_STORED}. {_OR_VARIABLE}", subtype="PASSWORD", update=_bind_secrets
    )
    account_key: _secret(
        "Comfy Account",
        "The API key of an account at platform.comfy.org, which partner nodes pay with. ComfyUI 0.3 "
        "shows it to everyone who looks into its queue",
    )
    user: StringProperty(name="User", description="The user name for basic authentication")
    password: StringProperty(
        name="Password", description=f"The password. {_STORED}", subtype="PASSWORD", update=_bind_secrets
    )
    headers: CollectionProperty(type=ComfyHeader)
    secrets_host: StringProperty(options={"HIDDEN"})
    output_folder: StringProperty(
        name="Output Folder",
        description="Where results are saved. // is the .blend's folder; until it is saved, the extension's own",
        default="//comfyui/",
        subtype="DIR_PATH",
        options=compat.RELATIVE_PATH,
    )
    task_workflows: CollectionProperty(type=ComfyTaskWorkflow)
    studio_tiers: StringProperty(
        name="Studio's Tiers",
        description="A YAML file that everyone shares: what tasks there are, and what their quality tiers mean. "
        "It goes over what the extension comes with, and over your own",
        subtype="FILE_PATH",
        options=compat.RELATIVE_PATH,
        update=_look_at_files,
    )
    favourite_models: CollectionProperty(type=ComfyFavouriteModel)
    preferred_models: CollectionProperty(type=ComfyPreferredModel)
    show_previews: BoolProperty(
        name="Live Previews",
        description="Show the picture in the panel while it is made. The server sends it only when it was started "
        "with --preview-method auto",
        default=True,
    )
    clean_days: IntProperty(
        name="Older Than",
        description="Days after which a clean-up deletes a result from the gallery; 0 for no such limit",
        default=0,
        min=0,
        max=36500,
    )
    clean_keep: IntProperty(
        name="Keep Newest",
        description="How many results a clean-up leaves in the gallery; 0 for no such limit",
        default=0,
        min=0,
    )
    clean_gigabytes: FloatProperty(
        name="Keep Gigabytes",
        description="How many gigabytes of results a clean-up leaves; 0 for no such limit",
        default=0.0,
        min=0.0,
        precision=1,
    )
    clean_files: BoolProperty(
        name="Delete Files Too",
        description="A clean-up deletes the results' files from the disk too, not only the gallery's entries",
        default=False,
    )

    def draw(self, context: Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        column = layout.column(align=True)
        column.prop(self, "host")
        column.prop(self, "port")
        _draw_advanced(layout, self)
        layout.operator("comfyui.test_connection", icon="LINKED")
        server_view.draw(layout, round(context.region.width * 0.7), in_preferences=True)
        layout.separator()
        layout.prop(self, "output_folder")
        layout.prop(self, "show_previews")
        task_preferences.draw(layout, self, round(context.region.width * 0.7), getattr(context, "scene", None))
        _draw_gallery(layout, self)
        layout.operator("comfyui.copy_diagnostics", text="Copy Diagnostics", icon="COPYDOWN")


def _draw_advanced(layout: UILayout, preferences: ComfyPreferences) -> None:
    header, body = layout.panel("COMFYUI_advanced", default_closed=True)
    header.label(text="Advanced")
    if body is None:
        return
    body.row().prop(preferences, "scheme", expand=True)
    body.prop(preferences, "prefix")
    body.prop(preferences, "authentication")
    for name in _SECRETS.get(preferences.authentication, ()):
        body.prop(preferences, name)
    body.prop(preferences, "account_key")
    if preferences.authentication == "HEADERS":
        _draw_headers(body, preferences)
    elif preferences.authentication in ("BEARER", "API_KEY"):
        found = "is set" if os.environ.get(API_KEY_VARIABLE) else "is not set"
        body.label(text=f"Where empty: {API_KEY_VARIABLE} of the environment, which {found}")


def _draw_gallery(layout: UILayout, preferences: ComfyPreferences) -> None:
    header, body = layout.panel("COMFYUI_gallery_preferences", default_closed=True)
    header.label(text="Gallery")
    if body is None:
        return
    body.label(text="What a clean-up deletes. It never happens by itself, and never touches favourites")
    column = body.column(align=True)
    column.prop(preferences, "clean_days")
    column.prop(preferences, "clean_keep")
    column.prop(preferences, "clean_gigabytes")
    body.prop(preferences, "clean_files")
    body.operator("comfyui.gallery_clean_up", icon="BRUSH_DATA")


def _draw_headers(layout: UILayout, preferences: ComfyPreferences) -> None:
    for index, header in enumerate(preferences.headers):
        row = layout.row(align=True)
        row.use_property_split = False
        row.prop(header, "name", text="", placeholder="Name")
        row.prop(header, "value", text="", placeholder="Value")
        row.operator("comfyui.remove_header", text="", icon="REMOVE").index = index
    layout.operator("comfyui.add_header", icon="ADD")


register, unregister = bpy.utils.register_classes_factory(
    (ComfyHeader, ComfyTaskWorkflow, ComfyFavouriteModel, ComfyPreferredModel, ComfyPreferences)
)
