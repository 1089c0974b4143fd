"""A phone's width and a keyboard alone: what is given, the run, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.settings import Settings
from tests import deepl_server, fakes
from tests.fixtures_browser import DONE, LINE, VIDEO, expect, finished, opened, press, retype, upload
from tests.fixtures_web import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

KEY = "5e0ca3b1-dead-4bee-9f00-0123456789ab:fx"  #: nobody's


def language(page: Page, field: str, name: str) -> None:
    """Find a language by typing and choose it."""
    page.focus(f"{field} input")
    page.wait_for_function("document.activeElement.selectionEnd > document.activeElement.selectionStart")
    page.keyboard.type(name)
    page.keyboard.press("Enter")


def unfold(page: Page, accordion: str) -> None:
    """Open an accordion, and wait until Gradio has filled its fields."""
    press(page, f"#{accordion} button.label-wrap")
    page.wait_for_timeout(1000)


def given(page: Page, clip: Path) -> None:
    """Choose the clip, and wait until the page has said what it is."""
    upload(page, "#clip", clip)
    expect(page.locator("#clip-note .clip-facts")).to_contain_text(clip.name, timeout=DONE)


def test_a_run_is_stopped_and_begun_again_and_its_files_are_called_after_the_clip(phone: Page, clip: Path) -> None:
    given(phone, clip)
    press(phone, "#run")
    expect(phone.locator("#hud [aria-current=step]")).to_be_visible(timeout=DONE)
    press(phone, "#stop")
    expect(phone.locator("#run")).to_be_visible(timeout=DONE)
    press(phone, "#run")
    expect(phone.locator("#stop")).to_be_visible(timeout=DONE)
    finished(phone)
    expect(phone.locator("#problem .failure")).to_have_count(0)
    expect(phone.locator("#result-title")).to_contain_text(clip.name)
    for key, name in (
        ("video", "it s me you.en-us.speechglass.mp4"),
        ("srt", "it s me you.en-us.srt"),
        ("both", "it s me you.en-en-us.srt"),
        ("txt", "it s me you.en-us.txt"),
        ("all", "it s me you.en-us.zip"),
    ):
        with phone.expect_download() as download:
            press(phone, f"#download-{key}")
        assert download.value.suggested_filename == name


def test_a_clip_that_is_too_long_is_trimmed(browser: Browser, folder: Path, clip: Path) -> None:
    settings = Settings(models="light", cache_dir=folder, max_duration_s=4.0)
    with served(fakes.services(folder, settings=settings)) as url:
        for page in opened(browser, url, 390, 844, example=False):
            upload(page, "#clip", clip)
            expect(page.locator("#clip-note")).to_contain_text("The clip is 0:06 long", timeout=DONE)
            field = "#trim-from input, #trim-from textarea"
            for typed, said in (("9:00", "must start between 0:00 and 0:05"), ("soon", "type a time such as 1:30")):
                page.fill(field, typed)
                press(page, "#run")
                expect(page.locator("#problem [role=alert]")).to_contain_text(said, timeout=DONE)
            retype(page, field, "0:01")
            press(page, "#run")
            finished(page)
            assert page.evaluate(f"document.querySelector('{VIDEO}').duration") == pytest.approx(4, abs=0.4)
            press(page, "#trim input", "Space")  # the whole clip is refused
            press(page, "#run")
            expect(page.locator("#problem [role=alert]")).to_contain_text("longer than 4 seconds", timeout=DONE)


def test_a_clip_at_an_address_that_is_too_long_was_refused_after_it_was_fetched(browser: Browser, folder: Path) -> None:
    settings = Settings(models="light", cache_dir=folder, max_duration_s=4.0)
    with served(fakes.services(folder, settings=settings)) as url:
        for page in opened(browser, url, 390, 844, example=False):
            unfold(page, "more-address")
            page.focus("#url textarea, #url input")
            page.keyboard.type("https://example.org/clip.mp4")
            for typed, asked in (("soon", ""), ("0:00", "clip.mp4"), ("0:01", "clip.mp4#t=1")):
                retype(page, "#url-from textarea, #url-from input", typed)
                press(page, "#run")
                if not asked:
                    expect(page.locator("#problem [role=alert]")).to_contain_text("such as 1:30", timeout=DONE)
                    continue
                expect(page.locator("#stop")).to_be_visible(timeout=DONE)
                finished(page)
                assert fakes.FETCHED[-1] == f"https://example.org/{asked}"
                expect(page.locator("#result-title span")).to_have_text("clip")
                length = page.evaluate(f"document.querySelector('{VIDEO}').duration")
                assert length == pytest.approx(4, abs=0.4)


def test_sound_alone_becomes_a_transcript(phone: Page, folder: Path) -> None:
    given(phone, fakes.make_sound(folder / "talk.mp3"))
    expect(phone.locator("#clip-note")).to_contain_text("audio only: transcript and subtitles, no video")
    press(phone, "#run")
    expect(phone.locator("#result-title")).to_contain_text("talk.mp3", timeout=DONE)
    expect(phone.locator("#download-srt")).to_be_visible(timeout=DONE)
    expect(phone.locator("#download-video")).to_have_count(0)
    expect(phone.locator("#redraw")).to_have_text("Write the files", timeout=DONE)


def test_an_avi_and_what_is_no_clip_are_told_apart(phone: Page, folder: Path, clip: Path) -> None:
    given(phone, fakes.make_avi(clip, folder / "phone.avi"))
    expect(phone.locator("#clip-note")).to_contain_text("the clip can be translated")
    press(phone, "#clip button[aria-label*=lear]")
    poem = folder / "poem.mp4"
    poem.write_text("Shall I compare thee to a summer's day?")
    upload(phone, "#clip", poem)
    expect(phone.locator("#clip-note [role=alert]")).to_contain_text("Not a clip we can use", timeout=DONE)
    press(phone, "#run")
    expect(phone.locator("#problem [role=alert]")).to_contain_text("give an MP4", timeout=DONE)


def test_a_language_says_what_it_needs_as_soon_as_it_is_chosen(phone: Page) -> None:
    expect(phone.locator("#key")).to_be_hidden()
    language(phone, "#target", "German")
    expect(phone.locator("#target-note")).to_contain_text("German needs a DeepL key", timeout=DONE)
    phone.focus("#key input")
    phone.keyboard.type("hello")
    expect(phone.locator("#target-note [role=alert]")).to_contain_text("does not look like a DeepL key", timeout=DONE)
    phone.keyboard.press("Control+A")
    phone.keyboard.type(KEY)
    expect(phone.locator("#target-note p")).to_have_count(0, timeout=DONE)
    phone.focus("#target input")
    phone.wait_for_function("document.activeElement.selectionEnd > document.activeElement.selectionStart")
    phone.keyboard.type("Klingon")
    phone.keyboard.press("Tab")
    expect(phone.locator("#target-note [role=alert]")).to_contain_text("Klingon", timeout=DONE)
    language(phone, "#target", "English (American)")
    unfold(phone, "more-speech")
    language(phone, "#source", "English")
    expect(phone.locator("#target-note")).to_contain_text("already in English (American)", timeout=DONE)


def test_the_player_shows_live_captions_or_the_finished_video(phone: Page) -> None:
    drawn = phone.evaluate(f"document.querySelector('{VIDEO}').src")
    for view, same in (("live", False), ("drawn", True)):
        press(phone, f"#result-video .views [data-view={view}]")
        expect(phone.locator(f"#result-video .views [data-view={view}]")).to_have_attribute("aria-pressed", "true")
        phone.wait_for_function(f"(document.querySelector('{VIDEO}').src === '{drawn}') === {str(same).lower()}")
        expect(phone.locator("#result-video .player")).to_have_attribute("data-view", view)


def test_changes_are_not_thrown_away_without_a_question(phone: Page) -> None:
    retype(phone, "#name-p1", "Ada")
    phone.keyboard.press("Enter")
    expect(phone.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    phone.once("dialog", stay)
    press(phone, "#example-first_contact")
    assert "will be lost" in asked[0]
    expect(phone.locator("#name-p1")).to_have_value("Ada")
    phone.once("dialog", lambda dialog: dialog.accept())
    press(phone, "#example-first_contact")
    expect(phone.locator("#name-p1")).to_have_value("Speaker 1", timeout=DONE)


def test_a_transcript_and_an_rttm_are_brought(phone: Page, folder: Path) -> None:
    srt, rttm = folder / "mine.srt", folder / "who.rttm"
    srt.write_text("1\n00:00:00,400 --> 00:00:02,000\nMy own words.\n")
    rttm.write_text("SPEAKER clip 1 0.4 1.5 <NA> <NA> a <NA> <NA>\n")
    unfold(phone, "more-own")
    upload(phone, "#brought", srt)
    expect(phone.locator("#brought-note")).to_contain_text("1 line", timeout=DONE)
    upload(phone, "#turns", rttm)
    expect(phone.locator("#brought-note")).to_contain_text("1 turn by 1 person", timeout=DONE)


def test_two_speakers_cannot_have_one_name_and_the_least_certain_line_comes_first(phone: Page) -> None:
    retype(phone, "#name-p2", "speaker 1")
    phone.keyboard.press("Enter")
    expect(phone.locator("#pending [role=alert]")).to_contain_text("already called speaker 1", timeout=DONE)
    expect(phone.locator("#name-p2")).to_have_value("Speaker 2")
    phone.get_by_label("Least certain first").focus()
    phone.keyboard.press("Space")
    expect(phone.locator(f"{LINE} textarea").first).to_have_value("Not long.", timeout=DONE)


def type_fast(page: Page, field: str, text: str) -> None:
    """Type into `field` letter by letter, without a pause between them however busy the machine is."""
    page.focus(field)
    page.locator(field).evaluate(
        """(field, text) => {
            for (let length = 1; length <= text.length; length += 1) {
                field.value = text.slice(0, length);
                field.dispatchEvent(new InputEvent("input", { bubbles: true }));
            }
        }""",
        text,
    )


def test_a_key_typed_letter_by_letter_was_answered_with_too_many_requests(phone: Page) -> None:
    """Each letter sent five requests, and each letter of a glossary one."""
    asked: list[str] = []
    language(phone, "#target", "German")
    expect(phone.locator("#key input")).to_be_visible(timeout=DONE)
    unfold(phone, "more-translation")
    phone.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    type_fast(phone, "#key input", KEY)
    expect(phone.locator("#target-note p")).to_have_count(0, timeout=DONE)
    assert len(asked) < len(KEY)
    asked.clear()
    pairs = "future = przyszłość\nlong = długo\nbetter = lepsza"
    type_fast(phone, "#glossary textarea", pairs)
    expect(phone.locator("#glossary-note")).to_contain_text("3 pairs", timeout=DONE)
    assert len(asked) < len(pairs) / 2
    phone.focus("#key input")
    phone.keyboard.press("End")
    phone.keyboard.type("x")
    phone.keyboard.press("Tab")  # what was typed last counts at once
    expect(phone.locator("#target-note [role=alert]")).to_contain_text("does not look like a DeepL key", timeout=DONE)
    expect(phone.locator("#key input")).to_have_value(f"{KEY}x")


def test_pairs_of_a_glossary_reach_deepl_when_lines_are_translated_again(browser: Browser, folder: Path) -> None:
    entries: list[str] = []
    with deepl_server.serve() as server:

        def translations(texts: list[str]) -> list[str]:
            entries.extend(made["entries"] for made in server.glossaries.values())
            return [deepl_server.translated(text) for text in texts]

        server.limits, server.translations = {KEY: [0, 500_000]}, translations
        settings = Settings(models="light", cache_dir=folder, deepl_server=server.url)
        example = fakes.make_example(folder / "with a glossary")
        with served(fakes.services(folder, settings=settings, examples=(example,))) as url:
            for page in opened(browser, url, 390, 844):
                unfold(page, "more-translation")
                page.focus("#glossary textarea")
                page.keyboard.type("future = przyszłość\nlong = długo")
                expect(page.locator("#glossary-note")).to_contain_text("2 pairs", timeout=DONE)
                unfold(page, "more-again")
                language(page, "#again-target", "German")
                expect(page.locator("#again-key input")).to_be_visible(timeout=DONE)
                page.focus("#again-key input")
                page.keyboard.type(KEY)
                expect(page.locator("#again-note p")).to_have_count(0, timeout=DONE)
                press(page, "#again")
                expect(page.locator("#translation-3")).to_have_value("toN gnol.", timeout=DONE)
                assert set(entries) == {"future\tprzyszłość\nlong\tdługo"}
                assert all(request["glossary_id"] for request in server.requests)
                press(page, "#redraw")
                expect(page.locator("#download-srt")).to_have_attribute(
                    "download", "First contact.de.srt", timeout=DONE
                )
