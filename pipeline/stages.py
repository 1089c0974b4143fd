"""The stages as callables, and the models behind them: what a run is given to work with."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.records import (
    Clip,
    Diarization,
    Faces,
    Findings,
    Job,
    KeyFree,
    Perception,
    Phrase,
    Progress,
    Stage,
    Transcript,
)

#: Yields progress, and the findings whenever there are more of them; returns the whole.
Perceiving = Generator[Progress | Findings, None, Perception]


class Transcribe(Protocol):
    """The stage that turns speech into words."""

    def __call__(self, sound: Path, language: str | None) -> Stage[Transcript]:
        """Return the transcript of a 16 kHz mono WAV. `language` is ISO 639-1, or None to detect it."""


class Diarize(Protocol):
    """The stage that finds out who spoke when."""

    def __call__(self, sound: Path, speakers: int | None) -> Stage[Diarization]:
        """Return the turns in a 16 kHz mono WAV. `speakers` is the number of voices, or None to find it."""


class FindFaces(Protocol):
    """The stage that finds shots and faces."""

    def __call__(self, clip: Clip, sound: Path | None) -> Stage[Faces]:
        """Return the shots and tracks of a clip with a picture. `sound` is a 16 kHz mono WAV, None without sound."""


class TranslateSpeech(Protocol):
    """The stage that translates without a key."""

    def __call__(self, sound: Path, phrases: tuple[Phrase, ...], language: str, target: str) -> Stage[KeyFree]:
        """Return one translation or None per phrase, from the sound or from the text."""


@dataclass(frozen=True, slots=True)
class Models:
    """The callables that one run uses. A fake is a function."""

    names: Mapping[str, str]  #: job -> model, as it goes into transcript.json
    transcribe: Transcribe
    diarize: Diarize
    find_faces: FindFaces
    translate_speech: TranslateSpeech
    translates_to: Callable[[str], bool] = lambda target: target.startswith("EN")  #: what `translate_speech` can do
    reads: bool = False  #: `translate_speech` needs the phrases' texts alone and never their sound
    #: Fetches what is not on this machine yet, before any stage; given the DeepL code of a key-free translation, or "".
    prepare: Callable[[str], Stage[None]] | None = None
    perceive: Callable[[Models, Job], Perceiving] | None = (
        None  #: instead of `perceive.perceive`: the same in a GPU call
    )
