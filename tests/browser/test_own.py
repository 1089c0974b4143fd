"""A visitor brings a transcript, or saves a project and opens it again; by keyboard, at both widths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline import project, transcript
from tests import fakes
from tests.browser.states import with_a_face_nobody_has
from tests.browser.test_layout import violations
from tests.fixtures_browser import DONE, choose, expect, finished, opened, press, translate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SRT = "1\n00:00:00,400 --> 00:00:02,000\nMy own words.\n\n2\n00:00:02,200 --> 00:00:03,700\nAnd more of them.\n"


@pytest.fixture
def own(page: Page) -> Page:
    page.click("#more-own button.label-wrap")
    return page


def give(page: Page, name: str, text: str | bytes, kind: str = "#brought") -> None:
    data = text.encode() if isinstance(text, str) else text
    page.set_input_files(
        f"{kind} input[type=file]", {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )


def test_a_transcript_of_ones_own_is_used_instead_of_what_is_heard(own: Page, clip: Path) -> None:
    give(own, "mine.srt", SRT)
    expect(own.locator("#brought-note")).to_contain_text("2 lines", timeout=DONE)
    expect(own.locator("#open")).to_be_hidden()
    translate(own, clip)
    finished(own)
    expect(own.locator("#source-1")).to_have_value("My own words.")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mine.srt", SRT),
        ("mine.vtt", "WEBVTT\n\n" + SRT.replace(",", ".")),
        (
            "mine.ass",
            "[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, "
            "MarginV, Effect, Text\nDialogue: 0,0:00:00.40,0:00:02.00,Default,,0,0,0,,My own words.\n"
            "Dialogue: 0,0:00:02.20,0:00:03.70,Default,,0,0,0,,And more of them.\n",
        ),
        ("ours.json", transcript.to_json(fakes.analysis())),
        (
            "whisper.json",
            '{"segments": [{"start": 0.4, "end": 2.0, "text": "My own words."}, '
            '{"start": 2.2, "end": 3.7, "text": "And more of them."}]}',
        ),
    ],
)
def test_every_kind_of_transcript_is_read(own: Page, name: str, text: str) -> None:
    give(own, name, text)
    expect(own.locator("#brought-note")).to_contain_text("4 lines" if name == "ours.json" else "2 lines", timeout=DONE)


def test_who_speaks_when_is_read_from_an_rttm(own: Page, clip: Path) -> None:
    rttm = "".join(f"SPEAKER clip 1 {start} 1.5 <NA> <NA> {who} <NA> <NA>\n" for start, who in ((0.4, "a"), (2.2, "b")))
    give(own, "who.rttm", rttm, "#turns")
    expect(own.locator("#brought-note")).to_contain_text("2 turns by 2 people", timeout=DONE)
    translate(own, clip)
    finished(own)


@pytest.mark.parametrize(
    ("kind", "name", "text", "said"),
    [
        ("#brought", "poem.srt", "Shall I compare thee", "cannot be read; give SRT"),
        ("#brought", "empty.vtt", "WEBVTT\n\n", "no line with words"),
        ("#turns", "who.rttm", "SPEAKER a 1 x", "Line 1 of the RTTM"),
    ],
)
def test_a_file_that_is_none_is_said_beside_it_and_the_run_is_refused(
    own: Page, clip: Path, kind: str, name: str, text: str, said: str
) -> None:
    give(own, name, text, kind)
    expect(own.locator("#brought-note [role=alert]")).to_contain_text(said, timeout=DONE)
    choose(own, clip)
    own.click("#run")
    expect(own.locator("#problem [role=alert]")).to_contain_text(said, timeout=DONE)
    assert "analyse" not in fakes.OPEN
    assert violations(own) == []


def test_a_transcript_of_another_clip_is_refused_before_anything_runs(own: Page, clip: Path) -> None:
    give(own, "other.srt", SRT.replace("00:00:", "00:09:"))
    choose(own, clip)
    own.click("#run")
    expect(own.locator("#problem [role=alert]")).to_contain_text("after the end of the clip", timeout=DONE)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_project_is_saved_and_opened_with_its_clip_as_it_was_left(
    browser: Browser, url: str, clip: Path, width: int
) -> None:
    for page in opened(browser, url, width, 844):
        translate(page, clip)
        finished(page)
        page.fill("#name-p1", "Ada")
        page.press("#name-p1", "Enter")
        expect(page.locator("#pending")).to_contain_text("1 change")
        press(page, "#redraw")
        expect(page.locator("#pending")).to_contain_text("is up to date", timeout=DONE)
        expect(page.locator("#run")).to_be_visible(timeout=DONE)
        with page.expect_download() as download:
            press(page, "#download-project")
        saved = Path(download.value.path()).read_bytes()
        assert download.value.suggested_filename.endswith(".speechglass.json")
        assert json.loads(saved)["name"] == clip.name
    drawings = len(fakes.RENDERED)
    for page in opened(browser, url, width, 844):  # another browser, another day
        press(page, "#more-own button.label-wrap")
        give(page, "it's me.speechglass.json", saved)
        expect(page.locator("#open")).to_be_visible(timeout=DONE)
        press(page, "#open")
        expect(page.locator("#brought-note [role=alert]")).to_contain_text("There is no clip yet", timeout=DONE)
        choose(page, clip)
        page.focus("#open")
        page.keyboard.press("Enter")
        expect(page.locator("#name-p1")).to_have_value("Ada", timeout=DONE)
        expect(page.locator("#result-title")).to_contain_text(clip.name)
        expect(page.locator("#gallery img")).not_to_have_count(0)
        expect(page.locator("#pending")).to_contain_text("No video has been made")
        expect(page.locator("#result-video .player")).to_have_attribute("data-view", "live")
        assert violations(page) == []
        assert len(fakes.RENDERED) == drawings
        page.fill("#source-2", "Soon?")
        page.press("#source-2", "Enter")
        press(page, "#redraw")
        expect(page.locator("#download-video")).to_be_visible(timeout=DONE)
        assert fakes.RENDERED[-1].people[0].name == "Ada"
        assert fakes.RENDERED[-1].phrases[1].source == "Soon?"


def test_a_project_of_another_clip_is_refused(own: Page, tmp_path: Path) -> None:
    give(own, "p.json", project.to_json(project.Project(fakes.analysis())))
    expect(own.locator("#open")).to_be_visible(timeout=DONE)
    short = fakes.make_clip(tmp_path / "short.mp4", seconds=3)
    choose(own, short)
    own.click("#open")
    expect(own.locator("#brought-note [role=alert]")).to_contain_text("not the clip of the project", timeout=DONE)


def test_a_face_that_nobody_has_is_in_every_menu_and_can_be_given(own: Page, clip: Path) -> None:
    give(own, "p.json", project.to_json(with_a_face_nobody_has()))
    choose(own, clip)
    expect(own.locator("#open")).to_be_visible(timeout=DONE)
    own.click("#open")
    expect(own.locator("#gallery .nobodys")).to_have_count(1, timeout=DONE)
    expect(own.locator("#gallery .faces >> nth=2 >> button.face")).to_have_count(3)
    summary = own.locator("#gallery .person:has(#name-p3) .faces summary")
    summary.focus()
    own.keyboard.press("Enter")
    own.locator('#gallery .person:has(#name-p3) .faces button[aria-label*="not assigned"]').focus()
    own.keyboard.press("Enter")
    expect(own.locator("#gallery .nobodys")).to_have_count(0, timeout=DONE)
    expect(own.locator("#gallery .person:has(#name-p3) .frame img")).to_have_count(1)
