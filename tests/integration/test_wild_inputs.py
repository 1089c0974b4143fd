"""Files from public bug reports, made from real speech as they were reported, through the command and over the API.

`CORPUS` (`tests/fixtures_clips.py`) has the same kinds without speech, for time and picture; here the words are looked
at, which must be those of the clip that a file was made of, or the one right sentence.
"""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.score import distance, tokens
from pipeline import media
from pipeline.errors import InputError, NotAClipError
from pipeline.media import child
from pipeline.records import Analysis
from pipeline.settings import Settings
from tests.fixtures_clips import ffmpeg, huge_index, make, with_random_bytes
from tests.fixtures_doors import DOORS, Door, analysed, words

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 4
Recipe = Callable[[Path, Path], Path]


def _made(name: str, *lines: str) -> Recipe:
    """A recipe of lines for ffmpeg; T1 stands for the clip, and `name` and T0 are in the folder."""

    def make(clip: Path, folder: Path) -> Path:
        for line in lines:
            names = {"T1": str(clip), "T0": str(folder / "t0.mp4"), "TO": str(folder / name)}
            ffmpeg(*(names.get(part, part) for part in line.split()))
        return folder / name

    return make


def _unreadable_picture(clip: Path, folder: Path) -> Path:
    path = folder / "clip.mp4"  # as the upload calls it
    path.write_bytes(clip.read_bytes().replace(b"avc1", b"bvc2").replace(b"avcC", b"bvcC"))
    return path


SILENCE = "-f lavfi -i anullsrc=r=48000"
MUSIC = "-f lavfi -i aevalsrc=0.15*sin(2*PI*220*t)*(0.6+0.4*sin(4*PI*t))+0.15*sin(2*PI*330*t):s=48000"
FIRST_SOUND = "-c:v copy -c:a aac -disposition:a:0 default -disposition:a:1 0 TO"
BOTH_PICTURES = "-disposition:v:0 default"

RECIPES: dict[str, Recipe] = {
    "thumbnail first": _made(
        "thumb.mp4",
        "-f lavfi -i testsrc=s=160x90:r=25:d=0.04 -pix_fmt yuvj420p -c:v mjpeg T0",
        f"-i T0 -i T1 -map 0:v -map 1:v -map 1:a -c copy {BOTH_PICTURES} -disposition:v:1 default TO",
    ),
    "proxy first": _made(
        "proxy.mp4",
        f"-f lavfi -i testsrc2=s=160x90:r=10:d={SECONDS} -i T1 -map 0:v -map 1:v -map 1:a -c:v:0 libx264 "
        f"-pix_fmt:v:0 yuv420p -c:v:1 copy -c:a copy {BOTH_PICTURES} TO",
    ),
    "silent default": _made(
        "silentdef.mp4", f"-i T1 {SILENCE}:d={SECONDS} -map 0:v -map 1:a -map 0:a -t {SECONDS} {FIRST_SOUND}"
    ),
    "music default": _made(
        "musicdef.mp4", f"-i T1 {MUSIC}:d={SECONDS} -map 0:v -map 1:a -map 0:a -t {SECONDS} {FIRST_SOUND}"
    ),
    "empty default": _made(
        "emptydef.mkv",
        f"-i T1 {SILENCE} -filter_complex [1:a]atrim=0:0.0[e] -map 0:v -map [e] -map 0:a {FIRST_SOUND}",
    ),
    "opposite phase": _made("anti.mp4", "-i T1 -c:v copy -af pan=stereo|c0=c0|c1=-1*c0 -c:a aac TO"),
    "no timestamps": _made(
        "neg.mkv", "-i T1 -bsf:v setts=ts=TS-12800/2 -c copy -avoid_negative_ts disabled TO"
    ),
    "xvid": _made("x.avi", "-i T1 -c:v mpeg4 -vtag XVID -bf 2 -c:a libmp3lame TO"),
}  # fmt: skip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few seconds of speech with a picture."""
    path = tmp_path_factory.mktemp("clip") / "t1.mp4"
    ffmpeg("-i", EXAMPLES / "orbit_en.mp4", "-t", str(SECONDS), "-vf", "scale=640:-2", "-c:a", "aac", "-ac", "1", path)
    return path


@pytest.fixture(scope="module")
def expected(doors: dict[str, Door], clip: Path) -> Analysis:
    """What the command finds in the clip itself."""
    found = analysed(doors["command"], clip)
    assert len(words(found)) >= 6
    return found


@DOORS
@pytest.mark.parametrize("name", RECIPES)
def test_a_strange_file_is_heard_and_seen_as_the_clip_it_was_made_of(
    name: str, door: str, doors: dict[str, Door], clip: Path, expected: Analysis, tmp_path: Path
) -> None:
    found = analysed(doors[door], RECIPES[name](clip, tmp_path))
    assert (found.media.width, found.media.height) == (expected.media.width, expected.media.height)
    assert found.media.duration == pytest.approx(SECONDS, abs=0.6)
    assert found.language == expected.language
    assert len(set(words(found)) & set(words(expected))) >= 0.9 * len(set(words(expected)))
    if name == "opposite phase":
        assert words(found) == words(expected)
    codes = {notice.code for notice in found.notices}
    assert ("sound_track" in codes) == (name in ("silent default", "music default")), "an empty track is no choice"


@DOORS
def test_a_sound_track_that_is_chosen_is_the_one_that_is_heard(
    door: str, doors: dict[str, Door], clip: Path, expected: Analysis, tmp_path: Path
) -> None:
    """The silent one too, though somebody speaks in the other; and no notice tells of a choice that was made."""
    path = RECIPES["silent default"](clip, tmp_path)
    silent, spoken = (doors[door](path, track) for track in (1, 2))
    assert isinstance(silent, Analysis), silent
    assert isinstance(spoken, Analysis), spoken
    assert (silent.media.audio_track, spoken.media.audio_track) == (1, 2)
    assert silent.phrases == ()
    assert len(set(words(spoken)) & set(words(expected))) >= 0.9 * len(set(words(expected)))
    codes = [{notice.code for notice in found.notices} for found in (silent, spoken)]
    assert ["no_speech" in found for found in codes] == [True, False]
    assert not [found for found in codes if "sound_track" in found]
    refused = doors[door](path, 3)
    assert isinstance(refused, str)
    assert "has 2 sound tracks, so there is no track 3" in refused


@DOORS
def test_a_picture_that_cannot_be_read_is_refused_with_how_to_save_it(
    door: str, doors: dict[str, Door], clip: Path, tmp_path: Path
) -> None:
    path = _unreadable_picture(clip, tmp_path)
    with pytest.raises(NotAClipError) as caught:
        media.probe(path, Settings())
    found = doors[door](path)
    assert isinstance(found, str)
    assert str(caught.value) in found
    assert "picture" in found
    assert "save" in found


@DOORS
def test_a_call_with_one_party_in_each_channel_keeps_the_words_and_people_of_both(
    door: str, doors: dict[str, Door], tmp_path: Path
) -> None:
    path = tmp_path / "call.wav"
    ffmpeg(
        "-i", EXAMPLES / "orbit_en.mp4", "-i", EXAMPLES / "europa_pl.mp4", "-filter_complex",
        "[0:a]pan=mono|c0=c0,atrim=0:15[l];[1:a]pan=mono|c0=c0,atrim=0:15[r];[l][r]join=inputs=2:channel_layout=stereo[o]",
        "-map", "[o]", path,
    )  # fmt: skip
    found = analysed(doors[door], path)
    people: dict[tuple[str, str], set[str | None]] = {}
    for name in ("orbit_en", "europa_pl"):
        truth = json.loads((EXAMPLES / f"{name}.truth.json").read_text("utf-8"))
        spoken, turns = truth["language"], truth["turns"]
        said = [phrase for phrase in found.phrases if (phrase.language or found.language) == spoken]
        for phrase in said:
            (speaker,) = [t["speaker"] for t in turns if t["start"] < (phrase.start + phrase.end) / 2 < t["end"]]
            people.setdefault((spoken, speaker), set()).add(phrase.person)
        wanted = tokens(" ".join(turn["text"] for turn in turns if turn["end"] < 14), spoken)
        heard = tokens(" ".join(phrase.source for phrase in said if phrase.end < 14.1), spoken)
        assert distance(wanted, heard) / len(wanted) <= 0.25
    assert len(found.phrases) == sum((p.language or found.language) in ("en", "pl") for p in found.phrases)
    assert len(people) == 4, "two take turns in each of the clips"
    assert [len(same) for same in people.values()] == [1] * 4
    assert len(set.union(*people.values()) - {None}) == 4
    codes = [notice.code for notice in found.notices]
    assert len(codes) == len(set(codes))


@DOORS
def test_a_file_that_keeps_the_decoder_busy_gets_a_sentence(
    door: str, doors: dict[str, Door], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge_index(tmp_path / "clip.mp4", 10_000_000)
    monkeypatch.setattr(child, "SCAN_LIMIT_S", 0.1)  # it takes a second
    found = doors[door](tmp_path / "clip.mp4")
    assert isinstance(found, str)
    assert "“clip.mp4” takes too long to read; save it again as MP4 and retry." in found


@DOORS
def test_a_file_that_crashes_the_decoder_gets_a_sentence(
    door: str, doors: dict[str, Door], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes from here: no file is known that crashes this libav."""

    def crash(process: subprocess.Popen[bytes], by: int) -> None:
        process.send_signal(signal.SIGSEGV)

    path = make("plain", tmp_path)
    monkeypatch.setattr(child, "_be_nice", crash)
    found = doors[door](path)
    assert isinstance(found, str)
    assert "“clip.mp4” is damaged in a way that stops the program that reads it; save it again as MP4" in found


@DOORS
@pytest.mark.parametrize("seed", [0, 5, 10, 15])
def test_a_file_with_random_bytes_changed_is_a_result_or_its_sentence(
    seed: int, door: str, doors: dict[str, Door], tmp_path: Path
) -> None:
    path = with_random_bytes(make("plain", tmp_path), seed)
    try:
        duration = media.probe(path, Settings()).duration
    except InputError as error:
        found = doors[door](path)
        assert isinstance(found, str)
        assert str(error) in found  # noqa: PT017  one of two outcomes
    else:
        assert analysed(doors[door], path).media.duration == pytest.approx(duration, abs=0.002)
