"""Who of the faces speaks, with the real detectors on real clips."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline import media
from pipeline.errors import ModelError
from pipeline.faces import lr_asd, lr_asd_onnx, lr_asd_torch
from pipeline.models import sets
from pipeline.progress import finish
from pipeline.records import EVIDENCE_HZ, Faces, FaceTrack
from pipeline.settings import Settings

pytestmark = pytest.mark.integration

WEIGHTS = Path(__file__).parents[3] / "shared" / "models"


@pytest.fixture(scope="module")
def learned() -> Settings:
    """Settings with which LR-ASD is at hand."""
    if not WEIGHTS.is_dir():
        pytest.skip("the weights of LR-ASD are not on this machine")
    return Settings(models="light", weights_dir=WEIGHTS)


def faces_of(clip: Path, settings: Settings, folder: Path) -> Faces:
    probed = media.probe(clip, settings)
    sound = finish(media.extract_sound(probed, folder / "sound.wav")) if probed.has_audio else None
    return finish(sets.load(settings).find_faces(probed, sound))


def means(track: FaceTrack, turns: list[dict[str, Any]], speaker: str) -> list[float]:
    """Mean log-odds of the track in each turn of `speaker`."""
    found = []
    for turn in turns:
        values = [
            value
            for k, value in enumerate(track.speaking, track.speaking_from)
            if value is not None and turn["start"] + 0.2 <= (k + 0.5) / EVIDENCE_HZ < turn["end"] - 0.2
        ]
        if turn["speaker"] == speaker and values:
            found.append(float(np.mean(values)))
    return found


@pytest.mark.parametrize("name", ["two_shot", "two_shot_2"])
def test_the_face_that_speaks_has_evidence_for_it_and_the_other_against(
    name: str, learned: Settings, shared_clips: Path, tmp_path: Path
) -> None:
    truth = json.loads((shared_clips / f"{name}.truth.json").read_text())
    found = faces_of(shared_clips / f"{name}.mp4", learned, tmp_path)
    assert found.notices == ()
    assert len(found.tracks) == 2
    left, right = sorted(found.tracks, key=lambda track: track.boxes[0].left)
    first, second = (turn["speaker"] for turn in truth["turns"])
    assert min(means(left, truth["turns"], first)) > 1
    assert max(means(left, truth["turns"], second)) < -0.5
    assert min(means(right, truth["turns"], second)) > 1
    assert max(means(right, truth["turns"], first)) < -0.5


def test_a_listener_does_not_say_what_is_heard_off_screen(
    learned: Settings, shared_clips: Path, tmp_path: Path
) -> None:
    found = faces_of(shared_clips / "off_screen_voice.mp4", learned, tmp_path)
    listener = [value for value in found.tracks[0].speaking if value is not None]
    speaker = [value for value in found.tracks[1].speaking if value is not None]
    assert np.mean(listener) < -0.5
    assert np.mean(speaker) > 1


def test_without_the_weights_lips_give_the_evidence_and_a_notice_says_so(
    examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "_missed", {"lr-asd": time.monotonic()})  # it was just tried
    models = tmp_path / "cache" / "models"
    models.mkdir(parents=True)
    for one in (Settings().cache_dir / "models").glob("*"):
        if not one.name.startswith("lr-asd"):  # a machine may have it
            (models / one.name).symlink_to(one)
    clip = tmp_path / "clip.mp4"
    media.cut(examples / "orbit_en.mp4", clip, 0.0, 6.0)
    found = faces_of(clip, Settings(models="light", cache_dir=tmp_path / "cache"), tmp_path)
    assert [notice.code for notice in found.notices] == ["weak_speaking_detector"]
    turns = json.loads((examples / "orbit_en.truth.json").read_text())["turns"]
    left, right = sorted(found.tracks, key=lambda track: track.boxes[0].left)
    assert means(left, turns, "A")[0] > 0.5 > means(right, turns, "A")[0]


def test_a_clip_without_sound_has_faces_and_no_evidence(examples: Path, tmp_path: Path) -> None:
    probed = media.probe(examples / "orbit_en.mp4", Settings())
    silent = dataclasses.replace(probed, has_audio=False, duration=1.0)
    found = finish(sets.load(Settings(models="light")).find_faces(silent, None))
    assert len(found.tracks) == 2
    assert all(track.speaking == () for track in found.tracks)


def test_evidence_lies_inside_its_track_and_is_dense(learned: Settings, examples: Path, tmp_path: Path) -> None:
    found = faces_of(examples / "europa_pl.mp4", learned, tmp_path)
    assert found.tracks
    for track in found.tracks:
        times = [(k + 0.5) / EVIDENCE_HZ for k in range(track.speaking_from, track.speaking_from + len(track.speaking))]
        assert track.boxes[0].t <= times[0]
        assert times[-1] <= track.boxes[-1].t + 0.01
        assert sum(value is not None for value in track.speaking) > 0.6 * len(times)
        assert all(value is None or -5 <= value <= 5 for value in track.speaking)


def test_a_file_of_other_weights_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"weight": np.zeros(3, np.float32)}, other)
    with pytest.raises(ModelError, match="not a file of LR-ASD weights"):
        lr_asd.read(other)
    other.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a file of LR-ASD weights"):
        lr_asd.read(other)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights, of the shapes of the published ones."""
    rng = np.random.default_rng(0)
    state: dict[str, np.ndarray] = {}

    def layer(name: str, norm: str, *shape: int) -> None:
        state[f"{name}.weight"] = rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape).astype(np.float32)
        for part, middle in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
            state[f"{norm}.{part}"] = rng.uniform(middle - 0.2, middle + 0.2, shape[0]).astype(np.float32)

    before = 1
    for n, channels in enumerate((32, 64, 128), 1):
        for encoder, kind, spatial in (("visual", "s", ((1, 5, 5), (1, 3, 3))), ("audio", "m", ((5, 1), (3, 1)))):
            block = f"model.{encoder}Encoder.block{n}"
            temporal = ((5, 1, 1), (3, 1, 1)) if kind == "s" else ((1, 5), (1, 3))
            layer(f"{block}.{kind}_1", f"{block}.{kind}_norm_1", channels // 2, before, *spatial[0])
            layer(f"{block}.{kind}_2", f"{block}.{kind}_norm_2", channels, channels // 2, *spatial[1])
            layer(f"{block}.t_1", f"{block}.t_norm_1", channels, channels, *temporal[0])
            layer(f"{block}.t_2", f"{block}.t_norm_2", channels, channels, *temporal[1])
        before = channels
    layer("model.fusion.attention", "model.fusion.bn", 256, 256, 1)
    layer("model.detector.attention.attention", "model.detector.attention.bn", 128, 128, 1)
    for direction in ("forward", "backward"):
        for part, shape in (("weight_ih", (192, 256)), ("weight_hh", (192, 64)), ("bias_ih", 192), ("bias_hh", 192)):
            state[f"model.detector.gru_{direction}.{part}_l0"] = rng.normal(0, 0.2, shape).astype(np.float32)
    state["lossAV.FC.weight"], state["lossAV.FC.bias"] = (
        rng.normal(0, 1, shape).astype(np.float32) for shape in ((2, 128), 2)
    )
    file = tmp_path_factory.mktemp("weights") / "lr_asd.safetensors"
    save_file(state, file)
    return file


def test_a_processor_and_torch_score_alike(weights: Path) -> None:
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 255, (75, 112, 112), dtype=np.uint8)
    rows = rng.normal(0, 8, (300, 13)).astype(np.float32)
    one, other = lr_asd_onnx.network(weights), lr_asd_torch.network(weights, "cpu")
    face, sound = one.face_features(faces), one.sound_features(rows)
    assert face.std() > 0.01
    assert sound.std() > 0.01
    assert np.allclose(face, other.face_features(faces), rtol=1e-3, atol=1e-3)
    assert np.allclose(sound, other.sound_features(rows), rtol=1e-3, atol=1e-3)
    scores = one.scores(face, sound)
    assert scores.std() > 0.01
    assert np.allclose(scores, other.scores(face, sound), atol=1e-3)


IMPORTED = """
import sys
from pathlib import Path
from pipeline import media
from pipeline.models import sets
from pipeline.progress import finish
from pipeline.settings import Settings
from pipeline.workspace import workspace

settings = Settings(models="light", weights_dir=Path(sys.argv[2]))
clip = media.probe(Path(sys.argv[1]), settings)
with workspace() as folder:
    sound = finish(media.extract_sound(clip, folder / "sound.wav"))
    found = finish(sets.load(settings).find_faces(clip, sound))
assert found.tracks[0].speaking
print(sorted({"torch", "deepface"} & set(sys.modules)))
"""


def test_the_light_face_stage_does_not_import_torch(learned: Settings, examples: Path) -> None:
    """It took 3 s of every clip, and torch's waiting threads took the cores from the other stages."""
    finish(sets.weights("lr-asd", learned))  # torch reads the published file once
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTED, examples / "europa_pl.mp4", WEIGHTS], capture_output=True, text=True
    )
    assert ran.stdout == "[]\n", ran.stderr


def test_pieces_give_the_features_of_the_whole(weights: Path) -> None:
    network = lr_asd_onnx.network(weights)
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 255, (75, 112, 112), dtype=np.uint8)
    rows = rng.normal(0, 8, (300, 13)).astype(np.float32)
    whole = network.face_features(faces)
    assert whole.shape == (75, 128)
    assert np.allclose(network.face_features(faces[20:60])[9:-9], whole[29:51], atol=1e-4)
    assert np.allclose(network.sound_features(rows[80:240])[9:-9], network.sound_features(rows)[29:51], atol=1e-4)


def test_the_transcript_names_the_lips_where_they_alone_were_read(settings: Settings, tmp_path: Path) -> None:
    """It named LR-ASD, which could not be fetched."""
    from pipeline.faces.lip_detector import LipDetector
    from pipeline.options import Options
    from pipeline.records import Clip, Stage
    from pipeline.run import analyse
    from tests.fixtures_runs import quick_models, small_clip

    quick = quick_models()

    def find_faces(clip: Clip, sound: Path | None) -> Stage[Faces]:
        found = yield from quick.find_faces(clip, sound)
        assert LipDetector.notice is not None
        return dataclasses.replace(found, notices=(LipDetector.notice,))

    clip = small_clip(tmp_path / "clip.mp4")
    names = {**quick.names, "speaking": "LR-ASD"}
    learned = dataclasses.replace(quick, names=names)
    assert finish(analyse(clip, Options(""), settings, learned)).models["speaking"] == "LR-ASD"
    lips = dataclasses.replace(learned, names={**names, "faces": "others"}, find_faces=find_faces)
    assert finish(analyse(clip, Options(""), settings, lips)).models["speaking"] == "MediaPipe face mesh"
