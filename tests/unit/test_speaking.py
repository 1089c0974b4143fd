"""What the detectors of speaking faces are fed and how their scores become evidence, without a model."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from pipeline.faces import crops, lip_detector, mfcc, speaking
from pipeline.faces.sound import Sound, values_between
from pipeline.faces.track import Live
from pipeline.records import EVIDENCE_HZ

pytestmark = pytest.mark.unit


def track(times: list[float], boxes: list[tuple[float, float, float, float]]) -> Live:
    faces = [np.array([*box, 0.99, *[0.0] * 10], np.float32) for box in boxes]
    return Live(0, times=list(times), faces=faces, likeness=[1.0] * len(times))


def sound(samples: np.ndarray, heard: bool = True) -> Sound:
    found = Sound.__new__(Sound)
    found.samples = samples.astype(np.float32)
    found.heard = np.full(-(-len(samples) // 640), heard)
    return found


# --- MFCC -------------------------------------------------------------------------------------------------------------

#: Rows 0, 4 and 8 of python_speech_features 0.6 on `chirp`, with 13 coefficients of 25 ms every 10 ms.
REFERENCE = (
    (16.542, 21.277, 3.827, -13.288, -27.31, -34.128, -30.743, -20.687, -7.338, 3.539, 10.523, 11.299, 8.645),
    (18.466, 18.454, -12.121, -27.95, -26.905, -6.099, 15.902, 23.382, 13.11, -4.007, -14.063, -12.52, -3.847),
    (19.867, 6.491, -27.722, -35.448, -8.744, 23.349, 27.06, 0.187, -23.884, -20.71, 2.162, 16.008, 9.426),
)


def chirp() -> np.ndarray:
    t = np.arange(1600) / 16000
    wave = 9000 * np.sin(2 * np.pi * (300 * t + 4000 * t * t)) * (0.2 + t * 5)
    wave[800:900] = 0
    return np.round(wave) / 32768


def test_mfcc_are_those_the_network_was_trained_on() -> None:
    assert np.allclose(mfcc.mfcc(chirp())[[0, 4, 8]], REFERENCE, atol=2e-3)


def test_mfcc_of_silence_and_of_nothing_are_numbers() -> None:
    assert np.isfinite(mfcc.mfcc(np.zeros(1000, np.float32))).all()
    assert mfcc.mfcc(np.zeros(0, np.float32)).shape == (0, 13)
    assert mfcc.mfcc(np.zeros(1, np.float32)).shape == (1, 13)


def test_mfcc_of_a_piece_are_those_of_the_whole() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 16000)
    whole = mfcc.mfcc(noise.astype(np.float32))
    assert np.allclose(sound(noise).mfcc(0, 25), whole, atol=1e-3)
    assert np.allclose(sound(noise).mfcc(10, 15), whole[40:60], atol=1e-3)
    assert sound(noise).mfcc(20, 40).shape == (80, 13)  # the sound ends before the picture does


# --- crops ------------------------------------------------------------------------------------------------------------


def test_the_crop_holds_the_lower_face_and_ignores_one_jump_of_the_box() -> None:
    boxes = [(100.0, 100.0, 180.0, 200.0)] * 7
    boxes[3] = (140.0, 140.0, 260.0, 280.0)
    live = track([0.04 * i for i in range(7)], boxes)
    assert crops.place(live, 0.12) == pytest.approx((140, 150 + 20, 70))


def test_the_crop_of_a_track_of_one_sample_is_there() -> None:
    assert crops.place(track([2.0], [(0, 0, 100, 100)]), 2.0) == pytest.approx((50, 70, 70))


@pytest.mark.parametrize("size", [30.0, 140.0, 400.0])
def test_a_crop_shows_what_it_is_cut_around_whatever_its_size(size: float) -> None:
    luma = np.full((720, 1280), 60, np.uint8)
    x, y = 640, 360
    quarter = round(size / 4)
    luma[y - quarter : y, x : x + quarter] = 200  # up and to the right of the middle
    crop = crops.cut(luma, (x, y, size), 112)
    assert crop.shape == (112, 112)
    assert crop[42, 70] == pytest.approx((200 - 16) * 255 / 219, abs=2)
    assert crop[70, 70] == pytest.approx((60 - 16) * 255 / 219, abs=2)
    assert crop[42, 42] == crop[100, 100] == crop[70, 70]
    lit = np.argwhere(crop > 120).mean(0)
    assert lit == pytest.approx((42, 70), abs=2.5)


@pytest.mark.parametrize("at", [(0.0, 0.0, 50.0), (-500.0, 100.0, 50.0), (70.0, 50.0, 900.0), (140.0, 5000.0, 300.0)])
def test_a_face_that_hangs_out_of_the_picture_is_cut_all_the_same(at: tuple[float, float, float]) -> None:
    assert crops.cut(np.full((100, 140), 90, np.uint8), at, 112).shape == (112, 112)


# --- evidence ---------------------------------------------------------------------------------------------------------


def test_every_value_belongs_to_one_frame_at_any_rate() -> None:
    for rate in (12, 23.976, 25, 29.97, 30):
        times = [i / rate for i in range(200)]
        values = [k for a, b in itertools.pairwise(times) for k in values_between(a, b)]
        assert values == list(range(values[-1] + 1))
    assert list(values_between(0.0, 0.04)) == [0]  # at 25 frames a second frame k is value k
    assert list(values_between(7 / 25, 8 / 25)) == [7]


def test_no_value_is_known_without_a_voice() -> None:
    quiet = sound(np.zeros(16000), heard=False)
    assert quiet.values(0.0, 1.0) == []
    assert Sound(np.zeros(16000, np.float32)).values(0.0, 1.0) == []


def test_log_odds_are_smooth_bounded_and_unknown_where_nothing_was_seen() -> None:
    scores = np.concatenate([np.full(50, 9.0), np.full(20, math.nan), np.full(50, -9.0)])
    odds = speaking.log_odds(scores, speaking.Calibration(1.0, 0.0, 0.2))
    assert odds[10] == 5.0
    assert odds[-10] == -5.0
    assert odds[50:70] == (None,) * 20
    before, after = speaking.log_odds(np.repeat([-2.0, 2.0], 25), speaking.Calibration(1.0, 0.0, 0.2))[24:26]
    assert before is not None
    assert after == pytest.approx(-before, abs=0.05)
    assert abs(before) < 0.5
    assert speaking.log_odds(np.full(5, math.nan), speaking.Calibration(1.0, 0.0, 0.2)) == (None,) * 5


class Echo:
    """A network whose score is the middle grey of the face, and which notes what it is given."""

    side, reach = 8, 9

    def __init__(self) -> None:
        self.pieces: list[int] = []

    def face_features(self, faces: np.ndarray) -> np.ndarray:
        self.pieces.append(len(faces))
        return faces.reshape(len(faces), -1).mean(1, keepdims=True)

    def sound_features(self, rows: np.ndarray) -> np.ndarray:
        assert len(rows) % 4 == 0
        return np.zeros((len(rows) // 4, 1), np.float32)

    def scores(self, face: np.ndarray, heard: np.ndarray) -> np.ndarray:
        assert len(face) == len(heard)
        return face[:, 0]


def watched(seconds: float, rate: float, heard: Sound) -> tuple[Live, Echo]:
    """A face whose grey is the time, in frames at `rate`."""
    network = Echo()
    detector = speaking.LearnedDetector("echo", network, speaking.Calibration(1, 0, 0), heard)
    live = track([i / 5 for i in range(int(seconds * 5) + 1)], [(20, 20, 80, 80)] * (int(seconds * 5) + 1))
    for i in range(int(seconds * rate)):
        frame = np.full((120 * 3 // 2, 100), 16 + i % 200, np.uint8)
        detector.see(i / rate, (i + 1) / rate, frame, [live])
    detector.finish(live)
    detector.close()
    return live, network


def test_pieces_join_without_a_gap_and_stay_short() -> None:
    live, network = watched(20.0, 25, sound(np.zeros(20 * 16000)))
    assert sorted(live.scores) == list(range(500))
    for k, value in live.scores.items():
        assert value == pytest.approx((k % 200) * 255 / 219, abs=1)
    assert max(network.pieces) <= speaking.PIECE + 2 * 9
    assert live.crops == []


def test_a_slow_picture_is_repeated_and_a_silent_stretch_left_out() -> None:
    heard = sound(np.zeros(10 * 16000))
    heard.heard[100:150] = False
    live, _ = watched(10.0, 12.5, heard)
    assert sorted(live.scores) == [*range(100), *range(150, 250)]


def test_a_glimpse_says_nothing() -> None:
    live, _ = watched(0.2, 25, sound(np.zeros(16000)))
    assert live.scores == {}
    first, values = speaking.on_grid(live)
    assert first == 0
    assert np.isnan(values).all()


def test_of_forty_faces_the_largest_are_looked_at() -> None:
    tracks = [track([0.0, 1.0], [(0, 0, size, size)] * 2) for size in range(5, 45)]
    seen = speaking.largest(tracks, 0.5)
    assert [live.faces[0][2] for live in seen] == [44, 43, 42, 41, 40, 39]
    assert speaking.largest(tracks[:10], 0.5) == []  # too small to read
    assert speaking.largest(tracks, 7.0) == []


# --- lips -------------------------------------------------------------------------------------------------------------


def test_lips_that_go_with_the_sound_differ_from_others() -> None:
    rng = np.random.default_rng(5)
    t = np.arange(12 * EVIDENCE_HZ) / EVIDENCE_HZ
    bursts = zip(np.cumsum(rng.uniform(0.15, 0.5, 36)), rng.uniform(0.4, 1, 36), strict=True)
    loud = 10 * np.clip(sum(a * np.exp(-0.5 * ((t - at) / 0.07) ** 2) for at, a in bursts), 0, 1)
    says = 0.03 + 0.01 * np.roll(loud, -2) + rng.normal(0, 0.005, len(t))
    chews = 0.05 + 0.04 * np.sin(2 * np.pi * 1.3 * t)
    rests = 0.03 + rng.normal(0, 0.004, len(t))
    found = {
        name: lip_detector.features(m, loud)[50:250].mean(0)
        for name, m in (("says", says), ("chews", chews), ("rests", rests))
    }
    assert found["says"][0] > found["rests"][0] + 1
    assert (found["says"][1:] > found["chews"][1:] + 0.2).all()
    hidden = says.copy()
    hidden[100:150] = np.nan
    assert np.isnan(lip_detector.features(hidden, loud)[100:150]).all()
    assert np.isfinite(np.delete(lip_detector.features(hidden, loud), np.s_[100:150], 0)).all()
    assert np.isnan(lip_detector.features(np.full(10, np.nan), loud)).all()
