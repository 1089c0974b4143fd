"""What we take from others is pinned, verified, and its licence is written down."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from benchmarks import licences
from pipeline.models.catalogue import CATALOGUE
from pipeline.models.entries import Address, Archive

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "app.py", *sorted((ROOT / "pipeline").rglob("*.py"))]
RUNTIME, DEV = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"


LOCK, DEV_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
RAY, RAY_LOCK = ROOT / "requirements-ray.txt", ROOT / "requirements-ray.lock"


def locked(file: Path) -> dict[str, tuple[str, list[str]]]:
    """Of every package in a lock: its version and the SHA-256 of the files it may be."""
    entries = re.findall(
        r"^([a-z0-9-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", file.read_text(), re.M
    )
    return {name: (version, re.findall("[0-9a-f]{64}", hashes)) for name, version, hashes in entries}


@pytest.mark.parametrize("file", [RUNTIME, DEV], ids=lambda file: file.name)
def test_every_requirement_is_pinned_to_one_version(file: Path) -> None:
    found = licences.required(file)
    assert len(found) >= 7
    loose = [str(r) for r in found if not re.fullmatch(r"==[0-9][^*,]*", str(r.specifier)) or r.url]
    assert loose == []
    names = [canonicalize_name(r.name) for r in found]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("file", [RUNTIME, DEV], ids=lambda file: file.name)
def test_what_is_tested_is_what_is_pinned_and_locked(file: Path) -> None:
    pinned = {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in licences.required(file)}
    assert {name: metadata.version(name) for name in pinned} == pinned
    lock = locked(LOCK if file == RUNTIME else DEV_LOCK)
    assert {name: lock[name][0] for name in pinned} == pinned, "run `make lock`"


def test_the_extra_for_ray_is_pinned_and_locked() -> None:
    [ray] = licences.required(RAY)
    assert str(ray.specifier) == f"=={locked(RAY_LOCK)['ray'][0]}"


@pytest.mark.parametrize("file", [LOCK, DEV_LOCK, RAY_LOCK], ids=lambda file: file.name)
def test_a_lock_is_nothing_but_versions_with_hashes(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    lock = locked(file)
    assert len(lines) == len(lock) + sum(len(hashes) for _, hashes in lock.values())
    assert len(lock) == len({line.split("==")[0] for line in lines if not line.startswith(" ")})
    both = locked(LOCK)
    assert {name: version for name, (version, _) in lock.items() if name in both and both[name][0] != version} == {}


def test_the_whole_tree_is_locked_and_nothing_else() -> None:
    of_torch = re.compile(r"torch|triton|nvidia-.*|cuda-.*")  # its own index decides their versions
    installed = {canonicalize_name(e.name): e.version for e in licences.entries()}
    installed = {name: version for name, version in installed.items() if not of_torch.fullmatch(name)}
    lock = {name: version for name, (version, _) in locked(LOCK).items() if not of_torch.fullmatch(name)}
    assert installed == lock


def test_nothing_that_a_package_needs_is_missing_in_the_locks() -> None:
    """pip takes the locks as they are, so it does not say so itself."""
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def toy(folder: Path, name: str) -> Path:
    """A package of that name, a wheel in `folder`."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return wheel


@pytest.mark.parametrize("tampered", [None, "setuptools", "runtime", "tool"])
def test_make_refuses_a_package_that_is_not_the_recorded_one(tampered: str | None, tmp_path: Path) -> None:
    """The Makefile itself and real pip, with toy packages for the tree."""
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for lock, names in (("requirements.lock", ("runtime", "setuptools")), ("requirements-dev.lock", ("tool",))):
        hashes = {name: hashlib.sha256(toy(tmp_path, name).read_bytes()).hexdigest() for name in names}
        entries = (f"{name}==1.0 \\\n    --hash=sha256:{hash}\n" for name, hash in hashes.items())
        (tmp_path / lock).write_text("# made\n" + "".join(entries))
    toy(tmp_path, "torch")
    if tampered:
        with zipfile.ZipFile(tmp_path / f"{tampered}-1.0-py3-none-any.whl", "a") as archive:
            archive.writestr("more.py", "")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE"))}
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        ["make", ".venv/.tested", f"PYTHON={sys.executable}", "TORCH=torch==1.0"],
        cwd=tmp_path, env={**environment, **index}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    installed = {file.name for file in tmp_path.glob(".venv/lib/*/site-packages/*.py")}
    if tampered is None:
        assert done.returncode == 0, done.stderr
        assert {"setuptools.py", "runtime.py", "torch.py", "tool.py"} <= installed
    else:
        assert done.returncode != 0
        assert "DO NOT MATCH THE HASHES" in done.stderr
        assert f"{tampered}.py" not in installed
        assert "more.py" not in installed
        assert not (tmp_path / ".venv" / ".tested").exists()


def test_weights_of_the_light_set_are_pinned_by_sha256() -> None:
    fetched = {model.weights for model in CATALOGUE if model.weights}
    assert len(fetched) >= 5
    for weights in fetched:
        for download in weights.downloads:
            if isinstance(download, Archive):
                assert re.fullmatch(r"[A-Za-z0-9-]+==[0-9.]+", download.requirement)
                assert download.requirement.partition("==")[2] in download.file
            else:
                assert isinstance(download, Address)
                assert re.match(r"https://.*/([0-9a-f]{40}|v?[0-9.]+)/", download.url), (
                    "an address of a commit or a release"
                )
            assert re.fullmatch("[0-9a-f]{64}", download.sha256)
            assert download.bytes > 0
        assert weights.files
        assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in weights.files)


def test_every_model_names_licence_and_source_and_what_pins_it() -> None:
    for model in CATALOGUE:
        assert model.licence
        assert model.source.startswith("https://")
        if model.hub:
            pins = [model.hub.revision or "", *(sha256 for _, sha256 in model.hub.files)]
            assert all(re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}|", pin) for pin in pins)


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    return [(ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_is_unpickled_or_evaluated(file: Path) -> None:
    """A pickle runs what is in it. torch reads tensors only; nothing else here reads pickles, evaluates text or uses a
    shell."""
    for name, call in calls(ast.parse(file.read_text("utf-8"))):
        given = {k.arg: ast.unparse(k.value) for k in call.keywords}
        if name.endswith("torch.load"):
            assert given.get("weights_only") == "True", f"{file.name}:{call.lineno}"
        assert not re.search(r"\b(pickle|dill|joblib|shelve|marshal)\.", name), f"{file.name}:{call.lineno}"
        assert name not in ("eval", "exec", "os.system", "os.popen", "yaml.load", "tempfile.mktemp"), (
            f"{file.name}:{call.lineno}"
        )
        assert given.get("allow_pickle", "False") == "False", f"{file.name}:{call.lineno}"
        assert given.get("trust_remote_code", "False") == "False", f"{file.name}:{call.lineno}"
        assert given.get("shell", "False") == "False", f"{file.name}:{call.lineno}"


def test_the_scan_finds_what_it_looks_for() -> None:
    found = [name for file in SOURCES for name, _ in calls(ast.parse(file.read_text("utf-8")))]
    assert "torch.load" in found
    assert "subprocess.Popen" in found


def test_no_library_reports_home(tmp_path: Path) -> None:
    """onnxruntime writes an identifier beside its first report, so what it does not write it does not send."""
    code = (
        "from pipeline.speech import activity; import onnxruntime, pathlib, silero_vad;"
        "weights = next(pathlib.Path(silero_vad.__file__).parent.rglob('silero_vad.onnx'));"
        "onnxruntime.InferenceSession(str(weights), providers=['CPUExecutionProvider'])"
    )
    suppressing = ("CI", "ORT_", "GITHUB_", "GITLAB", "BUILD_", "TF_BUILD", "JENKINS", "PYTEST", "DO_NOT", "HF_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(suppressing)}
    places = {name: str(tmp_path / name) for name in ("TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    for place in places.values():
        Path(place).mkdir()

    def left(**more: str) -> list[str]:
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**environment, **places, **more}, check=True)
        return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())

    assert left() == []
    assert left(ORT_DISABLE_TELEMETRY="0") != []  # else this test would see nothing


def test_the_licence_of_every_package_is_written_down() -> None:
    written = (ROOT / "docs" / "LICENCES.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| [^|]+ \|$", written, re.MULTILINE))
    rows = {canonicalize_name(name): version for name, version in rows.items()}
    for requirement in licences.required(RUNTIME):
        assert rows.get(canonicalize_name(requirement.name)) == str(requirement.specifier).removeprefix("=="), (
            requirement
        )
    missing = [e.name for e in licences.entries() if canonicalize_name(e.name) not in rows]
    assert missing == [], "run `python -m benchmarks.licences`"
    assert "unknown" not in written
    assert licences.UNJUDGED not in written


@pytest.mark.parametrize(
    ("licence", "free"),
    [
        ("MIT", True), ("MIT OR GPL-3.0-only", True), ("MIT AND GPL-3.0-only", False), ("LGPL-2.1-or-later", False),
        ("Apache-2.0 WITH LLVM-exception", True), ("unknown", False), ("MPL-2.0 AND MIT", False), ("MPL-2.0 AND (Apache-2.0 OR MIT)", False), ("(MIT OR GPL-2.0-only) AND ISC", True),
    ],
)  # fmt: skip
def test_copyleft_is_told_from_permissive(licence: str, free: bool) -> None:
    assert licences._is_permissive(licence) is free
