"""LoRAs as a prompt names them: ``<lora:name:0.8>``, ``<lora:name:0.8:0.6>`` (model, text encoder). No bpy, no network.

The name may lack its folder and its ending.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from .errors import InvalidValue
from .loras import Lora
from .similar_names import nearest_names, same_file
from .wording import quoted

STRONGEST = 100.0
"""What ComfyUI's loaders take at most, in either direction."""

_TAG = re.compile(r"[ \t]?<lora:([^<>]*)>", re.IGNORECASE)
_NUMBER = re.compile(r"\s*[+-]?(\d{1,9}(\.\d{0,20})?|\.\d{1,20})\s*", re.ASCII)
_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin")


class Prompt(NamedTuple):
    """A prompt without its tags, and what these asked for, in their order."""

    text: str
    loras: tuple[Lora, ...]


def taken_out(text: str) -> Prompt:
    """Take the LoRAs out of a prompt; one without any comes back as it is.

    Raises InvalidValue for a tag that has no name, or no number where a strength belongs.
    """
    loras = tuple(_lora(found[1]) for found in _TAG.finditer(text))
    if not loras:
        return Prompt(text, ())
    rest = _TAG.sub("", text)
    return Prompt(rest.lstrip(" \t") if _TAG.match(text) else rest, loras)


def tag(lora: Lora) -> str:
    """Return a LoRA as a prompt names it."""
    model, clip = (f"{strength:.6f}".rstrip("0").rstrip(".") for strength in lora.strengths)
    return f"<lora:{lora.name}:{model}>" if model == clip else f"<lora:{lora.name}:{model}:{clip}>"


def checked(lora: Lora) -> Lora:
    """Return a LoRA whose strengths a server takes; raise InvalidValue."""
    for strength in lora.strengths:
        if not -STRONGEST <= strength <= STRONGEST:  # not a number is none of these either
            raise InvalidValue(
                f"The strength of the LoRA {quoted(lora.name)} is {strength:g}; it must be from "
                f"{-STRONGEST:g} to {STRONGEST:g}.",
                name="loras",
            )
    return lora


def on_server(name: str, known: Iterable[str]) -> str:
    r"""Return the server's name for a LoRA: folder and ending may be missing, ``/`` may stand for ``\``.

    Raises InvalidValue, with the nearest names, for one that it does not have, or has in several folders.
    """
    names = tuple(known)
    if name in names:
        return name
    for alike in (same_file, _same_but_ending, _same_but_case, _same_but_folder):
        found = [other for other in names if alike(name, other)]
        if len(found) == 1:
            return found[0]
        if found:
            those = " or ".join(quoted(other) for other in found[:4])
            raise InvalidValue(f"The LoRA {quoted(name)} may be {those}. Write its whole name.", name="loras")
    near = nearest_names(name, names)
    instead = f"Did you mean {' or '.join(quoted(other) for other in near)}?" if near else _none_alike(names)
    raise InvalidValue(f"The server has no LoRA {quoted(name)}. {instead}", name="loras")


def _lora(body: str) -> Lora:
    name, *strengths = (part.strip() for part in body.split(":"))
    tag = quoted(f"<lora:{body}>")
    if not name:
        raise InvalidValue(f"In the prompt, {tag} names no LoRA. Write <lora:name:0.8>.", name="prompt")
    if len(strengths) > 2 or not all(_NUMBER.fullmatch(strength) for strength in strengths):
        raise InvalidValue(
            f"In the prompt, {tag} has something else than one or two numbers for the strengths. "
            "Write <lora:name:0.8>, or <lora:name:0.8:0.6> for model and text encoder.",
            name="prompt",
        )
    model = float(strengths[0]) if strengths else 1.0
    return checked(Lora(name, model, float(strengths[1]) if len(strengths) > 1 else None))


def _same_but_ending(name: str, other: str) -> bool:
    return _bare(name) == _bare(other)


def _same_but_case(name: str, other: str) -> bool:
    return _bare(name).casefold() == _bare(other).casefold()


def _same_but_folder(name: str, other: str) -> bool:
    return _same_but_case(name, _bare(other).rsplit("/", 1)[-1])


def _bare(name: str) -> str:
    path = unicodedata.normalize("NFC", name).replace("\\", "/")
    ending = next((ending for ending in _ENDINGS if path.casefold().endswith(ending)), "")
    return path[: len(path) - len(ending)]


def _none_alike(names: tuple[str, ...]) -> str:
    return "Choose one of its list." if names else "It has none at all: put the file into its folder models/loras."
