"""transcript.json goes out and in without loss, and nothing that is not one gets in."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.errors import RecordError
from pipeline.records import (
    Analysis,
    Box,
    Evidence,
    Media,
    Notice,
    Person,
    PersonTurn,
    Phrase,
    Shot,
    Track,
    Word,
    Written,
)
from pipeline.transcript import BOUNDS, MAX_AT_ONCE, from_json, to_json


def an_analysis(**changes: Any) -> Analysis:
    values: dict[str, Any] = {
        "media": Media(3.0, 640, 360, Fraction(30000, 1001)),
        "language": "pl",
        "target_language": "EN-US",
        "models": {"speech": "Whisper base"},
        "people": (Person("p1", "Zażółć", "#00e5ff", True, 0.9, 1.2), Person("p2", "B", "#ffb000", False, 0.5, 0.5)),
        "phrases": (
            Phrase(1, 0.0, 1.0, "p1", "Hej ho", (Word(0.0, 0.5, "Hej"), Word(0.5, 1.0, "ho")), "Hey ho",
                   Evidence(0.9, 0.8, 0.7, "p2", "voice and lips agree")),
            Phrase(2, 1.0, 2.0, None, "你好", (Word(1.0, 2.0, "你好"),), None, Evidence(0.1), "zh"),
        ),
        "turns": (PersonTurn(0.0, 1.0, "p1"),),
        "tracks": (Track("p1", (Box(0.0, 1.5, 2.0, 30.0, 40.0), Box(0.5, 2.0, 2.0, 31.0, 40.0))), Track(None, ())),
        "notices": (Notice("no_key", "Add a key."),),
        "timings": {"speech": 1.234},
        "shots": (Shot(0.0, 3.0),),
    }  # fmt: skip
    return Analysis(**{**values, **changes})


def test_what_is_written_is_read_back() -> None:
    assert from_json(to_json(an_analysis())) == an_analysis()


def test_the_format_has_every_field_of_version_1() -> None:
    record = json.loads(to_json(an_analysis()))
    assert {"version", "media", "language", "target_language", "models", "people", "phrases", "turns", "tracks",
            "notices", "timings"} <= set(record)  # fmt: skip
    assert record["media"] == {"duration": 3.0, "width": 640, "height": 360, "frame_rate": "30000/1001"}
    assert set(record["phrases"][0]) == {"id", "start", "end", "person", "source", "translation", "words", "evidence"}
    assert set(record["phrases"][0]["evidence"]) == {"confidence", "voice", "lips", "runner_up", "reason"}
    assert record["tracks"][0]["boxes"][0] == [0.0, 1.5, 2.0, 30.0, 40.0]


def damaged(path: str, value: object) -> str:
    record = json.loads(to_json(an_analysis()))
    *way, last = path.split(".")
    place = record
    for step in way:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if last.isdigit() else last] = value
    return json.dumps(record)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 2),
        ("version", True),
        ("media.duration", -1),
        ("media.duration", "3"),
        ("media.duration", 1e12),
        ("media.width", 10**9),
        ("media.frame_rate", "1/0"),
        ("media.frame_rate", "x"),
        ("people.0.id", "../../etc/passwd"),
        ("people.0.id", "p2"),
        ("people.0.colour", "red;background:url(x)"),
        ("people.0.confidence", 2),
        ("people.0.face", 1),
        ("people", {}),
        ("phrases.0.person", "p9"),
        ("phrases.0.start", 5.0),
        ("phrases.0.words.0.start", None),
        ("phrases.0.source", "x" * 20_001),
        ("phrases.0.source", "\ud800"),
        ("phrases.0.id", 2),
        ("tracks.0.boxes.0", [0, 1, 2]),
        ("tracks.0.boxes.0", [0, 30, 2, 1, 4]),
        ("tracks.0.boxes.1.0", -1),
        ("shots.0", [3, 0]),
        ("turns.0.person", None),
    ],
)
def test_a_damaged_value_is_refused_with_a_sentence(path: str, value: object) -> None:
    with pytest.raises(RecordError, match=r"^The transcript .*\.$"):
        from_json(damaged(path, value))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", "NaN", '{"version": 1}', "[" * 100_000, b"\xff\xfe\x00"])
def test_what_is_not_a_transcript_is_refused(text: str | bytes) -> None:
    with pytest.raises(RecordError):
        from_json(text)


def test_nan_is_refused() -> None:
    with pytest.raises(RecordError):
        from_json(to_json(an_analysis()).replace('"duration": 3.0', '"duration": NaN'))


@pytest.mark.parametrize(
    ("path", "value"),
    [("phrases.0.start", 0.0625), ("phrases.0.evidence.confidence", 0.12345), ("tracks.0.boxes.0.1", 0.0625)],
)
def test_numbers_finer_than_the_format_are_the_same_when_written_and_read_again(path: str, value: float) -> None:
    analysis = from_json(damaged(path, value))
    assert from_json(to_json(analysis)) == analysis


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def places(value: object, path: str = "") -> list[str]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path.lstrip(".")] if path else []
    for key, child in children:
        found += places(child, f"{path}.{key}")
    return found


@hypothesis_settings(max_examples=400, deadline=None)
@given(st.sampled_from(places(json.loads(to_json(an_analysis())))), json_values)
def test_any_value_anywhere_is_read_or_refused_and_never_crashes(path: str, value: object) -> None:
    try:
        analysis = from_json(damaged(path, value))
    except RecordError:
        return
    assert from_json(to_json(analysis)) == analysis


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_are_refused_and_never_crash(data: bytes | str) -> None:
    with pytest.raises(RecordError):
        from_json(data)


def crowded(kind: str, count: int) -> Analysis:
    phrase = Phrase(1, 0.0, 0.0, None, "", (), None, Evidence(0.1))
    changes: dict[str, dict[str, Any]] = {
        "phrases": {"phrases": tuple(replace(phrase, id=n) for n in range(count))},
        "words": {"phrases": (replace(phrase, words=(Word(0.0, 1.0, "a"),) * count),)},
        "turns": {"turns": (PersonTurn(0.0, 1.0, "p1"),) * count},
        "tracks": {"tracks": (Track(None, ()),) * count},
        "boxes": {"tracks": (Track(None, (Box(0.0, 0.0, 0.0, 1.0, 1.0),) * count),)},
        "shots": {"shots": (Shot(0.0, 3.0),) * count},
        "written": {"written": (Written(0.0, 3.0, 1.0, 2.0, 3.0, 4.0),) * count},
        "characters": {"phrases": (replace(phrase, source="x" * count),)},
    }
    return an_analysis(**changes[kind])


@pytest.mark.parametrize("kind", BOUNDS)
def test_a_clip_holds_so_much_and_no_more(kind: str) -> None:
    least, per_second = BOUNDS[kind]
    most = round(least + 3.0 * per_second)
    assert from_json(to_json(crowded(kind, most)))
    with pytest.raises(RecordError, match=f"{most + 1} {kind}, more than the {most}"):
        from_json(to_json(crowded(kind, most + 1)))


def test_so_many_speak_at_one_time_and_no_more() -> None:
    line = Phrase(1, 0.0, 1.0, None, "a", (), None, Evidence(0.1))
    after = tuple(replace(line, id=100 + n, start=1.0, end=2.0) for n in range(MAX_AT_ONCE))
    at_once = tuple(replace(line, id=n) for n in range(MAX_AT_ONCE))
    assert from_json(to_json(an_analysis(phrases=at_once + after)))
    with pytest.raises(RecordError, match="at one time"):
        from_json(to_json(an_analysis(phrases=(*at_once, replace(line, id=99)))))
