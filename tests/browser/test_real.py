"""The page over the real pipeline with the light models, and as a Space starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.settings import Settings
from tests.fixtures_browser import choose, finished, opened, pixel
from tests.fixtures_web import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser


expect = pytest.importorskip("playwright.sync_api").expect

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_an_example_goes_the_whole_way(browser: Browser, settings: Settings) -> None:
    from pipeline.web import services

    real = services.real(settings)
    assert real.examples, "examples/results holds no finished example"
    example = real.examples[0]
    with served(real) as url:
        for page in opened(browser, url):
            choose(page, example.clip)
            page.click("#run")
            expect(page.locator("#stop")).to_be_visible(timeout=10_000)
            expect(page.locator("#run")).to_be_visible(timeout=300_000)
            finished(page)
            assert page.locator("#transcript .line").count() >= 2
            assert page.locator("#gallery img.portrait").count() >= 1
            assert page.locator("#timeline rect").count() >= 2
            before = {pixel(page, t, 40, 40) for t in (0.5, 2.0)}
            assert before, "a frame can be read"
            drawn = page.evaluate("document.querySelector('#result-video video').duration")
            assert drawn == pytest.approx(real.probe(example.clip).duration, abs=0.2)
            name = page.locator("#gallery input.name").first
            name.fill("Ada")
            name.press("Enter")
            page.click("#redraw")
            expect(page.locator("#stop")).to_be_visible(timeout=10_000)
            expect(page.locator("#pending")).to_contain_text("is up to date", timeout=120_000)


def test_a_space_without_a_key_works_and_says_how_to_get_one(browser: Browser, tmp_path: Path) -> None:
    """`python app.py` as a Space runs it: SPACE_ID set, no key, port 7860 or the one Gradio is told."""
    port = 17860
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DEEPL", "GRADIO"))},
        "SPACE_ID": "somebody/speechglass",
        "SPEECHGLASS_MODELS": "light",
        "GRADIO_SERVER_PORT": str(port),
        "TMPDIR": str(tmp_path),
    }
    log = tmp_path / "log.txt"
    with log.open("wb") as out:
        app = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=out, stderr=out)
    try:
        end = time.monotonic() + 120
        while "Running on local URL" not in log.read_text() and app.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        assert "Running on local URL" in log.read_text(), log.read_text()
        for page in opened(browser, f"http://127.0.0.1:{port}/"):
            expect(page.locator(".keynote")).to_contain_text("This Space has no DeepL key")
            link = page.get_by_role("link", name=re.compile("Duplicate"))
            expect(link).to_have_attribute("href", "https://huggingface.co/spaces/somebody/speechglass?duplicate=true")
            page.click("#more-address button.label-wrap")
            expect(page.locator("#url")).to_contain_text("Uploading works better here")
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(30)
    left = [path for path in tmp_path.glob("speechglass-*") if path.is_dir()]
    assert left == [], "the folder of the process is gone with it"
