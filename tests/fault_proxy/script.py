"""What goes wrong in one test, by route: some faults in turn, then nothing; or one fault for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from .messages import Request
from .proxy import Fault, FaultProxy, StreamFault


class Script:
    """`faults` maps a route (``GET /history/{id}``) to a list of faults in turn, or to one that never ends.

    `stream` befalls the first `streams` websockets (all when None) of each caller.
    """

    def __init__(
        self,
        faults: Mapping[str, Fault | Sequence[Fault]],
        stream: StreamFault | None = None,
        streams: int | None = None,
    ) -> None:
        self._faults = {route: fault if callable(fault) else list(fault) for route, fault in faults.items()}
        self._stream = stream
        self._streams = streams
        self.met: Counter[str] = Counter()  # faults that really befell something, by route
        self.calm = False

    def set_on(self, proxy: FaultProxy) -> None:
        proxy.fault_of = self.fault_of
        proxy.stream_fault_of = self.stream_fault_of

    @property
    def spent(self) -> bool:
        """All the faults that come in turn have come."""
        return not any(faults for faults in self._faults.values() if isinstance(faults, list))

    def fault_of(self, request: Request) -> Fault | None:
        found = None if self.calm else self._faults.get(request.route)
        fault = found.pop(0) if isinstance(found, list) and found else found
        if not callable(fault):
            return None
        self.met[request.route] += 1
        return fault

    def stream_fault_of(self, request: Request) -> StreamFault | None:
        if self.calm or self._stream is None or (self._streams is not None and request.count >= self._streams):
            return None
        self.met[request.route] += 1
        return self._stream
