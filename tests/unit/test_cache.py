"""What is kept comes back; what is damaged is computed again; the folder stays inside its bound."""

import importlib.metadata
import os
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline import cache as stage_cache
from pipeline.cache import StageCache, code_version, content_hash
from pipeline.records import (
    Box,
    Diarization,
    Faces,
    FaceTrack,
    Media,
    Notice,
    Segment,
    Shot,
    Transcript,
    Turn,
    Voice,
    Word,
)

TRANSCRIPT = Transcript(
    "pl", 0.9, (Segment(0.0, 1.0, "Cześć.", (Word(0.0, 1.0, "Cześć.", 0.5),), "pl"),), (Notice("a", "b"),)
)
FACES = Faces(
    (Shot(0.0, 2.0),),
    (FaceTrack(1, 0, (Box(0.0, 1.0, 2.0, 3.0, 4.0),), (0.5, 0.5), None, 0.7, b"\xff\xd8jpeg", (None, 1.5, -0.25), 12),),
)
DIARIZATION = Diarization((Turn(0.0, 1.0, "v1"),), (Voice("v1", (1.0, 0.0), 0.5),), (0.0, 0.5))


@pytest.mark.parametrize("record", [TRANSCRIPT, FACES, DIARIZATION, Media(1.5, 2, 3, Fraction(30000, 1001))])
def test_a_record_comes_back_as_it_was(tmp_path: Path, record: object) -> None:
    cache = StageCache(tmp_path / "stages", 10**6)
    cache.put("key", record)
    assert cache.get("key", type(record)) == record


def test_an_empty_cache_has_nothing(tmp_path: Path) -> None:
    assert StageCache(tmp_path / "none", 10**6).get("key", Transcript) is None


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other record"])
def test_a_damaged_entry_is_computed_again(tmp_path: Path, damage: str) -> None:
    cache = StageCache(tmp_path, 10**6)
    cache.put("key", FACES if damage == "other record" else TRANSCRIPT)
    file = tmp_path / "key"
    raw = bytearray(file.read_bytes())
    if damage == "cut":
        raw = raw[: len(raw) // 2]
    elif damage == "flip":
        raw[-3] ^= 1
    elif damage == "empty":
        raw = bytearray()
    file.write_bytes(raw)
    assert cache.get("key", Transcript) is None
    assert not file.exists()


def test_the_folder_stays_inside_its_bound_and_the_oldest_go_first(tmp_path: Path) -> None:
    cache = StageCache(tmp_path, 2000)
    for i in range(20):
        cache.put(f"key{i}", Diarization((), (), tuple(os.urandom(200))))
        os.utime(tmp_path / f"key{i}", (i, i))
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert sum(sizes) <= 2000
    assert cache.get("key19", Diarization) is not None
    assert cache.get("key0", Diarization) is None


def test_nobody_else_on_the_machine_can_read_it(tmp_path: Path) -> None:
    cache = StageCache(tmp_path / "stages", 10**6)
    cache.put("key", TRANSCRIPT)
    assert (tmp_path / "stages").stat().st_mode & 0o077 == 0
    assert (tmp_path / "stages" / "key").stat().st_mode & 0o077 == 0


def test_a_full_disk_loses_the_entry_and_not_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    cache = StageCache(tmp_path, 10**6)
    cache.put("key", TRANSCRIPT)
    assert list(tmp_path.iterdir()) == []


def test_the_key_depends_on_every_input(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    keys = {
        StageCache.key(stage, clip=content_hash(tmp_path / clip), speakers=n)
        for stage in ("faces", "speech")
        for clip in "ab"
        for n in (None, 2)
    }
    assert len(keys) == 8


def test_what_is_older_than_its_age_is_gone_whether_asked_for_or_not(tmp_path: Path) -> None:
    cache = StageCache(tmp_path, 10**6, age_s=100)
    for key in ("asked", "left"):
        cache.put(key, TRANSCRIPT)
        os.utime(tmp_path / key, (time.time() - 99, time.time() - 99))
    assert cache.get("asked", Transcript) == TRANSCRIPT
    for key in ("asked", "left"):
        os.utime(tmp_path / key, (time.time() - 101, time.time() - 101))
    assert cache.get("asked", Transcript) is None
    cache.expire()
    assert list(tmp_path.iterdir()) == []


def test_a_corrected_comment_loses_no_entry() -> None:
    """Once the key held the bytes of the code, so every comment threw all entries away."""
    old = b'"""Old."""\ndef f(x):\n    """Return x."""\n    return x  # as it is\n'
    new = b'"""New words."""\n\n\ndef f(x):\n    """Return x as it is."""\n    # nothing to do\n    return x\n'
    other = b'"""Old."""\ndef f(x):\n    """Return x."""\n    return x + 1  # as it is\n'
    assert stage_cache._meaning(old) == stage_cache._meaning(new)
    assert stage_cache._meaning(old) != stage_cache._meaning(other)


def test_another_version_of_a_library_makes_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_version()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "99")
    code_version.cache_clear()
    after = code_version()
    monkeypatch.undo()
    code_version.cache_clear()
    assert after != before == code_version()


def test_an_entry_of_another_shape_is_computed_again(tmp_path: Path) -> None:
    cache = StageCache(tmp_path, 10**6)
    cache.put("key", Notice("a", "b"))
    assert cache.get("key", Shot) is None
    assert cache.get("key", Notice) is None, "a damaged entry is removed"


def test_numbers_of_numpy_come_back_as_numbers(tmp_path: Path) -> None:
    cache = StageCache(tmp_path, 10**6)
    cache.put("key", Voice("v1", (np.float32(0.5), np.float64(0.25)), np.float32(1.5)))  # type: ignore[arg-type]
    assert cache.get("key", Voice) == Voice("v1", (0.5, 0.25), 1.5)
