"""The composed ground truth follows from the cutting."""

import itertools
import json

import pytest

from benchmarks import compose

pytestmark = pytest.mark.unit


@pytest.fixture
def example():
    return compose.duo(compose.EXAMPLES, "orbit_en")


@pytest.mark.parametrize("situation", compose.SITUATIONS, ids=lambda f: f.__name__)
def test_the_truth_lies_inside_the_clip_in_order(situation, example, tmp_path):
    composition = situation(example, tmp_path)
    turns = composition.turns
    assert 8 < composition.seconds < 30
    assert all(0 <= turn["start"] < turn["end"] <= composition.seconds + 1e-3 for turn in turns)
    assert all(a["end"] <= b["start"] + 1e-3 for a, b in itertools.pairwise(turns))
    assert {who for _, _, who in composition.voices} == {turn["speaker"] for turn in turns}


@pytest.mark.parametrize("situation", compose.SITUATIONS, ids=lambda f: f.__name__)
def test_everything_said_is_in_the_truth_once(situation, example, tmp_path):
    composition = situation(example, tmp_path)
    heard = [heard.piece for shot in composition.shots for heard in shot.heard]
    assert sum(p.seconds for p in heard) == pytest.approx(
        sum(end - start for start, end, _ in composition.voices), abs=0.01
    ) or (composition.name.startswith("overlap"))
    assert [t["text"] for t in composition.turns if t["text"]] == [p.text for p in heard if p.text]


def test_the_short_pieces_say_what_the_turns_say():
    """The hand-set word times go with the text that is in the example now."""
    example = compose.duo(compose.EXAMPLES, "orbit_en")
    said = " ".join(piece.text for piece in (*example.a, *example.b))
    turns = (*example.a, *example.b)
    for piece in example.short:
        assert piece.text in said
        assert any(
            t.start - 0.2 <= piece.start and piece.end <= t.end + 0.2 for t in turns if t.speaker == piece.speaker
        )


def test_a_voice_reaches_over_the_cut_to_the_listener(example, tmp_path):
    composition = compose.listener_cut(example, tmp_path)
    first, second, _ = composition.turns
    assert (first["face"], second["face"]) == ("any", None)
    assert first["speaker"] == second["speaker"]
    assert first["end"] == second["start"]
    assert composition.shots[1].views[0].crop == example.b[0].crop


def test_overlapping_voices_are_both_in_the_rttm(example, tmp_path):
    composition = compose.overlap(example, tmp_path)
    (_, first_end, _), (second_start, _, _) = composition.voices
    assert first_end - second_start == pytest.approx(1.5)
    assert composition.turns[0]["end"] == pytest.approx(second_start, abs=1e-3)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("composed")
    piece = compose.duo(compose.EXAMPLES, "orbit_en").a[-1]
    composition = compose.Composition("tiny", 1)
    composition.add(
        [compose.talking(piece), compose.View(piece.clip, 1.0, piece.crop)],
        compose.part(piece, 0, 1.0, "That is"),
        "left",
    )
    composition.add(
        [compose.View(compose.landscape(folder), 0, still=True)] * 2, compose.part(piece, 1.0, 1.6, "the best"), None
    )
    return compose.write(composition, folder), folder


def test_what_ffmpeg_wrote_is_as_long_as_the_truth(written):
    import av

    (clip, truth), folder = written
    with av.open(str(clip)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames == round(1.6 * compose.RATE)
    record = json.loads(truth.read_text())
    assert record["shots"] == [0, 1.0]
    assert [turn["face"] for turn in record["turns"]] == ["left", None]
    assert clip.with_suffix(".rttm").read_text().splitlines()[1].split()[3:5] == ["1.000", "0.600"]
    assert not list(folder.glob("*.mkv"))


def test_the_cut_is_where_the_truth_says(written):
    import av
    import numpy as np

    (clip, _), _ = written
    with av.open(str(clip)) as container:
        images = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video=0)]
    change = [np.abs(a - b).mean() for a, b in itertools.pairwise(images)]
    assert int(np.argmax(change)) + 1 == compose.RATE
