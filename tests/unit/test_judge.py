"""The judge gives the figures that `score.py` gives, and says what a confidence is worth."""

from __future__ import annotations

import contextlib
import io
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks import score
from benchmarks.judge import judge, summary
from pipeline.records import Analysis, Attribution, Box, Evidence, Media, Person, Phrase, Track, Word
from pipeline.transcript import to_json

pytestmark = pytest.mark.unit

WIDTH = 640


def answer(noise: np.random.Generator) -> Attribution:
    """Words of up to four people at random, with tracks that come and go."""
    phrases, start = [], 0.1
    for number in range(8):
        words = []
        for _ in range(noise.integers(1, 6)):
            end = round(start + float(noise.uniform(0.1, 0.5)), 3)
            words.append(Word(round(start, 3), end, "word"))
            start = end + float(noise.choice([0.0, 0.3]))
        person = str(noise.choice(["p1", "p2", "p3", ""])) or None
        confidence = round(float(noise.uniform()), 3)
        phrases.append(
            Phrase(
                number + 1, words[0].start, words[-1].end, person, "word", tuple(words), evidence=Evidence(confidence)
            )
        )
    tracks = []
    for _ in range(6):
        low = float(noise.uniform(0, 8))
        left = noise.uniform(0, 500, 5).round(1)
        boxes = tuple(Box(round(low + i * 0.4, 3), float(x), 10.0, float(x) + 90, 110.0) for i, x in enumerate(left))
        tracks.append(Track(str(noise.choice(["p1", "p2", "p3"])), boxes))
    people = tuple(Person(f"p{i}", f"Speaker {i}", "#3fd0ff", True, 1.0, 1.0) for i in (1, 2, 3))
    return Attribution(people, tuple(phrases), (), tuple(tracks))


TRUTH = {
    "language": "en",
    "faces": 2,
    "turns": [
        {"start": 0.0, "end": 2.5, "speaker": "A", "face": "left", "text": "word"},
        {"start": 2.5, "end": 4.0, "speaker": "B", "face": [0.4, 0.8], "text": "word"},
        {"start": 4.2, "end": 6.0, "speaker": "A", "face": None, "text": "word"},
        {"start": 6.0, "end": 9.0, "speaker": "C", "face": "any", "text": "word"},
    ],
}


def scored(given: Attribution, folder: Path) -> dict[str, float]:
    analysis = Analysis(
        media=Media(12.0, WIDTH, 360, Fraction(25)), language="en", target_language="", models={}, people=given.people,
        phrases=given.phrases, turns=(), tracks=given.tracks, notices=(), timings={},
    )  # fmt: skip
    (folder / "transcript.json").write_text(to_json(analysis))
    (folder / "truth.json").write_text(json.dumps(TRUTH))
    with contextlib.redirect_stdout(io.StringIO()) as said:
        score.main(str(folder / "transcript.json"), str(folder / "truth.json"))
    return json.loads(said.getvalue().splitlines()[-1])


@pytest.mark.parametrize("seed", range(12))
def test_the_figures_are_those_of_the_score(seed: int, tmp_path: Path) -> None:
    given = answer(np.random.default_rng(seed))
    expected, found = scored(given, tmp_path), judge(given, TRUTH, WIDTH)
    assert found.speaker == pytest.approx(expected["speaker_accuracy"], abs=0.01)
    assert found.face == pytest.approx(expected["face_accuracy"], abs=0.02)
    assert found.count_error == expected["speaker_count_error"]


def said(person: str | None, start: float, confidence: float = 0.95) -> Phrase:
    return Phrase(1, start, start + 1, person, "word", (Word(start, start + 1, "word"),), evidence=Evidence(confidence))


def seen(person: str, start: float, end: float, x: float) -> Track:
    return Track(person, tuple(Box(t, x - 40, 0, x + 40, 90) for t in (start, end)))


def test_a_phrase_is_right_only_with_person_and_face() -> None:
    given = Attribution(
        (),
        (said("p1", 0.5), said("p2", 2.8), said("p1", 4.5, 0.4), said("p3", 7.0, 0.99)),
        (),
        (seen("p1", 0, 4, 100), seen("p2", 2, 4, 100), seen("p3", 6, 9, 100)),
    )
    found = judge(given, TRUTH, WIDTH)
    assert found.speaker == 1.0
    assert [phrase.right for phrase in found.phrases] == [True, False, True, True]
    assert found.face == pytest.approx(0.75, abs=0.02)
    assert found.count_error == 0


def test_people_are_named_one_to_one() -> None:
    """Two people made of one speaker are not both right."""
    given = Attribution((), (said("p1", 0.2), said("p2", 1.3), said("p1", 4.5)), (), ())
    assert judge(given, TRUTH, WIDTH).speaker == pytest.approx(2 / 3, abs=0.02)


def test_nothing_heard_is_nothing_right() -> None:
    found = judge(Attribution((), (), (), ()), TRUTH, WIDTH)
    assert (found.speaker, found.face, found.people, found.samples) == (0, 0, 0, 0)


def test_hard_clips_count_in_no_average() -> None:
    good = judge(Attribution((), (said("p1", 4.5),), (), ()), TRUTH, WIDTH)
    bad = judge(Attribution((), (said(None, 0.5, 0.99),), (), ()), TRUTH, WIDTH)
    both = {"voice": good, "all": good}
    rows = summary({"easy": both, "dubbed": {"voice": bad, "all": bad}}, {"dubbed": "other lips"})
    assert (rows["clips"], rows["hard"]) == (1, 1)
    assert rows["all"]["speaker"] == rows["all"]["face_worst"] == rows["all"]["sure_right"] == 1.0
    assert rows["worse_with_all"] == []
    assert summary({"dubbed": {"all": bad}}, {})["all"]["sure_right"] == 0.0
