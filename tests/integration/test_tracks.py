"""The sound track people speak in is heard: real voices, real voice activity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import media, project, results, run
from pipeline.errors import UsageError
from pipeline.options import Options
from pipeline.records import Clip, Look
from pipeline.settings import Settings
from pipeline.speech import tracks
from pipeline.speech.tracks import Heard
from tests.fixtures_clips import AAC, X264, ffmpeg, picture, sound
from tests.fixtures_runs import finish, quick_models

pytestmark = pytest.mark.integration

SPEECH = Path(__file__).parents[2] / "examples" / "orbit_en.mp4"
SETTINGS = Settings()
BOTH = ["-disposition:a:0", "default", "-disposition:a:1", "0"]
HISS = ["-f", "lavfi", "-i", "anoisesrc=d=6:c=pink:a=0.05:r=44100"]


def two_tracks(folder: Path, first: list[str], second: list[str]) -> Path:
    path = folder / "clip.mp4"
    cut = ["-map", "0:v", "-map", "1:a", "-map", "2:a", "-t", "6", *X264, *AAC, *BOTH]
    ffmpeg(*picture(duration=6), *first, *second, *cut, path)
    return path


@pytest.fixture(scope="module")
def speech() -> list[str]:
    return ["-i", str(SPEECH)]


@pytest.mark.parametrize("other", ["silence", "hiss", "music"])
def test_the_track_in_which_somebody_speaks_is_heard(other: str, speech: list[str], tmp_path: Path) -> None:
    chord = "+".join(f"0.1*sin(2*PI*{f}*t)*(0.6+0.4*sin(2*PI*2*t))" for f in (220, 277, 330, 440))
    first = {
        "silence": sound(duration=6, expression="0"),
        "hiss": HISS,
        "music": sound(duration=6, expression=chord),
    }[other]
    clip, notices = finish(tracks.choose(two_tracks(tmp_path, first, speech), SETTINGS, None))
    assert (clip.audio_track, clip.audio_tracks) == (2, 2)
    assert [notice.code for notice in notices] == ["sound_track"]
    assert notices[0].text.startswith("The file has 2 sound tracks and track 2 was heard, because ")


def test_a_dubbed_film_is_heard_in_its_default_language(speech: list[str], tmp_path: Path) -> None:
    other = ["-i", str(SPEECH.with_name("europa_pl.mp4"))]
    clip, notices = finish(tracks.choose(two_tracks(tmp_path, other, speech), SETTINGS, None))
    assert clip.audio_track == 1
    assert "track 1 was heard; another can be chosen with --audio" in notices[0].text


def test_the_track_that_is_asked_for_is_heard_and_written(speech: list[str], tmp_path: Path) -> None:
    path = two_tracks(tmp_path, speech, sound(duration=6))
    out = tmp_path / "out"
    analysis = finish(
        results.process(
            path, Options(audio=2), Look("classic"), out, Settings(cache_dir=tmp_path / "cache"), quick_models()
        )
    )
    assert analysis.media.audio_track == 2
    assert "sound_track" not in {notice.code for notice in analysis.notices}
    heard = finish(media.extract_sound(media.probe(out / "video.mp4", SETTINGS), tmp_path / "heard.wav"))
    samples = media.read_sound(heard)
    assert np.argmax(np.abs(samples) > 0.1) / media.SAMPLE_RATE == pytest.approx(1.0, abs=0.04)  # the tone of track 2
    again = finish(
        run.render(path, project.read(out / "transcript.json").analysis, Look(), tmp_path / "again.mp4", SETTINGS)
    )
    assert again is not None
    tone = media.read_sound(
        finish(media.extract_sound(media.probe(tmp_path / "again.mp4", SETTINGS), tmp_path / "heard.wav"))
    )
    assert np.abs(tone - samples).max() < 0.01


def test_a_default_track_behind_many_others_is_heard(speech: list[str], tmp_path: Path) -> None:
    """The ninth of ten tracks: the notice does not take the first for the default one."""
    path = tmp_path / "clip.mkv"
    silent = [part for _ in range(9) for part in ("-map", "1:a")]
    marks = [part for k in range(10) for part in (f"-disposition:a:{k}", "default" if k == 8 else "0")]
    ffmpeg(
        *picture(duration=4), *sound(duration=4, expression="0"), *speech, "-map", "0:v", *silent[:16], "-map", "2:a",
        *silent[16:], "-t", "4", *X264, *AAC, *marks, path,
    )  # fmt: skip
    clip, (notice,) = finish(tracks.choose(path, SETTINGS, None))
    assert (clip.audio_track, clip.audio_tracks) == (9, 10)
    assert notice.text.startswith("The file has 10 sound tracks and track 9 was heard; another can be chosen")


def test_a_track_that_is_not_there_is_refused(tmp_path: Path, speech: list[str]) -> None:
    path = two_tracks(tmp_path, speech, sound(duration=6))
    with pytest.raises(UsageError, match="has 2 sound tracks, so there is no track 3"):
        media.probe(path, SETTINGS, 3)
    with pytest.raises(UsageError, match="has one sound track, so there is no track 2"):
        media.probe(SPEECH, SETTINGS, 2)


def test_opposite_phase_is_heard_as_the_same_speech(tmp_path: Path) -> None:
    """Every block keeps the voice, also where the phase turns within the clip."""
    first, turned = tmp_path / "first.wav", tmp_path / "turned.wav"
    ffmpeg("-i", SPEECH, "-t", "6", "-ac", "1", first)
    ffmpeg("-i", first, "-af", "pan=stereo|c0=c0|c1=c0,aeval='val(0)|val(1)*(1-2*gt(t,3))':c=same", turned)
    straight, mixed = (
        media.read_sound(finish(media.extract_sound(media.probe(path, SETTINGS), tmp_path / f"{path.name}.mono")))
        for path in (first, turned)
    )
    for start in range(0, 6 * media.SAMPLE_RATE, media.SAMPLE_RATE):
        a, b = straight[start : start + media.SAMPLE_RATE], mixed[start : start + media.SAMPLE_RATE]
        assert np.abs(a @ b) / np.sqrt((a @ a) * (b @ b)) > 0.98
        assert np.sqrt((b @ b) / (a @ a)) == pytest.approx(1, abs=0.03)


def test_both_channels_can_be_read_where_they_differ(tmp_path: Path) -> None:
    call, plain = tmp_path / "call.wav", tmp_path / "plain.wav"
    ffmpeg(*sound(channels=2, expression="0.3*sin(2*PI*400*t)*lt(t,1)"), plain)
    ffmpeg(
        "-f", "lavfi", "-i", "aevalsrc=0.3*sin(2*PI*400*t)*lt(t\\,1)|0.3*sin(2*PI*900*t)*gt(t\\,2):s=16000:d=3", call
    )
    heard = finish(media.extract_sound(media.probe(call, SETTINGS), tmp_path / "mono.wav"))
    channels = media.read_channels(heard)
    assert channels is not None
    left, right = channels
    assert np.abs(left[40_000:]).max() < 0.01 < 0.2 < np.abs(left[:10_000]).max()
    assert np.abs(right[:10_000]).max() < 0.01 < 0.2 < np.abs(right[40_000:]).max()
    assert len(left) == len(media.read_sound(heard)) == 48_000
    heard = finish(media.extract_sound(media.probe(plain, SETTINGS), tmp_path / "plain_mono.wav"))
    assert media.read_channels(heard) is None


@pytest.mark.parametrize(
    ("default", "count", "expected"),
    [(1, 2, [1, 2]), (2, 3, [2, 1, 3]), (12, 12, [12, 1, 2, 3, 4, 5, 6, 7]), (1, 20, [1, 2, 3, 4, 5, 6, 7, 8])],
)
def test_the_default_track_is_always_listened_to(default: int, count: int, expected: list[int]) -> None:
    clip = Clip(Path("clip.mkv"), 4.0, has_video=True, has_audio=True, audio_track=default, audio_tracks=count)
    assert tracks.listened_to(clip) == expected


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ([Heard(1, 5.0, True), Heard(2, 6.0, True)], 1),
        ([Heard(1, 1.0, True), Heard(2, 6.0, True)], 2),
        ([Heard(2, 0.0, True), Heard(1, 6.0, True)], 1),
        ([Heard(1, 0.0, False), Heard(2, 0.2, True)], 2),
        ([Heard(3, 0.0, False), Heard(1, 0.0, False)], 3),
    ],
)
def test_the_first_track_counts_unless_others_hold_much_more_speech(heard: Any, expected: int) -> None:
    assert tracks.best(heard) == expected
