"""Files the package needs beside its code: `fonts/` and `examples/`."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def assets(name: str) -> Path:
    """Return the folder called `name`: inside the package in an installed copy, beside it in the repository."""
    installed = PACKAGE / name
    return installed if installed.is_dir() else PACKAGE.parent / name
