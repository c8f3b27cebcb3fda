"""The nodes that write files: images, animations, video, audio, latents."""

from __future__ import annotations

import io
import json
import random
import string
import struct
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from PIL import PngImagePlugin

from .nodes import Images, Latent
from .runs import NodeRun, Result, node

_SESSION = "".join(random.choices(string.ascii_lowercase, k=5))
_RATE = 44100


@dataclass(frozen=True)
class Audio:
    """``path`` is the file that was loaded, if it was; only its length matters here."""

    path: Path | None
    seconds: float


@dataclass(frozen=True)
class Video:
    images: Images
    fps: float
    audio: Audio | None


def _entry(name: str, subfolder: str, kind: str) -> dict[str, str]:
    return {"filename": name, "subfolder": subfolder, "type": kind}


def _metadata(run: NodeRun) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", json.dumps(run.prompt))
    for name, value in (run.extra_data.get("extra_pnginfo") or {}).items():
        info.add_text(name, json.dumps(value))
    return info


def save_images(run: NodeRun, images: Images, prefix: str, kind: str, compress_level: int) -> Result:
    folder, stem, counter, subfolder = run.folders.place(prefix, kind, *images[0].size)
    metadata = _metadata(run)
    entries = []
    for index, image in enumerate(images):
        name = f"{stem.replace('%batch_num%', str(index))}_{counter + index:05}_.png"
        image.save(folder / name, "PNG", pnginfo=metadata, compress_level=compress_level)
        entries.append(_entry(name, subfolder, kind))
    return Result((), {"images": entries})


@node
def SaveImage(run: NodeRun, images: Images, filename_prefix: str) -> Result:  # noqa: N802
    """New servers give the pictures on as well."""
    saved = save_images(run, images, filename_prefix, "output", compress_level=4)
    return Result((images,), saved.shown)


@node
def PreviewImage(run: NodeRun, images: Images) -> Result:  # noqa: N802
    return save_images(run, images, f"ComfyUI_temp_{_SESSION}", "temp", compress_level=1)


@node
def SaveImageWebsocket(run: NodeRun, images: Images) -> Result:  # noqa: N802
    for index, image in enumerate(images):
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=1)
        run.progress(index, len(images), buffer.getvalue(), is_png=True)
    return Result()


def _save_animation(run: NodeRun, images: Images, prefix: str, suffix: str, fps: float, **options: Any) -> Result:
    folder, stem, counter, subfolder = run.folders.place(prefix, "output", *images[0].size)
    name = f"{stem}_{counter:05}_.{suffix}"
    milliseconds = int(1000.0 / fps)
    images[0].save(folder / name, save_all=True, append_images=images[1:], duration=milliseconds, **options)
    return Result((), {"images": [_entry(name, subfolder, "output")], "animated": [True]})


@node
def SaveAnimatedWEBP(  # noqa: N802
    run: NodeRun, images: Images, filename_prefix: str, fps: float, lossless: bool, quality: int, method: str
) -> Result:
    effort = {"default": 4, "fastest": 0, "slowest": 6}[method]
    options = {"lossless": lossless, "quality": quality, "method": effort}
    return _save_animation(run, images, filename_prefix, "webp", fps, **options)


@node
def SaveAnimatedPNG(  # noqa: N802
    run: NodeRun, images: Images, filename_prefix: str, fps: float, compress_level: int
) -> Result:
    options = {"compress_level": compress_level, "pnginfo": _metadata(run)}
    return _save_animation(run, images, filename_prefix, "png", fps, **options)


@node
def CreateVideo(  # noqa: N802
    run: NodeRun, images: Images, fps: float, audio: Audio | None = None, **_: Any
) -> Result:
    return Result((Video(images, fps, audio),))


@node
def SaveVideo(  # noqa: N802
    run: NodeRun, video: Video, filename_prefix: str, format: str | dict[str, Any], codec: str = "auto"
) -> Result:
    """New servers bring the codec with the format, as one dynamic menu."""
    if isinstance(format, dict):
        chosen = format.get("codec", {})
        format, codec = format["format"], chosen.get("codec", "auto")
    if format not in ("auto", "mp4"):
        raise ValueError(f"'{format}' is not a valid VideoContainer")
    if codec not in ("auto", "h264"):
        raise ValueError(f"'{codec}' is not a valid VideoCodec")
    folder, stem, counter, subfolder = run.folders.place(filename_prefix, "output", *video.images[0].size)
    name = f"{stem}_{counter:05}_.mp4"
    tags = {"prompt": json.dumps(run.prompt)}
    write_video(folder / name, video.images, video.fps, "libx264", video.audio, tags)
    return Result((), {"images": [_entry(name, subfolder, "output")], "animated": [True]})


@node
def SaveWEBM(  # noqa: N802
    run: NodeRun, images: Images, filename_prefix: str, codec: str, fps: float, crf: float
) -> Result:
    folder, stem, counter, subfolder = run.folders.place(filename_prefix, "output", *images[0].size)
    name = f"{stem}_{counter:05}_.webm"
    library = {"vp9": "libvpx-vp9", "av1": "libsvtav1"}[codec]
    write_video(folder / name, images, fps, library, None, {"prompt": json.dumps(run.prompt)})
    return Result((), {"images": [_entry(name, subfolder, "output")], "animated": [True]})


def write_video(path: Path, images: Images, fps: float, codec: str, audio: Audio | None, tags: dict[str, str]) -> None:
    """Sides are cut to even numbers, as yuv420p needs."""
    options = {"movflags": "use_metadata_tags"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        container.metadata.update(tags)
        stream: Any = container.add_stream(codec, rate=Fraction(round(fps * 1000), 1000))
        stream.width, stream.height = (max(2, side // 2 * 2) for side in images[0].size)
        stream.pix_fmt = "yuv420p"
        sound: Any = container.add_stream("aac", rate=_RATE, layout="stereo") if audio else None
        for image in images:
            frame = av.VideoFrame.from_image(image.convert("RGB"))  # type: ignore[no-untyped-call]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if audio is not None:
            _encode_silence(container, sound, min(audio.seconds, len(images) / fps))


def _encode_silence(container: Any, stream: Any, seconds: float) -> None:
    size = stream.codec_context.frame_size or 1024
    sample_format = stream.codec_context.format.name
    for start in range(0, max(1, int(seconds * _RATE)), size):
        frame = AudioFrame(format=sample_format, layout="stereo", samples=size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = _RATE
        frame.pts = start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_sound(path: Path, audio: Audio, codec: str) -> None:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=_RATE, layout="stereo")
        _encode_silence(container, stream, audio.seconds)


@node
def LoadAudio(run: NodeRun, audio: str) -> Result:  # noqa: N802
    path = run.folders.find_input(audio)
    with av.open(str(path)) as container:
        duration = container.duration or 0
    return Result((Audio(path, duration / 1_000_000),))


def _save_audio(run: NodeRun, audio: Audio, prefix: str, kind: str, suffix: str, codec: str) -> Result:
    folder, stem, counter, subfolder = run.folders.place(prefix, kind, 0, 0)
    name = f"{stem}_{counter:05}_.{suffix}"
    write_sound(folder / name, audio, codec)
    return Result((), {"audio": [_entry(name, subfolder, kind)]})


@node
def SaveAudio(run: NodeRun, audio: Audio, filename_prefix: str) -> Result:  # noqa: N802
    return _save_audio(run, audio, filename_prefix, "output", "flac", "flac")


@node
def SaveAudioMP3(run: NodeRun, audio: Audio, filename_prefix: str, quality: str) -> Result:  # noqa: N802
    return _save_audio(run, audio, filename_prefix, "output", "mp3", "libmp3lame")


@node
def PreviewAudio(run: NodeRun, audio: Audio) -> Result:  # noqa: N802
    return _save_audio(run, audio, f"ComfyUI_temp_{_SESSION}", "temp", "flac", "flac")


@node
def SaveLatent(run: NodeRun, samples: Latent, filename_prefix: str) -> Result:  # noqa: N802
    """A safetensors file with one empty tensor of the latent's shape."""
    folder, stem, counter, subfolder = run.folders.place(filename_prefix, "output", 0, 0)
    name = f"{stem}_{counter:05}_.latent"
    shape = [samples.batch, 4, samples.height // 8, samples.width // 8]
    data = bytes(shape[0] * shape[1] * shape[2] * shape[3] * 4)
    tensor = {"dtype": "F32", "shape": shape, "data_offsets": [0, len(data)]}
    header = json.dumps({"__metadata__": {"prompt": json.dumps(run.prompt)}, "latent_tensor": tensor}).encode()
    (folder / name).write_bytes(struct.pack("<Q", len(header)) + header + data)
    return Result((), {"latents": [_entry(name, subfolder, "output")]})
