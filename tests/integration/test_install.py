"""`pip install .`: a copy that is installed finds everything the repository has."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
LOOK = """
import json, pipeline
from pipeline.languages import TARGETS
from pipeline.faces import lips
from pipeline.subtitles import fonts
from pipeline.web import services, style
print(json.dumps({
    "package": pipeline.__file__,
    "fonts": len(list(fonts.FOLDER.glob("*.ttf"))),
    "examples": [example.name for example in services.ready_examples(services.EXAMPLES)],
    "mesh": lips.MESH.stat().st_size,
    "static": len(list(style.STATIC.iterdir())),
}))
"""


def test_every_package_is_named_in_pyproject() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "pipeline").rglob("__init__.py")}
    assert set(listed) == there | {"pipeline.fonts", "pipeline.examples"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip put a wheel of this tree, without its requirements (this environment has them)."""
    tree, target = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("target")
    for name in ("pipeline", "fonts", "examples"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.txt"):
        shutil.copy(ROOT / name, tree / name)
    run = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--no-build-isolation", "--target", target, tree],
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    return target


def environment(installed: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(installed), "SPEECHGLASS_MODELS": "light"}


def test_an_installed_copy_finds_its_fonts_and_examples(installed: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=tmp_path, env=environment(installed), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout)
    assert Path(found["package"]).is_relative_to(installed)
    assert found["fonts"] == len(list((ROOT / "fonts").glob("*.ttf")))
    assert found["examples"] == sorted(folder.name for folder in (ROOT / "examples" / "results").iterdir())
    assert found["static"] == len(list((ROOT / "pipeline" / "web" / "static").iterdir()))
    assert found["mesh"] == (ROOT / "pipeline" / "faces" / "face_landmark.tflite").stat().st_size


def test_the_command_is_called_speechglass(installed: Path, tmp_path: Path) -> None:
    program = installed / "bin" / "speechglass"
    told = subprocess.run(
        [sys.executable, program, "models"], cwd=tmp_path, env=environment(installed), capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr[-3000:]
    assert "MIT" in told.stdout
    usage = subprocess.run(
        [sys.executable, program, "--help"], cwd=tmp_path, env=environment(installed), capture_output=True, text=True
    )
    assert usage.stdout.startswith("usage: speechglass ")
    page = subprocess.run(
        [sys.executable, program, "page", "--help"],
        cwd=tmp_path, env=environment(installed), capture_output=True, text=True,
    )  # fmt: skip
    assert page.stdout.startswith("usage: speechglass page ")


def test_an_installed_copy_serves_the_page(installed: Path, tmp_path: Path) -> None:
    code = (
        "from pipeline.web import serve, services; from pipeline.settings import Settings;"
        "import gradio; made = serve.build_app(services.real(Settings.from_environment()));"
        "assert isinstance(made, gradio.Blocks), made"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(installed), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr[-3000:]
