"""Which stereo sounds are calls with one party per channel, and what becomes of what each party said."""

import wave
from pathlib import Path

import numpy as np
import pytest

from pipeline.people import attribute
from pipeline.progress import finish
from pipeline.records import (
    Diarization,
    Faces,
    KeyFree,
    Notice,
    Phrase,
    Progress,
    Segment,
    Stage,
    Transcript,
    Turn,
    Voice,
    Word,
)
from pipeline.speech import channels, doubt
from pipeline.speech.channels import Frames

pytestmark = pytest.mark.unit

A_SECOND = 31  # frames of 32 ms


def frames(*script: str) -> Frames:
    """Each character is a second of a channel: "x" loud, "e" an echo of the other, "=" the same in both, "."
    silence."""
    rows = [np.repeat(list(row), A_SECOND) for row in script]
    voiced = np.stack([row != "." for row in rows])
    level = np.stack([np.select([row == "e", row == "."], [-45.0, -80.0], -20.0) for row in rows])
    level += np.random.default_rng(1).standard_normal(level.shape)
    return Frames(voiced, level, np.any([(row == "e") | (row == "=") for row in rows], axis=0))


@pytest.mark.parametrize(
    ("left", "right", "call"),
    [
        ("xxxx....xxxx", "....xxxx....", True),
        ("xxxxeeeexxxx", "eeeexxxxeeee", True),  # each hears the other softly
        ("============", "============", False),
        ("x.x.x.x.x.x.", "............", False),
        ("xxxxxxxxxxxx", "eeeeeeeeeeee", False),
        ("xxxxxx==....", "......==xxxx", False),  # one room
    ],
)
def test_a_call_has_a_party_in_each_channel(left: str, right: str, call: bool) -> None:
    assert channels.are_parties(frames(left, right)) is call


def test_two_who_talk_at_once_are_parties_unless_their_loudness_goes_together() -> None:
    random = np.random.default_rng(2)
    voiced, shared = np.ones((2, 400), bool), np.zeros(400, bool)
    apart = random.normal(-25, 6, (2, 400))
    assert channels.are_parties(Frames(voiced, apart, shared))
    together = apart[0] + random.normal(0, 2, (2, 400))  # a wet room in two microphones: unlike waves, one loudness
    assert not channels.are_parties(Frames(voiced, together, shared))


def test_the_same_sound_in_both_channels_is_shared_however_it_is_placed() -> None:
    random = np.random.default_rng(3)
    noise = random.standard_normal(16000) * 0.1
    for other in (noise * 0.3, -noise, np.roll(noise, 40)):
        assert channels.compare(np.stack([noise, other]).astype(np.float32)).shared[2:-3].all()
    assert not channels.compare(random.standard_normal((2, 16000)).astype(np.float32) * 0.1).shared.any()


def test_the_echo_of_the_other_party_is_muted() -> None:
    random = np.random.default_rng(4)
    left = np.concatenate([random.standard_normal(16000), np.zeros(16000)]) * 0.1
    right = np.concatenate([np.zeros(16000), random.standard_normal(16000)]) * 0.1
    both = np.stack([left + 0.05 * right, right + 0.05 * left]).astype(np.float32)
    clean = channels.without_echo(both, channels.compare(both))
    assert np.abs(clean[1, 2000:14000]).max() == 0
    np.testing.assert_allclose(clean[0, 2000:14000], both[0, 2000:14000], atol=1e-6)


def _segment(start: float, end: float, text: str, language: str = "") -> Segment:
    return Segment(start, end, text, (Word(start, end, text),), language)


ENGLISH = Transcript("en", 0.9, (_segment(0, 2, "Hello."), _segment(6, 8, "Bye.")), (Notice("a", "A."),))
POLISH = Transcript("pl", 0.8, (_segment(0.5, 2.5, "Cześć."),), (Notice("a", "A."),))
NOBODY = Transcript("", 0.0, (), (Notice("no_speech", "Nobody speaks."),))


def _said(*turns: tuple[float, float, str]) -> Diarization:
    names = list(dict.fromkeys(who for _, _, who in turns))
    return Diarization(tuple(Turn(a, b, who, (1.0, 0.0), b - a) for a, b, who in turns), tuple(map(Voice, names)))


def test_transcripts_are_put_together_in_order_each_segment_with_its_language() -> None:
    both = channels.merge_transcripts([ENGLISH, POLISH])
    assert [(s.text, s.language, s.channel) for s in both.segments] == [
        ("Hello.", "en", 1), ("Cześć.", "pl", 2), ("Bye.", "en", 1),
    ]  # fmt: skip
    assert (both.language, both.language_confidence) == ("en", 0.9)
    assert both.notices == (Notice("a", "A."),)


def test_a_silent_party_leaves_the_words_of_the_other() -> None:
    one = channels.merge_transcripts([NOBODY, POLISH])
    assert (one.language, len(one.segments), one.notices) == ("pl", 1, (Notice("a", "A."),))
    assert channels.merge_transcripts([NOBODY, NOBODY]) == NOBODY


def test_voices_of_two_parties_are_never_one() -> None:
    both = channels.merge_diarizations([_said((1, 2, "v1")), _said((0, 3, "v1"), (4, 5, "v2"))], np.zeros(16000), 4)
    assert [(t.start, t.speaker, t.channel) for t in both.turns] == [(0, "v1", 2), (1, "v2", 1), (4, "v3", 2)]
    assert [voice.speaker for voice in both.voices] == ["v1", "v2", "v3"]
    assert [notice.code for notice in both.notices] == ["fewer_voices"]
    assert len(both.envelope) == 25


def test_words_said_at_once_go_to_their_own_channel() -> None:
    heard = channels.merge_transcripts([ENGLISH, POLISH])
    voices = channels.merge_diarizations(
        [_said((0, 2, "v1"), (6, 8, "v1")), _said((0.5, 2.5, "v1"))], np.zeros(0), None
    )
    answer = attribute(heard, voices, Faces((), ()))
    people = {phrase.source: phrase.person for phrase in answer.phrases}
    assert people["Hello."] == people["Bye."] != people["Cześć."]
    assert None not in people.values()
    assert {phrase.source: phrase.language for phrase in answer.phrases}["Cześć."] == "pl"


def test_two_speakers_are_one_in_each_party(tmp_path: Path) -> None:
    asked = []

    def diarizer(sound: Path, speakers: int | None) -> Stage[Diarization]:
        asked.append((sound.name, speakers))
        yield Progress("voices", 0.5)
        return _said((0, 1, "v1"))

    mixed = tmp_path / "sound.wav"
    with wave.open(str(mixed), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(bytes(32000))
    both = finish(channels.diarize(diarizer, mixed, (Path("a.wav"), Path("b.wav")), 2))
    assert asked == [("a.wav", 1), ("b.wav", 1)]
    assert len(both.voices) == 2
    assert finish(channels.diarize(diarizer, mixed, (), 3)) == _said((0, 1, "v1"))


def test_every_phrase_is_translated_from_the_sound_of_its_party() -> None:
    heard = channels.merge_transcripts([ENGLISH, POLISH])
    phrases = tuple(
        Phrase(i, s.start, s.end, None, s.text, s.words)
        for i, s in enumerate(sorted(heard.segments, key=lambda s: -s.start))
    )

    def translator(sound: Path, phrases: tuple[Phrase, ...], language: str, target: str) -> Stage[KeyFree]:
        yield Progress("translate", 0.5)
        return KeyFree(tuple(f"{sound.name} {phrase.source}" for phrase in phrases), "Babel", heard=sound.name == "b")

    stage = channels.translate(translator, Path("mix"), (Path("a"), Path("b")), heard, phrases, "DE")
    steps = []

    def watched() -> Stage[KeyFree]:
        for _ in range(2):
            steps.append(next(stage))
            yield steps[-1]
        return (yield from stage)

    assert finish(watched()) == KeyFree(("a Bye.", "b Cześć.", "a Hello."), "Babel", heard=True)
    assert [step.fraction for step in steps] == [0.25, 0.75]


def test_a_call_with_two_uncertain_languages_asks_once() -> None:
    """Each channel brought a notice of its own, of the same kind."""
    decisions = [doubt.Decision("de", 0.5, "nl", 0.2), doubt.Decision("pl", 0.4, "cs", 0.3)]
    parties = [
        Transcript(one.language, one.probability, (Segment(0.0, 1.0, "a", (Word(0.0, 1.0, "a"),)),), one.notices)
        for one in decisions
    ]
    (notice,) = channels.merge_transcripts(parties).notices
    assert notice == Notice(
        "language_unsure",
        "The spoken language is not certain: German (50%) or Dutch (20%) in one channel, Polish (40%) or Czech (30%) in "
        "the other; if the first of them is wrong, choose the spoken language and run again.",
    )
    assert channels.merge_transcripts([parties[0], parties[0]]).notices == parties[0].notices
