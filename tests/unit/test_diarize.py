"""Telling voices apart, on made-up evidence: from what the networks say to turns."""

import numpy as np
import pytest

from pipeline.speech import changes, diarize, pieces, turns
from pipeline.speech.cluster import cluster
from pipeline.speech.likeness import FITTED
from pipeline.speech.local_voices import STEP, LocalVoices, frame_time
from pipeline.speech.pieces import Piece, affinity, runs, spans, steadiness
from pipeline.speech.segmentation import FRAME_S, FRAMES, POWERSET

pytestmark = pytest.mark.unit

A_SECOND = round(1 / FRAME_S)  # frames
CLASS = {"": 0, "a": 1, "b": 2, "c": 3, "ab": 4, "ac": 5, "bc": 6}


def local(script: list[tuple[str, float]]) -> LocalVoices:
    """What the segmentation says when each of `script` (who, s) comes after the other; a window names voices as it
    likes."""
    order = [CLASS[who] for who, seconds in script for _ in range(round(seconds / FRAME_S))]
    windows = max(1, -(-(len(order) - FRAMES) // STEP) + 1)
    truth = np.eye(7, dtype=np.float32)[order + [0] * (windows * STEP + FRAMES)]
    classes = np.stack([truth[w * STEP : w * STEP + FRAMES] for w in range(windows)]) * 0.94 + 0.01
    odd = classes[1::2]
    odd[:] = odd[:, :, [0, 2, 1, 3, 4, 6, 5]]  # in every other window a and b are named the other way round
    return LocalVoices(classes, len(order))


def voice(name: str) -> np.ndarray:
    """(8,) the direction of a made-up voice."""
    return np.eye(8)["abcdefgh".index(name)]


def embed(total: np.ndarray, _squares: np.ndarray, _count: np.ndarray | float) -> np.ndarray:
    return total / np.linalg.norm(total, axis=-1, keepdims=True)


def piece(first: int, last: int, name: str, noise: float = 0.0, seed: int = 0) -> Piece:
    """A piece of a voice; `name` may hold one letter for each part of equal length."""
    random = np.random.default_rng(seed + first)
    chips = max(len(name), round((last - first) * FRAME_S / pieces.CHIP_S))
    said = [name[i * len(name) // chips] for i in range(chips)]
    counts = np.full(chips, 10.0)
    totals = np.stack([(voice(who) + noise * random.standard_normal(8)) * 10 for who in said])
    return Piece(np.linspace(first, last, chips + 1).round().astype(int), totals, totals**2, counts)


def nothing_heard(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((count, count)), np.zeros((count, count))


def test_a_mask_has_runs() -> None:
    assert runs(np.array([0, 1, 1, 0, 1], bool)) == [(1, 3), (4, 5)]
    assert runs(np.zeros(3, bool)) == runs(np.zeros(0, bool)) == []


def test_pieces_end_at_pauses_overlaps_and_changes_of_voice() -> None:
    heard = local([("a", 1.2), ("b", 1.2), ("ab", 0.6), ("b", 1), ("", 0.5), ("a", 4)])
    found = [(a * FRAME_S, b * FRAME_S) for a, b in spans(heard)]
    starts = [1.2, 3.0, 4.5]
    assert all(any(abs(a - start) < 0.05 for a, _ in found) for start in starts)
    assert all(b - a <= pieces.LONGEST_S + FRAME_S for a, b in found)
    assert not [1 for a, b in found if a < 2.9 and b > 2.45]  # nobody is alone there
    assert len([1 for a, _ in found if a > 4.4]) == 3  # four seconds in equal parts


def test_the_voice_is_steady_but_where_it_changes() -> None:
    steady = steadiness(local([("a", 2), ("b", 2)]))
    assert steady[A_SECOND] > 0.8
    assert steady[2 * A_SECOND - 3 : 2 * A_SECOND + 4].min() < 0.2


def test_affinity_does_not_mind_how_a_window_names_its_voices() -> None:
    parts = [(a * A_SECOND, b * A_SECOND) for a, b in ((0, 1), (2, 3), (4, 5))]
    same, weight = affinity(local([("a", 2), ("b", 2), ("a", 9)]), parts)
    assert same[0, 2] > 0.8 > 0.2 > same[0, 1]
    assert weight[0, 2] > 0.5
    far, none = affinity(local([("a", 30)]), [(0, 60), (1500, 1560)])
    assert far[0, 1] == none[0, 1] == 0  # never in one window


def test_long_alike_samples_are_one_voice_and_short_ones_say_little() -> None:
    odds = FITTED.similarity.log_odds
    ten = np.array(10.0)
    assert odds(np.array(0.9), ten, ten) > 3
    assert odds(np.array(0.3), ten, ten) < -3
    assert abs(odds(np.array(0.3), np.array(0.3), ten)) < 2
    assert odds(np.array(0.95), ten, ten) >= odds(np.array(0.85), ten, ten)


@pytest.mark.parametrize("names", ["a", "ab", "aabab", "abcabc", "abcdefgh"])
def test_voices_are_found_and_numbered_as_they_appear(names: str) -> None:
    found = [piece(i * 100, i * 100 + 90, name, 0.05) for i, name in enumerate(names)]
    labels, odds = cluster(found, *nothing_heard(len(found)), embed)
    order = list(dict.fromkeys(names))
    assert labels.tolist() == [order.index(name) for name in names]
    assert odds.shape == (len(order), len(order))


def test_what_the_segmentation_hears_decides_where_the_sound_does_not() -> None:
    found = [piece(0, 20, "a"), piece(30, 50, "b")]
    found = [Piece(p.edges, p.totals + voice("c") * 10, p.squares, p.counts) for p in found]  # half alike, and short
    apart, together, windows = np.full((2, 2), 0.02), np.full((2, 2), 0.98), np.full((2, 2), 9.0)
    assert cluster(found, together, windows, embed)[0].tolist() == [0, 0]
    neutral = FITTED.prior
    assert neutral < 0  # alone, the sound of 0.2 s does not make two voices
    assert cluster(found, *nothing_heard(2), embed)[0].tolist() == [0, 0]
    longer = [Piece(p.edges, p.totals * 20, p.squares * 20, p.counts * 20) for p in found]
    assert cluster(longer, apart, windows, embed)[0].tolist() == [0, 1]


def test_a_given_number_of_voices_is_kept_to() -> None:
    found = [piece(i * 100, i * 100 + 90, name, 0.05) for i, name in enumerate("aabbccd")]
    for wanted in (1, 2, 3, 4):
        assert len(set(cluster(found, *nothing_heard(7), embed, wanted)[0].tolist())) == wanted


def test_more_voices_than_speak_long_enough_are_not_made_up() -> None:
    scraps = [piece(200 + i * 20, 210 + i * 20, "b", 0.3) for i in range(3)]
    found = [piece(0, 90, "a"), piece(100, 190, "a"), *scraps]
    assert len(set(cluster(found, *nothing_heard(5), embed, 5)[0].tolist())) == 1


def test_a_change_inside_a_piece_is_found_to_a_fifth_of_a_second() -> None:
    found = [piece(0, 90, "a"), piece(90, 180, "aaabbb"), piece(180, 270, "b"), piece(270, 360, "b")]
    steady = np.ones(400)
    cut, labels = changes.refine(found, np.array([0, 0, 1, 1]), steady, embed)
    assert cut[0].first == 0
    assert cut[-1].last == 360
    change = next(p.first for p, label in zip(cut, labels, strict=True) if label == 1)
    assert abs(change - 135) <= 0.2 / FRAME_S
    assert sum(p.counts.sum() for p in cut) == sum(p.counts.sum() for p in found)


def test_a_single_voice_needs_no_refinement() -> None:
    found = [piece(0, 90, "a")]
    cut, labels = changes.refine(found, np.array([0]), np.ones(100), embed)
    assert cut == found
    assert labels.tolist() == [0]


def test_viterbi_changes_only_for_more_than_it_costs() -> None:
    odds = np.array([[1, 0], [1, 0], [0, 0.3], [1, 0], [0, 1], [0, 1.0]])
    free, dear = np.zeros(5), np.full(5, -0.6)
    assert changes.viterbi(odds, free, free).tolist() == [0, 0, 1, 0, 1, 1]
    assert changes.viterbi(odds, free, dear).tolist() == [0, 0, 0, 0, 1, 1]


def test_turns_overlap_where_two_speak_at_once() -> None:
    heard = local([("a", 2), ("ab", 1), ("b", 2), ("", 1), ("a", 1)])
    edges = [(int(a * A_SECOND), int(b * A_SECOND)) for a, b in ((0, 1), (1, 2), (3, 4), (4, 5), (6, 7))]
    found = [piece(a, b, name) for (a, b), name in zip(edges, "aabba", strict=True)]
    labels = np.array([0, 0, 1, 1, 0])
    speaks = turns.active(heard, turns.scores(heard, found, labels, int(labels.max()) + 1))
    spoken = [(round(frame_time(a), 1), round(frame_time(b), 1), v) for a, b, v in turns.spans(speaks)]
    assert [v for _, _, v in spoken] == [0, 1, 0]
    for (start, end, _), (a, b) in zip(spoken, ((0, 3), (2, 5), (6, 7)), strict=True):
        assert start == pytest.approx(a, abs=0.11)
        assert end == pytest.approx(b, abs=0.11)


def voices_of(found: list[tuple[int, int, int]]) -> dict[int, float]:
    """Return the seconds of every voice."""
    return {voice: sum((b - a) * FRAME_S for a, b, v in found if v == voice) for *_, voice in found}


def test_two_who_talk_at_once_all_the_time_are_two_voices() -> None:
    """A quarrel in which nobody was heard alone had no turns at all."""
    heard = local([("ab", 4)])
    found = voices_of(diarize.spoken(heard, [], np.zeros(0, int), 0, None))
    assert found.keys() == {0, 1}
    assert all(seconds == pytest.approx(4, abs=0.2) for seconds in found.values())
    assert voices_of(diarize.spoken(heard, [], np.zeros(0, int), 0, 1)).keys() == {0}


def test_a_voice_that_is_never_alone_is_the_second_voice() -> None:
    """Whoever only interrupted the other was not there."""
    heard = local([("a", 2), ("ab", 2), ("a", 1)])
    alone = [piece(0, 2 * A_SECOND, "a"), piece(4 * A_SECOND, 5 * A_SECOND, "a")]
    found = voices_of(diarize.spoken(heard, alone, np.zeros(2, int), 1, None))
    assert found[0] == pytest.approx(5, abs=0.2)
    assert found[1] == pytest.approx(2, abs=0.2)
    short = local([("a", 2), ("ab", 0.4), ("a", 1)])
    assert voices_of(diarize.spoken(short, alone[:1], np.zeros(1, int), 1, None)).keys() == {0}


def test_a_long_turn_is_cut_and_a_short_gap_closed() -> None:
    speaks = np.zeros((25 * A_SECOND, 1), bool)
    speaks[: 24 * A_SECOND] = True
    speaks[5 * A_SECOND : 5 * A_SECOND + 9] = False
    found = turns.spans(speaks)
    assert len(found) == 3
    assert found[0][1] == found[1][0]
    assert max(b - a for a, b, _ in found) * FRAME_S <= turns.LONGEST_S
    assert turns.spans(np.eye(200, 1, -100, dtype=bool)) == []  # a single frame is no turn


def test_every_instant_counts_in_all_windows_that_hold_it() -> None:
    heard = local([("a", 12)])
    assert heard.classes.shape[1:] == (FRAMES, len(POWERSET))
    mean = heard.mean(heard.active)
    assert mean.shape == (heard.frames, 3)
    assert mean[:600, :2].sum(1) == pytest.approx(np.full(600, mean[0, :2].sum()), abs=0.05)
