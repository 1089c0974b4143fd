"""The corpus of ugly clips through everything: each comes out right, with its cue on the right frame, or ends in one sentence.

The models are the real light ones, loaded once for the whole process. Nobody speaks in the corpus, so that its clips stay
small; where a clip has its click, a listener adds a word there to what the real model heard. The word must then be drawn
on the very frame of the click: sound, transcript, cue and picture on one clock.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from pipeline import languages, media, models, results
from pipeline.errors import InputError, NoAudioError
from pipeline.options import Options
from pipeline.records import Analysis, Look, Models, Segment, Word
from pipeline.settings import Settings
from tests.fixtures_clips import CORPUS, make
from tests.fixtures_runs import finish, nothing_is_left

ROOT = Path(__file__).parents[2]
GOOD = [name for name, truth in CORPUS.items() if truth.error is None and truth.audio]
BAD = [name for name, truth in CORPUS.items() if truth.error is not None or not truth.audio]
LOOK = Look("classic", texts="original", reduced_motion=True)
SYNC_S = 0.04  #: what issue and broadcasters ask for


@pytest.fixture(scope="module")
def light() -> Models:
    return models.load(Settings(models="light"))


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def listening(real: Models) -> Models:
    """`real`, which also hears the click as a word."""

    def transcribe(sound: Path, language: str | None):
        heard = yield from real.transcribe(sound, language)
        samples = np.abs(media.read_sound(sound)) > 0.1
        if not samples.any():
            return heard
        start = int(samples.argmax()) / media.SAMPLE_RATE
        word = Word(start, min(start + 0.6, len(samples) / media.SAMPLE_RATE), "CLICK")
        segments = (*heard.segments, Segment(word.start, word.end, word.text, (word,)))
        return dataclasses.replace(heard, language=heard.language or "en", segments=segments, notices=())

    return dataclasses.replace(real, transcribe=transcribe)


def check_times(analysis: Analysis) -> None:
    """Everything lies inside the clip and in order; every source word is in its phrase."""
    end = analysis.media.duration + 0.002
    for phrase in analysis.phrases:
        assert 0 <= phrase.start <= phrase.end <= end
        assert all(phrase.start - 0.002 <= w.start <= w.end <= phrase.end + 0.002 for w in phrase.words)
    assert all(0 <= turn.start < turn.end <= end for turn in analysis.turns)
    assert all(0 <= box.t <= end for track in analysis.tracks for box in track.boxes)
    assert all(0 <= shot.start <= shot.end <= end for shot in analysis.shots)


def cue_at(video: Path, settings: Settings) -> float | None:
    """When something is drawn in the lower third of a picture that is otherwise one colour there."""
    clip = media.probe(video, settings)
    height, width = clip.height // 2 * 2, clip.width // 2 * 2
    for t, frame in media.frames(clip, width=width, height=height, pixels="yuv420p"):
        lower = frame[height * 2 // 3 : height - 2, width // 4 : width - width // 4]
        if int(lower.max()) - int(lower.min()) > 60:
            return t
    return None


@pytest.mark.parametrize("name", GOOD)
def test_every_usable_clip_comes_out_right(name: str, light: Models, settings: Settings, tmp_path: Path) -> None:
    truth = CORPUS[name]
    path = make(name, tmp_path)
    out = tmp_path / "out"
    analysis = finish(results.process(path, Options(""), LOOK, out, settings, listening(light)))
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
    one_frame = 1 / float(truth.rate or 30)
    if truth.duration is not None:
        assert analysis.media.duration == pytest.approx(truth.duration, abs=max(one_frame, 0.03))
    else:
        assert truth.at_least <= analysis.media.duration <= truth.at_most
    assert (analysis.media.width, analysis.media.height) == truth.size
    check_times(analysis)
    assert results.read(out / "transcript.json") == analysis
    assert (out / "video.mp4").exists() == (truth.size != (0, 0))
    codes = [notice.code for notice in analysis.notices]
    assert len(codes) == len(set(codes))
    assert ("cut_off" in codes) == (name.startswith("cut_at") and name != "cut_at_99")
    assert ("no_picture" in codes) == (truth.size == (0, 0))
    said = [notice.text for notice in analysis.notices]
    assert [text for text in said if not re.fullmatch(r"[A-Z“0-9][^\n]*\.", text)] == []
    if truth.click is not None:
        assert analysis.phrases[0].start == pytest.approx(truth.click, abs=SYNC_S)
        assert "no_speech" not in codes
    if truth.click is not None and truth.flash is not None and name not in ("tiny", "white"):
        video = media.probe(out / "video.mp4", settings)
        drawn = cue_at(out / "video.mp4", settings)
        assert drawn == pytest.approx(truth.click, abs=SYNC_S + 1 / float(video.frame_rate))


def sentence(error: BaseException, folder: Path) -> str:
    """The one sentence: it says what to do and tells nothing of our folders."""
    text = str(error)
    assert re.fullmatch(r"[^\n]{20,220}[.]", text)
    assert re.search(r"; (save|choose|cut|scale|upload|check|give|compress)|: save|; .* try again", text), text
    assert str(folder) not in text
    assert not re.search(r"Errno|Traceback|0x[0-9a-f]+|None|Error\b", text)
    return text


@pytest.mark.parametrize("name", BAD)
def test_every_unusable_clip_gets_one_sentence_at_once(
    name: str, light: Models, settings: Settings, tmp_path: Path
) -> None:
    truth = CORPUS[name]
    path = make(name, tmp_path)
    before = {p.name for p in tmp_path.iterdir()}

    def too_late(*_: object) -> None:
        pytest.fail("a model ran before the clip was refused")

    models = dataclasses.replace(
        light, prepare=None, transcribe=too_late, diarize=too_late, find_faces=too_late, translate_speech=too_late
    )
    with nothing_is_left(), pytest.raises(InputError) as caught:
        finish(results.process(path, Options("PL"), LOOK, tmp_path / "out", settings, models))
    assert type(caught.value) is (truth.error or NoAudioError)
    sentence(caught.value, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == before


# --- the same through the doors that strangers use --------------------------------------------------------------------

DOORS_GOOD = ("rotated_90", "name_not_utf8", "variable_rate", "name_quotes", "sound_only")
DOORS_BAD = ("m3u8_file", "concat", "bomb_gif", "cut_no_index", "picture_only", "random_bytes", "svg")


def run_command(path: Path, out: Path, settings: Settings) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", path, "--to", "PL", "--look", "classic", "--out", out],
        cwd=path.parent, capture_output=True, timeout=300, check=False,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("DEEPL")}, "PYTHONPATH": str(ROOT),
            "SPEECHGLASS_MODELS": "light", "SPEECHGLASS_CACHE_DIR": str(settings.cache_dir), "TMPDIR": tempfile.gettempdir(),
        },
    )  # fmt: skip


@pytest.mark.parametrize("name", DOORS_GOOD[:2])
def test_a_hard_clip_through_the_command(name: str, settings: Settings, tmp_path: Path) -> None:
    done = run_command(make(name, tmp_path), tmp_path / "out", settings)
    assert done.returncode == 0, done.stderr
    assert done.stdout == os.fsencode(tmp_path / "out") + b"\n"
    analysis = results.read(tmp_path / "out" / "transcript.json")
    assert analysis.media.duration == pytest.approx(CORPUS[name].duration, abs=0.04)
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


@pytest.mark.parametrize("name", DOORS_BAD[:3])
def test_a_hopeless_clip_through_the_command(name: str, settings: Settings, tmp_path: Path) -> None:
    done = run_command(make(name, tmp_path), tmp_path / "out", settings)
    assert done.returncode == 1
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith("Error: ")
    sentence(InputError(last.removeprefix("Error: ")), tmp_path)
    assert not (tmp_path / "out").exists()
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory):
    """The real page over the real light models."""
    pytest.importorskip("gradio_client")
    from pipeline.web import services
    from tests.fixtures_web import served

    cache = tmp_path_factory.mktemp("page")
    (cache / "models").symlink_to(Settings().cache_dir / "models")
    with served(services.real(Settings(models="light", cache_dir=cache))) as url:
        yield url


def test_hard_clips_through_the_page(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)  # Gradio serves files of the folder it began with
    from gradio_client import Client, handle_file

    client = Client(page, download_files=str(tmp_path / "downloads"), verbose=False)
    for name in DOORS_GOOD[2:]:
        truth = CORPUS[name]
        (tmp_path / name).mkdir()
        path = make(name, tmp_path / name)
        video, files, transcript = client.predict(
            video=handle_file(str(path)), target_language="EN-US", look="classic", api_name="/translate_video"
        )
        assert transcript["media"]["duration"] == pytest.approx(truth.duration, abs=0.04)
        assert (transcript["media"]["width"], transcript["media"]["height"]) == truth.size
        assert (video is None) == (truth.size == (0, 0))
        assert any(file.endswith("transcript.json") for file in files)
    for name in DOORS_BAD:
        (tmp_path / name).mkdir()
        path = make(name, tmp_path / name)
        with pytest.raises(Exception, match=r"\w{3,}") as caught:
            client.predict(video=handle_file(str(path)), target_language="EN-US", api_name="/translate_video")
        text = str(caught.value)
        assert not re.search(r"Traceback|File \"|site-packages|Errno|/tmp/", text), text


def test_every_target_can_be_asked_for_without_a_key(light: Models, settings: Settings, tmp_path: Path) -> None:
    """Whatever is chosen, a clip with nobody in it is a result."""
    path = make("silence", tmp_path)
    for target in languages.TARGETS[::12]:
        analysis = finish(
            results.process(path, Options(target.code), LOOK, tmp_path / "out", settings, light, video=False)
        )
        assert "no_speech" in {notice.code for notice in analysis.notices}
        assert json.loads((tmp_path / "out" / "transcript.json").read_text())["target_language"] == target.code
