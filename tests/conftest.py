"""What every test can use. Tests are marked by the folder they are in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline.settings import Settings

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
FOLDERS = ("unit", "integration", "browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for folder in FOLDERS:
            if folder in item.path.relative_to(ROOT).parts:
                item.add_marker(folder)
        if "browser" in item.path.parts:  # a browser on two busy cores misses a click now and then; the report names it
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="session")
def shared_clips() -> Path:
    """The folder of real clips with ground truth, where the machine has it."""
    if not (SHARED / "clips").is_dir():
        pytest.skip("the shared clips are not on this machine")
    return SHARED / "clips"


@pytest.fixture(scope="session")
def examples() -> Path:
    return ROOT / "examples"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Light models from the user's cache, everything else in a cache of the test's own, no key."""
    cache = tmp_path / "cache"
    cache.mkdir()
    models = Settings().cache_dir / "models"
    models.mkdir(parents=True, exist_ok=True)
    (cache / "models").symlink_to(models)
    return Settings(models="light", cache_dir=cache)


@pytest.fixture(autouse=True)
def no_child_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test leaves an ffmpeg running.

    After a browser test the server may still draw what was asked for last: it gets 20 s to end.
    """
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended while we looked
            if child.pid not in before and "ffmpeg" in child.name() and child.status() != psutil.STATUS_ZOMBIE:
                left.append(child)
    if "browser" in request.path.relative_to(ROOT).parts:
        _, left = psutil.wait_procs(left, timeout=20)
    assert not left, f"{request.node.name} left {left} running"
