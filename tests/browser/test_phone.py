"""A phone's width and a keyboard alone: everything that corrects a result, one thing after the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests import fakes
from tests.browser.test_layout import violations
from tests.fixtures_browser import DONE, LINE, VIDEO, expect, finished, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def caret(page: Page, field: str, at: int) -> None:
    page.focus(field)
    page.evaluate(f"document.querySelector('{field}').setSelectionRange({at}, {at})")
    page.wait_for_timeout(100)


def test_lines_are_split_merged_added_deleted_undone_and_redone(phone: Page) -> None:
    caret(phone, "#source-1", 17)
    phone.keyboard.press("Alt+s")
    expect(phone.locator(LINE)).to_have_count(5, timeout=DONE)
    expect(phone.locator("#source-1")).to_have_value("Everyone here is")
    phone.keyboard.press("Alt+m")
    expect(phone.locator(LINE)).to_have_count(4, timeout=DONE)
    expect(phone.locator("#source-1")).to_have_value("Everyone here is working for a better future.")
    phone.keyboard.press("Alt+n")
    expect(phone.locator(LINE)).to_have_count(5, timeout=DONE)
    phone.focus("#source-2")
    phone.keyboard.press("Alt+Delete")
    expect(phone.locator(LINE)).to_have_count(4, timeout=DONE)
    phone.evaluate("document.activeElement.blur()")
    for keys, count in (("Control+z", 5), ("Control+z", 4), ("Control+Shift+z", 5), ("Control+y", 4)):
        phone.keyboard.press(keys)
        expect(phone.locator(LINE)).to_have_count(count, timeout=DONE)
    expect(phone.locator("#pending")).to_contain_text("4 changes")


def test_a_line_plays_pauses_and_gets_its_start_and_end_from_what_is_playing(phone: Page) -> None:
    phone.focus("#source-2")
    phone.keyboard.press("Alt+p")
    expect(phone.locator(LINE).nth(1)).to_have_class(re.compile(r"\bnow\b"), timeout=DONE)
    phone.wait_for_function(f"document.querySelector('{VIDEO}').currentTime > 2.5", timeout=DONE)
    phone.evaluate("document.activeElement.blur()")
    phone.keyboard.press("Space")
    phone.wait_for_function(f"document.querySelector('{VIDEO}').paused", timeout=DONE)
    phone.evaluate(f"document.querySelector('{VIDEO}').currentTime = 2.4")
    phone.wait_for_timeout(300)
    phone.evaluate("document.querySelector('#transcript .line:nth-child(2) .when').focus()")
    phone.keyboard.press("Alt+[")
    expect(phone.locator("#start-2")).to_have_value("0:02.4", timeout=DONE)
    phone.evaluate(f"document.querySelector('{VIDEO}').currentTime = 3.2")
    phone.wait_for_timeout(300)
    phone.keyboard.press("Alt+]")
    expect(phone.locator("#end-2")).to_have_value("0:03.2", timeout=DONE)
    phone.focus("#end-2")
    phone.keyboard.press("Control+a")
    phone.keyboard.type("3.4")
    phone.keyboard.press("Enter")
    expect(phone.locator("#end-2")).to_have_value("0:03.4", timeout=DONE)


def test_lines_move_to_another_speaker_one_and_several(phone: Page) -> None:
    phone.focus("#who-4")
    phone.keyboard.press("ArrowDown")
    expect(phone.locator("#who-4")).to_have_value("p2", timeout=DONE)
    for number in (2, 3):
        phone.focus(f"#source-{number}")
        phone.keyboard.press("Alt+x")
    expect(phone.locator("#chosen b")).to_have_text("2 lines selected")
    phone.focus("#chosen-to")
    phone.keyboard.press("ArrowDown")
    for number in (2, 3):
        expect(phone.locator(f"#who-{number}")).to_have_value("p1", timeout=DONE)
    expect(phone.locator("#chosen")).to_be_hidden()


def test_a_word_is_found_and_replaced(phone: Page) -> None:
    phone.keyboard.press("Alt+f")
    expect(phone.locator("#find-text")).to_be_focused()
    phone.keyboard.type("long")
    expect(phone.locator("#find-count")).to_have_text("3 found")
    phone.keyboard.press("Tab")
    phone.keyboard.type("far")
    for _ in range(3):
        phone.keyboard.press("Tab")
    expect(phone.locator("#replace-all")).to_be_focused()
    phone.keyboard.press("Enter")
    expect(phone.locator("#source-2")).to_have_value("And how far will that take?", timeout=DONE)


def test_the_sheet_of_keys_and_the_evidence_of_a_line(phone: Page) -> None:
    phone.keyboard.press("?")
    expect(phone.locator("#keys")).to_contain_text("Split the line at the cursor")
    assert violations(phone) == []
    phone.keyboard.press("Escape")
    expect(phone.locator("#keys")).to_be_hidden()
    phone.locator(f"{LINE} .sure summary").nth(2).focus()
    phone.keyboard.press("Enter")
    expect(phone.locator(".sure[open] .why")).to_contain_text("no visible mouth moves")
    box = phone.locator(".sure[open] .why").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_evidence_and_lines_answer_to_a_finger(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for page in opened(browser, url, context=context):
        page.locator(f"{LINE} .sure summary").nth(2).tap()
        expect(page.locator(".sure[open] .why")).to_contain_text("no visible mouth moves")
        page.locator(f"{LINE} .when").nth(3).tap()
        page.wait_for_function(f"document.querySelector('{VIDEO}').currentTime > 4.75", timeout=DONE)
    context.close()


def test_faces_are_given_taken_and_parted(phone: Page) -> None:
    """One key press mends all lines of a speaker."""

    def press(person: str, name: str) -> None:
        card = phone.locator(f"#gallery .person:has(#name-{person})")
        card.locator(".faces summary").focus()
        phone.keyboard.press("Enter")
        card.locator(".faces").get_by_role("button", name=name).focus()
        phone.keyboard.press("Enter")

    shown = "JSON.parse(document.querySelector('#shown').dataset.tracks)"
    press("p1", "assigned to Speaker 2")
    expect(phone.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    assert phone.evaluate(f"{shown}.p1[0][0][1] > {shown}.p2[0][0][1]"), "the first speaker is on the right now"
    press("p1", "No face")
    expect(phone.locator("#gallery .person:has(#name-p1) .frame svg")).to_have_count(1, timeout=DONE)
    press("p2", "This is another person")
    expect(phone.locator("#name-p4")).to_have_value("Speaker 4", timeout=DONE)
    expect(phone.locator("#gallery .person:has(#name-p2) .frame svg")).to_have_count(1)
    expect(phone.locator("#gallery .person:has(#name-p4) .frame img")).to_have_count(1)
    assert phone.evaluate(f"Object.keys({shown}).includes('p4')")


def test_a_clip_is_translated_corrected_seen_and_redrawn(phone: Page, clip: Path) -> None:
    phone.set_input_files("#clip input[type=file]", str(clip))
    expect(phone.locator("#clip-note .clip-facts")).to_be_visible(timeout=DONE)
    phone.focus("#run")
    phone.keyboard.press("Enter")
    expect(phone.locator("#stop")).to_be_visible(timeout=DONE)
    finished(phone)
    phone.wait_for_function(f"document.querySelector('{VIDEO}').currentTime > 0.3", timeout=DONE)
    phone.focus("#translation-2")
    phone.keyboard.press("Control+a")
    phone.keyboard.type("Seen at once")
    expect(phone.locator("#result-video .player")).to_have_attribute("data-view", "live")
    expect(phone.locator("#result-video .cap strong")).to_have_text("Seen at once", timeout=DONE)
    phone.keyboard.press("Enter")
    expect(phone.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    phone.focus("#redraw")
    phone.keyboard.press("Enter")
    expect(phone.locator("#pending")).to_contain_text("is up to date", timeout=DONE)
    assert fakes.RENDERED[-1].phrases[1].translation == "Seen at once"
