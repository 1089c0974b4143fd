from __future__ import annotations

import itertools
import math
import time
from typing import Any

import numpy as np
import pytest

from pipeline.records import Box, Shot, Track, Written
from pipeline.subtitles import home
from pipeline.subtitles import place as place_module
from pipeline.subtitles.cue import Cue
from pipeline.subtitles.home import Stay
from pipeline.subtitles.place import Manner
from pipeline.subtitles.place import place as placing
from pipeline.subtitles.plan import finish
from pipeline.subtitles.scene import Scene, rope, scene, smooth
from pipeline.subtitles.spot import Spot
from tests.fixtures_look import LEFT, RIGHT, track

W, H, MARGIN = 640, 360, 8
SIZE = (200, 50)
TABS = {"p1": (60, 14)}


def cue(start: float, end: float, person: str | None = "p1") -> Cue:
    return Cue(1, 0, person, start, end, end, "text", "", ())


def build(*tracks: Track, shots: tuple[Shot, ...] = (), width: int = W, height: int = H) -> Scene:
    return scene(tracks, shots, width=width, height=height, scale=(1, 1), margin=MARGIN)


def place(cues: list[Cue], sizes: list[Any], made: Scene, **how: Any) -> tuple[tuple[Spot, ...], ...]:
    return finish(placing(cues, sizes, made, Manner(**how)))


def one(made: Scene, *more: Cue, **how: object) -> Spot:
    return place([cue(0, 4), *more], [SIZE] * (1 + len(more)), made, **how)[0][0]


def covered(spot: Spot, made: Scene) -> float:
    """px² of faces the panel covers at worst."""
    times = np.linspace(spot.start, spot.end, 60)
    worst = 0.0
    for face in made.faces:
        a, b = spot.boxes(times), face.at(times)
        wide = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
        tall = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
        there = (times >= face.times[0]) & (times <= face.times[-1])
        worst = max(worst, float((np.clip(wide, 0, None) * np.clip(tall, 0, None) * there).max()))
    return worst


def inside(spot: Spot, width: int = W, height: int = H) -> bool:
    boxes = spot.boxes(np.linspace(spot.start, spot.end, 50))
    return bool(boxes.min() >= -0.5 and boxes[:, 2].max() <= width + 0.5 and boxes[:, 3].max() <= height + 0.5)


def test_over_the_head_of_the_one_who_speaks() -> None:
    made = build(track("p1", LEFT, 0, 10), track("p2", RIGHT, 0, 10))
    spot = one(made)
    assert spot.kind == "above"
    x, y = spot.at(2)
    assert abs(x + SIZE[0] / 2 - 180) < 30
    assert y + SIZE[1] <= LEFT[1]
    assert covered(spot, made) == 0


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 100, 130),
        (540, 0, 640, 130),
        (0, 230, 100, 360),
        (540, 230, 640, 360),
        (250, 20, 390, 200),
        (270, 0, 400, 170),
    ],
)
def test_wherever_the_face_is_the_panel_is_in_the_frame_and_off_the_face(box: tuple[float, ...]) -> None:
    made = build(track("p1", box, 0, 10), track(None, (300, 210, 360, 280), 0, 10))
    spot = one(made)
    assert inside(spot)
    assert covered(spot, made) == 0


def test_a_face_nobody_knows_is_not_covered_either() -> None:
    above = track(None, (120, 20, 240, 100), 0, 10, sway=0)
    made = build(track("p1", LEFT, 0, 10), above)
    spot = one(made)
    assert covered(spot, made) == 0
    assert spot.kind != "above"


def test_a_face_that_walks_into_the_place_counts_from_the_start() -> None:
    walker = Track(None, tuple(Box(t, 600 - 130 * t, 40, 660 - 130 * t, 105) for t in np.arange(0, 4.1, 0.1)))
    made = build(track("p1", LEFT, 0, 10), walker)
    spot = one(made)
    assert covered(spot, made) == 0


def test_the_panel_follows_without_jumping_or_jitter() -> None:
    rng = np.random.default_rng(7)
    boxes = []
    for t in np.arange(0, 6, 0.1):
        x = 100 + 60 * t + rng.normal(0, 9)
        boxes.append(Box(float(t), x, 150 + rng.normal(0, 9), x + 80, 250))
    made = build(Track("p1", tuple(boxes)))
    spot = place([cue(0, 5.5)], [SIZE], made)[0][0]
    path = np.array([np.interp(np.arange(0, 5.5, 0.04), spot.times, v) for v in (spot.x, spot.y)])
    steps = np.abs(np.diff(path, axis=1))
    assert (
        np.abs(np.diff(path, n=2, axis=1)).max() < 0.5
    )  # px a frame²: no start, stop or turn is sudden (1.7 unsmoothed)
    assert steps.max() < 4  # px a frame; the face walks 2.4 and jitters by 9
    assert path[0, -1] - path[0, 0] > 100
    assert np.abs(np.diff(np.sign(np.diff(np.round(path[0]))))).sum() <= 4  # it never swings back and forth


def test_a_head_that_only_sways_moves_nothing() -> None:
    spot = one(build(track("p1", LEFT, 0, 10, sway=3)))
    assert np.ptp(spot.x) < 1
    assert np.ptp(spot.y) < 1


def test_a_cut_starts_anew() -> None:
    made = build(track("p1", LEFT, 0, 2), track("p1", RIGHT, 2, 10), shots=(Shot(0, 2), Shot(2, 10)))
    spots = place([cue(0, 4)], [SIZE], made)[0]
    assert [(s.start, s.end) for s in spots] == [(0, 2), (2, 4)]
    assert abs(spots[0].at(1.99)[0] - spots[1].at(2.01)[0]) > 150
    assert np.ptp(spots[1].x) < 3  # no gliding over from where the face was before the cut


def test_two_at_once_have_two_places() -> None:
    made = build(track("p1", (200, 150, 280, 250), 0, 10), track("p2", (300, 150, 380, 250), 0, 10))
    a, b = place([cue(0, 4), cue(1, 4, "p2")], [SIZE, SIZE], made)
    times = np.linspace(1, 4, 40)
    first, second = a[0].boxes(times), b[0].boxes(times)
    apart = (
        (first[:, 2] <= second[:, 0])
        | (second[:, 2] <= first[:, 0])
        | (first[:, 3] <= second[:, 1])
        | (second[:, 3] <= first[:, 1])
    )
    assert apart.all()
    assert covered(a[0], made) == covered(b[0], made) == 0


def test_a_panel_that_ended_early_is_in_nobody_s_way_after_the_cut() -> None:
    made = build(shots=(Shot(0, 2), Shot(2, 10)))
    large, late = (600, 200), cue(2.5, 4, None)
    ended, _, after = place([cue(0, 4, None), cue(1, 2, None), late], [large, large, SIZE], made)
    assert [(s.start, s.end) for s in ended] == [(0, 1)]
    assert after[0].at(3) == place([late], [SIZE], made)[0][0].at(3)


def test_text_in_the_picture_is_not_covered() -> None:
    """A voice off screen, and a face so high that its panel hangs below, keep clear of burned-in subtitles."""
    text = Written(0, 10, 0.2 * W, 0.84 * H, 0.8 * W, 0.95 * H)
    for tracks in ((), (track("p1", (200.0, 10.0, 330.0, 180.0), 0, 9),)):
        made = scene(tracks, (), (text,), width=W, height=H, scale=(1, 1), margin=8)
        spot = one(made)
        assert spot.at(2)[1] + spot.height <= text.top
        bare = one(scene(tracks, (), width=W, height=H, scale=(1, 1), margin=8))
        if not tracks:
            assert bare.at(2)[1] + bare.height > text.top


def test_off_screen_voices_stand_low() -> None:
    spot = one(build(track("p2", RIGHT, 0, 10)))
    assert spot.kind == "off screen"
    assert spot.at(1)[1] > H / 2


def test_a_voice_off_screen_never_stands_over_the_head_of_somebody_in_view() -> None:
    made = build(track("p2", (200, 150, 440, 300), 0, 10, sway=0))
    spot = place([cue(0, 4)], [(300, 60)], made)[0][0]
    box = spot.boxes(np.array([2.0]))[0]
    assert covered(spot, made) == 0
    assert not (box[3] <= 160 and box[0] < 320 < box[2])


def test_a_face_that_leaves_before_the_words_do_is_off_screen() -> None:
    assert one(build(track("p1", LEFT, 0, 1))).kind == "off screen"


@pytest.mark.parametrize("how", ["tiny", "crowd", "bottom"])
def test_low_for_tiny_faces_crowds_and_those_who_want_it(how: str) -> None:
    if how == "tiny":
        made = build(track("p1", (300, 150, 314, 168), 0, 10))
    elif how == "crowd":
        made = build(*(track("p1" if i == 4 else None, (10 + 60 * i, 60, 60 + 60 * i, 120), 0, 10) for i in range(10)))
    else:
        made = build(track("p1", LEFT, 0, 10))
    spot = one(made, low=how == "bottom")
    assert spot.kind == "low"
    assert spot.at(1)[1] > H / 2
    assert covered(spot, made) == 0


@pytest.mark.parametrize("height", [50, 60, 90])
def test_low_text_covers_no_chin_and_does_not_stand_under_a_neighbour_s(height: int) -> None:
    speaker, neighbour = (100.0, 110.0, 230.0, 290.0), (430.0, 100.0, 540.0, 240.0)
    made = build(track("p1", speaker, 0, 10), track("p2", neighbour, 0, 10))
    spots = place([cue(0, 4), cue(5, 9)], [(330, height), (300, 50)], made, low=True)
    for ((spot,),) in zip(spots, strict=True):
        assert covered(spot, made) == 0
        assert inside(spot)
        middle = spot.at(2)[0] + spot.width / 2
        assert middle < 360  # the neighbour's is at 485


def test_a_face_that_fills_the_frame_leaves_the_least_bad_place() -> None:
    spot = one(build(track("p1", (0, 0, W, H), 0, 10, sway=0)))
    assert inside(spot)


def test_room_for_the_name_where_no_face_carries_it() -> None:
    plain = one(build(track("p2", RIGHT, 0, 10)))
    named = one(build(track("p2", RIGHT, 0, 10)), tabs=TABS)
    assert (named.tab, named.height) == (14, plain.height + 14)
    wide = one(build(track("p1", (300, 150, 314, 168), 0, 10)), tabs={"p1": (250, 14)}, face_tab=True)
    assert (wide.kind, wide.width) == ("low", 250)


def there(side: str, start: float, end: float) -> Track:
    return track("p1", {"left": (40, 110, 140, 240), "middle": (270, 110, 370, 240), "right": RIGHT}[side], start, end)


OTHER = (280.0, 60.0, 360.0, 160.0)
TWO_SHOTS = (Shot(0, 2), Shot(2, 10))


@pytest.mark.parametrize(
    ("tracks", "edge"),
    [
        ((there("left", 0, 1.9),), "left"),  # in the shot before
        ((there("right", 0, 1.9),), "right"),
        ((there("right", 2, 2.2),), "right"),  # left during this one
        ((there("left", 0, 1.9), there("right", 2, 2.2)), "right"),
        ((there("middle", 0, 1.9),), ""),  # on neither side
        ((), ""),
    ],
)
def test_a_voice_off_screen_is_behind_the_edge_its_face_went_to(tracks: tuple[Track, ...], edge: str) -> None:
    made = build(*tracks, track("p2", OTHER, 2, 10), shots=TWO_SHOTS)
    (spot,) = place([cue(3, 5)], [SIZE], made, tabs=TABS)[0]
    assert (spot.kind, spot.edge) == ("off screen", edge)
    x, y = spot.at(3.5)
    if edge:
        assert x == (0 if edge == "left" else W - SIZE[0] - MARGIN)
        assert spot.width == SIZE[0] + MARGIN
    else:
        assert abs(x + spot.width / 2 - W / 2) < 2
    assert y > H / 2
    assert covered(spot, made) == 0


@pytest.mark.parametrize("side", ["left", "right"])
def test_no_arrow_points_out_under_the_face_of_somebody_else(side: str) -> None:
    under = track("p2", (60, 60, 160, 180) if side == "left" else (480, 60, 580, 180), 2, 10)
    made = build(there(side, 0, 1.9), under, shots=TWO_SHOTS)
    (spot,) = place([cue(3, 5)], [SIZE], made, tabs=TABS)[0]
    assert (spot.kind, spot.edge) == ("off screen", "")
    assert abs(spot.at(4)[0] + spot.width / 2 - W / 2) < W / 4


def test_a_voice_that_comes_into_picture_later_is_behind_the_edge_it_comes_from() -> None:
    shots = (Shot(0, 4), Shot(4, 10))
    made = build(track("p2", OTHER, 0, 3.9), there("right", 4, 10), shots=shots)
    assert place([cue(1, 3)], [SIZE], made, tabs=TABS)[0][0].edge == "right"


def test_a_voice_off_screen_keeps_its_edge_and_its_line() -> None:
    shots = (Shot(0, 2), Shot(2, 10))
    made = build(there("right", 0, 1.9), track("p2", OTHER, 2, 10), shots=shots)
    sizes = [(200, 50), (120, 30), (220, 50)]
    spots = [s[0] for s in place([cue(2.5, 4), cue(4.1, 5.5), cue(6.5, 9)], sizes, made, tabs=TABS)]
    assert {s.edge for s in spots} == {"right"}
    assert len({s.at(s.start)[1] + s.height for s in spots}) == 1


def test_who_came_back_and_left_at_the_other_side_is_there() -> None:
    made = build(there("left", 0, 1.5), there("right", 4, 6), track("p2", OTHER, 0, 10), shots=(Shot(0, 10),))
    spots = [s[0] for s in place([cue(2.5, 3.5), cue(7, 9)], [SIZE, SIZE], made, tabs=TABS)]
    assert [s.edge for s in spots] == ["left", "right"]


def test_a_face_at_the_edge_sends_the_panel_to_the_middle() -> None:
    for box in ((10, 5, 160, 355), (10, 200, 160, 355)):  # under it, over its head: both would seem to be its own
        made = build(there("left", 0, 1.9), track("p2", box, 2, 10, sway=0), shots=TWO_SHOTS)
        (spot,) = place([cue(2.5, 5)], [SIZE], made, tabs=TABS)[0]
        assert spot.edge == ""
        assert covered(spot, made) == 0


def test_a_face_that_fills_the_frame_does_not_send_the_voice_off_screen_into_the_picture() -> None:
    made = build(there("right", 0, 1.9), track("p2", (150, 40, 490, 355), 2, 10, sway=0), shots=TWO_SHOTS)
    (spot,) = place([cue(2.5, 5)], [SIZE], made, tabs=TABS)[0]
    assert spot.edge == "right"


def test_two_voices_off_screen_stand_apart_at_one_edge() -> None:
    gone = Track("p2", there("left", 0, 1.9).boxes)
    made = build(there("left", 0, 1.9), gone, track(None, OTHER, 2, 10), shots=TWO_SHOTS)
    a, b = place([cue(3, 6), cue(4, 6, "p2")], [SIZE, SIZE], made, tabs={**TABS, "p2": (40, 14)})
    assert a[0].edge == b[0].edge == "left"
    assert a[0].at(5)[1] >= b[0].at(5)[1] + b[0].height


@pytest.mark.parametrize("how", ["bottom", "nobody is ever seen", "unknown voice"])
def test_no_edge_where_it_says_nothing(how: str) -> None:
    made = build() if how == "nobody is ever seen" else build(track("p2", OTHER, 0, 10))
    who = None if how == "unknown voice" else "p1"
    (spot,) = place([cue(0, 4, who)], [SIZE], made, tabs=TABS, low=how == "bottom")[0]
    assert (spot.kind, spot.edge) == ("off screen", "")
    assert abs(spot.at(1)[0] + spot.width / 2 - W / 2) < 2


def test_the_rest_of_a_cue_after_a_cut_away_goes_to_the_edge() -> None:
    shots = (Shot(0, 3), Shot(3, 10))
    made = build(there("right", 0, 2.9), track("p2", (40, 160, 140, 290), 3, 10), shots=shots)
    at_face, away = place([cue(0, 5)], [SIZE], made, tabs=TABS)[0]
    assert (at_face.kind, away.kind, away.edge) == ("above", "off screen", "right")
    made = build(there("right", 0, 2.9), there("left", 3, 10), shots=shots)
    _, moment = place([cue(0, 3.4)], [SIZE], made, tabs=TABS)[0]
    assert moment.kind == "above"  # the speaker is in the new shot
    assert moment.at(3.2)[0] < W / 3


def homes(made: Scene, cues: list[Cue], sizes: list[tuple[int, int]]) -> list[tuple[str, float, float]]:
    """Kind, and offset of the panel's lower middle from the face, of every cue."""
    found = []
    for spots in place(cues, sizes, made, tabs=TABS):
        spot = spots[0]
        middle = (spot.start + spot.end) / 2
        x, y = spot.at(middle)
        face = spot.face.at(middle) if spot.face is not None else np.zeros(4)
        found.append(
            (
                "still" if spot.kind in ("low", "off screen") else spot.kind,
                x + spot.width / 2 - (face[0] + face[2]) / 2,
                y + spot.height - face[1],
            )
        )
    return found


def test_all_lines_of_a_person_in_a_shot_have_one_home() -> None:
    rng = np.random.default_rng(5)
    boxes = tuple(
        Box(
            float(t),
            250 + 40 * math.sin(t / 3),
            150 + rng.normal(0, 3),
            340 + 40 * math.sin(t / 3),
            260 + rng.normal(0, 3),
        )
        for t in np.arange(0, 20, 0.1)
    )
    made = build(Track("p1", boxes))
    cues = [cue(2.0 * k, 2.0 * k + 1.9) for k in range(10)]
    sizes = [(80 + 20 * k, 30 if k % 2 else 50) for k in range(10)]
    found = homes(made, cues, sizes)
    assert {kind for kind, _, _ in found} == {"above"}
    assert np.ptp([down for _, _, down in found]) < 10  # px; the anchor is the lower middle, whatever the size
    assert np.ptp([across for _, across, _ in found]) < 20  # the head sways by 40 to either side; a little is let be


def test_a_home_that_would_cover_a_face_once_is_left_for_the_whole_shot_or_once() -> None:
    walker = Track(None, tuple(Box(float(t), 150, 40, 250, 105) for t in np.arange(8, 10.1, 0.1)))
    made = build(track("p1", LEFT, 0, 10), walker)
    cues = [cue(2.0 * k, 2.0 * k + 1.9) for k in range(5)]
    kinds = [kind for kind, _, _ in homes(made, cues, [SIZE] * 5)]
    assert sum(a != b for a, b in itertools.pairwise(kinds)) <= 1
    for spots in place(cues, [SIZE] * 5, made):
        assert covered(spots[0], made) == 0


def test_a_face_that_is_lost_and_found_again_does_not_send_its_panel_back_and_forth() -> None:
    made = build(track("p1", LEFT, 0, 3), track("p1", LEFT, 5, 8))
    cues = [cue(0, 2.5), cue(3.4, 4.6), cue(5.2, 7)]
    kinds = [kind for kind, _, _ in homes(made, cues, [SIZE] * 3)]
    assert sum(a != b for a, b in itertools.pairwise(kinds)) <= 1


def test_a_track_without_a_name_in_the_place_of_a_person_is_no_stranger() -> None:
    box = (280.0, 120.0, 360.0, 220.0)
    made = build(track("p1", box, 0, 3), track(None, box, 2.8, 9))
    assert [face.person for face in made.faces] == ["p1", "p1"]
    found = homes(made, [cue(1, 3, "p1"), cue(4, 6, "p1")], [(200, 40), (260, 60)])
    assert {kind for kind, *_ in found} == {"above"}


def test_a_track_without_a_name_beside_a_person_stays_a_stranger() -> None:
    made = build(track("p1", (280.0, 120.0, 360.0, 220.0), 0, 9), track(None, (400.0, 120.0, 480.0, 220.0), 2, 9))
    assert [face.person for face in made.faces] == ["p1", None]


@pytest.mark.parametrize("together", [False, True])
def test_thousands_of_tracks_without_a_name_keep_nobody_waiting(together: bool) -> None:
    """A transcript may hold 12,000 tracks; to compare each with each took minutes, in one step that nothing stops."""
    tracks = []
    for k in range(2000):
        start = 0.0 if together else k * 0.1
        boxes = tuple(Box(t, 280.0, 120.0, 360.0, 220.0) for t in (start, start + 0.09))
        tracks.append(Track("p1" if k == 1999 else None, boxes))
    begun = time.process_time()
    made = build(*tracks)
    assert time.process_time() - begun < 15
    assert len(made.faces) == 2000


def test_no_panel_stands_over_a_neighbours_head() -> None:
    own, other = (290, 120, 350, 200), (360, 120, 420, 200)
    made = build(track("p1", own, 0, 10, sway=0), track("p2", other, 0, 10, sway=0))
    for width in (80, 160, 300):
        spot = place([cue(0, 4)], [(width, 40)], made)[0][0]
        box = spot.boxes(np.array([2.0]))[0]
        if spot.kind == "above":
            middle = (box[0] + box[2]) / 2
            assert abs(middle - 320) < abs(middle - 390)


def test_one_who_pauses_keeps_the_work_linear() -> None:
    made = build(track("p1", LEFT, 0, 10), track("p2", RIGHT, 0, 10))

    def checks(count: int) -> int:
        cues = [cue(1 + k / count, 3, "p1" if k % 2 else "p2") for k in range(count)]
        steps = 0
        work = placing(cues, [SIZE] * count, made, Manner())
        calls = 0
        original = home.costs

        def counted(*args: Any) -> np.ndarray:
            nonlocal calls
            calls += 1 + len(args[4])
            return original(*args)

        vars(place_module)["costs"] = counted
        try:
            while True:
                next(work)
                steps += 1
        except StopIteration:
            pass
        finally:
            vars(place_module)["costs"] = original
        assert steps
        return calls

    assert checks(160) < 10 * checks(20)


def gap(spot: Spot, face: tuple[float, ...]) -> float:
    ((left, top, right, bottom),) = spot.boxes(np.array([2.0]))
    return math.hypot(max(0, face[0] - right, left - face[2]), max(0, face[1] - bottom, top - face[3]))


@pytest.mark.parametrize(
    ("own", "stranger"),
    [
        ((280, 10, 380, 110), (290, 170, 400, 300)),  # below the speaker: under the panel that has no room above
        ((250, 15, 370, 150), (90, 120, 200, 250)),  # beside
        ((270, 130, 370, 250), (285, 5, 355, 70)),  # over the speaker
    ],
)
def test_no_panel_stands_nearer_to_a_stranger_than_to_its_speaker(
    own: tuple[float, ...], stranger: tuple[float, ...]
) -> None:
    spot = one(build(track("p1", own, 0, 10, sway=0), track("p2", stranger, 0, 10, sway=0)))
    assert spot.kind not in ("low", "off screen")
    assert gap(spot, own) < gap(spot, stranger)


def test_still_means_still() -> None:
    walker = Track("p1", tuple(Box(t, 100 + 60 * t, 150, 180 + 60 * t, 250) for t in np.arange(0, 4.1, 0.1)))
    made = build(walker)
    spot = one(made, still=True)
    assert np.ptp(spot.x) == 0
    assert covered(spot, made) == 0


def test_broken_tracks_break_nothing() -> None:
    made = build(
        Track("p1", ()), Track("p1", (Box(1, 0, 0, 0, 0),)), Track("p2", (Box(3, -9, -9, -5, -5), Box(3, 5, 5, 5, 5)))
    )
    assert inside(one(made))


def test_smoothing_has_no_delay_and_the_rope_a_dead_zone() -> None:
    ramp = np.arange(100, dtype=float)[:, None]
    assert np.allclose(smooth(ramp, 3)[20:80], ramp[20:80])
    sway = np.array([math.sin(i / 3) for i in range(60)])
    assert np.ptp(rope(sway, 1.0)) == 0
    assert np.ptp(rope(sway * 5, 1.0)) > 5


def test_a_voice_off_screen_over_a_very_large_face_does_not_move_from_the_chin_up_within_the_shot() -> None:
    """Short lines have room under the chin and long ones do not; they stand in one place that serves all."""
    made = build(track(None, (110, 75, 530, 310), 0, 20, sway=0))
    cues = [cue(2.5 * k, 2.5 * k + 2.4) for k in range(8)]
    sizes = [(260, 30) if k < 4 else (300, 56) for k in range(8)]
    spots = [spots[0] for spots in place(cues, sizes, made)]
    assert {spot.kind for spot in spots} == {"off screen"}
    assert len({spot.at(spot.start)[1] + spot.height for spot in spots}) == 1
    assert not any(covered(spot, made) for spot in spots)


def test_where_every_place_covers_a_face_the_panel_does_not_move_to_cover_less_of_it() -> None:
    stays = [Stay(k, 2.0 * k, 2.0 * k + 2, *SIZE) for k in range(4)]
    covering = np.array([[200.0, 200, 150, 150], [150, 150, 201, 201]])
    assert place_module._choose(covering, stays) == [0] * 4
    clear_later = np.array([[200.0, 200, 2, 2], [2, 2, 201, 201]])
    assert place_module._choose(clear_later, stays) == [1, 1, 0, 0]
