"""The options of one run, as one visitor chooses them for one clip."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.brought import Given
from pipeline.records import Known


@dataclass(frozen=True, slots=True)
class Options:
    """The choices of one run."""

    target: str = ""  #: DeepL code ("PL", "EN-US"); "" for no translation
    source: str | None = None  #: ISO 639-1 as Whisper names it; None to detect it
    speakers: int | None = None  #: number of voices; None to find it
    keys: tuple[str, ...] = field(default=(), repr=False)  #: the visitor's own DeepL keys; () for the settings' keys
    formality: str = "default"  #: "default", "more", "less"
    glossary: str = ""  #: a DeepL glossary id, or lines "term = translation"
    given: Given = field(default=Given(), repr=False)  #: a transcript and turns that were provided with the clip
    audio: int | None = None  #: number of the sound track to hear, from 1; None to find the one with speech
    owner: str = field(
        default="", repr=False
    )  #: on a public page, the visitor whose findings in the caches may be used; "" for all
    speech: str = ""  #: speech model on a page that offers several, as in `Settings`; "" for that of the settings
    known: tuple[Known, ...] = ()  #: people to be named if they are seen or heard
