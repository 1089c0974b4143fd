"""The catalogue as text for a terminal."""

from __future__ import annotations

from pipeline.models import fetch, firefox
from pipeline.models.catalogue import CATALOGUE
from pipeline.models.entries import Model
from pipeline.models.hub import operators_pins
from pipeline.settings import Settings


def listing(settings: Settings) -> str:
    """Return the catalogue as a table, a line a model, then the translators and remarks on the licences.

    Raises UsageError for a SPEECHGLASS_WEIGHTS_SHA256 that pins nothing.
    """
    rows = [("job", "set", "model", "licence", "pinned by", "in the cache", "source")]
    for model in CATALOGUE:
        cached = "-"
        if model.weights:
            cached = "yes" if fetch.is_cached(model.weights, settings.cache_dir) else "no"
        job = ("+".join(model.sets) or "on request", model.name, model.licence + (" *" if model.note else ""))
        rows.append((model.job, *job, _pin(model), cached, model.source))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:6], widths, strict=True)), row[6]]) for row in rows
    ]
    notes = [f"* {model.name}: {model.note}" for model in CATALOGUE if model.note]
    return "\n".join([*lines, "", _translators(), "", *notes])


def _translators() -> str:
    """Return the directions of the translators, which are too many for a row each."""
    every = firefox.directions()
    out = ", ".join(target for source, target in every if source == "en")
    into = ", ".join(source for source, target in every if target == "en")
    return (
        f"Translation without a key on a processor: {firefox.NAME}, MPL-2.0, {firefox.REPOSITORY}, pinned by SHA-256.\n"
        f"From English into: {out}\nInto English from: {into}"
    )


def _pin(model: Model) -> str:
    if model.hub is None:
        return "SHA-256" if model.weights else "its package"
    pinned = operators_pins()
    if all(sha256 or name in pinned for name, sha256 in model.hub.files):
        return "SHA-256"
    return "commit" if model.hub.revision else "nothing yet"
