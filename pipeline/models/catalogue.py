"""Every model that can run: what it is, whose it is and where it comes from."""

from __future__ import annotations

from pipeline.models.entries import Model
from pipeline.models.full import FULL
from pipeline.models.light import LIGHT
from pipeline.models.speech import SPEECH

CATALOGUE: tuple[Model, ...] = (*LIGHT, *SPEECH, *FULL)


def model(key: str) -> Model:
    """The model `key`.

    Raises StopIteration where there is none.
    """
    return next(entry for entry in CATALOGUE if entry.key == key)
