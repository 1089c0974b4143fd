"""Pictures that strangers complained about elsewhere, built from the examples: with the real light models."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from benchmarks import judge, perceive
from benchmarks.compose import footage, situations
from benchmarks.compose.render import write
from benchmarks.compose.scene import Composition
from pipeline import media
from pipeline.people import attribute
from pipeline.records import Attribution, Faces
from pipeline.settings import Settings

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[2] / "examples" / "orbit_en.mp4"
SECONDS = 13.8  #: the astronaut on the left speaks, then the admiral on the right
#: px of 1280 x 720: what covers eyes, and what covers everything from the nose to the chin
GLASSES = "drawbox=242:285:175:62:black:fill,drawbox=835:345:220:70:black:fill"
MASKS = "drawbox=228:365:200:135:0x9ecbe0:fill,drawbox=845:428:200:120:0x9ecbe0:fill"


@dataclass(frozen=True)
class Seen:
    """What is found in a clip, against what is true of it."""

    faces: Faces
    answer: Attribution
    judged: judge.Judgement


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The words and voices of the example, which are those of every picture here."""
    clip = with_filter(tmp_path_factory.mktemp("heard") / "clip.mp4", "null")
    stages = ("transcript", "diarization")
    return {stage: record for stage, record, _ in perceive.perceived(clip, Settings(models="light"), stages)}


def with_filter(path: Path, filters: str, *inputs: str) -> Path:
    """Write the beginning of the example with its picture changed."""
    command = [media.ffmpeg_binary(), "-v", "error", "-t", str(SECONDS), "-i", str(EXAMPLE), *inputs]
    command += ["-filter_complex", f"[0:v]{filters}[v]", "-map", "[v]", "-map", "0:a", "-c:v", "libx264", "-crf", "18"]
    subprocess.run([*command, "-pix_fmt", "yuv420p", "-c:a", "copy", "-t", str(SECONDS), str(path)], check=True)
    return path


def seen(clip: Path, heard: dict[str, Any]) -> Seen:
    """Find the faces of the clip, and who says what."""
    settings = Settings(models="light")
    ((_, faces, _),) = perceive.perceived(clip, settings, ("faces",))
    answer = attribute(heard["transcript"], heard["diarization"], faces)
    truth = json.loads(EXAMPLE.with_suffix(".truth.json").read_text("utf-8"))
    truth["turns"] = [turn for turn in truth["turns"] if turn["end"] < SECONDS]
    return Seen(faces, answer, judge.judge(answer, truth, media.probe(clip, settings).width))


def test_a_poster_with_a_face_says_nothing(tmp_path: Path, settings: Settings) -> None:
    """Somebody talks beside a photograph of somebody else."""
    composition = Composition("poster", "en")
    situations.poster(composition, footage.Cast("orbit", footage.ASTRONAUT, footage.ADMIRAL))
    clip = write(composition, tmp_path)
    found = {stage: record for stage, record, _ in perceive.perceived(clip, settings)}
    answer = attribute(found["transcript"], found["diarization"], found["faces"])
    truth = json.loads(clip.with_suffix(".truth.json").read_text("utf-8"))
    judged = judge.judge(answer, truth, media.probe(clip, settings).width)
    assert judged.count_error == 0
    assert judged.face > 0.95


def test_sunglasses_hide_nobody(tmp_path: Path, heard: dict[str, Any]) -> None:
    found = seen(with_filter(tmp_path / "clip.mp4", GLASSES), heard)
    assert found.judged.count_error == 0
    assert found.judged.speaker > 0.95
    assert found.judged.face > 0.95


def test_behind_masks_voices_tell_the_speakers_and_nobody_gets_the_words_of_another(
    tmp_path: Path, heard: dict[str, Any]
) -> None:
    """No mouth is seen: the words may stand at nobody, but not at the other one."""
    found = seen(with_filter(tmp_path / "clip.mp4", MASKS), heard)
    assert found.judged.count_error == 0
    assert found.judged.speaker > 0.95
    places = {track.person: track.boxes[0].left for track in found.answer.tracks if track.person}
    for phrase in found.answer.phrases:
        astronaut = phrase.start < 7.0
        assert phrase.person not in places or (places[phrase.person] < 640) == astronaut


def with_ticker(folder: Path) -> Path:
    """Write the beginning of the example with text that runs along the bottom all the time."""
    strip = Image.new("RGB", (3000, 60), "#a01020")
    ImageDraw.Draw(strip).text((20, 10), "BREAKING NEWS +++ MARKETS RISE +++ " * 4, fill="white", font_size=36)
    strip.save(folder / "strip.png")
    moved = "null[p];[p][1:v]overlay=x='-mod(t*160,1700)':y=655"
    return with_filter(folder / "clip.mp4", moved, "-loop", "1", "-i", str(folder / "strip.png"))


def test_a_ticker_changes_nothing(tmp_path: Path, heard: dict[str, Any]) -> None:
    found = seen(with_ticker(tmp_path), heard)
    assert found.judged.count_error == 0
    assert found.judged.speaker > 0.95
    assert found.judged.face > 0.95
    assert len(found.faces.tracks) == 2
