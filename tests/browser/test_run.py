"""From a clip to a video, in a real browser over fakes."""

from __future__ import annotations

import re
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.web import jobs
from tests import fakes
from tests.browser.states import held
from tests.fixtures_browser import DONE, LINE, VIDEO, choose, expect, finished, near, opened, pixel, translate, unfold
from tests.fixtures_web import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def test_the_first_screen_shows_a_finished_result(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("Speechglass")
    expect(page.locator("#result-title")).to_contain_text("Finished example")
    page.wait_for_function(f"document.querySelector('{VIDEO}').duration > 5")
    assert page.evaluate(f"document.querySelector('{VIDEO}').poster") != ""
    expect(page.locator("#gallery .person")).to_have_count(3)
    expect(page.locator("#timeline rect.said")).to_have_count(4)
    expect(page.locator(LINE)).to_have_count(4)
    expect(page.locator("#limits")).to_contain_text("5 minutes")
    expect(page.locator("#limits")).to_contain_text("200 MB")


def test_a_clip_becomes_a_video_stage_by_stage(browser: Browser, folder: Path, clip: Path) -> None:
    """Each stage takes a second or more, so that a busy machine shows them all."""
    with served(fakes.services(folder / "steady", steps=30)) as url:
        for page in opened(browser, url, example=False):
            stage_by_stage(page, clip)


def stage_by_stage(page: Page, clip: Path) -> None:
    page.evaluate(
        """() => {
            window.seen = {stages: new Set(), early: false, notes: new Set(), done: [], left: []};
            const seconds = (text) => parseInt(text.split(' ')[1]) * (text.includes('minute') ? 60 : 1);
            new MutationObserver(() => {
                document.querySelectorAll('#hud .note').forEach((e) => seen.notes.add(e.innerText));
                document.querySelectorAll('#hud [role=progressbar]').forEach((e) => seen.done.push(+e.ariaValueNow));
                document.querySelectorAll('#hud em').forEach((e) => { if (e.innerText) seen.left.push(seconds(e.innerText)); });
                document.querySelectorAll('#hud [aria-current=step]').forEach((e) => seen.stages.add(e.innerText));
                seen.early ||= !!document.querySelector('#transcript .line') && !document.querySelector('#transcript select');
            }).observe(document.body, {childList: true, subtree: true, characterData: true, attributes: true});
        }"""
    )
    translate(page, clip)
    finished(page)
    seen, transcript_first = set(page.evaluate("[...seen.stages]")), page.evaluate("seen.early")
    assert {"Transcribe the speech", "Find faces", "Translate", "Draw the video"} <= seen
    assert transcript_first, "the transcript appears while the rest still runs"
    assert [note for note in page.evaluate("[...seen.notes]") if re.fullmatch(r"[1-9]\d* tracks? so far", note)]
    done, left = page.evaluate("seen.done"), page.evaluate("seen.left")
    assert left, "the time that is left is said"
    assert done == sorted(done)
    assert left == sorted(left, reverse=True), "the estimate only falls"
    size = page.evaluate(
        f"(() => {{ const v = document.querySelector('{VIDEO}'); return [v.duration, v.videoWidth, v.videoHeight] }})()"
    )
    assert size[0] == pytest.approx(fakes.DURATION, abs=0.2)
    assert size[1:] == [fakes.WIDTH, fakes.HEIGHT]
    assert near(pixel(page, 3.0, 320, 290), fakes.COLOURS[0]), "the caption is in the picture"
    assert not near(pixel(page, 3.0, 320, 40), fakes.COLOURS[0])
    assert page.evaluate(f"document.querySelector('{VIDEO}').textTracks.length") == 1
    expect(page.locator("#result-title")).to_contain_text(clip.stem)


def test_the_finished_video_starts_to_play_when_it_is_ready(page: Page, clip: Path) -> None:
    translate(page, clip)
    finished(page)
    page.wait_for_function(f"document.querySelector('{VIDEO}').currentTime > 0.3", timeout=DONE)
    assert page.evaluate("document.querySelector('#result-video .player').dataset.view") == "drawn"


def test_the_finished_video_has_a_poster_with_a_caption_on_it(page: Page, clip: Path) -> None:
    translate(page, clip)
    finished(page)
    colour = page.evaluate(
        f"""async () => {{
            const image = new Image();
            image.src = document.querySelector('{VIDEO}').poster;
            await image.decode();
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            return [...context.getImageData(canvas.width / 2, canvas.height * 0.8, 1, 1).data].slice(0, 3);
        }}"""
    )
    assert near(tuple(colour), fakes.COLOURS[0])


@pytest.mark.parametrize("delay", [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 3.0])
def test_too_busy_after_stop_and_translate(page: Page, clip: Path, delay: float) -> None:
    """Stop, then Translate after some time: the second run goes through, and nobody is said to wait."""
    translate(page, clip)
    expect(page.locator("#hud [aria-current=step]")).to_be_visible(timeout=DONE)
    page.click("#stop")
    time.sleep(delay)
    page.click("#run", timeout=DONE)  # as soon as the button is there again
    expect(page.locator("#stop")).to_be_visible(timeout=DONE)
    finished(page)
    expect(page.locator("#problem .failure")).to_have_count(0)
    assert "waiting" not in page.locator("#panel").inner_text()
    assert fakes.OPEN == []


def test_the_button_says_stopping_until_it_is_over(browser: Browser, slow_url: str, clip: Path) -> None:
    before = set(jobs.root().glob("job-*"))
    for page in opened(browser, slow_url, example=False):
        translate(page, clip)
        expect(page.locator("#hud [aria-current=step]")).to_have_text("Transcribe the speech", timeout=DONE)
        with held():
            page.click("#stop")
            expect(page.locator("#stop")).to_have_text("Stopping …", timeout=DONE)
            expect(page.locator("#stop")).to_be_disabled()
            expect(page.locator("#run")).to_have_count(0)
            assert fakes.OPEN == ["analyse"], "it says so while something runs"
        expect(page.locator("#hud")).to_contain_text("Stopped", timeout=DONE)
        expect(page.locator("#run")).to_be_visible()
        assert fakes.OPEN == []
        assert set(jobs.root().glob("job-*")) <= before
        expect(page.locator("#result-title b")).to_have_count(0)


def test_what_is_no_clip_is_refused_beside_the_upload_before_translate(page: Page, tmp_path: Path) -> None:
    poem = tmp_path / "poem.mp4"
    poem.write_text("Shall I compare thee to a summer's day?")
    page.set_input_files("#clip input[type=file]", str(poem))
    expect(page.locator("#clip-note [role=alert]")).to_contain_text("Not a clip we can use", timeout=DONE)
    expect(page.locator("#clip-note [role=alert]")).to_contain_text("give an MP4")
    page.click("#run")
    expect(page.locator("#problem [role=alert]")).to_contain_text("give an MP4")
    expect(page.locator("#gallery .person")).to_have_count(3)


def test_an_example_clicked_during_a_redraw_waits_its_turn(browser: Browser, tmp_path: Path) -> None:
    """It broke the redraw, and the page said that many people were waiting."""
    services = fakes.services(tmp_path, examples=(fakes.make_example(tmp_path),), steps=60)
    with served(services) as url:
        for page in opened(browser, url):
            page.fill("#name-p1", "Ada")
            page.press("#name-p1", "Enter")
            expect(page.locator("#pending")).to_contain_text("1 change", timeout=DONE)
            page.click("#redraw")
            expect(page.locator("#stop")).to_be_visible(timeout=DONE)
            page.once("dialog", lambda dialog: dialog.accept())
            page.click("#example-first_contact")
            expect(page.locator("#problem")).to_contain_text("stop it first", timeout=DONE)
            assert fakes.OPEN == ["render"], "it goes on"
            expect(page.locator("#pending")).to_contain_text("is up to date", timeout=DONE)
            expect(page.locator("#name-p1")).to_have_value("Ada")
            page.click("#example-first_contact")
            expect(page.locator("#name-p1")).to_have_value("Speaker 1", timeout=DONE)
            expect(page.locator("#problem .failure")).to_have_count(0)


def test_a_redraw_said_open_the_clip_until_its_first_picture(page: Page) -> None:
    page.fill("#name-p1", "Ada")
    page.press("#name-p1", "Enter")
    expect(page.locator("#pending")).to_contain_text("1 change", timeout=DONE)
    with held():
        page.click("#redraw")
        expect(page.locator("#hud li")).to_have_text(["Draw the video"], timeout=DONE)
        expect(page.locator("#hud [role=progressbar]")).to_have_attribute("aria-valuenow", "0")
    expect(page.locator("#pending")).to_contain_text("is up to date", timeout=DONE)


def test_no_clip_at_all(page: Page) -> None:
    page.click("#run")
    expect(page.locator("#problem [role=alert]")).to_contain_text("There is no clip yet")


def test_an_example_is_there_at_once(page: Page, clip: Path) -> None:
    translate(page, clip)
    finished(page)
    page.click("#example-first_contact")
    expect(page.locator("#result-title")).to_contain_text("Finished example")
    expect(page.locator("#clip-note .clip-facts")).to_contain_text("first_contact.mp4")
    expect(page.locator("#gallery .person")).to_have_count(3)


def test_downloads_are_called_after_the_clip_and_the_language(page: Page, clip: Path, tmp_path: Path) -> None:
    translate(page, clip)
    finished(page)
    stem = "it s me you"
    wanted = {
        "video": (f"{stem}.en-us.speechglass.mp4", b""), "srt": (f"{stem}.en-us.srt", b"00:00"),
        "both": (f"{stem}.en-en-us.srt", b"1\n"), "vtt": (f"{stem}.en-us.vtt", b"WEBVTT"),
        "ass": (f"{stem}.en-us.ass", b"[Script Info]"), "txt": (f"{stem}.en-us.txt", b"Everyone"),
        "json": (f"{stem}.transcript.json", b"{"), "project": (f"{stem}.speechglass.json", b"{"),
        "faces": (f"{stem}.faces.zip", b"PK"), "all": (f"{stem}.en-us.zip", b"PK"),
    }  # fmt: skip
    for key, (name, start) in wanted.items():
        with page.expect_download() as download:
            page.click(f"#download-{key}")
        assert download.value.suggested_filename == name
        file = tmp_path / name
        download.value.save_as(file)
        assert file.read_bytes().startswith(start)
        if key == "video":
            assert fakes._duration(file) == pytest.approx(fakes.DURATION, abs=0.2)
        if key == "faces":
            assert len(zipfile.ZipFile(file).namelist()) == 2
        if key == "all":
            assert set(zipfile.ZipFile(file).namelist()) == {
                name for other, (name, _) in wanted.items() if other != "all"
            }


def test_the_look_is_changed_afterwards(page: Page) -> None:
    unfold(page, "looks")
    page.get_by_label("Bottom").last.check()
    page.locator("#looks input[type=number]").fill("1.5")
    page.locator("#looks input[type=number]").press("Enter")
    page.click("#redraw")
    expect(page.locator("#stop")).to_be_visible(timeout=DONE)
    expect(page.locator("#run")).to_be_visible(timeout=DONE)
    assert near(pixel(page, 1.0, 320, 340), fakes.COLOURS[0]), "a larger text reaches further down"


def test_an_address_is_fetched(page: Page) -> None:
    unfold(page, "more-address")
    page.fill("#url textarea, #url input", "https://example.org/clip.mp4")
    page.click("#run")
    finished(page)
    assert near(pixel(page, 3.0, 320, 290), fakes.COLOURS[0])


def test_a_clip_and_an_address_are_one_too_many_and_an_example_clears_the_address(page: Page, clip: Path) -> None:
    unfold(page, "more-address")
    page.fill("#url textarea, #url input", "https://example.org/clip.mp4")
    choose(page, clip)
    page.click("#run")
    expect(page.locator("#problem [role=alert]")).to_contain_text(
        "There is both a clip and a web address; remove one of them."
    )
    page.click("#example-first_contact")
    expect(page.locator("#url textarea, #url input")).to_have_value("")


def test_an_address_that_is_none(page: Page) -> None:
    unfold(page, "more-address")
    page.fill("#url textarea, #url input", "file:///etc/passwd")
    page.press("#url textarea, #url input", "Tab")  # the page has the address once the field is left
    page.click("#run")
    expect(page.locator("#problem [role=alert]")).to_contain_text("starts with https://")


def test_the_keyboard_alone_translates(page: Page, clip: Path) -> None:
    choose(page, clip)
    page.locator("body").click(position={"x": 2, "y": 2})
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.id") == "run":
            break
    assert page.evaluate("document.activeElement?.id") == "run"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "focus can be seen"
    page.keyboard.press("Enter")
    finished(page)


def test_a_run_that_fails_says_so_beside_the_upload_and_keeps_the_result(
    browser: Browser, folder: Path, clip: Path
) -> None:
    services = fakes.services(folder / "failing", examples=(fakes.make_example(folder / "failing"),), broken="speech")
    with served(services) as url:
        for page in opened(browser, url):
            translate(page, clip)
            expect(page.locator("#problem .failure")).to_contain_text("Our mistake", timeout=DONE)
            expect(page.locator("#run")).to_be_visible()
            expect(page.locator("#result-title")).to_contain_text("Finished example")
            expect(page.locator(LINE)).to_have_count(4)
