"""How a clip is cut for Whisper and put together again; the model itself is in the integration tests."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from pipeline.records import Phrase, Segment, Word
from pipeline.speech import doubt, transcribe

pytestmark = pytest.mark.unit


def _segment(*words: tuple[float, float, str]) -> Segment:
    timed = tuple(Word(start, end, " " + text) for start, end, text in words)
    return Segment(timed[0].start, timed[-1].end, " ".join(w[2] for w in words), timed, "en")


def test_groups_end_at_long_pauses_and_never_exceed_what_whisper_hears() -> None:
    spans = [(i * 3.0, i * 3.0 + 2.6) for i in range(30)] + [(200.0, 203.0)]
    groups = transcribe._groups(spans, 28.0)
    assert all(end - start <= 28.0 for start, end in groups)
    assert groups[0][0] == 0.0
    assert groups[-1] == (200.0, 203.0)
    assert all(any(start == span[0] for span in spans) for start, _ in groups)


def test_a_voice_without_a_word_is_a_hole() -> None:
    heard = [_segment((0.2, 1.0, "one"), (1.0, 2.0, "two")), _segment((6.0, 7.0, "three"))]
    assert transcribe._holes([(0.1, 2.1), (3.0, 4.0), (5.9, 7.1)], heard) == [(3.0, 4.0)]
    assert transcribe._holes([(0.1, 2.1)], heard) == []


def test_what_is_heard_late_cuts_the_segment_it_falls_into() -> None:
    heard = [_segment((0, 1, "one"), (1, 2, "two"), (5, 6, "five"), (6, 7, "six"))]
    late = _segment((3, 3.5, "three"), (3.5, 4, "four"))
    texts = [segment.text for segment in transcribe._inserted(heard, late)]
    assert texts == ["one two", "three four", "five six"]


def test_a_second_hearing_brings_no_word_twice() -> None:
    heard = [_segment((0, 1, "one"), (5, 6, "five"))]
    room = transcribe._room((2.0, 4.0), heard)
    assert room == (1.5, 4.5)
    again = _segment((0.4, 1.0, "one"), (2.2, 3.0, "two"), (5.0, 5.5, "five"))
    assert transcribe._within(again, *room).text == "two"


def test_a_clip_that_begins_with_a_voice_gets_silence_before_it() -> None:
    samples = np.ones(32000, np.float32)
    sound, begins = transcribe._excerpt(samples, 0.0 - transcribe.PAD_S, 1.0)
    assert begins == -transcribe.PAD_S
    assert sound[0] == 0
    assert len(sound) == 16000 + transcribe.PAD_S * 16000
    sound, begins = transcribe._excerpt(samples, 0.5, 1.0)
    assert (begins, len(sound)) == (0.5, 8000)


@pytest.mark.parametrize("again", [[], [Segment(2.0, 2.4, "bạn", (Word(2.0, 2.4, "bạn"),), "vi")]])
def test_a_phrase_of_which_the_second_hearing_gives_nothing_does_not_vanish(
    again: list[Segment], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing at all, or nothing in the time of the phrase: the first hearing stays and is marked."""
    first = Segment(0.5, 1.5, "我 các bạn", (Word(0.5, 1.5, "我 các bạn", 0.9),), "vi")

    def decoded(
        model: Any, samples: np.ndarray, start: float, end: float, language: str, suppressed: Sequence[int] = (-1,)
    ) -> Iterator[Segment]:
        yield from [first] if suppressed == (-1,) else again

    monkeypatch.setattr(transcribe, "_decoded", decoded)
    monkeypatch.setattr(transcribe, "_foreign_tokens", lambda model, language: [-1, 7])
    (kept,) = transcribe._hear(None, np.empty(0), 0.0, 3.0, "vi")
    assert kept == first
    (phrase,) = doubt.marked([Phrase(1, kept.start, kept.end, None, kept.text, kept.words)], "vi")
    assert phrase.misheard
    assert [notice.code for notice in doubt.notices([phrase])] == ["misheard"]
