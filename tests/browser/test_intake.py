"""What a visitor gives is answered at once, beside where they gave it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.settings import Settings
from tests import fakes
from tests.browser.states import SPEECH, toggle
from tests.browser.test_layout import violations
from tests.fixtures_browser import DONE, choose, clear, expect, finished, opened, press, translate, unfold
from tests.fixtures_web import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


KEY = "5e0ca3b1-dead-4bee-9f00-0123456789ab:fx"  #: nobody's


@pytest.fixture(scope="module")
def sound(folder: Path) -> Path:
    return fakes.make_sound(folder / "speech.mp3")


def test_a_sound_only_file_can_be_chosen(page: Page, sound: Path) -> None:
    assert "audio" in (page.locator("#clip input[type=file]").get_attribute("accept") or "")
    choose(page, sound)
    expect(page.locator("#clip-note")).to_contain_text("audio only: transcript and subtitles, no video")
    page.click("#run")
    expect(page.locator("#result-title")).to_contain_text("speech", timeout=DONE)
    expect(page.locator("#download-srt")).to_be_visible(timeout=DONE)
    expect(page.locator("#download-video")).to_have_count(0)


def test_the_result_of_sound_alone_had_a_video_that_is_up_to_date_and_can_be_redrawn(page: Page, sound: Path) -> None:
    choose(page, sound)
    page.click("#run")
    expect(page.locator("#pending")).to_have_text("The files are up to date.", timeout=DONE)
    expect(page.locator("#redraw")).to_have_text("Write the files")
    page.fill("#name-p1", "Ada")
    page.press("#name-p1", "Enter")
    expect(page.locator("#pending")).to_have_text("1 change not in the files yet", timeout=DONE)
    page.click("#redraw")
    expect(page.locator("#pending")).to_have_text("The files are up to date.", timeout=DONE)
    page.click("#example-first_contact")
    expect(page.locator("#redraw")).to_have_text("Redraw the video", timeout=DONE)
    expect(page.locator("#pending")).to_have_text("The video is up to date.")


def written(page: Page, key: str = "json") -> Any:
    """The content of a JSON file that the page offers."""
    with page.expect_download() as download:
        page.click(f"#download-{key}")
    return json.loads(Path(download.value.path()).read_text(encoding="utf-8"))


@pytest.mark.parametrize("width", [1280, 390])
def test_one_of_several_sound_tracks_is_chosen(
    browser: Browser, url: str, folder: Path, clip: Path, width: int
) -> None:
    two = fakes.with_two_tracks(clip, folder / "two tracks.mp4")
    for page in opened(browser, url, width, 844):
        choose(page, clip)
        expect(page.locator("#track")).to_be_hidden()
        clear(page)
        choose(page, two)
        expect(page.locator("#track input")).to_have_value("The one with speech", timeout=DONE)
        page.focus("#track input")
        page.wait_for_function("document.activeElement.selectionEnd > document.activeElement.selectionStart")
        page.keyboard.type("Track 2")
        page.keyboard.press("Enter")
        press(page, "#run")
        finished(page)
        assert written(page)["media"]["audio_track"] == 2


def test_a_speech_model_is_chosen_where_the_machine_leaves_a_choice(
    browser: Browser, url: str, tmp_path: Path, clip: Path
) -> None:
    for page in opened(browser, url):
        toggle(page, "more-speech")
        expect(page.locator("#speakers")).to_be_visible()
        expect(page.locator("#speech")).to_be_hidden()
    with served(fakes.services(tmp_path, speech=SPEECH)) as offering:
        for page in opened(browser, offering, example=False):
            toggle(page, "more-speech")
            expect(page.locator("#speech input")).to_have_value("Base: the fastest")
            page.focus("#speech input")
            page.keyboard.press("ArrowDown")
            page.get_by_role("option", name="Small").click()
            expect(page.locator("#speech-note")).to_contain_text("Downloads 490 MB once", timeout=DONE)
            choose(page, clip)
            page.click("#run")
            finished(page)
            assert written(page)["models"]["speech"] == "small"


def test_an_avi_is_not_called_unplayable(page: Page, folder: Path, clip: Path) -> None:
    choose(page, fakes.make_avi(clip, folder / "old.avi"))
    expect(page.locator("#clip-note")).to_contain_text("the clip can be translated")
    assert "not playable" not in page.locator("#panel").inner_text()


def test_a_language_that_needs_a_key_says_so_beside_it_and_shows_the_field(page: Page) -> None:
    expect(page.locator("#key")).to_be_hidden()
    pick(page, "German")
    expect(page.locator("#target-note")).to_contain_text("German needs a DeepL key")
    expect(page.locator("#key")).to_be_visible()
    page.fill("#key input", "hello")
    expect(page.locator("#target-note [role=alert]")).to_contain_text("does not look like a DeepL key")
    page.fill("#key input", KEY)
    expect(page.locator("#target-note")).not_to_contain_text("DeepL key", timeout=DONE)


def test_english_to_english_says_so_before_the_run(page: Page) -> None:
    unfold(page, "more-speech")
    source = page.locator("#source input")
    source.click()
    source.press_sequentially("English")
    source.press("Enter")
    expect(page.locator("#target-note")).to_contain_text("The clip is already in English (American)")


def test_klingon_is_refused_at_once(page: Page) -> None:
    target = page.locator("#target input")
    target.click()
    page.wait_for_function("document.activeElement.selectionEnd > document.activeElement.selectionStart")
    target.press_sequentially("Klingon")
    target.press("Tab")
    expect(page.locator("#target-note [role=alert]")).to_contain_text("Klingon")
    expect(page.locator("#target input")).to_have_value("Klingon")
    page.click("#run")
    expect(page.locator("#problem [role=alert]")).to_contain_text("Klingon")


def pick(page: Page, language: str) -> None:
    target = page.locator("#target input")
    target.click()
    page.wait_for_function("document.activeElement.selectionEnd > document.activeElement.selectionStart")
    target.press_sequentially(language)
    page.get_by_role("listbox").get_by_role("option").first.click()


def test_languages_that_work_come_first(page: Page) -> None:
    page.locator("#target input").click()
    options = page.get_by_role("listbox").get_by_role("option").all_inner_texts()
    works = ["works now" in text for text in options]
    assert works[0]
    assert works == sorted(works, reverse=True)


def test_a_language_is_found_by_typing_and_says_what_it_needs(page: Page) -> None:
    pick(page, "Pol")
    page.fill("#key input", KEY)
    expect(page.locator("#target-note")).not_to_contain_text("key", timeout=DONE)
    target = page.locator("#target input")
    target.click()
    page.wait_for_function("document.activeElement.selectionEnd > document.activeElement.selectionStart")
    target.press_sequentially("Pol")
    expect(page.get_by_role("listbox").get_by_role("option").first).to_contain_text("Polish · Polski — works now")


def test_a_refused_key_is_said_without_the_key(page: Page, clip: Path) -> None:
    choose(page, clip)
    pick(page, "Polish")
    page.fill("#key input", fakes.REFUSED_KEY)
    page.click("#run")
    expect(page.locator("#problem .failure")).to_contain_text("DeepL refused the key", timeout=DONE)
    assert fakes.REFUSED_KEY[:12] not in page.content()


def test_a_clip_that_is_too_long_can_be_trimmed(browser: Browser, folder: Path, clip: Path) -> None:
    services = fakes.services(folder, settings=Settings(models="light", cache_dir=folder, max_duration_s=4.0))
    with served(services) as url:
        for page in opened(browser, url, example=False):
            page.set_input_files("#clip input[type=file]", str(clip))
            expect(page.locator("#clip-note")).to_contain_text("The clip is 0:06 long", timeout=DONE)
            expect(page.locator("#trim input")).to_be_checked()
            page.fill("#trim-from input, #trim-from textarea", "0:01")
            page.click("#run")
            finished(page)
            assert page.evaluate("document.querySelector('#result-video video').duration") == pytest.approx(4, abs=0.4)


def test_the_place_in_the_queue_is_said(browser: Browser, slow_url: str, clip: Path) -> None:
    first = opened(browser, slow_url, example=False)
    one = next(first)
    translate(one, clip)
    expect(one.locator("#hud [aria-current=step]")).to_be_visible(timeout=DONE)
    for page in opened(browser, slow_url, example=False):
        translate(page, clip)
        expect(page.locator("#hud")).to_contain_text("You are next", timeout=DONE)
        page.click("#stop")
        expect(page.locator("#run")).to_be_visible(timeout=DONE)
    one.click("#stop")
    expect(one.locator("#run")).to_be_visible(timeout=DONE)
    next(first, None)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_clip_is_recorded_with_the_camera_and_becomes_the_upload(
    browser: Browser, url: str, clip: Path, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, permissions=["camera", "microphone"])
    for page in opened(browser, url, context=context):
        choose(page, clip)  # makes room
        unfold(page, "more-address")
        page.focus("#record")
        page.keyboard.press("Enter")
        expect(page.locator("#record-said")).to_contain_text("Recording, 0:02", timeout=DONE)
        assert page.evaluate("document.querySelector('#record-view').videoWidth") > 0
        assert violations(page) == []
        page.keyboard.press("Enter")
        expect(page.locator("#clip-note .clip-facts")).to_contain_text("recording.webm", timeout=DONE)
        expect(page.locator("#record-view")).to_be_hidden()
        page.click("#run")
        finished(page)
        expect(page.locator("#result-title")).to_contain_text("recording.webm")
    context.close()


def test_a_camera_that_may_not_be_used_is_said_in_a_sentence(browser: Browser, url: str) -> None:
    context = browser.new_context(permissions=[])
    for page in opened(browser, url, context=context):
        page.evaluate(
            "() => { const refused = new DOMException('no', 'NotAllowedError'); "
            "navigator.mediaDevices.getUserMedia = () => Promise.reject(refused); }"
        )
        unfold(page, "more-address")
        page.click("#record")
        expect(page.locator("#record-said")).to_contain_text("allow it for this page")
    context.close()


def test_a_glossary_is_typed_as_pairs_and_what_becomes_of_it_stands_beside_it(page: Page) -> None:
    unfold(page, "more-translation")
    page.fill("#glossary textarea", "neural net = sieć neuronowa\nSpeechglass = Speechglass")
    expect(page.locator("#glossary-note")).to_contain_text("2 pairs. It is applied only with a DeepL key", timeout=DONE)
    page.fill("#glossary textarea", "neural net = sieć neuronowa\nSpeechglass")
    expect(page.locator("#glossary-note [role=alert]")).to_contain_text("'Speechglass' must be 'term = translation'")
    assert violations(page) == []
