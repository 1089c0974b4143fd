"""Lines are translated again: one, some, all; by mouse and by keyboard alone, also at phone width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests import fakes
from tests.browser.states import language
from tests.browser.test_layout import violations
from tests.fixtures_browser import DONE, expect, opened, retype, unfold

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


KEY = "5e0ca3b1-dead-4bee-9f00-0123456789ab:fx"


def give_key(page: Page) -> None:
    """Polish needs a key here."""
    unfold(page, "more-again")
    page.fill("#again-target input", "Polish")
    page.keyboard.press("Enter")
    expect(page.locator("#again-note")).to_contain_text("needs a DeepL key", timeout=DONE)
    page.fill("#again-key input", KEY)
    page.locator("#again-key input").blur()
    expect(page.locator("#again-note")).not_to_contain_text("needs a DeepL key", timeout=DONE)


def test_a_corrected_line_is_translated_again_by_keyboard_and_shown_over_the_original(page: Page) -> None:
    give_key(page)
    before = page.locator("#translation-1").input_value()
    drawings = len(fakes.RENDERED)
    retype(page, "#source-2", "How soon?")
    page.keyboard.press("Alt+T")
    expect(page.locator("#translation-2")).to_have_value("PL: ?noos woH", timeout=DONE)
    expect(page.locator("#source-2")).to_have_value("How soon?")
    expect(page.locator("#translation-1")).to_have_value(before)
    expect(page.locator("#pending")).to_contain_text("2 changes")
    expect(page.locator("#result-video .player")).to_have_attribute("data-view", "live")
    assert len(fakes.RENDERED) == drawings
    page.keyboard.press("Control+Z")
    expect(page.locator("#translation-2")).to_have_value("A jak długo to potrwa?", timeout=DONE)


def test_some_lines_are_translated_again(page: Page) -> None:
    give_key(page)
    for line in ("#pick-1", "#pick-4"):
        page.check(line)
    assert violations(page) == []
    page.click("#chosen-again")
    expect(page.locator("#translation-4")).to_have_value("PL: .thguoht ew naht regnoL", timeout=DONE)
    expect(page.locator("#translation-2")).to_have_value("A jak długo to potrwa?")
    expect(page.locator("#chosen")).to_be_hidden()


def test_everything_goes_into_another_language_at_phone_width(browser: Browser, url: str) -> None:
    for page in opened(browser, url, 390, 844):
        unfold(page, "more-again")
        page.fill("#again-target input", "German")
        page.keyboard.press("Enter")
        expect(page.locator("#again-key input")).to_be_visible(timeout=DONE)
        page.fill("#again-key input", KEY)
        page.locator("#again-key input").blur()
        assert violations(page) == []
        page.click("#again")
        expect(page.locator("#translation-3")).to_have_value("DE: .gnol toN", timeout=DONE)
        expect(page.locator("#pending")).to_contain_text("1 change")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.click("#redraw")
        expect(page.locator("#download-srt")).to_have_attribute("download", "First contact.de.srt", timeout=DONE)


def test_a_language_that_needs_a_key_is_refused_beside_the_lines_and_nothing_is_lost(page: Page) -> None:
    page.click("#transcript .line >> nth=1 >> .menu summary")
    page.click("#transcript .menu[open] button[data-edit=again]")
    expect(page.locator("#pending [role=alert]")).to_contain_text("Polish needs a DeepL key", timeout=DONE)
    expect(page.locator("#translation-2")).to_have_value("A jak długo to potrwa?")
    expect(page.locator("#run")).to_be_visible(timeout=DONE)


def test_the_key_typed_for_the_run_was_not_used_to_translate_a_line_again(page: Page) -> None:
    language(page, "#target input", "German")
    expect(page.locator("#key input")).to_be_visible(timeout=DONE)
    page.fill("#key input", KEY)
    expect(page.locator("#target-note p")).to_have_count(0, timeout=DONE)
    page.focus("#source-2")
    page.keyboard.press("Alt+T")
    expect(page.locator("#translation-2")).to_have_value("PL: ?ekat taht lliw gnol woh dnA", timeout=DONE)
    expect(page.locator("#run")).to_be_visible(timeout=DONE)
    unfold(page, "more-again")
    page.click("#again-target input")
    page.keyboard.type("Polish")
    offered = page.get_by_role("listbox").get_by_role("option").first
    expect(offered).to_contain_text("works now")
    offered.click()
    page.wait_for_timeout(500)
    expect(page.locator("#again-note p")).to_have_count(0)
    expect(page.locator("#again-key input")).to_be_hidden()
    assert KEY not in page.content()
    page.fill("#key input", "")
    expect(page.locator("#again-note")).to_contain_text("needs a DeepL key", timeout=DONE)
    expect(page.locator("#again-key input")).to_be_visible()
    page.click("#again-target input")
    expect(page.get_by_role("listbox").get_by_role("option", name="Polish")).to_contain_text("needs a DeepL key")
    assert KEY not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
