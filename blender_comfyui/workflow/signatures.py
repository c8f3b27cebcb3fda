"""What a file is by its first bytes, whatever its name says. No Pillow, no decoding."""

from __future__ import annotations

import re

HEAD = 4096  # bytes that tell
_TEXT_MARKS = (b"<svg", b"<?xml", b"<!--", b"<!doctype svg")
_AVIF = (b"avif", b"avis")

# format by extension, as `picture_format` names it
FORMAT_OF = {
    ".png": "PNG",
    ".apng": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WebP",
    ".gif": "GIF",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
    ".exr": "OpenEXR",
    ".hdr": "Radiance HDR",
    ".svg": "SVG",
}
_STARTS = {
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "JPEG": (b"\xff\xd8\xff",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "BMP": (b"BM",),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "OpenEXR": (b"v/1\x01",),
    "Radiance HDR": (b"#?RADIANCE", b"#?RGBE"),
}


def picture_format(head: bytes) -> str:
    """The format of a picture by its first HEAD bytes; '' for what is none that we know."""
    for name, starts in _STARTS.items():
        if head.startswith(starts):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp" and any(brand in head[8:64] for brand in _AVIF):
        return "AVIF"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "SVG" if text.startswith(_TEXT_MARKS) and b"<svg" in text and b"<html" not in text else ""


def text_instead(head: bytes) -> str:
    """ "a web page" or "JSON" where the first bytes are one of these, as a proxy or a failing server sends; else ''."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text or re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]", text):
        return ""
    if re.match(rb"(?i)<(!doctype\s+html|html|head|body|script|title|h[1-6]|p)\b", text):
        return "a web page"
    return "JSON" if re.match(rb'\{\s*("|\}|\Z)|\[\s*[\[\]{"0-9tfn-]', text) else ""
