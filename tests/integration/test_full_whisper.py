"""Whisper through transformers on real speech: the light set's base weights, converted, must hear what faster-whisper hears."""

from __future__ import annotations

import json
import re
import statistics
import unicodedata
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.records import Phrase, Word
from pipeline.speech import whisper_full
from tests.convert_whisper import convert
from tests.fixtures_full import light_whisper, write_sound

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    folder = convert(light_whisper(), tmp_path_factory.mktemp("whisper"))
    return whisper_full.load(folder, revision=None, device="cpu", dtype="float32")


def run(stage):
    steps = []
    while True:
        try:
            steps.append(next(stage))
        except StopIteration as stop:
            return stop.value, steps


def plain(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[^\w\s']", " ", text).split()


def error_rate(heard: list[str], truth: list[str]) -> float:
    """Word error rate by edit distance."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(truth, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1] / max(1, len(truth))


def words_of(transcript) -> list[Word]:
    return [word for segment in transcript.segments for word in segment.words]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jfk.flac", "german.flac", "two_shot.mp4"])
def test_it_hears_what_the_light_path_hears(name: str, speech, shared_clips: Path, tmp_path: Path) -> None:
    from pipeline import media
    from pipeline.settings import Settings
    from pipeline.speech.transcribe import transcribe

    clip = media.probe(shared_clips / name, Settings())
    wav, _ = run(media.extract_sound(clip, tmp_path / "sound.wav"))
    light, _ = run(transcribe(wav, None))
    full, steps = run(whisper_full.transcribe(wav, None, speech=speech))

    assert full.language == light.language
    assert full.language_confidence > 0.5
    turns = json.loads((shared_clips / Path(name).with_suffix(".truth.json").name).read_text())["turns"]
    truth = plain(" ".join(turn.get("text") or "" for turn in turns)) or plain(" ".join(s.text for s in light.segments))
    ours = error_rate(plain(" ".join(s.text for s in full.segments)), truth)
    theirs = error_rate(plain(" ".join(s.text for s in light.segments)), truth)
    assert ours <= theirs + 0.03, (ours, theirs)

    mine, other = words_of(full), words_of(light)
    keys = [["".join(plain(word.text)) for word in words] for words in (mine, other)]
    pairs = [
        (mine[block.a + i], other[block.b + i])
        for block in SequenceMatcher(None, *keys, autojunk=False).get_matching_blocks()
        for i in range(block.size)
    ]
    assert len(pairs) > 0.7 * len(other)
    assert statistics.median(abs(a.start - b.start) for a, b in pairs) <= 0.15
    assert statistics.median(abs(a.end - b.end) for a, b in pairs) <= 0.15

    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(mine)), "times are monotone"
    assert all(0 <= word.start < word.end <= clip.duration + 0.01 for word in mine)
    assert all(word.text == word.text.strip() for word in mine)
    known = [step.found for step in steps if step.found is not None]
    assert known[-1].segments == full.segments
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)


@pytest.mark.slow
def test_words_of_a_script_without_spaces_are_timed_apart(speech, shared_clips: Path, tmp_path: Path) -> None:
    from pipeline import media
    from pipeline.settings import Settings

    wav, _ = run(media.extract_sound(media.probe(shared_clips / "japanese.flac", Settings()), tmp_path / "sound.wav"))
    heard, _ = run(whisper_full.transcribe(wav, "ja", speech=speech))
    assert heard.language == "ja"
    assert len(words_of(heard)) > 15
    assert all(" " not in segment.text for segment in heard.segments)


@pytest.mark.slow
def test_speech_is_translated_phrase_by_phrase(speech, shared_clips: Path, tmp_path: Path) -> None:
    from pipeline import media
    from pipeline.settings import Settings

    clip = media.probe(shared_clips / "german.flac", Settings())
    wav, _ = run(media.extract_sound(clip, tmp_path / "sound.wav"))
    phrases = (
        Phrase(1, 1.2, 8.8, None, "Über unsere Homepage ...", ()),
        Phrase(2, 8.8, 9.0, None, "English already", (), language="en"),
    )
    texts, steps = run(whisper_full.translate_speech(wav, phrases, "de", "EN-US", speech=speech))
    assert len(texts) == 2
    assert texts[1] is None
    assert {"our", "the", "for", "to", "and", "of"} & set(plain(texts[0] or ""))
    assert steps[-1].fraction == 1.0
    other, _ = run(whisper_full.translate_speech(wav, phrases, "de", "PL", speech=speech))
    assert other == (None, None)


def test_silence_is_not_decoded(tmp_path: Path) -> None:
    wav = write_sound(tmp_path / "silence.wav", np.zeros(16000 * 5))
    heard, _ = run(whisper_full.transcribe(wav, None, speech=None))  # a recogniser would be an error
    assert heard.segments == ()
    assert [notice.code for notice in heard.notices] == ["no_speech"]


def test_pieces_end_in_pauses_and_fit_the_window() -> None:
    spans = [(0.5, 10.0), (10.4, 20.0), (20.5, 31.0), (36.0, 40.0), (41.0, 110.0)]
    probability = np.full(4000, 0.9)
    probability[int(65.0 / 0.032)] = 0.1
    pieces = list(whisper_full.cut(spans, probability))
    assert all(piece.end - piece.start <= whisper_full.PIECE_S + 1e-6 for piece in pieces)
    assert [(p.start, p.end) for p in pieces[:3]] == [(0.5, 20.0), (20.5, 31.0), (36.0, 40.0)]
    assert pieces[3].start == 41.0
    assert pieces[3].end == pieces[4].start == pytest.approx(65.0, abs=0.05), (
        "a long span is cut where a voice is least likely"
    )
    assert pieces[-1].end == 110.0


def test_words_get_their_place_on_the_clips_clock() -> None:
    chunks = [
        {"text": " So", "timestamp": (0.4, 0.9)}, {"text": " it", "timestamp": (0.8, 1.0)}, {"text": " ", "timestamp": (1.0, 1.0)},
        {"text": " is.", "timestamp": (1.0, None)}, {"text": " Well", "timestamp": (2.0, None)},
    ]  # fmt: skip
    words = list(whisper_full.place(chunks, whisper_full.Piece(10.0, 13.0)))
    assert [(w.text.strip(), w.start, w.end) for w in words] == [
        ("So", 10.0, 10.5), ("it", 10.5, 10.6), ("is.", 10.6, 11.6), ("Well", 11.6, 13.4),
    ]  # fmt: skip
    assert [[w.text.strip() for w in run] for run in whisper_full.sentences(tuple(words))] == [
        ["So", "it", "is."],
        ["Well"],
    ]


@pytest.mark.slow
def test_one_clip_in_two_languages_is_heard_in_both(speech, shared_clips: Path, tmp_path: Path) -> None:
    from pipeline import media
    from pipeline.settings import Settings

    parts = []
    for name in ("german.flac", "jfk.flac"):
        wav, _ = run(media.extract_sound(media.probe(shared_clips / name, Settings()), tmp_path / f"{name}.wav"))
        parts += [media.read_sound(wav), np.zeros(16000 * 3, np.float32)]
    heard, _ = run(
        whisper_full.transcribe(write_sound(tmp_path / "both.wav", np.concatenate(parts)), None, speech=speech)
    )
    assert {segment.language for segment in heard.segments} == {"de", "en"}


def test_noise_is_not_speech(tmp_path: Path) -> None:
    samples = 0.01 * np.random.default_rng(0).standard_normal(16000 * 6).astype(np.float32)
    heard, _ = run(whisper_full.transcribe(write_sound(tmp_path / "noise.wav", samples), None, speech=None))
    assert heard.segments == ()
