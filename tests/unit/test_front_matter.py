"""The Space's front matter agrees with what is installed, with the settings and with the catalogue of models."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.models.catalogue import CATALOGUE

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
HUBS = [model.hub for model in CATALOGUE if model.hub]


@pytest.fixture(scope="module")
def matter() -> dict[str, Any]:
    _, block, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(block)


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "fonts" / "README.md"]
    assert len(pages[0].read_text().splitlines()) <= 150
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            assert "://" in target or (page.parent / target).exists(), f"{page.name} links to {target}"


def requirements() -> dict[str, str]:
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    found = [re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?==(\S+)", line) for line in lines if line]
    assert all(found)
    return {match[1]: match[2] for match in found if match}


def test_it_describes_a_gradio_space(matter: dict[str, Any]) -> None:
    assert matter["sdk"] == "gradio"
    assert (ROOT / matter["app_file"]).is_file()
    assert matter["sdk_version"] == version("gradio") == requirements()["gradio"]
    # The only ZeroGPU Python that transformers 5 installs on, and a string: YAML reads 3.10 as a number.
    assert matter["python_version"] == "3.12.12"
    assert matter["license"] == "mit"
    assert {matter["colorFrom"], matter["colorTo"]} <= COLOURS
    assert 0 < len(matter["short_description"]) <= 60
    assert matter["startup_duration_timeout"] == "1h"
    assert len(matter["tags"]) == len(set(matter["tags"])) >= 3


def test_models_and_preload_are_the_catalogues(matter: dict[str, Any]) -> None:
    assert set(matter["models"]) == {hub.repository for hub in HUBS}
    preloaded: dict[str, tuple[set[str], str | None]] = {}
    for line in matter["preload_from_hub"]:
        repository, files, *revision = line.split(" ")
        preloaded[repository] = (set(files.split(",")), revision[0] if revision else None)
    for repository in {hub.repository for hub in HUBS}:
        ours = [hub for hub in HUBS if hub.repository == repository]
        files, revision = preloaded[repository]
        assert files == {name for hub in ours for name, _ in hub.files}
        assert {hub.revision for hub in ours} == {revision}


def test_what_has_no_revision_is_pinned_by_content_or_named_here() -> None:
    for hub in HUBS:
        assert hub.revision is None or re.fullmatch(r"[0-9a-f]{40}", hub.revision)
        assert all(not sha256 or re.fullmatch(r"[0-9a-f]{64}", sha256) for _, sha256 in hub.files)
    loose = {hub.repository for hub in HUBS if hub.revision is None and not hub.files[0][1]}
    assert loose == {"serengil/deepface"}, "its commits could not be looked up; everything else is pinned"


def test_every_licence_allows_commercial_use() -> None:
    for model in CATALOGUE:
        assert model.licence in {"MIT", "Apache-2.0", "CC-BY-4.0", "CC0-1.0", "NVIDIA Open Model License"}, model.name


def test_torch_is_left_to_the_space() -> None:
    assert not {"torch", "torchvision", "torchaudio"} & set(requirements())
    text = (ROOT / "requirements.txt").read_text()
    assert "cu12" not in text
    assert "cu13" not in text
    assert "tensorflow" not in text


def locked(file: Path) -> list[str]:
    """The lines of a lock but for its comments."""
    return [line for line in file.read_text("utf-8").splitlines() if not line.startswith("#")]


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_requirements_resolve_to_what_is_locked(python: str, tmp_path: Path) -> None:
    """On either Python, which need not be here: uv reads what the packages say of themselves, not what is installed.

    Skipped where no index answers, which is the network's fault; that nothing fits is ours.
    """
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv is not installed beside this Python")
    out = tmp_path / "requirements.lock"
    command: list[str | Path] = [
        uv,
        "pip",
        "compile",
        "--quiet",
        "requirements.txt",
        "-c",
        "requirements.lock",
        "-o",
        out,
    ]
    done = subprocess.run([*command, "--python-version", python], cwd=ROOT, capture_output=True, text=True)
    if done.returncode and re.search("Failed to fetch|error sending request|timed out", done.stderr):
        pytest.skip(f"no package index is reached: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr[-3000:]
    assert locked(out) == locked(ROOT / "requirements.lock")


def test_the_lock_has_what_the_sets_need_and_no_tensorflow() -> None:
    names = {line.partition("==")[0] for line in locked(ROOT / "requirements.lock") if not line.startswith(" ")}
    assert {"transformers", "nemo-toolkit", "gradio", "spaces", "deepface", "retina-face"} <= names
    assert not {"tensorflow", "tf-keras", "keras"} & names
