"""The example clips are what examples/README.md and their ground truth say."""

import ast
import hashlib
import importlib.util
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.unit

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(clip.stem for clip in EXAMPLES.glob("*.mp4"))


def truth(name: str) -> dict[str, Any]:
    return json.loads((EXAMPLES / f"{name}.truth.json").read_text("utf-8"))


def test_there_is_an_english_and_a_polish_clip() -> None:
    assert {truth(name)["language"] for name in NAMES} >= {"en", "pl"}


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_is_what_a_browser_plays_and_small_enough_to_ship(name: str) -> None:
    import av

    clip = EXAMPLES / f"{name}.mp4"
    assert clip.stat().st_size < 2.5e6
    head = clip.read_bytes()[:4096]
    assert b"moov" in head  # faststart: it plays before it has arrived
    with av.open(str(clip)) as container:
        picture, sound = container.streams.video[0], container.streams.audio[0]
        assert (picture.width, picture.height) == (1280, 720)
        assert picture.average_rate == 25
        assert (picture.codec_context.name, picture.format.name, sound.codec_context.name) == ("h264", "yuv420p", "aac")
        assert container.duration
        assert picture.duration
        assert picture.time_base
        assert 15 <= container.duration / 1e6 <= 40
        assert abs(container.duration / 1e6 - float(picture.duration * picture.time_base)) < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_voice_is_heard_in_the_turns_and_only_there(name: str) -> None:
    import av

    turns = truth(name)["turns"]
    with av.open(str(EXAMPLES / f"{name}.mp4")) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=16000)
        sound = np.concatenate(
            [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        )
    assert all(before["end"] < after["start"] for before, after in itertools.pairwise(turns))
    assert turns[-1]["end"] <= len(sound) / 16000
    spoken = np.zeros(len(sound), bool)
    for turn in turns:
        piece = sound[int(turn["start"] * 16000) : int(turn["end"] * 16000)]
        spoken[int((turn["start"] - 0.05) * 16000) : int((turn["end"] + 0.05) * 16000)] = True
        assert 0.03 < np.sqrt(np.mean(piece**2)) < 0.2
    assert np.sqrt(np.mean(sound[~spoken] ** 2)) < 0.003


@pytest.mark.parametrize("name", NAMES)
def test_two_people_speak_in_turn_each_on_their_side(name: str) -> None:
    turns = truth(name)["turns"]
    sides = {
        turn["speaker"]: {other["face"] for other in turns if other["speaker"] == turn["speaker"]} for turn in turns
    }
    assert truth(name)["faces"] == len(sides) == 2
    assert sorted(map(tuple, sides.values())) == [("left",), ("right",)]
    assert all(before["speaker"] != after["speaker"] for before, after in itertools.pairwise(turns))
    assert all(turn["text"].strip() for turn in turns)


@pytest.fixture(scope="module")
def puppet() -> Any:
    sys.path.insert(0, str(EXAMPLES))
    try:
        spec = importlib.util.spec_from_file_location("puppet", EXAMPLES / "puppet.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["puppet"] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(EXAMPLES))
        sys.modules.pop("puppet", None)


@pytest.fixture(scope="module")
def doll(puppet: Any) -> Any:
    """A flat face: a mesh of 468 points at plausible places over noise, 240 px wide."""
    points = np.tile(np.array([120.0, 120.0]), (468, 1))
    for side, lids in ((-1, puppet.RIGHT_LID), (1, puppet.LEFT_LID)):
        for row, rise in zip(lids, (-4, 4), strict=True):
            for x, index in zip(np.linspace(-16, 16, 5), row, strict=True):
                points[index] = (120 + side * 35 + x, 90 + rise * (1 - (x / 16) ** 2))
    for row in (puppet.UPPER_INNER, puppet.LOWER_INNER):
        for x, index in zip(np.linspace(-24, 24, 11), row, strict=True):
            points[index] = (120 + x, 150)
    points[10], points[152] = (120, 50), (120, 190)
    image = np.random.default_rng(0).integers(90, 200, (260, 240, 3), np.uint8)
    return puppet.Puppet(image, points, teeth=False)


def test_a_puppet_at_rest_is_the_photograph(puppet: Any, doll: Any) -> None:
    assert np.array_equal(doll.draw(puppet.Pose()), doll.image)


def test_an_open_mouth_is_dark_between_the_lips_and_changes_nothing_else(puppet: Any, doll: Any) -> None:
    frame = doll.draw(puppet.Pose(jaw=0.2))
    assert frame[156:158, 115:125].mean() < 110 < doll.image[156:158, 115:125].mean()
    assert np.array_equal(frame[:110], doll.image[:110])


def test_closing_the_lids_changes_only_the_eyes(puppet: Any, doll: Any) -> None:
    changed = (doll.draw(puppet.Pose(lids=1.0)) != doll.image).any(2)
    rows = np.flatnonzero(changed.any(1))
    assert rows.min() > 70
    assert rows.max() < 96


def test_the_script_pins_every_input_by_hash() -> None:
    tree = ast.parse((EXAMPLES / "make.py").read_text("utf-8"))
    (inputs,) = (
        ast.literal_eval(n.value)
        for n in tree.body
        if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "INPUTS"
    )
    assert len(inputs) == 8
    for requirement, digest, _ in inputs:
        assert "==" in requirement
        assert len(bytes.fromhex(digest)) == hashlib.sha256().digest_size
