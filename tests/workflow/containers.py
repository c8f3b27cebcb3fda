"""Files with texts in them as ComfyUI and others write them: by Pillow, by PyAV as servers do, or byte by byte."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from PIL import Image, PngImagePlugin

from tests.workflow.graphs import txt2img
from tests.workflow.ui_graphs import node, ui

API: dict[str, Any] = txt2img()
UI = ui(node(1, "Image", ["a.png"]), node(2, "SaveImage", ["x"], {"images": 1}), links=[[1, 1, 0, 2]])
TEXTS = {"prompt": json.dumps(API), "workflow": json.dumps(UI)}
PARAMETERS = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"


def png(texts: Mapping[str, str] = TEXTS, *, zipped: bool = False, international: bool = False) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        if international:
            info.add_itxt(name, text, zip=zipped)
        else:
            info.add_text(name, text, zip=zipped)
    return saved("PNG", pnginfo=info)


def animated_png(texts: Mapping[str, str] = TEXTS) -> bytes:
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add(b"comf", name.encode() + b"\0" + text.encode(), after_idat=True)
    frame = Image.new("RGB", (8, 8), "red")
    return saved("PNG", pnginfo=info, save_all=True, duration=100, append_images=[frame])


def saved(format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, format, **options)
    return file.getvalue()


def exif(tags: Mapping[int, Any] | None = None) -> Image.Exif:
    """As SaveAnimatedWEBP writes it, unless other tags are given."""
    made = Image.Exif()
    for tag, value in (tags or {0x0110: f"prompt:{TEXTS['prompt']}", 0x010F: f"workflow:{TEXTS['workflow']}"}).items():
        made[tag] = value
    return made


def user_comment(text: str, encoding: str = "") -> Image.Exif:
    mark = {"": b"", "ascii": b"ASCII\0\0\0", "utf-16-be": b"UNICODE\0", "utf-16-le": b"UNICODE\0"}[encoding]
    made = Image.Exif()
    made.get_ifd(0x8769)[0x9286] = mark + text.encode(encoding or "utf-8")
    return made


@cache
def video(format: str, codec: str, use_tags: bool = False, texts: tuple[tuple[str, str], ...] = ()) -> bytes:
    import av
    import numpy

    file = io.BytesIO()
    with av.open(file, "w", format=format, options={"movflags": "use_metadata_tags"} if use_tags else {}) as output:
        for name, text in texts or TEXTS.items():
            output.metadata[name] = text
        stream = output.add_stream(codec, rate=8)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for packet in stream.encode(av.VideoFrame.from_ndarray(numpy.zeros((32, 32, 3), numpy.uint8), format="rgb24")):
            output.mux(packet)
        output.mux(stream.encode(None))
    return file.getvalue()


@cache
def sound(format: str, codec: str) -> bytes:
    import av
    import numpy

    file = io.BytesIO()
    with av.open(file, "w", format=format) as output:
        for name, text in TEXTS.items():
            output.metadata[name] = text
        stream = output.add_stream(codec, rate=48000, layout="mono")
        kind = "flt" if codec == "flac" else "fltp"
        frame = av.AudioFrame.from_ndarray(numpy.zeros((1, 4800), numpy.float32), format=kind, layout="mono")
        frame.sample_rate = 48000
        frame.pts = 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def large_box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


def data_box(text: str) -> bytes:
    return box(b"data", struct.pack(">II", 1, 0), text.encode())


def mp4(*boxes: bytes) -> bytes:
    return b"".join((box(b"ftyp", b"isom\0\0\2\0isomiso2"), *boxes))


def itunes(*items: bytes) -> bytes:
    handler = box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    return box(b"moov", box(b"udta", box(b"meta", bytes(4), handler, box(b"ilst", *items))))


def glb(gltf: Any) -> bytes:
    head = json.dumps(gltf).encode()
    head += b" " * (-len(head) % 4)
    return struct.pack("<4sIIII", b"glTF", 2, 20 + len(head), len(head), 0x4E4F534A) + head


def safetensors(metadata: Mapping[str, str]) -> bytes:
    head = json.dumps({"__metadata__": dict(metadata)}).encode()
    return struct.pack("<Q", len(head)) + head + bytes(16)


def svg(metadata: str) -> bytes:
    return f"<svg xmlns='x'>\n<metadata>\n<![CDATA[\n{metadata}\n]]></metadata><g/></svg>".encode()


def element(id: str, *parts: bytes, unknown: bool = False) -> bytes:
    body = b"".join(parts)
    size = b"\x01" + b"\xff" * 7 if unknown else struct.pack(">Q", len(body) | 1 << 56)
    return bytes.fromhex(id) + size + body


def live_matroska(texts: Mapping[str, str] = TEXTS) -> bytes:
    """As it is streamed: nobody knew how long the segment and the cluster would become."""
    tags = [element("67c8", element("45a3", n.encode()), element("4487", t.encode())) for n, t in texts.items()]
    cluster = element("1f43b675", element("e7", b"\0"), element("a3", bytes(100)), unknown=True)
    return element("1a45dfa3", element("4282", b"matroska")) + element(
        "18538067", cluster, element("1254c367", element("7373", *tags)), unknown=True
    )


def id3(version: int, texts: Mapping[str, str] = TEXTS, *, encoding: int = 3, flags: int = 0) -> bytes:
    codec = ("latin-1", "utf-16", "utf-16-be", "utf-8")[encoding]
    zero = "\0".encode(codec).removeprefix(b"\xff\xfe")
    frames = b""
    for name, text in texts.items():
        body = bytes([encoding]) + name.encode(codec) + zero + text.encode(codec)
        if version == 2:
            frames += b"TXX" + len(body).to_bytes(3, "big") + body
        else:
            frames += (
                b"TXXX" + (synchsafe(len(body)) if version == 4 else struct.pack(">I", len(body))) + bytes(2) + body
            )
    if flags & 0x80:
        frames = frames.replace(b"\xff", b"\xff\0")
    frames += bytes(20)
    return b"ID3" + bytes([version, 0, flags]) + synchsafe(len(frames)) + frames + b"\xff\xfb\x90\0"


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
