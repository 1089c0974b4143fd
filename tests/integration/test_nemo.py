"""NeMo's diarizers through our loaders, on `.nemo` files of the real architectures with random weights: what is proven
is the way from a sound to turns, not who is told from whom."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.records import Diarization
from tests.fixtures_full import nemo_files, run, sound, write_sound

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SECONDS = 30.0


@pytest.fixture(scope="module")
def diarizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from pipeline.speech import nemo

    files = nemo_files(tmp_path_factory.mktemp("nemo"))
    return nemo.load(files["sortformer"], files["titanet"], files["marblenet"], device="cpu")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("sound") / "a clip, with a comma.wav", sound(SECONDS))


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder temporary files go to."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def check(diarization: Diarization, voices: range) -> None:
    turns = diarization.turns
    assert len({turn.speaker for turn in turns}) in voices
    assert [turn.start for turn in turns] == sorted(turn.start for turn in turns)
    assert all(0 <= turn.start < turn.end <= SECONDS + 0.1 for turn in turns)
    names = list(dict.fromkeys(turn.speaker for turn in turns))
    assert names == [f"v{i + 1}" for i in range(len(names))], "voices are named by first appearance"
    for name in names:
        own = [turn for turn in turns if turn.speaker == name]
        assert all(a.end <= b.start for a, b in pairwise(own)), "turns of one voice do not overlap"
    assert [voice.speaker for voice in diarization.voices] == names
    for embedding in [voice.embedding for voice in diarization.voices] + [turn.embedding for turn in turns]:
        assert not embedding or np.linalg.norm(embedding) == pytest.approx(1, abs=1e-3)
    plain = [turns, diarization.voices, diarization.envelope]
    assert "nemo" not in {type(item).__module__.split(".")[0] for part in plain for item in part}


def test_sortformer_gives_turns_in_seconds_and_keeps_overlaps(diarizer: Any, clip: Path, private: Path) -> None:
    from pipeline.speech import nemo

    found = nemo.hear(clip, diarizer)
    assert 2 <= len({name for *_, name in found}) <= 4
    assert len(found) > 4, "turns come and go"
    assert all(0 <= start < end <= SECONDS + 0.1 for start, end, _ in found)
    assert any(a[0] < b[1] and b[0] < a[1] for a in found for b in found if a[2] != b[2]), "overlaps are kept"
    assert list(private.iterdir()) == []


def test_a_clip_is_diarized_whole(diarizer: Any, clip: Path, private: Path) -> None:
    from pipeline.speech import nemo

    diarization, steps = run(nemo.diarize(clip, None, diarizer=diarizer))
    check(diarization, range(1, nemo.MOST_VOICES + 1))
    assert len(diarization.envelope) == pytest.approx(SECONDS * 25, abs=2)
    assert {step.stage for step in steps} == {"voices"}
    assert list(private.iterdir()) == []


@pytest.mark.parametrize("speakers", [1, 2])
def test_no_more_voices_than_asked(diarizer: Any, clip: Path, speakers: int) -> None:
    from pipeline.speech import nemo

    diarization, _ = run(nemo.diarize(clip, speakers, diarizer=diarizer))
    check(diarization, range(1, speakers + 1))


def test_clustering_tells_voices_apart_in_given_regions(diarizer: Any, clip: Path, private: Path) -> None:
    from pipeline.speech import nemo

    speech = [(0.4, 9.0), (10.0, 18.5), (20.0, 29.0)]
    found = nemo.cluster_regions(clip, speech, None, diarizer.titanet)
    assert found
    for start, end, _ in found:
        assert any(a - 0.01 <= start < end <= b + 0.01 for a, b in speech), "turns stay inside the regions"
    assert list(private.iterdir()) == [], "manifests and RTTM files are gone"
    assert nemo.cluster_regions(clip, [], None, diarizer.titanet) == []


def test_more_than_four_voices_are_clustered(
    diarizer: Any, clip: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.speech import nemo

    monkeypatch.setattr(nemo, "hear", lambda *args: pytest.fail("Sortformer has four outputs"))
    monkeypatch.setattr(nemo, "speech_regions", lambda *args: [(0.4, 14.0), (15.0, 29.5)])
    diarization, _ = run(nemo.diarize(clip, 6, diarizer=diarizer))
    check(diarization, range(6, 7))
    assert list(private.iterdir()) == []


def test_four_voices_become_more_where_clustering_finds_more(
    diarizer: Any, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.speech import nemo

    four = [(float(i), i + 0.9, f"speaker_{i % 4}") for i in range(12)]
    six = [(float(i), i + 0.9, f"speaker_{i % 6}") for i in range(12)]
    monkeypatch.setattr(nemo, "hear", lambda *args: four)
    monkeypatch.setattr(nemo, "cluster", lambda *args: six)
    check(run(nemo.diarize(clip, None, diarizer=diarizer))[0], range(6, 7))
    monkeypatch.setattr(nemo, "cluster", lambda *args: six[:3])
    check(run(nemo.diarize(clip, None, diarizer=diarizer))[0], range(4, 5))


def test_marblenet_says_where_a_voice_is(diarizer: Any, clip: Path) -> None:
    from pipeline.media import read_sound
    from pipeline.speech import nemo

    found = nemo.speech_regions(read_sound(clip), diarizer)
    assert len(found) > 1
    assert all(0 <= start < end <= SECONDS for start, end in found)
    assert all(a[1] < b[0] for a, b in pairwise(found))


def test_silence_has_no_turns(diarizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.speech import nemo

    monkeypatch.setattr(nemo, "hear", lambda *args: [])
    diarization, _ = run(nemo.diarize(write_sound(tmp_path / "silence.wav", np.zeros(16000)), None, diarizer=diarizer))
    assert diarization.turns == ()
    assert diarization.voices == ()


def test_regions_have_hysteresis_and_no_short_gaps() -> None:
    from pipeline.speech.nemo import regions

    probability = [0.1] * 50 + [0.6] + [0.4] * 49 + [0.1] * 10 + [0.9] * 50 + [0.1] * 100 + [0.9] * 5 + [0.1] * 50
    assert list(regions(probability, 6.3)) == [pytest.approx((0.9, 3.3))]
