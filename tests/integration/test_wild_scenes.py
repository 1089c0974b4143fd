"""Sounds and pictures that strangers complained about elsewhere, through the command and over the API.

`test_strangers.py` and `test_in_the_picture.py` look at the same in more depth, at the one stage that it is about.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.compose import footage, situations
from benchmarks.compose.render import write
from benchmarks.compose.scene import Composition
from pipeline.records import Analysis
from pipeline.speech.guards import loops
from tests.fixtures_clips import ffmpeg
from tests.fixtures_doors import DOORS, Door, analysed, words
from tests.integration.test_in_the_picture import GLASSES, MASKS, with_filter, with_ticker
from tests.integration.test_strangers import RATE, SPOKEN_S, applause, shout, spoken, tone, written

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).parents[2] / "examples"
Samples = np.ndarray

#: name -> (what becomes of a voice, from when it speaks, s)
SOUNDS: dict[str, tuple[Callable[[Samples], Samples], float]] = {
    "38 s of tone first": (lambda voice: np.concatenate([tone(38.0), voice]), 38.0),
    "9 s of silence first": (lambda voice: np.concatenate([np.zeros(9 * RATE), voice]), 9.0),
    "applause after it": (lambda voice: np.concatenate([voice, applause(8.0)]), 0.0),
    "a shout": (shout, 0.0),
}
HINDI = Path(__file__).parent / "data" / "hindi_in_noise.opus"
#: A tune of three chords under a voice that wavers as a singer's does.
SUNG = (
    "[0:a]vibrato=f=5.5:d=0.4[voice];aevalsrc='0.06*(sin(2*PI*220*t)+sin(2*PI*277*t)+sin(2*PI*330*t))"
    "*(0.6+0.4*sin(4*PI*t))+0.05*random(0)*lt(mod(t,0.5),0.06)':s=16000:d=6[band];[voice][band]amix=normalize=0[o]"
)


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return spoken(tmp_path_factory.mktemp("voice"))


@pytest.fixture(scope="module")
def alone(doors: dict[str, Door], voice: Samples, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """What the command hears in the voice alone."""
    return analysed(doors["command"], written(voice, tmp_path_factory.mktemp("alone")))


@DOORS
@pytest.mark.parametrize("name", SOUNDS)
def test_speech_is_heard_where_it_is_whatever_is_around_it(
    name: str, door: str, doors: dict[str, Door], voice: Samples, alone: Analysis, tmp_path: Path
) -> None:
    change, start = SOUNDS[name]
    found = analysed(doors[door], written(change(voice), tmp_path))
    assert found.language == "pl"
    assert found.phrases[0].start == pytest.approx(start + alone.phrases[0].start, abs=0.3)
    assert found.phrases[-1].end < start + SPOKEN_S + 0.5
    assert len(set(words(found)) & set(words(alone))) >= 0.8 * len(set(words(alone)))


@DOORS
def test_singing_over_music_does_not_loop(
    door: str, doors: dict[str, Door], voice: Samples, alone: Analysis, tmp_path: Path
) -> None:
    ffmpeg("-i", written(voice, tmp_path), "-filter_complex", SUNG, "-map", "[o]", tmp_path / "sung.wav")
    found = analysed(doors[door], tmp_path / "sung.wav")
    assert not any(loops(phrase.source) for phrase in found.phrases)
    assert len(words(found)) <= 1.5 * len(words(alone))
    assert found.language == "pl"
    assert len(set(words(found)) & set(words(alone))) >= 0.5 * len(set(words(alone)))


@DOORS
def test_a_concert_does_not_loop(door: str, doors: dict[str, Door], shared_clips: Path, tmp_path: Path) -> None:
    sound = tmp_path / "concert.wav"
    ffmpeg("-i", shared_clips / "crowd_music.mp4", "-vn", sound)
    found = analysed(doors[door], sound)
    assert not any(loops(phrase.source) for phrase in found.phrases)


@DOORS
def test_hindi_in_noise_is_asked_about_and_not_shown_as_heard(
    door: str, doors: dict[str, Door], tmp_path: Path
) -> None:
    found = analysed(doors[door], Path(shutil.copy(HINDI, tmp_path)))
    codes = [notice.code for notice in found.notices]
    if found.language != "hi":
        assert codes.count("language_unsure") == 1
        unmarked = [phrase.source for phrase in found.phrases if not phrase.misheard]
        assert all("namaste" in text.casefold() for text in unmarked)  # the word it begins with
        assert codes.count("misheard") == any(phrase.misheard for phrase in found.phrases)


@pytest.fixture(scope="module")
def poster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody on the right talks beside a photograph of somebody else."""
    composition = Composition("poster", "en")
    situations.poster(composition, footage.Cast("orbit", footage.ASTRONAUT, footage.ADMIRAL))
    return write(composition, tmp_path_factory.mktemp("poster"))


@DOORS
def test_a_poster_with_a_face_says_nothing(door: str, doors: dict[str, Door], poster: Path) -> None:
    found = analysed(doors[door], poster)
    assert len(words(found)) > 10
    (person,) = {phrase.person for phrase in found.phrases}
    places = [track.boxes[0].left for track in found.tracks if track.person]
    assert {track.person for track in found.tracks if track.person} == {person}
    assert min(places) > found.media.width / 2


@DOORS
def test_a_dubbed_film_is_heard_in_its_default_language(door: str, doors: dict[str, Door], tmp_path: Path) -> None:
    path = tmp_path / "dubbed.mp4"
    ffmpeg(
        "-i", EXAMPLES / "orbit_en.mp4", "-i", EXAMPLES / "europa_pl.mp4", "-t", "6", "-map", "0:v", "-map", "1:a",
        "-map", "0:a", "-vf", "scale=640:-2", "-c:a", "aac", "-disposition:a:0", "default", "-disposition:a:1", "0",
        path,
    )  # fmt: skip
    found = analysed(doors[door], path)
    assert (found.language, found.media.audio_track) == ("pl", 1)
    assert [notice for notice in found.notices if notice.code == "sound_track"]


@DOORS
@pytest.mark.parametrize("name", ["sunglasses", "masks", "ticker"])
def test_nobody_gets_the_words_of_another_whatever_hides_the_faces(
    name: str, door: str, doors: dict[str, Door], tmp_path: Path
) -> None:
    """The astronaut on the left speaks first, then the admiral on the right. Behind a mask nobody need be found."""
    covered = {"sunglasses": GLASSES, "masks": MASKS}
    path = with_ticker(tmp_path) if name == "ticker" else with_filter(tmp_path / "clip.mp4", covered[name])
    found = analysed(doors[door], path)
    first, second = ({p.person for p in found.phrases if (p.start < 7.0) == early} for early in (True, False))
    assert len(first) == len(second) == 1
    assert not first & second
    assert len(found.people) == 2
    middle = found.media.width / 2
    places = {track.person: track.boxes[0].left < middle for track in found.tracks if track.person}
    right = {**dict.fromkeys(first, True), **dict.fromkeys(second, False)}
    assert places.items() <= right.items()
    assert name == "masks" or places == right
