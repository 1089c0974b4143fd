"""The style on the page: a still, places by dragging, a style file down and up."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline import project, style
from pipeline.records import Look
from pipeline.subtitles import fonts
from tests import fakes
from tests.fixtures_browser import DONE, choose, expect, finished, opened, translate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FONT = next(iter(fonts.installed()))
LOOK = Look("bars", "bottom", 1.3, "both", reduced_motion=True, reveal="none", font=FONT, panel_opacity=0.3)


def shows(page: Page, look: Look) -> None:
    """The fields under "How it looks" are those of `look`."""
    fields = page.locator("#looks")
    expect(fields.get_by_role("radio", name="Bars: above and below")).to_be_checked(
        checked=look.name == "bars", timeout=DONE
    )
    expect(fields.get_by_role("radio", name="Bottom")).to_be_checked(checked=look.position == "bottom")
    expect(fields.get_by_role("checkbox", name="Reduced motion")).to_be_checked(checked=look.reduced_motion)
    expect(fields.locator("input[type=number]")).to_have_value(f"{look.text_size:g}")
    expect(fields.get_by_label("Font", exact=True)).to_have_value(look.font or "Default for the look")
    opacity = "Default for the look" if look.panel_opacity is None else f"{look.panel_opacity:.0%}".replace("%", " %")
    expect(fields.get_by_label("Panel opacity")).to_have_value(opacity)


def test_the_fields_follow_a_result_that_comes_back_after_a_reload(
    browser: Browser, url: str, clip: Path, tmp_path: Path
) -> None:
    own = tmp_path / "My Font.ttf"
    own.write_bytes((fonts.FOLDER / fonts.NOTO_SANS.file).read_bytes())
    file = tmp_path / "mine.json"
    file.write_text(style.to_json(LOOK), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    for page in opened(browser, url, context=context):
        translate(page, clip)
        finished(page)
        page.click("#looks button.label-wrap")
        page.set_input_files("#style-file input[type=file]", file)
        expect(page.locator("#looks")).to_contain_text("The style is loaded", timeout=DONE)
        shows(page, LOOK)
        page.set_input_files("#own-font input[type=file]", own)
        expect(page.locator("#own-font")).to_contain_text("My Font", timeout=DONE)
        page.click("#redraw")
        expect(page.locator("#stop")).to_be_visible(timeout=DONE)
        expect(page.locator("#run")).to_be_visible(timeout=DONE)
        page.reload()
        expect(page.locator("#result-title b")).to_have_text("Your clip", timeout=DONE)
        page.click("#looks button.label-wrap")
        shows(page, replace(LOOK, font=""))
        expect(page.locator("#own-font")).to_contain_text("My Font")
        page.click("#example-first_contact")
        shows(page, Look())
        expect(page.locator("#own-font")).not_to_contain_text("My Font")
    context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_fields_follow_a_project_that_is_opened(browser: Browser, url: str, clip: Path, width: int) -> None:
    saved = project.to_json(project.Project(fakes.analysis(), LOOK, clip.name)).encode()
    for page in opened(browser, url, width, 844):
        page.click("#more-own button.label-wrap")
        page.set_input_files("#brought input[type=file]", {"name": "p.json", "mimeType": "text/json", "buffer": saved})
        choose(page, clip)
        page.click("#open")
        expect(page.locator("#pending")).to_contain_text("No video has been made", timeout=DONE)
        page.click("#looks button.label-wrap")
        shows(page, LOOK)
        page.click("#still-person input")
        expect(page.get_by_role("option")).to_contain_text(["Speaker 1", "Speaker 2", "Speaker 3"])


def test_panels_are_placed_by_keyboard_at_phone_width(browser: Browser, url: str) -> None:
    for page in opened(browser, url, 390, 844):
        page.click("#looks button.label-wrap")
        page.focus("#show-still")
        page.keyboard.press("Enter")
        expect(page.locator("#still img")).to_be_visible(timeout=DONE)
        page.focus("#still .still")
        for key in ("ArrowLeft", "ArrowLeft", "ArrowDown"):
            page.keyboard.press(key)
        expect(page.locator("#still .still-mark")).to_be_visible()
        page.keyboard.press("Enter")
        page.wait_for_timeout(1500)
        expect(page.locator("#still .still")).to_be_focused()
        with page.expect_download() as downloading:
            page.click("#save-style")
        (own,) = json.loads(Path(downloading.value.path()).read_text())["people"].values()
        assert own["position"] == pytest.approx([0.46, 0.52])


def test_panels_are_placed_by_dragging_and_the_style_is_saved_and_given_back(page: Page, tmp_path: Path) -> None:
    page.locator("#looks > button").click()
    page.locator("#show-still").click()
    still = page.locator("#still img")
    expect(still).to_be_visible(timeout=20_000)
    still.evaluate("image => image.scrollIntoView({block: 'center', behavior: 'instant'})")
    box = still.bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    expect(page.locator("#still .still-mark")).to_be_visible()
    page.mouse.up()
    page.wait_for_timeout(1500)
    with page.expect_download() as downloading:
        page.locator("#save-style").click()
    saved = json.loads(Path(downloading.value.path()).read_text())
    ((who, own),) = saved["people"].items()
    assert who.startswith("p")
    assert own["position"] == pytest.approx([0.3, 0.6], abs=0.02)
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({**saved, "look": "kiroshi", "panel_opacity": 0.5}))
    page.locator("#style-file input[type=file]").set_input_files(file)
    expect(page.locator("#looks")).to_contain_text("The style is loaded")
    expect(page.get_by_role("radio", name="Kiroshi: one voice at a time")).to_be_checked()


def test_ten_seconds_of_the_chosen_look_play_on_the_page(page: Page) -> None:
    page.locator("#looks > button").click()
    seen = ""
    for _ in range(2):  # the second takes the place of the first
        page.locator("#draw-sample").click()
        page.wait_for_function(
            "seen => { const v = document.querySelector('#still video'); return v && v.src !== seen && v.duration > 0 }",
            arg=seen,
            timeout=30_000,
        )
        video = page.locator("#still video")
        expect(video).to_be_visible()
        seen = video.evaluate("v => v.src")
