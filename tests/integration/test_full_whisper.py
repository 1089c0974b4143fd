"""Whisper through transformers on real speech: the light set's base weights, converted, must hear what faster-whisper
hears."""

from __future__ import annotations

import json
import re
import statistics
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from pipeline.records import Stage, Transcript, Word
from pipeline.speech import whisper_full
from tests.convert_whisper import convert
from tests.fixtures_full import light_whisper, run, write_sound

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = convert(light_whisper(), tmp_path_factory.mktemp("whisper"))
    return whisper_full.load(folder, revision=None, device="cpu", dtype="float32")


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


def words_of(transcript: Transcript) -> list[Word]:
    return [word for segment in transcript.segments for word in segment.words]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jfk.flac", "german.flac", "two_shot.mp4"])
def test_it_hears_what_the_light_path_hears(name: str, speech: Any, shared_clips: Path, tmp_path: Path) -> None:
    from pipeline import media
    from pipeline.settings import Settings
    from pipeline.speech.transcribe import transcribe

    clip = media.probe(shared_clips / name, Settings())
    wav, _ = run(media.extract_sound(clip, tmp_path / "sound.wav"))
    light, _ = run(transcribe(wav, None, weights=light_whisper()))
    full, steps = run(whisper_full.transcribe(wav, None, speech=speech))

    assert full.language == light.language
    assert full.language_confidence > 0.5
    turns = json.loads((shared_clips / Path(name).with_suffix(".truth.json").name).read_text())["turns"]
    truth = plain(" ".join(turn.get("text") or "" for turn in turns)) or plain(" ".join(s.text for s in light.segments))
    ours = error_rate(plain(" ".join(s.text for s in full.segments)), truth)
    theirs = error_rate(plain(" ".join(s.text for s in light.segments)), truth)
    assert ours <= theirs + 0.03, (ours, theirs)

    mine, other = words_of(full), words_of(light)
    keys, other_keys = (["".join(plain(word.text)) for word in words] for words in (mine, other))
    pairs = [
        (mine[block.a + i], other[block.b + i])
        for block in SequenceMatcher(None, keys, other_keys, autojunk=False).get_matching_blocks()
        for i in range(block.size)
    ]
    assert len(pairs) > 0.7 * len(other)
    assert statistics.median(abs(a.start - b.start) for a, b in pairs) <= 0.15
    assert statistics.median(abs(a.end - b.end) for a, b in pairs) <= 0.15

    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(mine)), "times are monotone"
    assert all(0 <= word.start < word.end <= clip.duration + 0.01 for word in mine)
    assert all(word.text == word.text.strip() for word in mine)
    known = [step.preview.transcript for step in steps if step.preview is not None]
    assert known[-1] is not None
    assert known[-1].segments == full.segments
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)


@pytest.mark.slow
def test_words_of_a_script_without_spaces_are_timed_apart(speech: Any, shared_clips: Path, tmp_path: Path) -> None:
    from pipeline import media
    from pipeline.settings import Settings

    wav, _ = run(media.extract_sound(media.probe(shared_clips / "japanese.flac", Settings()), tmp_path / "sound.wav"))
    heard, _ = run(whisper_full.transcribe(wav, "ja", speech=speech))
    assert heard.language == "ja"
    assert len(words_of(heard)) > 15
    assert all(" " not in segment.text for segment in heard.segments)


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
    chunks: list[dict[str, Any]] = [
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
def test_one_clip_in_two_languages_is_heard_in_both(speech: Any, shared_clips: Path, tmp_path: Path) -> None:
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


# --- what is dropped and what is kept: the same on both paths ---------------------------------------------------------

WORDS = "every voice deserves to be understood"
#: what Whisper says of one window (text, mean log probability, probability of no speech), and whether it stands
SAID = [
    (WORDS, -0.3, 0.02, True),
    (WORDS, -1.2, 0.02, True),  # mumbled
    (WORDS, -1.2, 0.8, False),  # doubted, and nobody speaks
    (WORDS, -0.3, 0.8, True),  # sure of it: a quiet voice
    (WORDS, -1.6, 0.02, False),  # guessed
    ("so " * 60, -0.1, 0.02, True),  # a loop, reduced to its first round
    ("so " * 60, -0.1, 0.8, False),  # a loop where nobody speaks
    ("Subtitles by the Amara.org community", -0.2, 0.02, False),
    ("Thanks for watching!", -0.2, 0.02, True),  # said by a clear voice
]


@pytest.mark.parametrize(("text", "log_probability", "no_speech", "stands"), SAID)
def test_both_paths_drop_and_keep_the_same(
    text: str, log_probability: float, no_speech: float, stands: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recogniser is made up; everything behind it is each path's own."""
    from types import SimpleNamespace

    from pipeline.speech import guards, transcribe

    wav = write_sound(tmp_path / "sound.wav", np.zeros(16000 * 5))
    for path in (transcribe, whisper_full):
        monkeypatch.setattr(path, "speech_probability", lambda samples: np.full(157, 0.9))
    spoken = [SimpleNamespace(word=" " + word, start=0.5 + 0.05 * i, end=0.55 + 0.05 * i, probability=0.9)
              for i, word in enumerate(text.split())]  # fmt: skip
    window = SimpleNamespace(
        text=" " + text, words=spoken, avg_logprob=log_probability, no_speech_prob=no_speech,
        compression_ratio=guards.compression(text), start=0.5, end=4.0,
    )  # fmt: skip

    def model(weights: Path) -> Stage[Any]:
        yield from ()
        return SimpleNamespace(transcribe=lambda sound, **how: ([window], None))

    monkeypatch.setattr(transcribe, "_model", model)
    monkeypatch.setattr(transcribe, "_holes", lambda spans, heard: [])  # would hear the same again
    light, _ = run(transcribe.transcribe(wav, "en", weights=Path()))

    chunks = tuple({"text": word.word, "timestamp": (word.start, word.end)} for word in spoken)
    monkeypatch.setattr(
        whisper_full,
        "_decoded",
        lambda sounds, *how: [whisper_full.Heard(" " + text, chunks, log_probability, no_speech)] * len(sounds),
    )
    full, _ = run(whisper_full.transcribe(wav, "en", speech=None))
    assert [[s.text for s in heard.segments] for heard in (light, full)] == (
        [[" ".join(dict.fromkeys(text.split()))]] * 2 if stands else [[], []]
    )


def test_a_doubted_sound_is_tried_again_and_the_best_try_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch only what is doubted, at the light path's temperatures."""
    asked = []
    answers = {
        "sure": {0.0: ("sure", -0.2, 0.0)},
        "loops": {0.0: ("no " * 60, -0.1, 0.0), 0.4: ("better", -0.9, 0.0)},
        "mumbled": {0.0: ("first", -1.3, 0.0), 0.4: ("best", -1.1, 0.0), 0.8: ("worst", -2.0, 0.0)},
        "empty": {0.0: ("thanks", -1.4, 0.9)},
    }

    def decoded(sounds: Sequence[str], language: str, speech: Any, temperature: float) -> list[Any]:
        asked.append((temperature, list(sounds)))
        found = [answers[sound][temperature] for sound in sounds]
        return [whisper_full.Heard(text, (), sure, silent) for text, sure, silent in found]

    monkeypatch.setattr(whisper_full, "_decoded", decoded)
    heard = [result.text for result in whisper_full.hear(cast(Any, list(answers)), "en", None)]
    assert heard == ["sure", "better", "best", "thanks"]
    assert asked == [(0.0, list(answers)), (0.4, ["loops", "mumbled"]), (0.8, ["mumbled"])]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jfk.flac", "german.flac"])
def test_it_is_as_sure_of_a_text_as_the_light_path(name: str, speech: Any, shared_clips: Path, tmp_path: Path) -> None:
    """The thresholds are the light path's, so the measure has to be too; other words are measurably less likely."""
    from pipeline import media
    from pipeline.settings import Settings
    from pipeline.speech import transcribe

    clip = media.probe(shared_clips / name, Settings())
    samples = media.read_sound(run(media.extract_sound(clip, tmp_path / "sound.wav"))[0])
    language = "de" if name == "german.flac" else "en"
    light = transcribe._load(light_whisper())
    segments = list(light.transcribe(samples, language=language, **transcribe.DECODING)[0])
    said = [token for segment in segments for token in segment.tokens]
    other = speech.tokenizer(" " + WORDS.capitalize() + ".", add_special_tokens=False).input_ids
    (ours, silent), (unsaid, _) = whisper_full.likelihood([samples] * 2, [said, other], language, speech)
    assert ours == pytest.approx(segments[0].avg_logprob, abs=0.1)
    assert silent == pytest.approx(segments[0].no_speech_prob, abs=0.15), "the light path's weights are int8"
    assert unsaid < -2 < ours


@pytest.mark.slow
def test_speech_between_silence_noise_and_music_is_all_that_both_paths_hear(
    speech: Any, shared_clips: Path, tmp_path: Path
) -> None:
    from pipeline import media
    from pipeline.settings import Settings
    from pipeline.speech.transcribe import transcribe

    random = np.random.default_rng(0)
    t = np.arange(16000 * 4) / 16000
    chord = 0.05 * np.sin(2 * np.pi * np.outer((220, 277.2, 329.6), t)).sum(0)
    jfk, _ = run(media.extract_sound(media.probe(shared_clips / "jfk.flac", Settings()), tmp_path / "jfk.wav"))
    around = [np.zeros(16000 * 4), 0.01 * random.standard_normal(16000 * 4), chord.astype(np.float32)]
    wav = write_sound(
        tmp_path / "mixed.wav", np.concatenate([*around, media.read_sound(jfk), *around]).astype(np.float32)
    )
    light, _ = run(transcribe(wav, None, weights=light_whisper()))
    full, _ = run(whisper_full.transcribe(wav, None, speech=speech))
    said = [plain(" ".join(segment.text for segment in heard.segments)) for heard in (light, full)]
    assert error_rate(said[1], said[0]) <= 0.05, said
    for heard in (light, full):
        assert all(12 <= word.start < word.end <= 23.5 for word in words_of(heard))
    assert len(said[0]) > 18


# --- memory -----------------------------------------------------------------------------------------------------------

#: large-v3-turbo, of whose decoder `generate` keeps attention and scores.
LAYERS, HEADS, FRAMES, VOCABULARY, HALF, FLOAT = 4, 20, 1500, 51_866, 2, 4
GB = 1e9


def kept_a_token() -> int:
    """Bytes that `generate` keeps of turbo for each token of a full batch: cross attention and scores of every beam."""
    rows = whisper_full.BATCH * whisper_full.BEAMS
    return rows * (LAYERS * HEADS * FRAMES * HALF + VOCABULARY * FLOAT)


def test_five_minutes_of_speech_fit_the_card_and_main_memory() -> None:
    """Computed for the most tokens there can be: a batch at a time, whatever the length of the clip."""
    most = kept_a_token() * whisper_full.MAX_NEW_TOKENS
    attention = whisper_full.BATCH * whisper_full.BEAMS * LAYERS * HEADS * FRAMES * HALF * whisper_full.MAX_NEW_TOKENS
    weights, others = 1.6 * GB, 0.8 * GB
    assert weights + others + most + attention < 0.5 * 48 * GB, "the word times join the attention once more"
    assert most < 0.75 * 16 * GB, "what is kept is copied to main memory, a batch at a time"


def test_no_attention_of_the_encoder_is_kept_and_words_and_times_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real pipeline on a tiny Whisper, with and without."""
    from tests.fixtures_full import sound, tiny_whisper

    monkeypatch.setattr(whisper_full, "MAX_NEW_TOKENS", 8)
    checkpoint = tiny_whisper(tmp_path / "tiny")
    samples = [sound(4.0), sound(3.0)]

    def heard(speech: Any) -> tuple[list[Any], list[int]]:
        kept: list[int] = []
        generate = speech.model.generate

        def spy(*args: Any, **options: Any) -> Any:
            result = generate(*args, **options)
            parts = [part for segment in result["segments"] for part in segment] if "segments" in result else []
            tables = [part["result"] for part in parts if "result" in part] or [result]
            kept.extend(sum(t.numel() for t in table.get("encoder_attentions") or ()) for table in tables)
            return result

        monkeypatch.setattr(speech.model, "generate", spy)
        return [(one.text, one.chunks) for one in whisper_full._decoded(samples, "en", speech, 0.0)], kept

    found, kept = heard(whisper_full.load(checkpoint, revision=None, device="cpu", dtype="float32"))
    monkeypatch.setattr(whisper_full, "forget_encoder_attention", lambda encoder: None)
    before, kept_before = heard(whisper_full.load(checkpoint, revision=None, device="cpu", dtype="float32"))
    assert found == before
    assert sum(kept_before) > 0, "else this test would see nothing"
    assert sum(kept) == 0
