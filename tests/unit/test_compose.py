"""The composed ground truth follows from the cutting."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import compose
from benchmarks.compose import footage, render, situations
from benchmarks.compose.footage import ADMIRAL, ASTRONAUT, Cast, Talker
from benchmarks.compose.scene import Composition, Said, silent, speaking
from benchmarks.compose.variants import VARIANTS, Variant

pytestmark = pytest.mark.unit

CAST = Cast("orbit", ASTRONAUT, ADMIRAL, Talker("voice", footage.ORBIT, ASTRONAUT.lines))
ALL = (*situations.TWO, *situations.MORE)


def made(make: Any) -> Composition:
    composition = Composition("made", "en")
    make(composition, CAST)
    return composition


@pytest.mark.parametrize("situation", ALL, ids=lambda s: s.name)
def test_the_truth_lies_inside_the_clip_in_order(situation: Any) -> None:
    composition = made(situation.make)
    turns = composition.turns()
    assert 3 < composition.seconds < 30
    assert all(0 <= turn.start < turn.end <= composition.seconds + 1e-3 for turn in turns)
    assert all(a.end <= b.start + 1e-3 for a, b in itertools.pairwise(turns))
    assert {said.who for said in composition.said} >= {turn.who for turn in turns}


@pytest.mark.parametrize("situation", ALL, ids=lambda s: s.name)
def test_all_that_is_heard_is_in_the_picture_or_has_no_face(situation: Any) -> None:
    composition = made(situation.make)
    edges = np.cumsum([0, *(shot.seconds for shot in composition.shots)])
    for turn in composition.turns():
        middle = (turn.start + turn.end) / 2
        shot = composition.shots[min(len(edges) - 2, int(np.searchsorted(edges, middle) - 1))]
        speaks = [v.talker.who for v in shot.views if v.talker.who == turn.who and v.start not in v.talker.idle]
        if turn.place is not None:
            assert speaks == [turn.who]
        elif not shot.pan:
            assert not speaks


@pytest.mark.parametrize("situation", ALL, ids=lambda s: s.name)
def test_everything_said_is_in_the_truth_once(situation: Any) -> None:
    composition = made(situation.make)
    heard = sum(take.seconds for _, take in composition.sounds)
    told = sum(said.end - said.start for said in composition.said)
    assert told == pytest.approx(heard - (1.0 if situation.name == "pan" else 0.0), abs=0.01)
    said = [turn.text for turn in composition.turns() if turn.text]
    assert set(said) <= {take.text for _, take in composition.sounds}


def test_lines_are_in_order_and_inside_their_recordings() -> None:
    import av

    for talker in vars(footage).values():
        if isinstance(talker, Talker) and talker.clip.exists():
            with av.open(str(talker.clip)) as container:
                length = (container.duration or 0) / 1e6
            spans = [(start, end) for start, end, _ in talker.lines]
            assert all(0 <= start < end <= length for start, end in spans), talker.who
            assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans)), talker.who
            assert not any(s < talker.idle[1] and talker.idle[0] < e for s, e in spans), talker.who


def test_the_lines_of_the_examples_say_what_their_truth_says() -> None:
    for clip, people in (
        (footage.ORBIT, (ASTRONAUT, ADMIRAL)),
        (footage.EUROPA, (footage.ASTRONAUT_PL, footage.ADMIRAL_PL)),
    ):
        turns = json.loads(clip.with_suffix(".truth.json").read_text())["turns"]
        for start, end, text in (line for talker in people for line in talker.lines):
            turn = next(t for t in turns if t["start"] - 0.2 <= start and end <= t["end"] + 0.2)
            assert text in turn["text"]


def test_overlapped_speech_is_in_no_turn() -> None:
    composition = Composition("c", "en")
    composition.said = [
        Said(0, 4, "a", "left", "one"),
        Said(3, 6, "b", "right", "two"),
        Said(4.9, 5.3, "c", None, "hm"),
    ]
    assert [(t.start, t.end, t.who, t.text) for t in composition.turns()] == [
        (0, 3, "a", "one"),
        (4, 4.9, "b", "two"),
        (5.3, 6, "b", ""),
    ]


def test_a_voice_reaches_over_the_cut_to_the_listener() -> None:
    composition = made(situations.reaction)
    first, second, third, _ = composition.turns()
    assert [turn.place for turn in (first, second, third)] == ["any", None, "any"]
    assert first.who == second.who == third.who == "astronaut"
    assert first.end == second.start
    assert composition.shots[1].views[0].talker is ADMIRAL


def test_nobody_is_in_two_casts_but_those_who_are_recorded_twice() -> None:
    names = [who for cast in footage.casts() for who in sorted({cast.a.who, cast.b.who})]
    assert {who for who in names if names.count(who) > 1} <= {"astronaut", "admiral"} | {"boss"}


def test_compositions_are_the_same_every_time_and_name_their_people() -> None:
    first, again = compose.compositions(), compose.compositions()
    assert first == again
    assert len({c.name for c, _ in first}) == len(first)
    assert all(c.people and 4 < c.seconds < 20 for c, _ in first)
    assert {variant.name for _, variant in first} >= {"plain", "mirrored", "small", "dark", "noisy"}


def test_the_mirrored_truth_is_mirrored() -> None:
    mirrored = next(v for v in VARIANTS if v.mirrored)
    assert mirrored.place("left", 1.0) == "right"
    assert mirrored.place((0.0, 0.333), 1.0) == (0.667, 1.0)
    assert mirrored.place("any", 1.0) == "any"
    assert mirrored.place(None, 1.0) is None


def test_a_small_picture_keeps_its_largest_face_at_48_px() -> None:
    composition = made(situations.two_shot)
    small = next(v for v in VARIANTS if v.small)
    shrink = small.shrink(composition)
    assert shrink * ADMIRAL.face * 360 == pytest.approx(48)
    assert small.place((0.0, 0.5), 0.5) == (0.25, 0.5)


def test_the_late_truth_is_late() -> None:
    composition = made(situations.two_shot)
    late = render.truth(composition, Variant("late", late=0.08))["turns"]
    assert late[0]["start"] == pytest.approx(composition.turns()[0].start + 0.08, abs=1e-3)


def tiny() -> Composition:
    composition = Composition("tiny", "en")
    take = ASTRONAUT.take(4)
    said = take.part(0, 1.0, "That is")
    composition.talk(said, speaking(ASTRONAUT, said), silent(ADMIRAL), place="left")
    rest = take.part(1.0, 1.6, "the best")
    composition.talk(rest, silent(ADMIRAL, nods=True), place=None)
    return composition


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("composed")
    return render.write(tiny(), folder), folder


def images(clip: Path) -> list[np.ndarray]:
    import av

    with av.open(str(clip)) as container:
        return [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]


def test_what_ffmpeg_wrote_is_as_long_as_the_truth(written: tuple[Path, Path]) -> None:
    clip, folder = written
    assert len(images(clip)) == round(1.6 * render.RATE)
    record = json.loads(clip.with_suffix(".truth.json").read_text())
    assert record["shots"] == [0, 1.0]
    assert record["people"] == ["admiral", "astronaut"]
    assert [turn["face"] for turn in record["turns"]] == ["left", None]
    assert clip.with_suffix(".rttm").read_text().splitlines()[1].split()[3:5] == ["1.000", "0.600"]
    assert sorted(file.suffix for file in folder.iterdir()) == [".json", ".mp4", ".rttm"]


def test_the_cut_is_where_the_truth_says(written: tuple[Path, Path]) -> None:
    change = [np.abs(a - b).mean() for a, b in itertools.pairwise(images(written[0]))]
    assert int(np.argmax(change)) + 1 == render.RATE


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_every_variant_is_as_long_as_the_plain_clip(variant: Any, tmp_path: Path, written: tuple[Path, Path]) -> None:
    if any(not clip.exists() for clip in variant.under):
        pytest.skip("the recordings of this variant are not on this machine")
    clip = render.write(tiny(), tmp_path, variant)
    frames, plain = images(clip), images(written[0])
    assert len(frames) == pytest.approx(1.6 * variant.rate, abs=1)
    assert frames[0].shape == plain[0].shape
    if variant.mirrored:
        assert np.abs(frames[0][:, ::-1] - plain[0]).mean() < 3
    assert clip.stem == f"tiny-{variant.name}"


def test_voices_are_equally_loud_and_music_lies_ten_decibels_below() -> None:
    one, other = (render._take(talker.take(1)) for talker in (ASTRONAUT, footage.ADMIRAL_PL))
    assert render._level(one) == pytest.approx(render._level(other), rel=0.05)
    hiss = render._under(Variant("hiss", hiss=True), 48000, 1)
    assert 20 * np.log10(render.LOUDNESS / render._level(hiss)) == pytest.approx(10, abs=0.1)
    assert (hiss == render._under(Variant("hiss", hiss=True), 48000, 1)).all()
