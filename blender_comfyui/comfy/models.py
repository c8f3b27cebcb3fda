"""Which models a server has, by folder, checked: names come from its disk. No network here.

A name may hold folders, with the server's own separator (``sub\\name`` on Windows), spaces and any script; it is sent
as it came.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from .answers import combo_options

FOLDERS = (
    "checkpoints",
    "diffusion_models",
    "vae",
    "text_encoders",
    "loras",
    "controlnet",
    "upscale_models",
    "embeddings",
)
"""The folders that are read, as the server calls them."""

_OLD_NAMES = {"diffusion_models": "unet", "text_encoders": "clip"}
_MENUS = {
    "checkpoints": (("CheckpointLoaderSimple", "ckpt_name"),),
    "diffusion_models": (("UNETLoader", "unet_name"),),
    "vae": (("VAELoader", "vae_name"),),
    "text_encoders": (("CLIPLoader", "clip_name"), ("DualCLIPLoader", "clip_name1")),
    "loras": (("LoraLoader", "lora_name"), ("LoraLoaderModelOnly", "lora_name")),
    "controlnet": (("ControlNetLoader", "control_net_name"),),
    "upscale_models": (("UpscaleModelLoader", "model_name"),),
}
_FOLDERS_OF = {menu: folder for folder, menus in _MENUS.items() for menu in menus} | {
    ("DualCLIPLoader", "clip_name2"): "text_encoders",
}
_MOST = 100_000
_LONGEST = 1000


@dataclass(frozen=True)
class Models:
    """Names by folder, in the server's order; a folder that the server did not tell of is not there."""

    folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def names(self, folder: str) -> tuple[str, ...]:
        """The models in a folder; none where it is not known."""
        return self.folders.get(folder, ())

    def search(self, folder: str, text: str) -> tuple[str, ...]:
        """Those whose names hold every word of a text, in any case and any composition of letters."""
        words = _folded(text).split()
        return tuple(name for name in self.names(folder) if all(word in _folded(name) for word in words))


def listed(data: object) -> tuple[str, ...]:
    """GET /models, /models/{folder} or /embeddings: the names that can be used, each once."""
    names = (name for name in (data if isinstance(data, list) else ()) if isinstance(name, str))
    # Blender's menus end at a null character
    usable = (name for name in names if 0 < len(name) <= _LONGEST and "\0" not in name)
    return tuple(itertools.islice(dict.fromkeys(usable), _MOST))


def asked_as(folder: str, known: tuple[str, ...]) -> str:
    """What this server calls a folder; '' where it has none of the kind."""
    return next((name for name in (folder, _OLD_NAMES.get(folder, "")) if name in known), "")


def folder_of(class_type: str, input_name: str) -> str:
    """The folder that an input of ComfyUI's own loaders is filled from; '' for any other input."""
    return _FOLDERS_OF.get((class_type, input_name), "")


def in_menus(definitions: Mapping[str, object]) -> Models:
    """What the menus of ComfyUI's own loaders in /object_info list, for a server that does not list folders."""
    found = {
        folder: tuple(dict.fromkeys(name for menu in menus for name in combo_options(definitions, *menu)))
        for folder, menus in _MENUS.items()
        if any(class_type in definitions for class_type, _ in menus)
    }
    return Models({folder: listed(list(names)) for folder, names in found.items()})


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).replace("\\", "/")
