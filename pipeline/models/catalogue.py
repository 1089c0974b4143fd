"""Every model that can run: what it is, whose it is and where it comes from."""

from __future__ import annotations

from pipeline.models import firefox
from pipeline.models.entries import Model
from pipeline.models.full import FULL
from pipeline.models.light import LIGHT
from pipeline.models.speech import SPEECH

CATALOGUE: tuple[Model, ...] = (*LIGHT, *SPEECH, *FULL)


def model(key: str) -> Model:
    """Return the model `key`, of the catalogue or of the translators (`firefox`).

    Raises StopIteration where there is none.
    """
    return next(entry for entry in (*CATALOGUE, *firefox.directions().values()) if entry.key == key)
