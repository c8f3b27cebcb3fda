"""The seed of each panel: the same on every machine and Python version, whatever other panels there are.

The seed is the first 8 bytes, the most significant one first, of the SHA-256 of the UTF-8 text

    <global seed>\\n<take>\\n<panel id>

with both numbers in decimal. Take 0 is the panel's first; each click on “another” is one more. A panel that has a seed
of its own uses that for take 0, and in the place of the global seed for the others. docs/storyboard.md has vectors.
"""

from __future__ import annotations

import hashlib

from .model import Panel, Storyboard


def panel_seed(global_seed: int, panel_id: str, take: int = 0) -> int:
    """Return a seed from 0 to 2**64 - 1."""
    text = f"{int(global_seed)}\n{int(take)}\n{panel_id}"
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def seed_of(storyboard: Storyboard, panel: Panel, take: int = 0) -> int:
    """Return the seed that a panel of this storyboard is asked for with."""
    if panel.seed is None:
        return panel_seed(storyboard.seed, panel.id, take)
    return panel_seed(panel.seed, panel.id, take) if take else panel.seed
