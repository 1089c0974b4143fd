"""The ZeroGPU contract, with the real `spaces` wrappers and a device API of our own (tests/zero_gpu.py).

The scenarios are functions of this module that run in processes of their own, under emulation; the tests look at what
they return.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.records import Clip, Phrase, Stage
from tests import zero_gpu
from tests.fixtures_full import use

pytestmark = pytest.mark.integration

SENTENCE_ENDS = (".", "!")


# --- scenarios: run under emulation -----------------------------------------------------------------------------------


class Crossed:
    """Everything that came out of a worker, by class, and whether it was plain."""

    def __init__(self) -> None:
        self.kinds: set[str] = set()
        self.modules: set[str] = set()
        self.largest = 0

    def see(self, item: Any) -> None:
        import io
        import pickle

        modules = self.modules

        class Unpickler(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> Any:
                modules.add(module.split(".")[0])
                return super().find_class(module, name)

        data = pickle.dumps(item)
        Unpickler(io.BytesIO(data)).load()
        self.kinds.add(type(item).__name__)
        self.largest = max(self.largest, len(data))


@cache
def fakes() -> Any:
    """`pipeline.gpu` with stages that only yield records, instead of models. Patched before import: nothing is
    loaded."""
    from pipeline import open_translation
    from pipeline.errors import ModelError
    from pipeline.faces import facenet, retinaface_torch
    from pipeline.records import (
        Box,
        Diarization,
        Faces,
        FaceTrack,
        Notice,
        Preview,
        Progress,
        Segment,
        Shot,
        Transcript,
        Turn,
        Voice,
        Word,
    )
    from pipeline.speech import nemo, whisper_full

    loads: list[str] = []
    over: dict[
        str, set[str]
    ] = {}  # by the clip's name, the stages that ended: in a worker, which is a process of its own

    def after(path: Path, before: str) -> Any:
        """Steps until the stage `before` of this clip is over: the order of the faults is the same in every run. What
        is known already does not run, and is not waited for long."""
        for _ in range(200):
            if before in over.setdefault(path.stem, set()):
                break
            yield Progress("voices", 0.1)
            time.sleep(0.01)

    def load(name: str) -> Callable[..., str]:
        def loaded(*args: Any, **options: Any) -> str:
            loads.append(name)
            return name

        return loaded

    def transcribe(sound: Path, language: str | None, *, speech: Any) -> Stage[Transcript]:
        yield Progress("speech", 0.5, "Listening")
        word = Word(0.0, 0.5, "hello")
        segments = (Segment(0.0, 0.5, "hello", (word,)),)
        yield Progress("speech", 0.9, preview=Preview(transcript=Transcript("en", 1.0, segments)))
        fault(sound, "speech")
        over.setdefault(sound.stem, set()).add("speech")
        return Transcript("en", 1.0, segments, (Notice("pid", str(os.getpid())),))

    def diarize(sound: Path, speakers: int | None, *, diarizer: Any) -> Stage[Diarization]:
        yield Progress("voices", 0.5)
        yield from after(sound, "speech")
        fault(sound, "voices")
        over[sound.stem].add("voices")
        turns = (Turn(0.0, 0.5, "v1"),)
        return Diarization(turns, (Voice("v1"),), (0.1,) * 250, (Notice("pid", str(os.getpid())),))

    def find_faces(clip: Clip, *parts: Any) -> Stage[Faces]:
        marker = clip.path.with_suffix(".closed")
        try:
            yield from after(clip.path, "voices")
            for step in range(20):
                yield Progress("faces", step / 20)
                fault(clip.path, "faces")
                if "slow" in clip.path.name:
                    time.sleep(0.1)
            moved = "translator on cuda"
            for _ in range(500 if "translated" in clip.path.name else 0):
                if moved in loads:
                    break
                time.sleep(0.01)
        finally:
            marker.touch()
        track = FaceTrack(1, 0, (Box(0.0, 1, 2, 3, 4),), embedding=(1.0, 0.0), portrait=b"jpeg" * 5000)
        notices = (Notice("pid", str(os.getpid())), Notice("moved", str(moved in loads)))
        return Faces((Shot(0.0, 10.0),), (track,), notices)

    def fault(path: Path, stage: str) -> None:
        if f"kill-{stage}" in path.name:
            time.sleep(0.5)  # what was said before crosses in a thread of its own
            os.kill(os.getpid(), signal.SIGKILL)
        if f"model-{stage}" in path.name:
            raise ModelError("The weights are damaged; fetch them again.")
        if f"defect-{stage}" in path.name:
            raise ValueError("nobody should read this")

    def translate_text(
        phrases: tuple[Phrase, ...], language: str, target: str, *, translator: Any
    ) -> Stage[tuple[str, ...]]:
        yield Progress("translate", 0.5)
        return ("cześć",) * len(phrases)

    def load_translator(*args: Any, **options: Any) -> open_translation.Translator:
        loads.append("lmt")
        return open_translation.Translator(network, None)

    def fetched(weights: Any, name: str, cache: Path, given: Path | None) -> Any:
        yield from ()

    vars(whisper_full).update(load=load("whisper"), transcribe=transcribe)
    vars(nemo).update(load=load("nemo"), diarize=diarize)
    vars(retinaface_torch).update(network=load("retinaface"), RetinaFaceTorch=lambda model, **options: model)
    embedder = {"name": "FaceNet512", "__init__": lambda self, file, **options: loads.append("facenet")}
    vars(facenet).update(Facenet512=type("Facenet512", (), embedder))
    network = type("Network", (), {"to": lambda self, device: loads.append(f"translator on {device}")})()
    vars(open_translation).update(load=load_translator, translate_text=translate_text)
    import pipeline.faces
    from pipeline.models import fetch, hub

    vars(pipeline.faces).update(find_faces=find_faces)
    vars(hub).update(file=Path)
    vars(fetch).update(path=fetched)
    from pipeline import gpu

    vars(gpu).update(loads=loads)
    return gpu


def clip_of(folder: Path, name: str, duration: float = 60.0) -> tuple[Any, Path]:
    import numpy as np

    from pipeline.records import Clip
    from tests.fixtures_full import write_sound

    sound = write_sound(folder / f"{name}.wav", np.zeros(int(16000 * duration), np.float32))
    clip = Clip(sound.with_suffix(".mp4"), duration, True, True, 640, 360, Fraction(25))
    return clip, sound


def end(stage: Any, crossed: Crossed | None = None) -> dict[str, Any]:
    """How a stage ended: its steps, and its result or its error as a sentence."""
    from pipeline.errors import PipelineError

    steps: list[Any] = []
    try:
        while True:
            steps.append(next(stage))
    except StopIteration as stop:
        return {"steps": steps, "result": stop.value}
    except PipelineError as error:
        return {"steps": steps, "error": type(error).__name__, "sentence": str(error)}


def whole_clip(api: zero_gpu.DeviceApi) -> Any:
    """The GPU function called from the main process, then a whole clip through the callables of the set."""
    import tempfile

    gpu = fakes()
    from pipeline.records import Findings, Job

    folder = Path(tempfile.mkdtemp())
    clip, sound = clip_of(folder, "translated")
    models = gpu.full_models()
    crossed = Crossed()
    with zero_gpu.visitor():
        items = list(gpu.perceive_on_gpu(Job(clip, sound, fallback_target="PL")))
        for item in items:
            crossed.see(item)
        calls = [path for path, _ in api.calls]
        asked = api.asked("/schedule")[-1]
        whole = end(models.perceive(models, Job(clip, sound, fallback_target="PL")))
        perception = whole["result"]
        found = Findings(perception.transcript, perception.diarization, perception.faces)
        again = end(models.perceive(models, Job(clip, sound, known=found)))
        part = dataclasses.replace(found, faces=None)
        end(models.perceive(models, Job(clip, sound, known=part)))
    pids = [{n.code: n.text for n in part.notices}["pid"] for part in
            (perception.transcript, perception.diarization, perception.faces)]  # fmt: skip
    return {
        "last": type(items[-1]).__name__,
        "progress": sum(type(item).__name__ == "Progress" for item in items),
        "kinds": sorted(crossed.kinds), "modules": sorted(crossed.modules), "largest": crossed.largest,
        "less": api.asked("/schedule")[-1], "calls": calls, "asked": asked, "loads": gpu.loads,
        "one_worker": len(set(pids)) == 1 and pids[0] != str(os.getpid()),
        "moved": {n.code: n.text for n in perception.faces.notices}["moved"],
        "translations": perception.translations.texts, "translator": perception.translations.model, "phrases": len(perception.attribution.phrases),
        "stages": sorted({step.stage for step in whole["steps"] if hasattr(step, "stage")}),
        "schedules_in_all": len(api.asked("/schedule")), "again_equal": again["result"].attribution == perception.attribution,
    }  # fmt: skip


def refusals(api: zero_gpu.DeviceApi) -> Any:
    """What a visitor reads when the scheduler gives no GPU."""
    import tempfile

    gpu = fakes()
    from pipeline.records import Job

    clip, sound = clip_of(Path(tempfile.mkdtemp()), "plain")
    models = gpu.full_models()
    told = {}
    for mode in ("quota", "runs", "illegal", "pending", "queue", "none", "expired", "broken"):
        api.mode = mode
        with zero_gpu.visitor():
            told[mode] = end(models.perceive(models, Job(clip, sound)))
    api.mode = "quota"
    with zero_gpu.visitor(signed_in=False):
        told["anonymous"] = end(models.perceive(models, Job(clip, sound)))
    api.mode = "waiting"
    with zero_gpu.visitor(alive=False):
        told["left"] = end(models.perceive(models, Job(clip, sound)))
    for ending in told.values():
        ending["steps"] = len(ending["steps"])
    return told


def faults(api: zero_gpu.DeviceApi) -> Any:
    """What is left when the worker dies, a model fails or there is a defect, by stage."""
    import tempfile

    gpu = fakes()
    from pipeline.records import Job

    folder = Path(tempfile.mkdtemp())
    models = gpu.full_models()
    told: dict[str, Any] = {}
    for name in (
        "kill-speech",
        "kill-voices",
        "kill-faces",
        "model-speech",
        "model-faces",
        "defect-speech",
        "defect-faces",
    ):
        clip, sound = clip_of(folder, name)
        clip = dataclasses.replace(clip, path=folder / f"{name}.mp4")
        with zero_gpu.visitor():
            ending = end(models.perceive(models, Job(clip, sound)))
        result = ending.pop("result", None)
        found = [step.stage for step in ending.pop("steps") if getattr(step, "preview", None) is not None]
        told[name] = {
            **ending,
            "found": found,
            "phrases": [phrase.source for phrase in result.attribution.phrases] if result else None,
            "turns": len(result.diarization.turns) if result else None,
            "tracks": len(result.faces.tracks) if result else None,
            "notices": [notice.text for notice in result.attribution.notices if notice.code == "gpu"]
            if result
            else None,
        }
    told["released"] = len(api.asked("/release"))
    return told


def leaving(api: zero_gpu.DeviceApi) -> Any:
    """The visitor closes the page while faces are looked for."""
    import tempfile

    gpu = fakes()
    from pipeline.records import Job

    folder = Path(tempfile.mkdtemp())
    clip, sound = clip_of(folder, "slow")
    models = gpu.full_models()
    with zero_gpu.visitor():
        stage = models.perceive(models, Job(clip, sound))
        for step in stage:
            if getattr(step, "stage", "") == "faces":
                break
        stage.close()
        # the worker is free for the next
        after = end(models.perceive(models, Job(*clip_of(folder, "plain"))))
    return {
        "closed": clip.path.with_suffix(".closed").is_file(),
        "released": len(api.asked("/release")),
        "after": "result" in after,
    }


def contract(api: zero_gpu.DeviceApi) -> Any:
    """All of the above in one process: importing torch and gradio is most of their time."""
    told = {}
    for scenario in (whole_clip, refusals, faults, leaving):
        api.mode = "gpu"
        api.calls.clear()
        told[scenario.__name__] = scenario(api)
    work = ("speech", "voices", "faces", "translate")
    told["seconds"] = {str(duration): fakes().seconds_asked(duration, *work) for duration in (10, 30, 60, 300)}
    told["without_translation"] = fakes().seconds_asked(30, "speech", "voices", "faces")
    return told


def unreachable(cache: Path) -> None:
    """From now on nothing but this machine can be reached, and nothing is in the cache."""
    import socket

    known = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        if host not in ("localhost", "127.0.0.1"):
            raise socket.gaierror(socket.EAI_NONAME, f"{host} cannot be reached")
        return known(host, *args, **options)

    socket.getaddrinfo = look_up
    os.environ["SPEECHGLASS_CACHE_DIR"] = str(cache)
    os.environ.pop("SPEECHGLASS_WEIGHTS_DIR", None)


def counted(load: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    """Return `load`, which adds to `calls` what it loads, and on which device."""

    def loaded(*args: Any, **options: Any) -> Any:
        calls.append(f"{args[0]} on {options.get('device', 'cpu')}")
        return load(*args, **options)

    return loaded


def placing(api: zero_gpu.DeviceApi, checkpoints: str) -> Any:
    """`pipeline.gpu` imported as on a Space, with the real loaders on small checkpoints, and packed as at launch."""
    import torch
    from spaces.zero.torch import pack, patching

    from pipeline import open_translation
    from pipeline.speech import nemo, whisper_full

    folder = Path(checkpoints)
    use(folder)
    unreachable(folder / "empty")
    calls: list[str] = []
    for owner in (whisper_full, nemo, open_translation):
        vars(owner).update(load=counted(vars(owner)["load"], calls))
    from pipeline import gpu
    from pipeline.models import sets
    from pipeline.progress import finish
    from pipeline.settings import Settings
    from tests.fixtures_full import sound, write_sound

    voice = write_sound(folder / "sound.wav", sound(1.0))
    gpu.place()  # a second time: nothing happens
    networks = {
        "turbo": gpu._whisper("whisper-turbo").model,
        "sortformer": gpu._diarizer().sortformer, "titanet": gpu._diarizer().titanet, "marblenet": gpu._diarizer().marblenet,
        "retinaface": gpu._detector().model, "facenet": gpu._embedder()._client.model,
    }  # fmt: skip
    elsewhere = [
        name for name, network in networks.items() if {p.device.type for p in network.parameters()} != {"cuda"}
    ]
    sizes: dict[int, int] = {}
    for network in networks.values():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.device.type == "cuda":
                original = patching.cuda_aliases[tensor]
                sizes[original.untyped_storage().data_ptr()] = original.numel() * original.element_size()
    whole = patching._total_unpacked_size()
    speaking = finish(sets.speaking_detector(voice, Settings.from_environment(), may_fetch=False))
    half = str(networks["turbo"].dtype)  # before packing: nothing can be asked of a packed tensor
    return {
        "calls": calls, "elsewhere": elsewhere, "networks": sum(sizes.values()), "whole": whole, "packed": pack(),
        "half": half, "translator": sorted({p.device.type for p in gpu._translator().model.parameters()}),
        "tensorflow": "tensorflow" in sys.modules, "missed": sorted(sets._missed),
        "fetched": [file.name for file in (folder / "empty").rglob("*") if file.is_file() and file.suffix != ".lock"],
        "speaking": speaking.name if speaking else None,
        "available": torch.cuda.is_available(), "decorated": callable(getattr(gpu.perceive_on_gpu, "__wrapped__", None)),
    }  # fmt: skip


def real(api: zero_gpu.DeviceApi, checkpoints: str, video: str, sound: str) -> Any:
    """The real models' code through the fork, on the CPU: a clip in one call, everything that crosses looked at."""
    from pipeline.settings import Settings

    folder = Path(checkpoints)
    use(folder)
    import torch

    available, torch.cuda.is_available = torch.cuda.is_available, lambda: False
    from pipeline import gpu, media
    from pipeline.records import Job

    torch.cuda.is_available = available
    assert gpu.DEVICE == "cpu"
    torch.set_num_threads(2)
    clip = media.probe(Path(video), Settings())
    crossed = Crossed()
    last = None
    with zero_gpu.visitor():
        for last in gpu.perceive_on_gpu(Job(clip, Path(sound), "en")):
            crossed.see(last)
    perception = getattr(last, "value", None)
    return {
        "last": type(last).__name__, "error": str(getattr(last, "error", "")), "modules": sorted(crossed.modules),
        "words": [w.text for s in perception.transcript.segments for w in s.words] if perception else [],
        "shots": len(perception.faces.shots) if perception else 0, "envelope": len(perception.diarization.envelope) if perception else 0,
        "timings": dict(perception.timings) if perception else {},
    }  # fmt: skip


# --- tests ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return zero_gpu.emulated("tests.integration.test_gpu", "contract")


def test_a_clip_crosses_the_fork_both_ways(told: dict[str, Any]) -> None:
    told = told["whole_clip"]
    assert told["last"] == "Done"
    assert told["progress"] >= 4, "progress comes through"
    assert told["kinds"] == ["Done", "Findings", "Progress"]
    # plain records only: no tensor, no array, no file, no gradio
    assert set(told["modules"]) <= {"pipeline", "pathlib", "fractions", "builtins", "types", "copyreg"}
    assert told["largest"] < 2**20
    assert told["calls"].count("/schedule") == 1, "one GPU call a clip"
    assert told["one_worker"]
    assert told["translations"] == ["cześć"] * told["phrases"]
    assert told["translator"] == "LMT-60 1.7B"
    assert told["moved"] == "True", "the translator goes to the card while faces are looked for"
    assert told["phrases"] == 1
    assert told["stages"] == ["faces", "people", "speech", "translate", "voices"]
    assert told["schedules_in_all"] == 3, "what is known already costs no GPU"
    assert told["again_equal"]
    # No weight twice; and the translator has not moved to the card here, but in the worker that needed it.
    assert sorted(told["loads"]) == ["facenet", "lmt", "nemo", "retinaface", "whisper"]


def test_a_minute_fits_a_visitor_without_an_account(told: dict[str, Any]) -> None:
    told = told["whole_clip"]
    # 120 s a day without an account; the scheduler is asked for 1.5 times what is declared
    assert float(told["asked"]["durationSeconds"]) <= 80 * 1.5
    assert float(told["less"]["durationSeconds"]) < float(told["asked"]["durationSeconds"]), (
        "what is known is not paid for"
    )
    assert told["asked"]["token"]


def test_the_longest_clip_fits_a_free_account(told: dict[str, Any]) -> None:
    from pipeline.settings import Settings

    assert Settings().max_duration_s == 300
    assert told["without_translation"] <= 0.6 * 38, "38 s were asked for when words, voices and faces came one by one"
    assert told["seconds"]["30"] <= 0.6 * 38, "and so with the key-free translation"
    assert told["seconds"]["60"] <= 80
    assert told["seconds"]["300"] * 1.5 <= 300  # s a day
    assert told["seconds"]["10"] < told["seconds"]["60"] < told["seconds"]["300"]


def test_without_a_gpu_the_visitor_reads_why_and_for_how_long(told: dict[str, Any]) -> None:
    told = told["refusals"]
    for mode, ending in told.items():
        assert ending["error"] == "GpuError", (mode, ending)
        assert ending["sentence"].endswith(SENTENCE_ENDS), ending
        for jargon in ("ZeroGPU", "Error", "worker", "schedule", "None", "http", "{", "<"):
            assert jargon not in ending["sentence"], (mode, ending)
    assert "1 hour" in told["quota"]["sentence"]
    assert "12 s left" in told["quota"]["sentence"]
    assert "tomorrow" in told["runs"]["sentence"]
    assert "shorter clip" in told["illegal"]["sentence"]
    assert "finished" in told["pending"]["sentence"]
    assert "few minutes" in told["queue"]["sentence"]
    assert "few minutes" in told["none"]["sentence"]
    assert "reload" in told["expired"]["sentence"]
    assert "sign in" in told["anonymous"]["sentence"]
    assert "closed" in told["left"]["sentence"]


def test_what_was_found_before_a_fault_is_kept(told: dict[str, Any]) -> None:
    told = told["faults"]
    assert told["kill-speech"]["error"] == "GpuError"
    assert "speech" in told["kill-speech"]["found"], "the words so far were shown"
    for name in ("kill-voices", "kill-faces", "model-faces", "defect-faces"):
        ending = told[name]
        assert "error" not in ending, (name, ending)
        assert ending["phrases"] == ["hello"], (name, ending)
        (notice,) = ending["notices"]
        assert notice.endswith(".")
        assert "faces" in notice
    assert told["kill-voices"]["turns"] == 0
    assert "speakers" in told["kill-voices"]["notices"][0]
    assert told["kill-faces"]["turns"] == 1, "voices that were told apart stay"
    assert "speakers" not in told["kill-faces"]["notices"][0]
    assert "taken away" in told["kill-faces"]["notices"][0]
    assert "damaged" in told["model-faces"]["notices"][0]
    assert told["model-speech"] | {"found": []} == {
        "error": "ModelError", "sentence": "The weights are damaged; fetch them again.", "found": [], "phrases": None,
        "turns": None, "tracks": None, "notices": None,
    }  # fmt: skip
    assert told["defect-speech"]["error"] == "GpuError"
    assert "nobody should read this" not in str(told)
    assert told["released"] == 7, "every GPU is given back"


def test_a_visitor_who_leaves_stops_the_worker(told: dict[str, Any]) -> None:
    told = told["leaving"]
    assert told["closed"], "the stage's finally ran in the worker"
    assert told["released"] >= 1
    assert told["after"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small checkpoint of every architecture of the full set, under the catalogue's keys."""
    from tests.fixtures_full import checkpoints

    return checkpoints(tmp_path_factory.mktemp("checkpoints"))


@pytest.mark.slow
def test_weights_are_placed_once_at_import(checkpoints: Path) -> None:
    told = zero_gpu.emulated("tests.integration.test_gpu", "placing", str(checkpoints))
    assert len(told["calls"]) == len(set(told["calls"])) == 3
    assert [call.endswith("on cuda") for call in told["calls"]].count(False) == 1
    assert told["translator"] == ["cpu"], "it goes to the card when a clip needs it"
    assert told["elsewhere"] == []
    # nothing on the card but the networks, each once (and 7 kB of tables that NeMo keeps beside its layers)
    assert 0 < told["networks"] <= told["whole"] == told["packed"] < 1.0001 * told["networks"]
    assert told["half"] == "torch.float16"
    assert told["decorated"]
    assert not told["tensorflow"]
    # Every host was unreachable: a Space that restarted while the package index was down did not come up.
    assert told["missed"] == ["lr-asd"]
    assert told["fetched"] == []
    assert told["speaking"] == "MediaPipe face mesh"


@pytest.mark.slow
def test_a_clip_goes_through_the_fork_with_the_real_code(checkpoints: Path, tmp_path: Path) -> None:
    import subprocess

    from pipeline.media import ffmpeg_binary
    from tests.fixtures_full import sound, write_sound

    voice = write_sound(tmp_path / "sound.wav", sound(6.0))
    video = tmp_path / "clip.mp4"
    subprocess.run(
        [ffmpeg_binary(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=6", "-i", str(voice), "-shortest", str(video)],
        check=True,
    )  # fmt: skip
    told = zero_gpu.emulated("tests.integration.test_gpu", "real", str(checkpoints), str(video), str(voice))
    assert told["last"] == "Done", told
    assert set(told["modules"]) <= {"pipeline", "pathlib", "fractions", "builtins", "types", "copyreg"}
    assert told["shots"] >= 1
    assert told["envelope"] == pytest.approx(150, abs=2)
    assert {"speech", "voices", "faces", "people"} <= set(told["timings"])
