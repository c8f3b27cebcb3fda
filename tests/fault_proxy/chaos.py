"""Seeded bad luck: what befalls the n-th request of a caller on a route follows from the seed alone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from . import faults as f
from . import stream_faults as s
from .messages import Request
from .proxy import Fault, FaultProxy, StreamFault

T = TypeVar("T")
_ANYWHERE: tuple[Fault, ...] = (
    *(f.Say(status) for status in (429, 502, 503, 504)),
    f.HangUp(),
    f.HangUp(reset=True),
    f.After(f.HangUp()),
    f.After(f.HangUp(reset=True)),
    f.After(f.Say(502)),
    f.After(f.Say(504)),
    f.Cut(),
    f.Cut(0.0),
    f.Cut(announced=False),
    f.Cut(0.9, reset=True),
    f.Twice(),
    f.Twice(),
)
_SLOW: tuple[Fault, ...] = (
    f.Silence(),
    f.After(f.Silence()),
    f.DripHead(),
    f.DripBody(),
    f.DripBody(chunked=True),
    f.EndlessHead(),
)
_ALSO: dict[str, tuple[Fault, ...]] = {
    "POST /prompt": (f.After(f.page()), f.After(f.Noise()), f.After(f.json(b"[]"))),
    "GET /history/{id}": (f.Say(500), f.page(), f.json(b"{}"), f.json(b"null"), f.Noise()),
    "GET /queue": (f.Say(500), f.page(), f.json(b"{}"), f.json(b"[]"), f.Noise()),
    "GET /view": (f.Say(404), f.page(), f.page("image/png"), f.Say(200, b"", "image/png")),
    "GET /ws": (f.Say(403), f.Say(404), f.page(), f.Noise()),
}
_STREAM: tuple[StreamFault, ...] = (
    *(s.Drop(kind, frame) for kind in ("execution_start", "executing", "execution_success") for frame in (True, False)),
    s.FallSilent("executed"),
    s.HalfFrame("executed"),
    s.DripFrame("executed"),
    s.HugeFrame("executed"),
    s.RawBytes("executing", b"\x8b\x05hello"),
    s.Duplicated(),
    s.Reordered(),
    s.Reordered(5, 7),
    s.Garbled(),
    s.Truncated(),
    s.Foreign("theirs.png"),
    s.Foreign("theirs.png", as_ours=True),
)


class Chaos:
    """`share` of the requests go wrong, a `slow_share` of those so that they last; half of the websockets do."""

    def __init__(self, seed: int, share: float, slow_share: float) -> None:
        self.seed = seed
        self.share = share
        self.slow_share = slow_share
        self.met: Counter[str] = Counter()

    def set_on(self, proxy: FaultProxy) -> None:
        proxy.fault_of = self.fault_of
        proxy.stream_fault_of = self.stream_fault_of

    def fault_of(self, request: Request) -> Fault | None:
        rng = self._rng(request, "fault")
        if rng.random() >= self.share:
            return None
        slow = rng.random() < self.slow_share
        return self._met(request, rng, _SLOW if slow else (*_ANYWHERE, *_ALSO.get(request.route, ())))

    def stream_fault_of(self, request: Request) -> StreamFault | None:
        rng = self._rng(request, "stream")
        return self._met(request, rng, _STREAM) if rng.random() < 0.5 else None

    def _rng(self, request: Request, what: str) -> random.Random:
        return random.Random(f"{self.seed}/{what}/{request.caller}/{request.route}/{request.count}")

    def _met(self, request: Request, rng: random.Random, choices: Sequence[T]) -> T:
        fault = rng.choice(choices)
        self.met[f"{request.route}: {type(fault).__name__}"] += 1
        return fault
