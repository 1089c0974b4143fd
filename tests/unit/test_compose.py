"""The composed ground truth follows from the cutting."""

import itertools
import json

import cv2
import numpy as np
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


HEAD = compose.HEADS["orbit_en"]


def marked() -> np.ndarray:
    """A gray picture whose head bears a blue face, about 30 degrees to either side of the nose."""
    image = np.full((compose.SIDE, compose.SIDE, 3), 120, np.uint8)
    y, x = np.mgrid[0 : compose.SIDE, 0 : compose.SIDE]
    image[(np.abs(x - HEAD.x) < 58) & (np.abs(y - 220) < 50)] = 255, 0, 0
    return image


def blue_at(degrees: float) -> np.ndarray:
    """x of every pixel of the blue face, turned."""
    image = marked()
    seen = compose.turned(image, compose._back(np.full_like(image, 120), HEAD), HEAD, degrees)
    return np.nonzero(seen[..., 0].astype(int) > seen[..., 2].astype(int) + 60)[1]


def test_a_turning_face_goes_through_three_quarters_and_profile_and_is_gone_at_the_end():
    front, three_quarters, profile, away = (blue_at(degrees) for degrees in (0, 40, 75, compose.AWAY))
    assert front.mean() == pytest.approx(HEAD.x, abs=2)
    assert front.mean() + 40 < three_quarters.mean() < profile.mean()
    assert len(front) > len(three_quarters) > len(profile) > len(front) / 20
    assert len(away) == 0


def test_a_turning_head_leaves_the_rest_of_the_picture_alone():
    image = np.random.default_rng(0).integers(0, 255, (compose.SIDE, compose.SIDE, 3), np.uint8)
    back = compose._back(image, HEAD)
    assert (compose.turned(image, back, HEAD, 0) == image).all()
    y, x = np.mgrid[0 : compose.SIDE, 0 : compose.SIDE]
    outside = np.hypot((x - HEAD.x) / HEAD.half_width, (y - HEAD.y) / HEAD.half_height) > 1
    change = (compose.turned(image, back, HEAD, compose.AWAY) != image).any(-1)
    assert not change[outside].any()
    assert change[~outside].mean() > 0.6


def test_who_turns_away_is_heard_to_the_end_of_the_piece_without_a_face(example, tmp_path):
    composition = compose.turned_away(example, tmp_path)
    seen, unseen, other = composition.turns
    assert (seen["face"], unseen["face"], other["face"]) == ("any", None, "any")
    assert seen["speaker"] == unseen["speaker"] != other["speaker"]
    assert unseen["end"] == pytest.approx(example.a[0].seconds, abs=1e-3)
    reader = cv2.VideoCapture(str(composition.shots[0].views[0].clip))
    images = []
    while (frame := reader.read())[0]:
        images.append(frame[1].astype(int))
    assert len(images) == round(example.a[0].seconds * compose.RATE)
    start, gone = round(seen["end"] * compose.RATE), round(unseen["start"] * compose.RATE)
    face = np.s_[170:290, 200:300]
    talking = np.abs(images[start - 1][face] - images[0][face]).mean()
    assert all(np.abs(image[face] - images[0][face]).mean() > 2 * talking for image in images[gone:])
    assert all(np.abs(image[face] - images[-1][face]).mean() < 2 for image in images[gone:])


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
