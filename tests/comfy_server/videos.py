"""The nodes that read videos."""

from __future__ import annotations

import av

from .runs import NodeRun, Result, node
from .saving import Audio, Video


@node
def LoadVideo(run: NodeRun, file: str) -> Result:  # noqa: N802
    path = run.folders.find_input(file)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        images = [frame.to_image() for frame in container.decode(stream)]
        fps = float(stream.average_rate or 1)
        sound = Audio(path, len(images) / fps) if container.streams.audio else None
    return Result((Video(images, fps, sound),))


@node
def GetVideoComponents(run: NodeRun, video: Video) -> Result:  # noqa: N802
    return Result((video.images, video.audio, video.fps, 8, "sRGB"))
