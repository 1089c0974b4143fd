"""JSON from outside: a file or a request that may hold anything."""

from __future__ import annotations

import json
from typing import Any

from pipeline.errors import PipelineError


def read_value(text: str | bytes, refusal: PipelineError, *, finite: bool = False) -> Any:
    """Return what the JSON text describes.

    With `finite`, NaN and Infinity are refused, which Python reads although JSON does not have them.

    Raises `refusal` for text that is not JSON, and for JSON that is nested too deeply to be read.
    """
    try:
        return json.loads(text, parse_constant=_not_a_number if finite else None)
    except (ValueError, RecursionError):
        raise refusal from None


def read_object(text: str | bytes, refusal: PipelineError) -> dict[str, Any]:
    """Return the object that the JSON text describes.

    Raises `refusal` as `read_value` does, and for any other value.
    """
    value = read_value(text, refusal)
    if not isinstance(value, dict):
        raise refusal
    return value


def _not_a_number(name: str) -> float:
    raise ValueError(name)
