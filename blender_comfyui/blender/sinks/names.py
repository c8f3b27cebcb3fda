"""Names for results: after the prompt and the seed, as Blender and file systems allow them. No bpy here."""

import re
import unicodedata

STEM_BYTES = 80  # of the prompt, in file names


def data_block_name(prompt: str, seed: int | None, limit: int) -> str:
    """Return a name of at most `limit` bytes in UTF-8, the seed whole."""
    ending = "" if seed is None else f" {seed}"
    text = " ".join("".join(map(_printable, prompt)).split()) or "ComfyUI"
    return _cut(text, limit - len(ending.encode())) + ending


def file_stem(prompt: str, seed: int | None) -> str:
    """Return a file name without its ending that every operating system takes."""
    text = unicodedata.normalize("NFC", prompt)
    text = re.sub(r"[^\w-]+", "_", text).strip("_-") or "comfyui"
    return _cut(text, STEM_BYTES).rstrip("_-") + ("" if seed is None else f"_{seed}")


def _printable(character: str) -> str:
    return character if character.isprintable() else " "


def _cut(text: str, limit: int) -> str:
    """Leave at most `limit` bytes: whole words, or at least whole characters."""
    if len(text.encode()) <= limit:
        return text
    kept = text.encode()[: max(0, limit) + 1].decode(errors="ignore")
    words = re.match(r"(.{12,})[\s_]", kept)
    return words[1] if words else kept.encode()[:limit].decode(errors="ignore").rstrip()
