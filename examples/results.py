"""Makes examples/results: what the page shows before anybody uploads anything.

    python -m examples.results [NAME ...]

The whole pipeline runs on each example clip with the light models; the translation is then put in by hand (from
`translations.json`, phrase by phrase), so that the page shows what a good translation looks like without a DeepL
key at build time, and transcript.json says so.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from pipeline import Look, Options, Settings, analyse, edit, load_models, results
from pipeline.progress import finish

HERE = Path(__file__).parent


def make(name: str) -> None:
    """examples/results/NAME holds every file of a run."""
    given = json.loads((HERE / "translations.json").read_text())[name]
    settings = Settings.from_environment(models="light")
    clip = HERE / f"{name}.mp4"
    analysis = finish(analyse(clip, Options(), settings, load_models(settings)))
    said = [phrase.source for phrase in analysis.phrases]
    if len(said) != len(given["phrases"]):
        raise SystemExit(f"{name}: {len(given['phrases'])} translations for {len(said)} phrases: {said}")
    phrases = tuple(
        dataclasses.replace(phrase, translation=text)
        for phrase, text in zip(analysis.phrases, given["phrases"], strict=True)
    )
    analysis = dataclasses.replace(
        analysis, phrases=phrases, target_language=given["target"], models={**analysis.models, "translation": "by hand"}
    )
    for person, person_name in zip(analysis.people, given["names"], strict=True):
        analysis = edit.rename(analysis, person.id, person_name)
    finish(results.write(clip, analysis, Look(), HERE / "results" / name, settings))


if __name__ == "__main__":
    for name in sys.argv[1:] or json.loads((HERE / "translations.json").read_text()):
        make(name)
