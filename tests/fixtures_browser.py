"""A real browser on the live page: what the browser tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None and os.environ.get("CI") != "true":
    pytest.skip("no Chromium on this machine (Debian: apt install chromium)", allow_module_level=True)

from playwright.sync_api import Browser, Page  # noqa: E402
from playwright.sync_api import expect as expect  # noqa: E402

SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
]  # fmt: skip
DONE = 30_000  #: ms until a fake run must be through
VIDEO = "#result-video video"
LINE = "#transcript .line"


def opened(
    browser: Browser,
    url: str,
    width: int = 1280,
    height: int = 860,
    *,
    example: bool = True,
    context: Any = None,
    left: bool = False,
    expires: bool = False,
) -> Iterator[Page]:
    """The open page; whatever it complains about, and whatever it asks of another server, fails the test.

    A page that is `left` during a run says that Gradio has broken off its stream, which is how it should be; one whose
    result `expires` may say that a file it was loading is not there any more.
    """
    own = context is None
    context = context or browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    outside: list[str] = []
    page.on(
        "request",
        lambda request: None if request.url.startswith((url, "data:", "blob:")) else outside.append(request.url),
    )
    page.goto(url)
    expect(page.locator(LINE if example else "#run").first).to_be_visible(timeout=DONE)
    yield page
    page.close()
    if own:
        context.close()
    if left:
        complaints = [text for text in complaints if "AbortError" not in text and "Connection errored out" not in text]
    if expires:
        complaints = [text for text in complaints if "Failed to load resource" not in text]
    assert complaints == [], complaints
    assert outside == [], "the page asks other servers"


def choose(page: Page, clip: Path) -> None:
    """Choose a clip, and wait until the page has said what it is."""
    page.locator("#clip input[type=file]").wait_for(state="attached", timeout=DONE)  # it is loaded after the lines
    page.set_input_files("#clip input[type=file]", str(clip), timeout=DONE)
    expect(page.locator("#clip-note .clip-facts")).to_contain_text(clip.name, timeout=DONE)


def press(page: Page, selector: str, key: str = "Enter") -> None:
    """Bring the focus to a control and press a key on it."""
    page.locator(selector).first.focus(timeout=DONE)
    page.keyboard.press(key)


def retype(page: Page, field: str, text: str) -> None:
    """Type `text` over what a field holds, by keyboard."""
    page.focus(field)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def upload(page: Page, field: str, file: Path) -> None:
    """Choose a file by keyboard."""
    page.locator(f"{field} button.upload-container").wait_for(timeout=DONE)
    with page.expect_file_chooser(timeout=DONE) as chooser:
        press(page, f"{field} button.upload-container")
    chooser.value.set_files(file)


def clear(page: Page) -> None:
    """Take the chosen clip away again."""
    page.click("#clip button[aria-label*=emove], #clip button[aria-label*=lear]")
    page.locator("#clip input[type=file]").wait_for(state="attached", timeout=DONE)
    expect(page.locator("#clip-note .clip-facts")).to_have_count(0, timeout=DONE)


def unfold(page: Page, accordion: str) -> None:
    """Open an accordion, and wait until Gradio has filled its fields: it empties them up to 0.4 s after the click."""
    page.click(f"#{accordion} button.label-wrap")
    page.wait_for_timeout(1000)


def translate(page: Page, clip: Path) -> None:
    choose(page, clip)
    page.click("#run")
    expect(page.locator("#stop")).to_be_visible(timeout=DONE)


def finished(page: Page) -> None:
    expect(page.locator("#result-title b")).to_have_text("Your clip", timeout=DONE)
    expect(page.locator("#run")).to_be_visible(timeout=DONE)
    expect(page.locator("#download-video")).to_be_visible(timeout=DONE)
    page.wait_for_function(f"document.querySelector('{VIDEO}')?.duration > 0", timeout=DONE)


def pixel(page: Page, t: float, x: int, y: int) -> tuple[int, int, int]:
    """The colour of what plays at a time and a place of the picture."""
    colour = page.evaluate(
        """async ([t, x, y]) => {
            const video = document.querySelector('#result-video video');
            video.pause();
            if (video.readyState < 2) await new Promise((done) => video.addEventListener('loadeddata', done, {once: true}));
            if (Math.abs(video.currentTime - t) > 0.001) {
                const seeked = new Promise((done) => video.addEventListener('seeked', done, {once: true}));
                video.currentTime = t;
                await seeked;
            }
            const canvas = document.createElement('canvas');
            canvas.width = video.videoWidth; canvas.height = video.videoHeight;
            const context = canvas.getContext('2d');
            context.drawImage(video, 0, 0);
            return [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
        }""",
        [t, x, y],
    )
    return tuple(colour)


def near(colour: tuple[int, int, int], wanted: str) -> bool:
    parts = [int(wanted[i : i + 2], 16) for i in (1, 3, 5)]
    return all(abs(a - b) <= 24 for a, b in zip(colour, parts, strict=True))
