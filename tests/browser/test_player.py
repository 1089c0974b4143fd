"""The player: live captions, the line that is spoken, and the finished video."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fixtures_browser import DONE, LINE, VIDEO, expect, finished, translate

if TYPE_CHECKING:
    from playwright.sync_api import Page


VIEW = "document.querySelector('#result-video .player').dataset.view"


def test_the_video_plays_and_a_line_seeks(page: Page) -> None:
    page.locator(f"{LINE} .when").nth(1).click()
    page.wait_for_function(f"document.querySelector('{VIDEO}').currentTime > 2.15", timeout=DONE)
    expect(page.locator(LINE).nth(1)).to_have_class(re.compile("now"))
    page.wait_for_function(f"document.querySelector('{VIDEO}').currentTime > 2.5", timeout=DONE)
    page.locator("h1").click()
    page.keyboard.press("Space")
    page.wait_for_function(f"document.querySelector('{VIDEO}').paused")


def test_the_subtitles_track_is_off_until_asked_for(page: Page) -> None:
    mode = f"[...document.querySelector('{VIDEO}').textTracks].map((t) => t.mode)[0]"
    page.wait_for_function(f"{mode} === 'disabled'")
    page.check("#captions")
    page.wait_for_function(f"{mode} === 'showing'")
    page.wait_for_function(f"document.querySelector('{VIDEO}').textTracks[0].cues?.length === 4", timeout=DONE)
    page.uncheck("#captions")
    page.wait_for_function(f"{mode} === 'disabled'")


def test_a_correction_is_over_the_picture_in_under_a_fifth_of_a_second(page: Page, clip: Path) -> None:
    translate(page, clip)
    finished(page)
    page.evaluate(f"document.querySelector('{VIDEO}').pause()")
    page.focus("#translation-2")
    page.wait_for_function(f"Math.abs(document.querySelector('{VIDEO}').currentTime - 2.6) < 0.2", timeout=DONE)
    page.keyboard.press("End")
    took = page.evaluate(
        """async () => {
            const box = document.querySelector('#translation-2'), start = performance.now();
            box.value = 'Seen at once';
            box.dispatchEvent(new InputEvent('input', {bubbles: true}));
            while (![...document.querySelectorAll('.live .cap strong')].some((e) => e.textContent === 'Seen at once')) {
                await new Promise(requestAnimationFrame);
                if (performance.now() - start > 20000) return null;
            }
            return [performance.now() - start, document.querySelector('.live .cap').getBoundingClientRect().width];
        }"""
    )
    assert took, "the correction never came"
    print(f"\na correction was over the picture after {took[0]:.0f} ms")
    assert took[1] > 50
    assert page.evaluate(VIEW) == "live"


def test_live_captions_stand_over_the_one_who_speaks(page: Page) -> None:
    page.evaluate(f"document.querySelector('{VIDEO}').pause()")
    page.click("#result-video .views [data-view=live]")
    page.focus("#source-2")
    cap = page.locator(".live .cap")
    expect(cap).to_have_count(1, timeout=DONE)
    expect(cap).to_contain_text("And how long will that take?")
    picture, box = page.locator(VIDEO).bounding_box(), cap.bounding_box()
    assert picture
    assert box
    assert box["x"] + box["width"] / 2 > picture["x"] + picture["width"] / 2, (
        "over the second person, who is on the right"
    )
    assert box["y"] + box["height"] <= picture["y"] + picture["height"] * 110 / 360 + 2, "above the face"


def test_the_finished_video_is_a_switch_away(page: Page) -> None:
    drawn = page.evaluate(f"document.querySelector('{VIDEO}').src")
    page.click("#result-video .views [data-view=live]")
    page.wait_for_function(f"document.querySelector('{VIDEO}').src !== '{drawn}'")
    page.click("#result-video .views [data-view=drawn]")
    page.wait_for_function(f"document.querySelector('{VIDEO}').src === '{drawn}'")
    expect(page.locator(".live .cap")).to_have_count(0)
