"""Visitors are served in turn, never mixed up, and find their own again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.web import runs
from tests import fakes
from tests.fixtures_browser import DONE, LINE, expect, finished, near, opened, pixel, retype, translate
from tests.fixtures_web import expire, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page


def test_four_visitors_are_served_in_turn_and_never_mixed_up(browser: Browser, url: str, folder: Path) -> None:
    colours = ("#c00000", "#00a000", "#0000c0", "#c0c000")
    clips = [fakes.make_clip(folder / f"visitor{n}.mp4", marker=colour) for n, colour in enumerate(colours)]
    visits = [opened(browser, url) for _ in clips]
    pages = [next(visit) for visit in visits]
    for page, clip in zip(pages, clips, strict=True):
        translate(page, clip)
    for page, clip, colour in zip(pages, clips, colours, strict=True):
        finished(page)
        expect(page.locator("#name-p1")).to_have_value(f"Speaker {fakes._marker(clip)}")
        assert near(pixel(page, 1.0, 320, 40), colour)
    pages[0].fill("#name-p1", "Only mine")
    pages[0].press("#name-p1", "Enter")
    expect(pages[0].locator("#pending")).to_contain_text("1 change")
    pages[1].get_by_label("Least certain first").check()
    expect(pages[1].locator("#name-p1")).not_to_have_value("Only mine")
    expect(pages[1].locator("#transcript")).not_to_contain_text("Only mine")
    for visit in visits:
        assert next(visit, None) is None


def test_leaving_stops_the_run(browser: Browser, slow_url: str, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "GRACE_S", 1.0)
    visit = opened(browser, slow_url, example=False)
    page = next(visit)
    translate(page, clip)
    expect(page.locator("#hud [aria-current=step]")).to_have_text("Transcribe the speech", timeout=DONE)
    assert fakes.OPEN == ["analyse"]
    next(visit, None)
    end = time.monotonic() + 30
    while fakes.OPEN and time.monotonic() < end:
        time.sleep(0.05)
    assert fakes.OPEN == []


def test_a_reload_keeps_result_and_edits(browser: Browser, url: str, clip: Path) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    for page in opened(browser, url, context=context):
        translate(page, clip)
        finished(page)
        page.fill("#name-p1", "Ada")
        page.press("#name-p1", "Enter")
        expect(page.locator("#pending")).to_contain_text("1 change")
        page.reload()
        expect(page.locator("#name-p1")).to_have_value("Ada", timeout=DONE)
        expect(page.locator("#result-title b")).to_have_text("Your clip")
        expect(page.locator("#undo")).to_be_enabled()
        finished(page)
    for other in opened(browser, url):
        expect(other.locator("#result-title b")).to_have_text("Finished example")
        expect(other.locator("#name-p1")).to_have_value("Speaker 1")
    context.close()


def test_a_reload_keeps_the_running_job(browser: Browser, url: str, clip: Path) -> None:
    for page in opened(browser, url, left=True):
        translate(page, clip)
        expect(page.locator("#hud [aria-current=step]")).to_be_visible(timeout=DONE)
        page.reload()
        finished(page)
        assert near(pixel(page, 3.0, 320, 290), fakes.COLOURS[0])


def test_leaving_with_a_run_asks_first_and_who_stays_sees_it_go_on(browser: Browser, slow_url: str, clip: Path) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    for page in opened(browser, slow_url, example=False, left=True):
        translate(page, clip)
        page.on("dialog", stay)
        page.evaluate("setTimeout(() => location.reload(), 0)")
        end = time.monotonic() + 20
        while not asked and time.monotonic() < end:
            page.wait_for_timeout(100)
        assert asked == ["beforeunload"]
        expect(page.locator("#hud [aria-current=step]")).to_have_text("Tell voices apart", timeout=DONE)
        page.click("#stop")
        expect(page.locator("#run")).to_be_visible(timeout=DONE)


def test_leaving_with_changes_asks_first_and_who_stays_keeps_them(phone: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    retype(phone, "#name-p1", "Ada")
    phone.keyboard.press("Enter")
    expect(phone.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    phone.on("dialog", stay)
    phone.evaluate("setTimeout(() => location.reload(), 0)")
    end = time.monotonic() + 20
    while not asked and time.monotonic() < end:
        phone.wait_for_timeout(100)
    assert asked == ["beforeunload"]
    phone.wait_for_timeout(1500)  # the page comes anew by itself
    expect(phone.locator("#name-p1")).to_have_value("Ada", timeout=DONE)
    expect(phone.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    assert asked == ["beforeunload"], "it asks once"


def test_a_result_that_has_expired_is_not_taken_for_the_example(browser: Browser, tmp_path: Path) -> None:
    services = fakes.services(tmp_path, examples=(fakes.make_example(tmp_path),))
    with served(services) as url:
        for page in opened(browser, url, expires=True):
            page.fill("#name-p1", "Ada")
            page.press("#name-p1", "Enter")
            expect(page.locator("#pending")).to_contain_text("1 change")
            expire()
            page.fill("#name-p1", "Bea")
            page.press("#name-p1", "Enter")
            expect(page.locator("#pending [role=alert]")).to_contain_text("has expired; translate the clip again")
            expect(page.locator("#pending")).not_to_contain_text("is up to date")
            page.click("#redraw")
            expect(page.locator("#problem [role=alert]")).to_contain_text("has expired; translate the clip again")
            expect(page.locator("#run")).to_be_visible()
            page.reload()
            expect(page.locator("#hud")).to_contain_text("has expired", timeout=DONE)
            expect(page.locator(LINE)).to_have_count(4)
            page.click("#example-first_contact")
            expect(page.locator("#name-p1")).to_have_value("Speaker 1")
