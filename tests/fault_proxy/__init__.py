"""A proxy that stands between a client and the stand-in server, and spoils what passes in the ways networks do.

asyncio on raw TCP, in a thread of its own. It understands just enough HTTP and websocket framing to know which
message is which; everything that nobody asked it to spoil passes as it came. Development only.
"""

from .proxy import FaultProxy
from .script import Script

__all__ = ["FaultProxy", "Script"]
