"""A layout that draws nothing but remembers, so that panels can be looked at without a window."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import bpy

ICONS = set(bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys())


@dataclass
class Drawn:
    """One thing in a layout. `kind` is the layout's method, `width` the share of the panel it can use at most."""

    kind: str
    text: str = ""
    name: str = ""  # of the property or operator
    icon: str = "NONE"
    arguments: dict[str, Any] = field(default_factory=dict)


class Recorder:
    """Takes every call that UILayout takes, and checks that properties, operators and icons exist."""

    enabled = True  # what is in a part follows the part

    def __init__(self, drawn: list[Drawn] | None = None, closed: tuple[str, ...] = ()) -> None:
        self.drawn = drawn if drawn is not None else []
        self.closed = closed

    def _part(self, **_: Any) -> "Recorder":
        return Recorder(self.drawn, self.closed)

    row = column = box = split = grid_flow = column_flow = _part

    def panel(self, idname: str, default_closed: bool = False) -> tuple["Recorder", "Recorder | None"]:
        return self._part(), None if idname in self.closed else self._part()

    def label(self, text: str = "", icon: str = "NONE") -> None:
        self._note(Drawn("label", text, icon=icon))

    def separator(self, **_: Any) -> None:
        pass

    def prop(self, data: Any, name: str, icon: str = "NONE", **arguments: Any) -> None:
        found = data.bl_rna.properties[name]
        self._note(Drawn("prop", arguments.get("text", found.name), name, icon, arguments))

    def textbox(self, data: Any, name: str, **arguments: Any) -> None:
        assert name in data.bl_rna.properties
        self._note(Drawn("textbox", name=name, arguments=arguments))

    def operator(self, name: str, text: str | None = None, icon: str = "NONE", **_: Any) -> SimpleNamespace:
        group, _, function = name.partition(".")
        kind = getattr(getattr(bpy.ops, group), function).get_rna_type()
        said = SimpleNamespace()
        self._note(
            Drawn(
                "operator",
                kind.name if text is None else text,
                name,
                icon,
                {"properties": said, "enabled": self.enabled},
            )
        )
        return said

    def menu(self, name: str, text: str = "", icon: str = "NONE") -> None:
        assert hasattr(bpy.types, name)
        self._note(Drawn("menu", text, name, icon))

    def progress(self, factor: float = 0.0, text: str = "") -> None:
        assert 0.0 <= factor <= 1.0
        self._note(Drawn("progress", text, arguments={"factor": factor}))

    def template_icon(self, icon_value: int, scale: float = 1.0) -> None:
        assert icon_value > 0
        self._note(Drawn("template_icon", arguments={"icon": icon_value, "scale": scale}))

    def template_ID(self, data: Any, name: str, **operators: str) -> None:  # noqa: N802  Blender's name
        assert name in data.bl_rna.properties
        for operator in operators.values():
            group, _, function = operator.partition(".")
            getattr(getattr(bpy.ops, group), function).get_rna_type()
        self._note(Drawn("template_ID", name=name, arguments=operators))

    def template_popup_confirm(self, operator: str, text: str = "", cancel_text: str = "") -> None:
        self._note(Drawn("template_popup_confirm", text or cancel_text, operator))

    def _note(self, drawn: Drawn) -> None:
        assert drawn.icon in ICONS, drawn.icon
        self.drawn.append(drawn)

    @property
    def text(self) -> str:
        """All labels, as a person reads them from top to bottom."""
        return " ".join(drawn.text for drawn in self.drawn if drawn.kind in ("label", "progress"))

    @property
    def operators(self) -> list[str]:
        return [drawn.name for drawn in self.drawn if drawn.kind == "operator"]
