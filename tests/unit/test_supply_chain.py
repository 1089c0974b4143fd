"""What we take from others is pinned, verified, and its licence is written down."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks import licences
from pipeline.models import CATALOGUE

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "app.py", *sorted((ROOT / "pipeline").rglob("*.py"))]
RUNTIME, DEV = ROOT / "requirements.txt", ROOT / "requirements-dev.txt"


def constraints() -> dict[str, str]:
    found = licences.required(ROOT / "constraints.txt")
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in found}


@pytest.mark.parametrize("file", [RUNTIME, DEV, ROOT / "constraints.txt"], ids=lambda file: file.name)
def test_every_requirement_is_pinned_to_one_version(file: Path) -> None:
    found = licences.required(file)
    assert len(found) >= 7
    loose = [str(r) for r in found if not re.fullmatch(r"==[0-9][^*,]*", str(r.specifier)) or r.url]
    assert loose == []
    names = [canonicalize_name(r.name) for r in found]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("requirement", licences.required(RUNTIME) + licences.required(DEV), ids=str)
def test_what_is_tested_is_what_is_pinned(requirement: Requirement) -> None:
    pinned = str(requirement.specifier).removeprefix("==")
    assert metadata.version(requirement.name) == pinned
    assert constraints()[canonicalize_name(requirement.name)] == pinned


def test_the_whole_tree_is_pinned() -> None:
    pinned = constraints()
    installed = {canonicalize_name(e.name): e.version for e in licences.entries()}
    of_torch = re.compile(r"torch|triton|nvidia-.*|cuda-.*")  # its own index decides their versions
    assert {n: v for n, v in installed.items() if pinned.get(n) != v and not of_torch.fullmatch(n)} == {}


def test_weights_of_the_light_set_are_pinned_by_sha256() -> None:
    fetched = [model for model in CATALOGUE if model.archives]
    assert len(fetched) >= 5
    for model in fetched:
        for archive in model.archives:
            assert re.fullmatch(r"[A-Za-z0-9-]+==[0-9.]+", archive.requirement)
            assert re.fullmatch("[0-9a-f]{64}", archive.sha256)
        assert model.files
        assert all(re.fullmatch("[0-9a-f]{64}", sha256) for _, sha256 in model.files)


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
    """A pickle runs what is in it. torch reads tensors only; nothing else here reads pickles, evaluates text or uses a shell."""
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
