"""The corpus of ugly clips through the doors that strangers use: each comes back right, or ends in one sentence.

Every clip of it goes to the real page over HTTP, as a script sends it; the hostile names and what is refused go through
the command too. The models are the real light ones, loaded once for the whole process. Nobody speaks in the corpus, so
that its clips stay small; where a clip has its click, a listener adds a word there to what the real model heard. The
word must then be drawn on the very frame of the click: sound, transcript, cue and picture on one clock.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, ValidationError

from pipeline import __main__ as command
from pipeline import languages, media, project, results, transcript
from pipeline.errors import InputError, NoAudioError
from pipeline.models import sets
from pipeline.options import Options
from pipeline.records import Analysis, Clip, Look, Segment, Stage, Transcript, Word
from pipeline.settings import Settings
from pipeline.stages import Models
from tests.fixtures_clips import CORPUS, Ugly, click_at, flash_at, is_upright, make, usable
from tests.fixtures_runs import finish, nothing_is_left
from tests.fixtures_web import PATIENT, Scratch, served

ROOT = Path(__file__).parents[2]
GOOD = usable()
BAD = [name for name in CORPUS if name not in GOOD]
NAMES = [name for name in GOOD if name.startswith("name_")]
STREAMS = (
    "thumbnail_first", "proxy_first", "empty_default", "opposite_phase", "unreadable_sound_first", "xvid_b_frames",
    "half_without_timestamps", "without_timestamps", "other_sound_midway",
    "sound_gap", "sound_four_seconds_late", "bad_cover", "foreign_tags", "damaged_middle", "junk_before", "junk_behind",
    "timecode_track", "webm_without_length", "wav_without_length", "fragments", "hlg", "hdr_half_tagged", "clock_wraps",
    "clock_jumps", "alpha", "centre_only", "rate_jitters",
)  # fmt: skip
TRANSLATED = ("variable_rate", "name_quotes", "sound_only")  #: the rest is not, which saves a second each
LOOK = Look("classic", texts="original", reduced_motion=True)
SYNC_S = 0.04  #: what issue and broadcasters ask for


def watched(real: Models, calls: Counter[str]) -> Models:
    """`real`, which counts its calls and also hears the click as a word."""

    def counted(name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            calls[name] += 1
            return getattr(real, name)(*given)

        return call

    def transcribe(sound: Path, language: str | None) -> Stage[Transcript]:
        calls["transcribe"] += 1
        heard = yield from real.transcribe(sound, language)
        samples = np.abs(media.read_sound(sound)) > 0.1
        if not samples.any():
            return heard
        start = int(samples.argmax()) / media.SAMPLE_RATE
        word = Word(start, min(start + 0.6, len(samples) / media.SAMPLE_RATE), "CLICK")
        segments = (*heard.segments, Segment(word.start, word.end, word.text, (word,)))
        return dataclasses.replace(heard, language=heard.language or "en", segments=segments, notices=())

    others: dict[str, Any] = {name: counted(name) for name in ("prepare", "diarize", "find_faces", "translate_speech")}
    return dataclasses.replace(real, transcribe=transcribe, **others)


def check_analysis(analysis: Analysis, name: str) -> None:
    """It is as long as the clip, to a frame; everything lies inside and in order; every source word is in its phrase;
    the notices are sentences, each said once, and those that the clip asks for."""
    truth = CORPUS[name]
    if truth.duration is not None:
        assert analysis.media.duration == pytest.approx(truth.duration, abs=max(1 / float(truth.rate or 30), 0.03))
    else:
        assert truth.at_least <= analysis.media.duration <= truth.at_most
    assert (analysis.media.width, analysis.media.height) == truth.size
    end = analysis.media.duration + 0.002
    for phrase in analysis.phrases:
        assert 0 <= phrase.start <= phrase.end <= end
        assert all(phrase.start - 0.002 <= w.start <= w.end <= phrase.end + 0.002 for w in phrase.words)
    assert all(0 <= turn.start < turn.end <= end for turn in analysis.turns)
    assert all(0 <= box.t <= end for track in analysis.tracks for box in track.boxes)
    assert all(0 <= shot.start <= shot.end <= end for shot in analysis.shots)
    codes = [notice.code for notice in analysis.notices]
    assert len(codes) == len(set(codes))
    assert ("cut_off" in codes) == (name.startswith("cut_at") and name != "cut_at_99")
    assert ("no_picture" in codes) == (truth.size == (0, 0))
    said = [notice.text for notice in analysis.notices]
    assert [text for text in said if not re.fullmatch(r"[A-Z“0-9][^\n]*\.", text)] == []
    if truth.click is not None:
        assert analysis.phrases[0].start == pytest.approx(truth.click, abs=SYNC_S)
        assert "no_speech" not in codes


def check_video(file: Path, name: str, duration: float, settings: Settings, folder: Path) -> None:
    """It is as long as the clip, upright, its click and flash are where the clip has them, and the cue is on the frame
    of the click."""
    truth = CORPUS[name]
    video = media.probe(file, settings)
    frame = 1 / float(video.frame_rate)
    assert video.duration == pytest.approx(duration, abs=max(frame, 0.025))  # one frame of AAC is 23 ms
    if truth.click is not None:
        assert click_at(video, folder) == pytest.approx(truth.click, abs=SYNC_S)
    if truth.flash is not None:
        assert is_upright(video)
        assert flash_at(video) == pytest.approx(truth.flash, abs=max(frame, 1 / float(truth.rate)) + 1e-3)
    if is_cue_seen(truth, name):
        assert cue_at(video) == pytest.approx(truth.click, abs=SYNC_S + frame)


def is_cue_seen(truth: Ugly, name: str) -> bool:
    """Whether a picture of one colour and a word at the click let the cue be found; 64 pixels hold no text."""
    return truth.click is not None and truth.flash is not None and name != "tiny"


def cue_at(video: Clip) -> float | None:
    """When something is drawn in the lower third of a picture that is otherwise one colour there, in s."""
    step = 2 * max(1, video.width // 1280)  # 4K would be much to look through
    height, width = video.height // step * 2, video.width // step * 2
    for t, frame in media.frames(video, width=width, height=height, pixels="yuv420p"):
        lower = frame[height * 2 // 3 : height - 2, width // 4 : width - width // 4]
        if int(lower.max()) - int(lower.min()) > 60:
            return t
    return None


def check_sentence(text: str, folder: Path) -> None:
    """It says what to do and tells nothing of our folders."""
    assert re.fullmatch(r"[^\n]{20,220}[.]", text)
    assert re.search(r"; (save|choose|cut|scale|upload|check|give|compress)|: save|; .* try again", text), text
    assert str(folder) not in text
    assert not re.search(r"Errno|Traceback|File \"|site-packages|/tmp/|0x[0-9a-f]+|None|Error\b", text)


def expected_sentence(path: Path, truth: Ugly, settings: Settings) -> str:
    """What the clip is refused with, from the probe itself, of the type it should be."""
    if truth.error is None:
        assert not media.probe(path, settings).has_audio
        stage = results.process(path, Options("PL"), LOOK, path.parent / "none", settings, sets.load(settings))
        with pytest.raises(NoAudioError) as no_sound:
            finish(stage)
        return str(no_sound.value)
    with pytest.raises(InputError) as caught:
        media.probe(path, settings)
    assert type(caught.value) is truth.error
    return str(caught.value)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder of one test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def light() -> Models:
    return sets.load(Settings(models="light"))


@pytest.fixture
def shell(settings: Settings, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder a command called in this process stands in, with its settings in the environment."""
    for name in [name for name in os.environ if name.startswith("DEEPL")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SPEECHGLASS_MODELS", "light")
    monkeypatch.setenv("SPEECHGLASS_CACHE_DIR", str(settings.cache_dir))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    handlers = {number: signal.getsignal(number) for number in command.SAID}
    yield folder
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("name", [*NAMES, *STREAMS])
def test_a_hostile_name_or_a_strange_file_given_to_the_command(
    name: str,
    light: Models,
    shell: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    """Given as it is, and the folder of the results is named after it."""
    monkeypatch.setattr(sets, "load", lambda settings: watched(light, Counter()))
    path = make(name, shell)
    look = ("--look", LOOK.name, "--texts", LOOK.texts, "--reduced-motion")
    target = "PL" if name in NAMES else "EN-US"  # in which nothing is translated: that would take a second each
    assert command.main(["--to", target, *look, "--", path.name]) == 0
    out = Path("out") / path.stem[:80]
    assert capfdbinary.readouterr().out == os.fsencode(out) + b"\n"
    assert {file.name for file in out.iterdir()} <= results.FILES
    analysis = project.read(out / "transcript.json").analysis
    check_analysis(analysis, name)
    assert (out / "video.mp4").exists() == (CORPUS[name].size != (0, 0))
    if (out / "video.mp4").exists():
        check_video(out / "video.mp4", name, analysis.media.duration, settings, shell)
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


@pytest.mark.parametrize("name", BAD)
def test_every_unusable_clip_is_refused_by_the_command_before_a_model_runs(
    name: str,
    light: Models,
    shell: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls: Counter[str] = Counter()
    path = make(name, shell)
    expected = expected_sentence(path, CORPUS[name], settings)
    before = {p.name for p in shell.iterdir()}
    monkeypatch.setattr(sets, "load", lambda settings: watched(light, calls))
    with nothing_is_left(shell):
        assert command.main([path.name, "--to", "PL", "--out", "results"]) == 1
    *stages, last = capsys.readouterr().err.splitlines()
    assert last == f"Error: {expected}"
    assert set(stages) <= {command.STAGE_NAMES["probe"]}
    check_sentence(expected, shell)
    assert calls == {}
    assert {p.name for p in shell.iterdir()} == before


def run_command(path: Path, out: Path, settings: Settings) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline", path, "--to", "PL", "--look", "classic", "--out", out],
        cwd=path.parent, capture_output=True, timeout=300, check=False,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("DEEPL")}, "PYTHONPATH": str(ROOT),
            "SPEECHGLASS_MODELS": "light", "SPEECHGLASS_CACHE_DIR": str(settings.cache_dir), "TMPDIR": tempfile.gettempdir(),
        },
    )  # fmt: skip


@pytest.mark.parametrize("name", ["rotated_90", "name_not_utf8"])
def test_a_hard_clip_and_a_process_of_its_own(name: str, settings: Settings, scratch: Path, tmp_path: Path) -> None:
    done = run_command(make(name, tmp_path), tmp_path / "out", settings)
    assert done.returncode == 0, done.stderr
    assert done.stdout == os.fsencode(tmp_path / "out") + b"\n"
    analysis = project.read(tmp_path / "out" / "transcript.json").analysis
    assert analysis.media.duration == pytest.approx(CORPUS[name].duration, abs=0.04)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("name", ["m3u8_file", "concat", "bomb_gif"])
def test_a_hopeless_clip_and_a_process_of_its_own(name: str, settings: Settings, scratch: Path, tmp_path: Path) -> None:
    done = run_command(make(name, tmp_path), tmp_path / "out", settings)
    assert done.returncode == 1
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith("Error: ")
    check_sentence(last.removeprefix("Error: "), tmp_path)
    assert not (tmp_path / "out").exists()
    assert list(scratch.iterdir()) == []


def test_every_target_can_be_asked_for_without_a_key(
    light: Models, settings: Settings, scratch: Path, tmp_path: Path
) -> None:
    """Whatever is chosen, a clip with nobody in it is a result."""
    path = make("silence", tmp_path)
    for target in languages.TARGETS[::12]:
        analysis = finish(
            results.process(path, Options(target.code), LOOK, tmp_path / "out", settings, light, video=False)
        )
        assert "no_speech" in {notice.code for notice in analysis.notices}
        assert json.loads((tmp_path / "out" / "transcript.json").read_text())["target_language"] == target.code


# --- the page, over HTTP ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Page:
    """The real page over the real light models, and who talks to it."""

    url: str
    client: Client
    calls: Counter[str]  #: of the models
    scratch: Scratch

    def translate(self, video: Any, target: str) -> tuple[str | None, list[str], dict[str, Any]]:
        """What the endpoint answers, its files here."""
        return self.client.predict(
            video=video, target_language=target, look=LOOK.name, texts=LOOK.texts, reduced_motion=LOOK.reduced_motion,
            api_name="/translate_video",
        )  # fmt: skip

    def upload(self, clip: bytes, name: bytes) -> Any:
        """The clip is there, sent by somebody who writes the file's name as he likes."""
        head = b'Content-Disposition: form-data; name="files"; filename="' + name.replace(b'"', b'\\"') + b'"'
        answer = httpx.post(
            f"{self.url}gradio_api/upload",
            content=b"--frontier\r\n" + head + b"\r\nContent-Type: video/mp4\r\n\r\n" + clip + b"\r\n--frontier--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=frontier"},
            timeout=60,
            verify=False,
        )
        assert answer.status_code == 200, answer.text
        return {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    from pipeline.web import jobs, services

    cache, scratch = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("scratch")
    (cache / "models").symlink_to(Settings().cache_dir / "models")
    calls: Counter[str] = Counter()
    load = sets.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(scratch))
        jobs.root.cache_clear()
        patch.setenv("GRADIO_TEMP_DIR", str(jobs.root() / "served"))
        patch.setattr(sets, "load", lambda settings: watched(load(settings), calls))
        with served(services.real(Settings(models="light", cache_dir=cache))) as url:
            downloads = str(tmp_path_factory.mktemp("downloads"))
            # Without certificates, which are read anew for each of ten requests a clip and cost half of its time.
            client = Client(url, download_files=downloads, verbose=False, ssl_verify=False, httpx_kwargs=dict(PATIENT))
            yield Page(url, client, calls, Scratch.of(scratch, jobs.root()))
        jobs.root.cache_clear()


@pytest.mark.parametrize("name", GOOD)
def test_every_usable_clip_comes_back_right_from_the_page(
    name: str, page: Page, settings: Settings, tmp_path: Path
) -> None:
    path = make(name, tmp_path)
    if name == "name_not_utf8":  # which gradio_client cannot send
        given = page.upload(path.read_bytes(), os.fsencode(path.name))
    else:
        given = handle_file(str(path))
    target = "EN-US" if name in TRANSLATED else "none"
    video, files, record = page.translate(given, target)
    assert page.scratch.is_tidy()
    analysis = transcript.from_json(json.dumps(record))
    check_analysis(analysis, name)
    assert analysis.target_language == ("EN-US" if name in TRANSLATED else "")
    served = {Path(file).name: Path(file) for file in files}
    assert {"subtitles.srt", "subtitles.vtt", "subtitles.ass", "transcript.json"} <= served.keys()
    assert project.read(served["transcript.json"]).analysis == analysis
    assert (video is None) == (CORPUS[name].size == (0, 0))
    if video is not None:
        check_video(Path(video), name, analysis.media.duration, settings, tmp_path)


def test_the_word_at_the_click_was_looked_for_in_most_clips() -> None:
    assert len([name for name in GOOD if is_cue_seen(CORPUS[name], name)]) >= 43


@pytest.mark.parametrize("name", BAD)
def test_every_unusable_clip_is_refused_by_the_page_before_a_model_runs(
    name: str, page: Page, settings: Settings, tmp_path: Path
) -> None:
    truth = CORPUS[name]
    path = make(name, tmp_path)
    before = page.calls.copy()
    with pytest.raises(AppError if truth.error is None else ValidationError) as caught:
        page.translate(handle_file(str(path)), "EN-US")
    sentence = str(caught.value).removeprefix("1 parameter(s) failed validation:\n- video: ")  # gradio_client's words
    assert sentence == expected_sentence(path, truth, settings)
    check_sentence(sentence, page.scratch.folder)
    assert page.calls == before
    assert page.scratch.is_tidy()


@pytest.mark.parametrize(
    "name",
    [b"../../../../tmp/out.mp4", b"..\\..\\out.mp4", b"/etc/passwd", b"", b"nul\0.mp4", b"n" * 600, b"caf\xe9\xff", b"con:|<>?*.mp4", b"-i"],
)  # fmt: skip
def test_a_name_that_no_file_can_have_does_not_leave_the_page_s_folder(name: bytes, page: Page, tmp_path: Path) -> None:
    given = page.upload(make("plain", tmp_path).read_bytes(), name)
    kept = Path(given["path"])
    assert kept.resolve().is_relative_to(page.scratch.root / "served")
    assert kept.is_file()
    _, _, record = page.translate(given, "none")
    assert record["media"]["duration"] == pytest.approx(3.0, abs=0.04)
    assert page.scratch.is_tidy()
