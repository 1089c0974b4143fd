"""Made-up input of every kind: read as what it is or refused in a sentence, and never a traceback.

The reader of transcript.json is fuzzed in test_transcript.py, the command line in test_results.py, the endpoints over
HTTP in tests/integration/test_api.py.
"""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pysubs2
import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline import languages, media, transcript
from pipeline.deepl_service import read_terms
from pipeline.errors import FetchError, InputError, LanguageError, PipelineError, TranslationError, UsageError
from pipeline.records import Analysis, Box, Clip, Look, Media, Person, PersonTurn, Phrase, Shot, Track, Word
from pipeline.settings import PREFIX, Settings
from pipeline.subtitles import looks
from pipeline.subtitles.draw import compose
from pipeline.subtitles.formats import ass, plain, rttm, srt, vtt
from pipeline.subtitles.plan import plan_files
from tests.fixtures_clips import AAC, X264, ffmpeg, picture, sound
from tests.fixtures_runs import finish

often = hypothesis_settings(max_examples=300, deadline=None)
seldom = hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

#: what breaks parsers: controls, both directions, joined and combining characters, lone surrogates, line ends, markup
HOSTILE = st.sampled_from(
    ["\x00", "\n", "\r\n", "\u2028", "\u202e", "\u200d", "\ufeff", "\ud800", "e\u0301\u0301", "👩‍👩‍👧", "-->", "<b>", "{\\an8}", "\\N", "&lt;",
     "ا", "ש", "ที่", "क्ष", "한국어", "漢字", "a" * 400, "%s", "1\n\n2\n-->", "NOTE", "WEBVTT"]
)  # fmt: skip
text = st.lists(st.text(max_size=15) | HOSTILE, max_size=5).map("".join)
anything = st.none() | st.booleans() | st.integers() | st.floats() | text | st.lists(st.integers(), max_size=3)


def told(error: PipelineError) -> None:
    """One sentence."""
    assert re.fullmatch(r"[^\n\r]{10,400}[.?]", str(error)), repr(str(error))


# --- languages --------------------------------------------------------------------------------------------------------


@often
@given(text | st.sampled_from([language.name for language in languages.TARGETS]).map(lambda name: name[:-1] + "x"))
@pytest.mark.parametrize(
    ("parse", "offered"), [(languages.parse_target, languages.TARGETS), (languages.parse_source, languages.SOURCES)]
)
def test_any_text_is_a_language_or_is_not(parse: Callable[[str], Any], offered: Any, text: str) -> None:
    try:
        assert parse(text) in offered
    except LanguageError as error:
        told(error)


@often
@given(text, text)
def test_any_two_codes_are_the_same_language_or_not(a: str, b: str) -> None:
    assert languages.same_language(a, b) in (True, False)
    code = languages.deepl_source(a)
    assert code is None or code.isupper()
    assert languages.spoken(a) in (None, *languages.SOURCES)


# --- settings and choices ---------------------------------------------------------------------------------------------


@often
@given(
    st.dictionaries(
        st.sampled_from(["MODELS", "MAX_DURATION_S", "MAX_FILE_BYTES", "MAX_PIXELS", "CACHE_DIR", "CACHE_BYTES"]).map(
            PREFIX.__add__
        ),
        st.sampled_from(["nan", "inf", "-1", "0", "1e400", "1_0", "٣", "light", "/x", "9" * 5000, " 5 ", "0x10", "1.5"])
        | st.text(max_size=8),
    )
)
def test_any_environment_is_a_setting_or_a_sentence(environment: dict[str, str]) -> None:
    try:
        found = Settings.from_environment(environment)
    except UsageError as error:
        told(error)
        return
    assert 0 < found.max_duration_s < float("inf")
    assert found.max_file_bytes > 0
    assert found.max_pixels > 0
    assert found.cache_bytes >= 0


@often
@given(anything, anything, anything, anything, anything)
def test_any_choice_on_the_page_is_taken_or_refused(a: Any, b: Any, c: Any, d: Any, e: Any) -> None:
    check = pytest.importorskip("pipeline.web.check")
    calls: tuple[Callable[[], object], ...] = (
        lambda: check.speakers(a),
        lambda: check.source(b),
        lambda: check.keys(c),
        lambda: check.look(a, b, c, d, e),
        lambda: check.look("classic", "auto", a, "morph", e),
        lambda: check.address(str(d), Settings()),
    )
    for call in calls:
        try:
            call()
        except PipelineError as error:
            told(error)


@often
@given(text)
@example("http://[::1")
@example("https://user@host/")
@example("http://127.0.0.1:99999/x.mp4")
@example("file:///etc/passwd")
def test_any_address_is_refused_before_anything_is_opened(address: str) -> None:
    """No name resolves here, and none of these may get as far as a socket."""
    from pipeline import download

    with pytest.raises(FetchError) as caught:
        finish(download.fetch(address, Path("/nonexistent"), Settings()))
    told(caught.value)


@often
@given(text | st.lists(st.tuples(text, text).map(" = ".join), max_size=4).map("\n".join))
def test_any_glossary_is_terms_or_a_sentence(table: str) -> None:
    try:
        assert read_terms(table)
    except TranslationError as error:
        told(error)


# --- what is written from a transcript that anybody may have made up -----------------------------------------------------


seconds = st.floats(0, 60).map(lambda value: round(value, 3))


@st.composite
def transcripts(draw: st.DrawFn) -> Analysis:
    """An analysis that the reader of transcript.json accepts."""
    duration = 60.0
    people = tuple(
        Person(f"p{n}", draw(text.filter(str.strip)) or "x", "#3fd0ff", draw(st.booleans()), 0.5, 1.0) for n in (1, 2)
    )
    phrases = []
    for number in range(1, draw(st.integers(0, 5)) + 1):
        start, end = sorted((draw(seconds), draw(seconds)))
        pieces = draw(st.lists(text, min_size=1, max_size=6))
        step = (end - start) / len(pieces)
        words = tuple(
            Word(round(start + i * step, 3), round(start + (i + 1) * step, 3), piece) for i, piece in enumerate(pieces)
        )
        person = draw(st.sampled_from(["p1", "p2", None]))
        translation = draw(st.none() | text)
        phrases.append(Phrase(number, start, end, person, " ".join(pieces), words, translation))
    boxes = tuple(
        Box(t, *draw(st.sampled_from([(0, 0, 1, 1), (10, 10, 60, 80), (0, 0, 160, 90)]))) for t in (0.0, duration)
    )
    target = draw(st.sampled_from(["", "PL", "AR", "JA", "TH", "EN-US"]))
    return Analysis(
        Media(duration, 160, 90, Fraction(25)), draw(st.sampled_from(["en", "ar", "zh", ""])), target, {}, people,
        tuple(phrases), (PersonTurn(0.0, 1.0, "p1"),), (Track("p1", boxes),), (), {}, (Shot(0.0, duration),),
    )  # fmt: skip


def readable(analysis: Analysis) -> Analysis | None:
    """As it comes through the door: from_json(to_json()), None where the reader refuses it."""
    try:
        return transcript.from_json(transcript.to_json(analysis).encode("utf-8", "surrogatepass"))
    except PipelineError as error:
        told(error)
        return None


@often
@given(
    transcripts(),
    st.sampled_from(("morph", "both", "original", "translation")),
    st.sampled_from(("live", "spoken", "none")),
)
def test_any_transcript_is_exported_and_every_cue_can_be_read_back(analysis: Analysis, texts: str, reveal: str) -> None:
    read = readable(analysis)
    if read is None:
        return
    made = plan_files(read, Look(texts=texts, reveal=reveal))
    assert all(0 <= cue.start < cue.end <= 61 for cue in made.cues)
    for written, form in (
        (srt.write(made), "srt"),
        (vtt.write(made), "vtt"),
        (ass.write(made), "ass"),
    ):
        written.encode("utf-8")
        back = pysubs2.SSAFile.from_string(written, format_=form)
        assert all(0 <= event.start <= event.end for event in back)
        if form != "ass":
            assert len(back) == written.count("-->")
    assert all(line.split()[0] == "SPEAKER" for line in rttm.write(read).splitlines())
    plain.write(read).encode("utf-8")


@seldom
@given(
    transcripts(),
    st.sampled_from(looks.names()),
    st.sampled_from(("morph", "both", "original", "translation")),
    st.sampled_from(("live", "spoken", "none")),
)
def test_any_transcript_can_be_drawn(analysis: Analysis, look: str, texts: str, reveal: str) -> None:
    import numpy as np

    read = readable(analysis)
    if read is None:
        return
    compositor = compose(read, Look(look, texts=texts, reveal=reveal), 160, 90, Fraction(25))
    frames = ((t, np.full((135, 160), 128, np.uint8)) for t in (0.0, 0.04, 7.0, 30.0, 59.96))
    canvas = compositor.canvas
    assert all(frame.shape == (canvas.height * 3 // 2, canvas.width) for _, frame in compositor.drawn(frames))


# --- files ------------------------------------------------------------------------------------------------------------


@cache
def whole(kind: str) -> bytes:
    """A small file of this kind."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{kind}"
        moving = picture("64x64", rate="10", duration=1.0, flash=0.5)
        heard = sound(8000, duration=1.0, click=0.5)
        if kind in ("wav", "mp3"):
            ffmpeg(*heard, path)
        elif kind == "gif":
            ffmpeg(*moving, path)
        else:
            codecs = [*X264, *AAC] if kind in ("mp4", "mkv", "ts") else ["-c:v", "mpeg4", "-c:a", "pcm_s16le"]
            ffmpeg(*moving, *heard, *codecs, path)
        return path.read_bytes()


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "avi", "gif", "wav", "mp3"])
def test_any_damage_to_a_file_is_a_clip_or_a_sentence(kind: str, tmp_path: Path) -> None:
    """Bytes flipped, runs overwritten, pieces cut out and doubled, in the header and anywhere; the seed makes it
    repeatable."""
    chance = random.Random(kind)
    good = whole(kind)
    path = tmp_path / f"clip.{kind}"
    settings = Settings()
    refused = 0
    for number in range(60):
        data = bytearray(good)
        reach = len(data) if number % 2 else min(len(data), 1500)
        for _ in range(chance.choice((1, 3, 20))):
            at, length = chance.randrange(reach), chance.choice((1, 1, 4, 64))
            way = chance.randrange(4)
            if way == 0:
                data[at : at + length] = chance.randbytes(len(data[at : at + length]))
            elif way == 1:
                data[at : at + length] = b"\xff" * len(data[at : at + length])
            elif way == 2:
                del data[at : at + length]
            else:
                data[at:at] = data[at : at + length]
            reach = min(reach, len(data))
        path.write_bytes(data)
        try:
            clip = media.probe(path, settings)
        except InputError as error:
            told(error)
            refused += 1
            continue
        check(clip, settings)
    assert refused < 60


def check(clip: Clip, settings: Settings) -> None:
    """Nothing in it can make a later stage ask for too much."""
    assert 0 <= clip.duration <= settings.max_duration_s + 0.5
    assert clip.has_video or clip.has_audio
    assert clip.width * clip.height <= settings.max_pixels * 4
    assert 0 <= media.output_rate(clip) <= 60
    assert media.frame_count(clip, media.output_rate(clip)) <= 60 * (settings.max_duration_s + 1)
    assert clip.video_start >= 0
    assert clip.audio_start >= 0
    assert dataclasses.replace(clip) == clip


def test_damaged_files_that_open_go_through_ffmpeg_or_end_in_a_sentence(tmp_path: Path) -> None:
    """What the probe lets through, ffmpeg gets: the picture damaged in every place but the header."""
    chance = random.Random(8)
    good = whole("mp4")
    start = good.index(b"mdat") + 4
    path, settings = tmp_path / "clip.mp4", Settings()
    for _ in range(8):
        data = bytearray(good)
        for _ in range(6):
            at = chance.randrange(start, len(data) - 16)
            data[at : at + 8] = chance.randbytes(8)
        path.write_bytes(data)
        try:
            clip = media.probe(path, settings)
            if clip.has_audio:
                finish(media.extract_sound(clip, tmp_path / "sound.wav"))
            if clip.has_video:
                assert len(list(media.frames(clip, width=32, height=32, rate=5))) == media.frame_count(
                    clip, Fraction(5)
                )
        except PipelineError as error:
            told(error)
