"""Every state of the page, one after the other, for axe-core and for `python -m tests.screenshots`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import project
from pipeline.records import Look
from pipeline.web.services import SpeechModel
from tests import fakes
from tests.fixtures_browser import DONE, LINE, choose, expect, finished, translate
from tests.fixtures_web import served

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

#: What can be opened, by its id.
ACCORDIONS = ("more-speech", "more-translation", "more-own", "more-address", "more-again", "looks")

SPEECH = (
    SpeechModel("base", "Base: the fastest", 0.0),
    SpeechModel("small", "Small: fewer mistakes, slower", 490.0),
)


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """A page with an example, whose runs take some seconds, one at a time."""
    example = fakes.make_example(folder)
    with served(fakes.services(folder, examples=(example,), steps=40, step_s=0.04, speech=SPEECH)) as url:
        yield url


def toggle(page: Page, accordion: str) -> None:
    """Open or close an accordion."""
    page.click(f"#{accordion} button.label-wrap")


def unfold(page: Page) -> None:
    """Open everything that can be opened."""
    for name in ACCORDIONS:
        toggle(page, name)
    page.evaluate("document.querySelectorAll('#find, .faces, .sure').forEach((e) => { e.open = true; })")
    page.wait_for_timeout(500)


def fold(page: Page) -> None:
    """Close everything again."""
    for name in ACCORDIONS:
        toggle(page, name)
    page.evaluate("document.querySelectorAll('details[open]').forEach((e) => { e.open = false; })")


def language(page: Page, field: str, name: str) -> None:
    """Find a language by typing and choose it."""
    page.click(field)
    page.wait_for_function("document.activeElement.selectionEnd > document.activeElement.selectionStart")
    page.locator(field).press_sequentially(name)
    page.get_by_role("listbox").get_by_role("option").first.click()


def every_state(page: Page, url: str, context: BrowserContext, folder: Path) -> Iterator[str]:
    """Bring the open page, whose context is `context`, into one state after the other; yields the name of each."""
    clip = fakes.make_clip(folder / "interview.mp4")
    for states in (_before(page, clip, folder), _running(page, url, context, clip), _result(page), _opened(page, clip)):
        yield from states


def _before(page: Page, clip: Path, folder: Path) -> Iterator[str]:
    yield "first view"
    unfold(page)
    yield "everything open"
    fold(page)
    page.click("#run")
    expect(page.locator("#problem .failure")).to_be_visible(timeout=DONE)
    yield "no clip"
    (folder / "poem.mp4").write_text("Shall I compare thee to a summer's day?")
    page.set_input_files("#clip input[type=file]", str(folder / "poem.mp4"))
    expect(page.locator("#clip-note .failure")).to_be_visible(timeout=DONE)
    yield "not a clip"
    page.reload()
    expect(page.locator(LINE).first).to_be_visible(timeout=DONE)
    choose(page, clip)
    language(page, "#target input", "German")
    expect(page.locator("#target-note")).to_contain_text("needs a DeepL key", timeout=DONE)
    page.fill("#key input", "hello")
    expect(page.locator("#target-note .problem")).to_be_visible(timeout=DONE)
    yield "a language that needs a key, and a key that is none"
    page.fill("#key input", "")
    language(page, "#target input", "English (American)")
    expect(page.locator("#target-note p")).to_have_count(0, timeout=DONE)
    toggle(page, "more-speech")
    page.click("#speech input")
    page.get_by_role("option", name="Small").click()
    expect(page.locator("#speech-note")).to_contain_text("490 MB", timeout=DONE)
    yield "a speech model to download"
    toggle(page, "more-speech")


def _running(page: Page, url: str, context: BrowserContext, clip: Path) -> Iterator[str]:
    assert context.browser
    other = context.browser.new_context()
    first = other.new_page()
    first.goto(url)
    expect(first.locator(LINE).first).to_be_visible(timeout=DONE)
    translate(first, clip)
    expect(first.locator("#hud [aria-current=step]")).to_be_visible(timeout=DONE)
    page.click("#run")
    expect(page.locator("#hud .waiting")).to_be_visible(timeout=DONE)
    yield "waiting"
    first.click("#stop")
    expect(first.locator("#run")).to_be_visible(timeout=DONE)
    other.close()
    expect(page.locator("#hud [aria-current=step]")).to_have_text("Tell voices apart", timeout=DONE)
    yield "running"
    page.click("#stop")
    expect(page.locator("#hud")).to_contain_text("Stopped", timeout=DONE)
    yield "stopped"
    page.click("#run")
    finished(page)
    yield "finished"


def _result(page: Page) -> Iterator[str]:
    page.fill("#name-p1", "Ada")
    page.press("#name-p1", "Enter")
    expect(page.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    page.fill("#start-2", "later")
    page.press("#start-2", "Enter")
    expect(page.locator("#pending [role=alert]")).to_be_visible(timeout=DONE)
    yield "a change that is not drawn, and one that is refused"
    page.focus("#translation-2")
    expect(page.locator("#result-video .player")).to_have_attribute("data-view", "live")
    expect(page.locator("#result-video .cap")).to_have_count(1, timeout=DONE)
    yield "a live caption"
    for number in (2, 3):
        page.check(f"#pick-{number}")
    page.locator("#find summary").click()
    page.fill("#find-text", "long")
    yield "lines selected, and a word found"
    page.locator("#find summary").click()
    page.click("#chosen-none")
    for state, summary in (
        ("the menu of a line", f"{LINE} .menu summary"),
        ("why it is certain", f"{LINE} .sure summary"),
        ("the faces of a speaker", "#gallery .faces summary"),
    ):
        page.locator(summary).first.click()
        yield state
        page.locator(summary).first.click()
    page.locator("h1").click()
    page.keyboard.press("?")
    yield "keyboard shortcuts"
    page.keyboard.press("Escape")
    toggle(page, "more-again")
    language(page, "#again-target input", "Polish")
    expect(page.locator("#again-key input")).to_be_visible(timeout=DONE)
    yield "another language for all lines"
    toggle(page, "more-again")
    toggle(page, "looks")
    page.click("#show-still")
    expect(page.locator("#still img")).to_be_visible(timeout=DONE)
    yield "a preview of the look"
    toggle(page, "looks")


def _opened(page: Page, clip: Path) -> Iterator[str]:
    saved = project.to_json(project.Project(fakes.analysis(), Look(), clip.name)).encode()
    toggle(page, "more-own")
    page.set_input_files("#brought input[type=file]", {"name": "p.json", "mimeType": "text/json", "buffer": saved})
    expect(page.locator("#open")).to_be_visible(timeout=DONE)
    yield "a project is chosen"
    page.once("dialog", lambda dialog: dialog.accept())  # the change that is not drawn is lost
    page.click("#open")
    expect(page.locator("#pending")).to_contain_text("No video has been made", timeout=DONE)
    yield "a project is open"
