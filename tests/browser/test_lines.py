"""Lines, people and faces are corrected, by mouse and by keyboard alone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import fakes
from tests.fixtures_browser import DONE, LINE, expect, finished, near, opened, pixel, translate, unfold
from tests.fixtures_web import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page


def test_a_new_name_and_colour_are_redrawn_without_a_model(page: Page, clip: Path) -> None:
    translate(page, clip)
    finished(page)
    drawings = len(fakes.RENDERED)
    page.fill("#name-p1", "<img src=x onerror=alert(1)>")
    page.press("#name-p1", "Enter")
    expect(page.locator("#pending")).to_contain_text("1 change not in the video yet")
    expect(page.locator("#timeline .who").first).to_have_text("<img src=x onerror=alert(1)>")
    assert page.locator("img[src=x]").count() == 0
    page.locator("#colour-p1").evaluate(
        "(e) => { e.value = '#ff0044'; e.dispatchEvent(new Event('change', {bubbles: true})) }"
    )
    expect(page.locator("#pending")).to_contain_text("2 changes")
    page.click("#redraw")
    expect(page.locator("#pending")).to_contain_text("is up to date", timeout=DONE)
    expect(page.locator("#run")).to_be_visible(timeout=DONE)
    page.wait_for_function("document.querySelector('#result-video video')?.duration > 0")
    assert len(fakes.RENDERED) == drawings + 1
    assert fakes.RENDERED[-1].people[0].name == "<img src=x onerror=alert(1)>"
    assert near(pixel(page, 1.0, 320, 290), "#ff0044")
    assert "analyse" not in fakes.OPEN


def test_lines_are_corrected_given_away_removed_and_taken_back(page: Page) -> None:
    page.fill("#source-2", "And how long?")
    page.press("#source-2", "Enter")
    expect(page.locator("#pending")).to_contain_text("1 change")
    page.fill("#translation-2", "A jak długo?")
    page.press("#translation-2", "Enter")
    expect(page.locator("#pending")).to_contain_text("2 changes")
    page.select_option("#who-2", "p1")
    expect(page.locator("#pending")).to_contain_text("3 changes")
    expect(page.locator("#timeline .row").nth(1).locator("rect.said")).to_have_count(0)
    page.select_option("#who-3", "new")
    expect(page.locator("#gallery .person")).to_have_count(4)
    page.locator("#transcript .menu summary").nth(3).click()
    page.locator("#transcript .menu[open] button[data-edit=remove]").click()
    expect(page.locator("#transcript .line")).to_have_count(3)
    page.click("#undo")
    expect(page.locator("#transcript .line")).to_have_count(4)
    page.fill("#source-1", "Wrong.")
    page.press("#source-1", "Enter")
    expect(page.locator("#pending")).to_contain_text("5 changes")
    page.click("#undo")
    expect(page.locator("#source-1")).to_have_value("Everyone here is working for a better future.")
    expect(page.locator("#source-2")).to_have_value("And how long?")
    page.click("#redraw")
    expect(page.locator("#pending")).to_contain_text("is up to date", timeout=DONE)
    drawn = fakes.RENDERED[-1].phrases[1]
    assert (drawn.source, drawn.translation, drawn.person) == ("And how long?", "A jak długo?", "p1")


def test_two_people_become_one(page: Page) -> None:
    page.select_option("#merge-p3", "p2")
    expect(page.locator("#gallery .person")).to_have_count(2)
    expect(page.locator("#who-3")).to_have_value("p2")


def test_an_impossible_edit_says_why_and_changes_nothing(page: Page) -> None:
    page.fill("#name-p2", "   ")
    page.press("#name-p2", "Enter")
    expect(page.locator("#pending [role=alert]")).to_contain_text("needs a name")
    expect(page.locator("#name-p2")).to_have_value("Speaker 2")
    expect(page.locator("#pending")).to_contain_text("is up to date")


def test_least_certain_first(page: Page) -> None:
    page.get_by_label("Least certain first").check()
    expect(page.locator("#transcript .line textarea").first).to_have_value("Not long.")
    page.get_by_label("In order").check()
    expect(page.locator("#transcript .line textarea").first).to_have_value(
        "Everyone here is working for a better future."
    )


@pytest.fixture
def slow(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page with an example, whose drawing takes long enough for an edit on any machine."""
    example = fakes.make_example(tmp_path)
    with served(fakes.services(tmp_path, examples=(example,), steps=150)) as url:
        yield from opened(browser, url)


def test_nothing_is_changed_while_the_video_is_drawn(slow: Page) -> None:
    page = slow
    page.fill("#name-p1", "Ada")
    page.press("#name-p1", "Enter")
    expect(page.locator("#undo")).to_be_enabled()
    page.click("#redraw")
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#redraw")).to_be_disabled()
    expect(page.locator("#undo")).to_be_disabled()
    page.fill("#name-p2", "Late")
    page.press("#name-p2", "Enter")
    expect(page.locator("#pending [role=alert]")).to_contain_text("wait for it to finish or stop it")
    expect(page.locator("#name-p2")).to_have_value("Speaker 2")
    expect(page.locator("#pending")).to_contain_text("is up to date", timeout=DONE)
    expect(page.locator("#redraw")).to_be_enabled()
    expect(page.locator("#undo")).to_be_enabled()
    assert [person.name for person in fakes.RENDERED[-1].people] == ["Ada", "Speaker 2", "Speaker 3"]


def test_two_speakers_cannot_have_one_name_and_a_new_one_gets_a_name_of_its_own(page: Page) -> None:
    page.fill("#name-p1", "Ada")
    page.press("#name-p1", "Enter")
    expect(page.locator("#pending")).to_contain_text("1 change")
    page.select_option("#who-3", "new")
    expect(page.locator("#name-p4")).to_have_value("Speaker 4")
    page.fill("#name-p2", "ada")
    page.press("#name-p2", "Enter")
    expect(page.locator("#pending [role=alert]")).to_contain_text("Somebody is already called ada")
    expect(page.locator("#name-p2")).to_have_value("Speaker 2")


def test_a_line_is_split_at_the_caret_and_merged_again_by_keyboard(page: Page) -> None:
    before = page.locator("#source-1").input_value()
    page.focus("#source-1")
    page.evaluate("document.querySelector('#source-1').setSelectionRange(17, 17)")
    time.sleep(0.1)
    page.keyboard.press("Alt+s")
    expect(page.locator(LINE)).to_have_count(5)
    expect(page.locator("#source-1")).to_have_value("Everyone here is")
    expect(page.locator("#source-1")).to_be_focused()
    page.keyboard.press("Alt+m")
    expect(page.locator(LINE)).to_have_count(4)
    expect(page.locator("#source-1")).to_have_value(before)


def test_what_was_typed_is_not_lost_when_the_line_is_split(page: Page) -> None:
    page.focus("#source-1")
    page.fill("#source-1", "One two three four.")
    page.evaluate("document.querySelector('#source-1').setSelectionRange(8, 8)")
    time.sleep(0.1)
    page.keyboard.press("Alt+s")
    expect(page.locator(LINE)).to_have_count(5)
    expect(page.locator("#source-1")).to_have_value("One two")
    expect(page.locator("#source-5")).to_have_value("three four.")
    page.locator("h1").click()
    time.sleep(0.4)
    expect(page.locator("#source-1")).to_have_value("One two")


def test_the_keyboard_alone_adds_deletes_undoes_and_redoes(page: Page) -> None:
    page.focus("#source-2")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#source-3")).to_be_focused()
    page.keyboard.press("Alt+n")
    expect(page.locator(LINE)).to_have_count(5)
    page.keyboard.press("Alt+Delete")
    expect(page.locator(LINE)).to_have_count(4)
    expect(page.locator("#source-3")).to_have_count(0)
    page.locator("h1").click()
    page.keyboard.press("Control+z")
    expect(page.locator("#source-3")).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(page.locator(LINE)).to_have_count(4)
    page.keyboard.press("Control+Shift+z")
    expect(page.locator(LINE)).to_have_count(5)
    page.keyboard.press("Control+y")
    expect(page.locator("#source-3")).to_have_count(0)


def test_start_and_end_are_typed_and_dragged(page: Page) -> None:
    page.fill("#end-2", "0:03.5")
    page.press("#end-2", "Enter")
    expect(page.locator("#timeline rect.said[data-phrase='2']")).to_have_attribute("width", "1.300")
    page.fill("#start-2", "later")
    page.press("#start-2", "Enter")
    expect(page.locator("#pending [role=alert]")).to_contain_text("type one such as 1:05.3")
    expect(page.locator("#start-2")).to_have_value("0:02.2")
    bar = page.locator("#timeline rect.said[data-phrase='2']")
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 + box["width"] / 2, box["y"] + 5, steps=4)
    page.mouse.up()
    expect(page.locator("#start-2")).to_have_value(re.compile(r"0:02\.[89]"))


def test_several_lines_move_at_once(page: Page) -> None:
    for number in (2, 3):
        page.check(f"#pick-{number}")
    expect(page.locator("#chosen b")).to_have_text("2 lines selected")
    page.select_option("#chosen-to", "p1")
    expect(page.locator("#who-2")).to_have_value("p1")
    expect(page.locator("#who-3")).to_have_value("p1")
    expect(page.locator("#chosen")).to_be_hidden()
    page.focus("#source-1")
    page.keyboard.press("Alt+x")
    page.click("#chosen-remove")
    expect(page.locator(LINE)).to_have_count(3)


def test_find_and_replace(page: Page) -> None:
    page.keyboard.press("Alt+f")
    expect(page.locator("#find-text")).to_be_focused()
    page.fill("#find-text", "long")
    expect(page.locator("#find-count")).to_have_text("3 found")
    page.fill("#replace-text", "far")
    page.click("#replace-all")
    expect(page.locator("#source-2")).to_have_value("And how far will that take?")
    expect(page.locator("#find-count")).to_have_text("0 found")


def test_what_was_found_stayed_marked_in_both_languages_and_after_find_was_closed(page: Page) -> None:
    mark = "[...document.querySelectorAll('#transcript .line *')].filter((e) => getComputedStyle(e).textDecorationLine === 'underline').map((e) => e.id)"
    page.keyboard.press("Alt+f")
    page.fill("#find-text", "thought")
    expect(page.locator("#find-count")).to_have_text("1 found")
    assert page.evaluate(mark) == ["source-4"]
    page.locator("#find summary").press("Enter")
    page.wait_for_function(f"({mark}).length === 0")


def test_the_sheet_of_keys(page: Page) -> None:
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_contain_text("Split the line at the cursor")
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()


def test_evidence_is_there_by_keyboard(page: Page) -> None:
    page.locator("#transcript .sure summary").nth(2).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#transcript .sure[open] .why")).to_contain_text("no visible mouth moves")


def test_one_click_gives_two_mixed_up_faces_back(page: Page) -> None:
    page.locator("#gallery .person").first.locator(".faces summary").click()
    page.locator("#gallery .person").first.get_by_label("assigned to Speaker 2").click()
    expect(page.locator("#pending")).to_contain_text("1 change")
    boxes = page.evaluate("JSON.parse(document.querySelector('#shown').dataset.tracks)")
    assert boxes["p1"][0][0][1] > boxes["p2"][0][0][1], "the first speaker is on the right now"
    page.locator("#gallery .person").nth(2).locator(".faces summary").click()
    page.locator("#gallery .person").nth(2).get_by_label("assigned to Speaker 1").click()
    expect(page.locator("#gallery .person").nth(2).locator(".frame img")).to_have_count(1)
    page.locator("#gallery .person").nth(2).locator(".faces summary").click()
    page.get_by_role("button", name="No face").last.click()
    expect(page.locator("#gallery .person").nth(2).locator(".frame svg")).to_have_count(1)


def test_changes_are_not_thrown_away_without_a_question(page: Page, clip: Path) -> None:
    page.fill("#name-p1", "Ada")
    page.press("#name-p1", "Enter")
    expect(page.locator("#pending")).to_contain_text("1 change")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", stay)
    page.click("#example-first_contact")
    assert "will be lost" in asked[0]
    expect(page.locator("#name-p1")).to_have_value("Ada")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#example-first_contact")
    expect(page.locator("#name-p1")).to_have_value("Speaker 1")


def test_undo_and_redo_did_nothing_on_a_list_that_has_the_focus(page: Page) -> None:
    page.focus("#who-4")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    expect(page.locator("#who-4")).to_have_value("p2")
    page.keyboard.press("Control+z")
    expect(page.locator("#pending")).to_contain_text("is up to date", timeout=DONE)
    expect(page.locator("#who-4")).to_be_focused()
    expect(page.locator("#who-4")).to_have_value("p1")
    page.keyboard.press("Control+Shift+z")
    expect(page.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    expect(page.locator("#who-4")).to_have_value("p2")


def test_undo_in_a_field_beside_the_transcript_took_back_a_line_instead_of_the_typing(page: Page) -> None:
    page.fill("#source-1", "Corrected.")
    page.press("#source-1", "Enter")
    expect(page.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    unfold(page, "more-translation")
    glossary = page.locator("#glossary textarea")
    for field in (glossary, page.locator("#find-text")):
        if not field.is_visible():
            page.locator("#find summary").click()
        field.click()
        page.keyboard.type("neural = neuronowa")
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.press("Control+z")
        expect(field).to_have_value("neural = neuronowa")
    page.wait_for_timeout(300)
    expect(page.locator("#pending")).to_contain_text("1 change")
    expect(page.locator("#source-1")).to_have_value("Corrected.")


def test_unsent_typing_in_a_line_is_undone_before_the_last_change(page: Page) -> None:
    page.fill("#name-p1", "Ada")
    page.press("#name-p1", "Enter")
    expect(page.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    before = page.locator("#source-2").input_value()
    page.focus("#source-2")
    page.keyboard.press("End")
    page.keyboard.type("!")
    page.keyboard.press("Control+z")
    expect(page.locator("#source-2")).to_have_value(before)
    expect(page.locator("#name-p1")).to_have_value("Ada")
    page.keyboard.press("Control+z")
    expect(page.locator("#name-p1")).to_have_value("Speaker 1", timeout=DONE)


def test_a_drag_on_the_timeline_that_the_system_takes_away_moves_nothing(page: Page) -> None:
    """A finger's drag that became a scroll left the bar where it was, and the next release sent it."""
    bar = page.locator("#timeline rect.said[data-phrase='2']")
    bar.scroll_into_view_if_needed()
    place = "(e) => [e.getAttribute('x'), e.getAttribute('width')]"
    times = "(e) => [e.dataset.start, e.dataset.end]"
    row = page.locator(f"{LINE}[data-phrase='2']")
    before = bar.evaluate(place), row.evaluate(times)
    box = bar.bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 3 + box["width"] / 2, box["y"] + 5, steps=4)
    assert (bar.evaluate(place), row.evaluate(times)) != before
    bar.evaluate("(e) => e.dispatchEvent(new PointerEvent('pointercancel', {bubbles: true, pointerId: 1}))")
    assert (bar.evaluate(place), row.evaluate(times)) == before
    page.mouse.up()
    page.wait_for_timeout(500)
    expect(page.locator("#pending")).to_contain_text("is up to date")
    assert (bar.evaluate(place), row.evaluate(times)) == before


PRESSED = """(field, key) => {
    const event = new KeyboardEvent('keydown', {bubbles: true, cancelable: true, ...key});
    return field.dispatchEvent(event);  // false where the page took the key
}"""


def pressed(page: Page, field: str, **key: object) -> bool:
    """Press a key this keyboard has not; returns whether the page leaves it to the browser."""
    page.focus(field)
    return bool(page.locator(field).evaluate(PRESSED, key))


def test_letters_that_option_types_on_a_mac_were_taken_for_keys_of_the_page(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'platform', { get: () => 'MacIntel' })")
    for page in opened(browser, url, context=context):
        unfold(page, "more-translation")
        for code, key in (("KeyS", "ś"), ("KeyN", "ń"), ("KeyX", "ź"), ("KeyN", "Dead"), ("BracketLeft", "“")):
            for field in ("#source-1", "#name-p1", "#glossary textarea"):
                assert pressed(page, field, code=code, key=key, altKey=True), (code, key, field)
        expect(page.locator(LINE)).to_have_count(4)
        assert not pressed(page, "#source-1", code="KeyN", key="ń", altKey=True, ctrlKey=True), (
            "with Control it is ours"
        )
        expect(page.locator(LINE)).to_have_count(5, timeout=DONE)
        assert not pressed(page, "#who-1", code="KeyN", key="ń", altKey=True), "a list is no text"
        expect(page.locator(LINE)).to_have_count(6, timeout=DONE)
    context.close()


def test_keys_of_the_page_are_found_on_every_layout(page: Page) -> None:
    """By the letter where the layout has it, as on AZERTY, else by its place, as on a Russian one."""
    for code, key, count in (("Semicolon", "n", 5), ("KeyN", "т", 6)):
        assert not pressed(page, "#source-1", code=code, key=key, altKey=True)
        expect(page.locator(LINE)).to_have_count(count, timeout=DONE)


def test_enter_that_chooses_a_word_of_an_input_method_does_not_leave_the_line(page: Page) -> None:
    assert pressed(page, "#source-1", code="Enter", key="Enter", isComposing=True)
    expect(page.locator("#source-1")).to_be_focused()
    assert not pressed(page, "#source-1", code="Enter", key="Enter")
    expect(page.locator("#source-1")).not_to_be_focused()
