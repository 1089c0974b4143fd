"""Misheard letters are heard again, with the real model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import media
from pipeline.models.sets import weights
from pipeline.records import Phrase, Segment, Word
from pipeline.settings import Settings
from pipeline.speech import doubt, transcribe
from pipeline.text.scripts import foreign_letters
from tests.fixtures_runs import finish

pytestmark = pytest.mark.integration

HINDI = Path(__file__).parent / "data" / "hindi_in_noise.opus"
SPEECH = Path(__file__).parents[2] / "examples" / "europa_pl.mp4"


def test_letters_of_another_script_are_heard_again_without_them(tmp_path: Path) -> None:
    """Polish read as Russian is Cyrillic; a language that is not written in Cyrillic gets none of it."""
    sound = finish(media.extract_sound(media.probe(SPEECH, Settings()), tmp_path / "sound.wav"))
    samples = media.read_sound(sound)
    model = finish(transcribe._model(finish(weights("whisper-base", Settings(models="light")))))
    russian = " ".join(segment.text for segment in transcribe._decoded(model, samples, 0, 6, "ru"))
    assert len(foreign_letters(russian, "pl")) > 10
    suppressed = transcribe._foreign_tokens(model, "pl")
    assert -1 in suppressed
    again = " ".join(segment.text for segment in transcribe._decoded(model, samples, 0, 6, "ru", suppressed))
    assert again
    assert foreign_letters(again, "pl") == ""


def test_only_the_stretch_with_foreign_letters_is_heard_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def decoded(
        model: Any, samples: np.ndarray, start: float, end: float, language: str, suppressed: tuple[int] = (-1,)
    ) -> Iterator[Segment]:
        asked.append((start, end, tuple(suppressed)))
        texts = [("Xin chào", 0.0, 1.0), ("我 các bạn", 1.5, 2.5)] if suppressed == (-1,) else [("các bạn", 1.5, 2.5)]
        for text, first, last in texts:
            yield Segment(first, last, text, (Word(first, last, text),), language)

    monkeypatch.setattr(transcribe, "_decoded", decoded)
    monkeypatch.setattr(transcribe, "_foreign_tokens", lambda model, language: [-1, 7])
    heard = [segment.text for segment in transcribe._hear(None, np.empty(0), 0.0, 3.0, "vi")]
    assert heard == ["Xin chào", "các bạn"]
    assert asked == [(-0.5, 3.5, (-1,)), (1.0, 3.0, (-1, 7))]


def test_hindi_in_noise_is_asked_about_and_not_shown_as_heard(tmp_path: Path) -> None:
    """The small recogniser takes it for something else; that is said, with the likeliest two, and the lines are marked."""
    sound = finish(media.extract_sound(media.probe(HINDI, Settings()), tmp_path / "sound.wav"))
    heard = finish(
        transcribe.transcribe(sound, None, weights=finish(weights("whisper-base", Settings(models="light"))))
    )
    assert heard.language == "hi" or "language_unsure" in {notice.code for notice in heard.notices}
    phrases = [
        Phrase(number, segment.start, segment.end, None, segment.text, segment.words, language=segment.language)
        for number, segment in enumerate(heard.segments)
    ]
    unmarked = [phrase.source for phrase in doubt.marked(phrases, heard.language) if not phrase.misheard]
    assert heard.language == "hi" or all("namaste" in text.casefold() for text in unmarked)  # the word it begins with


@pytest.mark.parametrize(("first", "last"), [(0.0, 7.0), (0.0, 20.0)])
def test_a_short_block_gives_the_languages_that_half_a_minute_gives(tmp_path: Path, first: float, last: float) -> None:
    sound = finish(media.extract_sound(media.probe(SPEECH, Settings()), tmp_path / "sound.wav"))
    samples = media.read_sound(sound)[int(first * 16000) : int(last * 16000)]
    model = finish(transcribe._model(finish(weights("whisper-base", Settings(models="light")))))
    found, known = transcribe._ranking(model, samples), dict(model.detect_language(samples)[2])
    assert found.keys() == known.keys()
    assert max(found, key=found.__getitem__) == "pl"
    assert found["pl"] == pytest.approx(known["pl"], abs=0.1)


def test_the_same_sound_gives_the_same_words_whatever_was_heard_before(tmp_path: Path) -> None:
    """Once a doubted text was drawn at random, so a clip's words depended on the clips that a batch heard before."""
    sound = finish(media.extract_sound(media.probe(SPEECH, Settings()), tmp_path / "sound.wav"))
    backwards = media.read_sound(sound)[: 12 * 16000][::-1].copy()
    folder = finish(weights("whisper-base", Settings(models="light")))

    def heard() -> list[str]:
        return [one.text for one in transcribe._decoded(finish(transcribe._model(folder)), backwards, 0.0, 12.0, "ja")]

    first = heard()
    assert transcribe._load(folder).has_sampled, "speech played backwards is meant to make the model try again"
    assert heard() == first
