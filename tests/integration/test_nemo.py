"""NeMo's diarizers through our loaders, on `.nemo` files of the real architectures with random weights: what is proven
is the way from a sound to turns, not who is told from whom."""

from __future__ import annotations

import tarfile
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
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return nemo_files(tmp_path_factory.mktemp("nemo"))


@pytest.fixture(scope="module")
def diarizer(files: dict[str, Path]) -> Any:
    from pipeline.speech import nemo

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


def test_sortformer_is_restored_strictly(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from nemo.collections.asr.models import SortformerEncLabelModel

    from pipeline.speech import nemo

    asked: list[bool] = []
    real = SortformerEncLabelModel.restore_from.__func__

    def restore_from(kind: Any, path: str, /, **options: Any) -> Any:
        asked.append(options["strict"])
        return real(kind, path, **options)

    monkeypatch.setattr(SortformerEncLabelModel, "restore_from", classmethod(restore_from))
    warned: list[str] = []
    monkeypatch.setattr(nemo.log, "warning", lambda text, *parts: warned.append(text % parts))
    nemo._restored(SortformerEncLabelModel, files["sortformer"])
    assert asked == [True]
    assert warned == []


def test_a_sortformer_file_that_does_not_fit_is_restored_and_its_keys_are_logged(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from nemo.collections.asr.models import SortformerEncLabelModel

    from pipeline.speech import nemo

    inside = tmp_path / "inside"
    with tarfile.open(files["sortformer"]) as archive:
        archive.extractall(inside, filter="data")
    checkpoint = next(inside.rglob("model_weights.ckpt"))
    weights = torch.load(checkpoint, weights_only=True)
    missing, left_over = "sortformer_modules.single_hidden_to_spks.bias", "loss.of_training"
    del weights[missing]
    torch.save({**weights, left_over: torch.zeros(3)}, checkpoint)
    with tarfile.open(tmp_path / "other.nemo", "w") as archive:
        for part in sorted(inside.rglob("*")):
            archive.add(part, part.name)
    warned: list[str] = []
    monkeypatch.setattr(nemo.log, "warning", lambda text, *parts: warned.append(text % parts))
    found = nemo._restored(SortformerEncLabelModel, tmp_path / "other.nemo").state_dict()
    assert len(warned) == 1
    assert "other.nemo does not fit its class in every weight" in warned[0]
    assert missing in warned[0]
    assert left_over in warned[0]
    assert found.keys() == {*weights, missing}
    assert all(torch.equal(found[name], value) for name, value in weights.items())
