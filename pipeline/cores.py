"""The cores of the processor that this process may use."""

from __future__ import annotations

import os


def usable() -> tuple[int, ...]:
    """Return the numbers of the cores, in order; on systems that bind no process to cores (macOS) all of them."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))
