"""How the benchmarks take and print a time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def row(name: str, times: list[float], base: list[float] | None = None, note: str = "") -> None:
    median = statistics.median(times)
    ratio = f"{median / statistics.median(base):5.2f} x" if base else "       "
    print(f"{name:<58} {median:8.2f} ms  {ratio}  max {max(times):8.2f}  {note}", flush=True)
