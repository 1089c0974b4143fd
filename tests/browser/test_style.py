"""The style on the page: a still, places by dragging, a style file down and up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("playwright")
from playwright.sync_api import Page, expect


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
    expect(page.locator("#looks")).to_contain_text("The style is set")
    expect(page.get_by_role("radio", name="Kiroshi: one voice at a time")).to_be_checked()


def test_ten_seconds_of_the_chosen_look_play_on_the_page(page: Page) -> None:
    page.locator("#looks > button").click()
    for _ in range(2):  # the second takes the place of the first
        page.locator("#draw-sample").click()
        video = page.locator("#still video")
        expect(video).to_be_visible(timeout=20_000)
        page.wait_for_function("document.querySelector('#still video').duration > 0")
