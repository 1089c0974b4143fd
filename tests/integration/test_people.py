"""Who says what with the real light models, on clips composed of the examples: what only voices and faces together can tell."""

from __future__ import annotations

import pytest

from benchmarks import bench, compose
from pipeline.attribute import attribute

pytestmark = pytest.mark.integration


def test_look_alikes_are_parted_by_their_voices(tmp_path, settings):
    """One cluster for the embedder: the second is the first one's picture, mirrored and narrower, with another voice."""
    composition = compose.look_alikes(compose.duo(compose.EXAMPLES, "orbit_en"), tmp_path)
    clip, truth = compose.write(composition, tmp_path)
    heard, voices, faces, *_ = bench.perceive(bench.Case(clip.stem, clip, truth), settings)
    assert {track.cluster for track in faces.tracks} == {0}

    answer = attribute(heard, voices, faces)
    assert [track.person for track in answer.tracks] == ["p1", "p2", "p1", "p2"]
    starts = [shot.start for shot in faces.shots]
    for phrase in answer.phrases:
        shot = sum(start <= (phrase.start + phrase.end) / 2 for start in starts) - 1
        assert phrase.person == ("p1", "p2", "p1", "p2")[shot]
