"""Every state of the page, one after the other, for axe-core and for `python -m tests.screenshots`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import project
from pipeline.project import Project
from pipeline.records import Box, Look, Track
from pipeline.web.services import SpeechModel
from tests import fakes
from tests.fixtures_browser import DONE, LINE, choose, clear, expect, finished, translate
from tests.fixtures_web import expire, served

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


@contextmanager
def held() -> Iterator[None]:
    """Nothing gets any further meanwhile."""
    fakes.HELD.set()
    try:
        yield
    finally:
        fakes.HELD.clear()


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


def with_a_face_nobody_has() -> Project:
    """The fake project, and in it a face that no voice was given."""
    analysis = fakes.analysis()
    tracks = tuple(replace(track, face=f"f{n}") for n, track in enumerate(analysis.tracks, 1))
    extra = Track(None, (Box(0.0, 250, 100, 350, 220), Box(6.0, 250, 100, 350, 220)), "f3")
    portraits = {**analysis.portraits, "f3": analysis.portraits["p1"]}
    return Project(replace(analysis, tracks=(*tracks, extra), portraits=portraits), Look(), "clip.mp4")


def every_state(page: Page, url: str, context: BrowserContext, folder: Path) -> Iterator[str]:
    """Bring the open page, whose context is `context`, into one state after the other; yields the name of each."""
    clip = fakes.make_clip(folder / "interview.mp4")
    for states in (
        _before(page, clip, folder),
        _clips(page, url, context, clip, folder),
        _running(page, url, context, clip),
        _ended(page, clip, folder),
        _result(page),
        _opened(page, clip),
        _expired(page),
    ):
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
    _english(page)
    toggle(page, "more-speech")
    page.click("#speech input")
    page.get_by_role("option", name="Small").click()
    expect(page.locator("#speech-note")).to_contain_text("490 MB", timeout=DONE)
    yield "a speech model to download"
    toggle(page, "more-speech")
    toggle(page, "more-translation")
    page.wait_for_timeout(1000)  # Gradio empties the fields when they appear
    page.fill("#glossary textarea", "neural net = sieć neuronowa\nSpeechglass = Speechglass")
    expect(page.locator("#glossary-note")).to_contain_text("2 pairs", timeout=DONE)
    yield "a glossary"
    page.fill("#glossary textarea", "neural net = sieć neuronowa\nSpeechglass")
    expect(page.locator("#glossary-note [role=alert]")).to_be_visible(timeout=DONE)
    yield "a glossary that is none"
    page.fill("#glossary textarea", "")
    expect(page.locator("#glossary-note p")).to_have_count(0, timeout=DONE)
    toggle(page, "more-translation")


def _english(page: Page) -> None:
    """Translate into English, without a key."""
    page.fill("#key input", "")
    language(page, "#target input", "English (American)")
    expect(page.locator("#target-note p")).to_have_count(0, timeout=DONE)


def _clips(page: Page, url: str, context: BrowserContext, clip: Path, folder: Path) -> Iterator[str]:
    """What the page says of a clip before the run."""
    clear(page)
    choose(page, fakes.make_avi(clip, folder / "old.avi"))
    yield "an AVI"
    clear(page)
    choose(page, fakes.with_two_tracks(clip, folder / "two tracks.mp4"))
    page.click("#track input")
    expect(page.get_by_role("option", name="Track 2")).to_be_visible(timeout=DONE)
    yield "a choice of sound tracks"
    page.keyboard.press("Escape")
    clear(page)
    page.set_input_files("#clip input[type=file]", str(fakes.make_long(clip, folder / "long.mp4")))
    expect(page.locator("#trim-from")).to_be_visible(timeout=DONE)
    yield "a clip that is too long"
    clear(page)
    context.grant_permissions(["camera", "microphone"], origin=url)
    toggle(page, "more-address")
    page.click("#record")
    expect(page.locator("#record-said")).to_contain_text("Recording, 0:02", timeout=DONE)
    yield "recording"
    page.click("#record")
    expect(page.locator("#clip-note .clip-facts")).to_contain_text("recording.webm", timeout=DONE)
    yield "recorded"
    toggle(page, "more-address")
    clear(page)
    choose(page, clip)


def _running(page: Page, url: str, context: BrowserContext, clip: Path) -> Iterator[str]:
    assert context.browser
    others = context.browser.new_context()
    first, second = (_visitor(others.new_page(), url) for _ in range(2))
    with held():
        translate(first, clip)
        expect(first.locator("#hud [aria-current=step]")).to_be_visible(timeout=DONE)
        translate(second, clip)
        expect(second.locator("#hud")).to_contain_text("You are next", timeout=DONE)
        page.click("#run")
        expect(page.locator("#hud")).to_contain_text("You are number 2", timeout=DONE)
        yield "number 2 in the queue"
        second.click("#stop")
        expect(page.locator("#hud")).to_contain_text("You are next", timeout=DONE)
        yield "next in the queue"
    first.click("#stop")
    expect(first.locator("#run")).to_be_visible(timeout=DONE)
    others.close()
    expect(page.locator("#hud [aria-current=step]")).to_have_text("Tell voices apart", timeout=DONE)
    with held():
        yield "running"
        page.click("#stop")
        expect(page.locator("#stop")).to_have_text("Stopping …", timeout=DONE)
        yield "stopping"
    expect(page.locator("#hud")).to_contain_text("Stopped", timeout=DONE)
    yield "stopped"


def _visitor(page: Page, url: str) -> Page:
    page.goto(url)
    expect(page.locator(LINE).first).to_be_visible(timeout=DONE)
    return page


def _ended(page: Page, clip: Path, folder: Path) -> Iterator[str]:
    """Runs that fail, that have no picture, and that end as they should."""
    language(page, "#target input", "Polish")
    page.fill("#key input", fakes.REFUSED_KEY)
    expect(page.locator("#target-note p")).to_have_count(0, timeout=DONE)
    page.click("#run")
    expect(page.locator("#problem .failure")).to_be_visible(timeout=DONE)
    expect(page.locator("#run")).to_be_visible(timeout=DONE)
    yield "failed"
    _english(page)
    clear(page)
    choose(page, fakes.make_sound(folder / "speech.mp3"))
    yield "sound alone"
    page.click("#run")
    expect(page.locator("#result-title")).to_contain_text("speech.mp3", timeout=DONE)
    expect(page.locator("#download-srt")).to_be_visible(timeout=DONE)
    expect(page.locator("#run")).to_be_visible(timeout=DONE)
    yield "the result of sound alone"
    clear(page)
    choose(page, clip)
    page.click("#run")
    expect(page.locator("#stop")).to_be_visible(timeout=DONE)
    expect(page.locator("#result-title")).to_contain_text("interview", timeout=DONE)
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
    with held():
        page.click("#redraw")
        expect(page.locator("#hud [aria-current=step]")).to_have_text("Draw the video", timeout=DONE)
        expect(page.locator("#redraw")).to_be_disabled(timeout=DONE)
        yield "drawing again"
    expect(page.locator("#pending")).to_contain_text("is up to date", timeout=DONE)
    expect(page.locator("#run")).to_be_visible(timeout=DONE)


def _opened(page: Page, clip: Path) -> Iterator[str]:
    saved = project.to_json(with_a_face_nobody_has()).encode()
    toggle(page, "more-own")
    page.set_input_files("#brought input[type=file]", {"name": "p.json", "mimeType": "text/json", "buffer": saved})
    expect(page.locator("#open")).to_be_visible(timeout=DONE)
    yield "a project is chosen"
    page.click("#open")
    expect(page.locator("#pending")).to_contain_text("No video has been made", timeout=DONE)
    expect(page.locator("#gallery .nobodys")).to_have_count(1)
    yield "a project is open, with a face that is nobody's"
    toggle(page, "more-own")


def _expired(page: Page) -> Iterator[str]:
    expire()
    page.fill("#name-p1", "Bea")
    page.press("#name-p1", "Enter")
    expect(page.locator("#pending [role=alert]")).to_contain_text("has expired", timeout=DONE)
    yield "a change to a result that has expired"
    page.reload()
    expect(page.locator("#hud")).to_contain_text("has expired", timeout=DONE)
    expect(page.locator(LINE).first).to_be_visible(timeout=DONE)
    yield "come back to a result that has expired"
