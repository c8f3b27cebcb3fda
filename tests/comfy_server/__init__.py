"""A stand-in ComfyUI server for tests: real HTTP, real websockets, real files, no models.

It speaks as the recordings do, at two levels (0.3.64 and 0.27.0), and can be made to fail in the ways a real
server or the network fails. Development only; it knows nothing of the extension.
"""

from .knobs import Gate, Knobs, RecordedRequest
from .level import NEW, OLD
from .server import ComfyServer

__all__ = ["NEW", "OLD", "ComfyServer", "Gate", "Knobs", "RecordedRequest"]
