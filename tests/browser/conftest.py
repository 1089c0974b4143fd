"""One browser and one page over fakes for a file of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import fakes
from tests.fixtures_browser import CHROMIUM, SWITCHES, opened
from tests.fixtures_web import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "CI must have Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    example = fakes.make_example(folder)
    with served(fakes.services(folder, examples=(example,), step_s=0.04)) as address:
        yield address


@pytest.fixture(scope="module")
def slow_url(folder: Path) -> Iterator[str]:
    """A page whose runs take long enough to be stopped on any machine."""
    with served(fakes.services(folder / "slow", steps=200)) as address:
        yield address


@pytest.fixture(scope="module")
def clip(folder: Path) -> Path:
    return fakes.make_clip(folder / "it's me & you.mp4")


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The open page; whatever it complains about fails the test."""
    yield from opened(browser, url)


@pytest.fixture
def phone(browser: Browser, url: str) -> Iterator[Page]:
    """The page 390 px wide, which stays as wide as the screen."""
    for page in opened(browser, url, 390, 844):
        yield page
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
