"""The player: live captions, the line that is spoken, and the finished video."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise, starmap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.records import Box, Shot, Track
from pipeline.subtitles.cue import Cue
from pipeline.subtitles.place import Manner, place
from pipeline.subtitles.plan import finish
from pipeline.subtitles.scene import scene
from pipeline.web import player
from tests import fakes
from tests.fixtures_browser import DONE, LINE, VIDEO, expect, finished, opened, translate

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


VIEW = "document.querySelector('#result-video .player').dataset.view"


def test_the_video_plays_and_a_line_seeks(page: Page) -> None:
    page.locator(f"{LINE} .when").nth(1).click()
    page.wait_for_function(f"document.querySelector('{VIDEO}').currentTime > 2.15", timeout=DONE)
    expect(page.locator(LINE).nth(1)).to_have_class(re.compile("now"))
    page.wait_for_function(f"document.querySelector('{VIDEO}').currentTime > 2.5", timeout=DONE)
    page.locator("h1").click()
    page.keyboard.press("Space")
    page.wait_for_function(f"document.querySelector('{VIDEO}').paused")


def test_a_click_on_a_line_plays_from_there(page: Page) -> None:
    page.locator(LINE).nth(3).locator(".meta").click(position={"x": 3, "y": 3})
    page.wait_for_function(f"document.querySelector('{VIDEO}').currentTime >= 4.7", timeout=DONE)
    assert not page.evaluate(f"document.querySelector('{VIDEO}').paused")
    expect(page.locator(LINE).nth(3)).to_have_class(re.compile(r"\bnow\b"))


@pytest.mark.parametrize("button", [f"{LINE} .when >> nth=1", "#gallery .play >> nth=1"])
def test_space_after_a_click_on_play_played_the_line_again_instead_of_pausing(page: Page, button: str) -> None:
    paused, at = f"document.querySelector('{VIDEO}').paused", f"document.querySelector('{VIDEO}').currentTime"
    page.click(button)
    page.wait_for_function(f"!{paused} && {at} > 2.3", timeout=DONE)
    expect(page.locator(button)).to_be_focused()
    for _ in range(3):  # a key that is held down repeats
        page.keyboard.down("Space")
    page.keyboard.up("Space")
    assert page.evaluate(paused)
    stopped = page.evaluate(at)
    assert stopped > 2.3
    page.wait_for_timeout(300)
    assert page.evaluate(paused)
    assert page.evaluate(at) == stopped
    page.keyboard.press("Space")  # nothing plays: it is the button's
    page.wait_for_function(f"!{paused} && {at} < {stopped}", timeout=DONE)
    page.keyboard.press("Enter")
    assert not page.evaluate(paused)


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


def seen(left: int, start: float, end: float) -> Track:
    """A face of the third speaker, whose line lasts from 3.9 to 4.6 s, 100 px wide in a picture of 640."""
    times = [start + 0.1 * k for k in range(round((end - start) * 10) + 1)]
    return Track("p3", tuple(Box(t, left, 110, left + 100, 240) for t in times))


#: where the third speaker was seen, and the cuts
OFF_SCREEN = (
    ((seen(20, 0, 2.9),), (3.0,)),  # on the left in the shot before
    ((seen(500, 0, 2.9),), (3.0,)),
    ((seen(20, 0, 2.9), seen(500, 3.0, 3.2)), (3.0,)),  # on the right earlier in this shot
    ((seen(270, 0, 2.9),), (3.0,)),  # on neither side
    ((seen(500, 5.0, 6.0),), (5.0,)),  # comes into the picture later
    ((seen(20, 0, 1.0),), (2.0, 3.0)),  # two shots before
    ((seen(20, 0, 2.9), seen(500, 4.2, 6.0)), (3.0, 4.2)),  # a cut inside the line brings the face
    ((seen(500, 3.0, 4.1),), (3.0,)),  # in view for some of the line
    ((seen(500, 3.0, 3.7), seen(500, 4.8, 6.0)), (3.0,)),  # turned away for a moment
    ((), (3.0,)),
)


def test_the_live_caption_of_a_voice_off_screen_stood_in_the_middle_and_in_the_video_at_the_edge(page: Page) -> None:
    page.evaluate(f"document.querySelector('{VIDEO}').pause()")
    page.click("#result-video .views [data-view=live]")
    sides = set()
    for tracks, cuts in OFF_SCREEN:
        edges = (0.0, *cuts, fakes.DURATION)
        clip = replace(fakes.analysis(), tracks=tracks, shots=tuple(starmap(Shot, pairwise(edges))))
        built = scene(tracks, clip.shots, width=640, height=360, scale=(1, 1), margin=8)
        cue = Cue(1, 0, "p3", 3.9, 4.6, 4.6, "text", "", ())
        ((*spots,),) = finish(place([cue], [(200, 50)], built, Manner()))
        page.evaluate(
            "(data) => Object.assign(document.querySelector('#shown').dataset, data)",
            {"tracks": json.dumps(player.boxes(clip)), "cuts": json.dumps(player.cuts(clip))},
        )
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        for spot in spots:
            middle = (spot.start + spot.end) / 2
            edge = page.evaluate("(t) => speechglass.edge('p3', 3.9, 4.6, t)", middle)
            assert edge == spot.edge, (tracks, cuts, middle)
            sides.add(edge)
        page.focus("#source-3")  # goes to 4.25 s, in the last of the spots
        page.wait_for_function(f"Math.abs(document.querySelector('{VIDEO}').currentTime - 4.25) < 0.05", timeout=DONE)
        picture, box = page.locator(VIDEO).bounding_box(), page.locator(".live .cap").bounding_box()
        assert picture
        assert box
        if spots[-1].edge == "left":
            assert abs(box["x"] - picture["x"]) < 2
        elif spots[-1].edge == "right":
            assert abs(box["x"] + box["width"] - picture["x"] - picture["width"]) < 2
    assert sides == {"", "left", "right"}


def test_the_finished_video_is_a_switch_away(page: Page) -> None:
    drawn = page.evaluate(f"document.querySelector('{VIDEO}').src")
    page.click("#result-video .views [data-view=live]")
    page.wait_for_function(f"document.querySelector('{VIDEO}').src !== '{drawn}'")
    page.click("#result-video .views [data-view=drawn]")
    page.wait_for_function(f"document.querySelector('{VIDEO}').src === '{drawn}'")
    expect(page.locator(".live .cap")).to_have_count(0)


def test_the_original_stands_first_and_turns_into_the_translation_as_in_the_video(page: Page) -> None:
    steps = page.evaluate(
        """() => [0, 0.2, 0.45, 0.9, 1.2, 3].map((at) => speechglass.reveal('How are you?', 'Jak sie masz?', at, 3, 'live', false))"""
    )
    assert steps[:2] == [["How are you?", ""]] * 2  # 0.25 s whole
    assert steps[2][0] == steps[3][0] == ""
    assert steps[2][1].startswith("Ja")
    assert steps[2][1].endswith("are you?")
    assert steps[4:] == [["", "Jak sie masz?"]] * 2  # 0.5 s and a tenth of the line later it has turned
    assert page.evaluate("speechglass.reveal('One', 'Jeden', 0, 3, 'none', false)") == ["", "Jeden"]
    assert page.evaluate("speechglass.reveal('One two', 'Jeden', 1.4, 3, 'spoken', false)")[0] == "One "
    assert page.evaluate("speechglass.reveal('One two', 'Jeden', 0.6, 3, 'live', true)") == ["One two", ""]


def test_while_it_plays_the_live_caption_is_the_original_and_then_the_translation(page: Page) -> None:
    page.click("#result-video .views button[data-view=live]")
    page.wait_for_function("document.querySelector('#result-video video').readyState >= 2", timeout=DONE)
    seen = page.evaluate(
        """async () => {
            const video = document.querySelector('#result-video video'), seen = [];
            speechglass.seek(0.3);
            const end = performance.now() + 8000;
            while (performance.now() < end && video.currentTime < 2.1) {
                await new Promise((done) => requestAnimationFrame(done));
                const cap = document.querySelector('#result-video .cap');
                if (cap) seen.push(cap.children[1].textContent + '|' + cap.children[2].textContent);
            }
            video.pause();
            return [...new Set(seen)];
        }"""
    )
    assert seen[0] == "Everyone here is working for a better future.|"
    assert "|Wszyscy tu pracują na lepszą przyszłość." in seen
    assert seen.index("|Wszyscy tu pracują na lepszą przyszłość.") > 0


def test_a_change_of_one_line_is_over_the_video_at_once(page: Page) -> None:
    """Measured from the key to the picture after it, and printed; `pytest -s` shows it."""
    page.click("#result-video .views button[data-view=live]")
    page.focus("#source-1")
    expect(page.locator("#result-video .cap")).to_have_count(1, timeout=DONE)
    took = page.evaluate(
        """async () => {
            const box = document.querySelector('#translation-1'), took = [];
            for (let n = 0; n < 20; n++) {
                const start = performance.now();
                box.value = `Poprawka ${n}`;
                box.dispatchEvent(new Event('input', {bubbles: true}));
                while (!document.querySelector('#result-video .cap')?.textContent.includes(`Poprawka ${n}`))
                    await new Promise((done) => requestAnimationFrame(done));
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                took.push(performance.now() - start);
            }
            return took.sort((a, b) => a - b);
        }"""
    )
    print(f"a change of one line is over the video after {took[10]:.0f} ms (median), {took[-1]:.0f} ms (worst of 20)")
    assert page.locator("#result-video .cap").inner_text().endswith("Poprawka 19")


@pytest.mark.parametrize("width", [1280, 390])
def test_a_correction_is_over_the_video_before_anything_could_be_asked(browser: Browser, url: str, width: int) -> None:
    """It is there within the task that handles the key: no request, no picture and no timer comes in between."""
    asked: list[str] = []
    for page in opened(browser, url, width, 844):
        page.evaluate(f"document.querySelector('{VIDEO}').pause()")
        page.locator("#result-video .views [data-view=live]").press("Enter")
        page.focus("#translation-2")
        expect(page.locator(".live .cap strong")).to_have_text("A jak długo to potrwa?", timeout=DONE)
        page.on("request", lambda request: asked.append(request.url))
        page.evaluate(
            """() => {
                window.seen = [];
                addEventListener('input', () => seen.push(document.querySelector('.live .cap strong').textContent));
            }"""
        )
        page.keyboard.press("End")
        page.keyboard.type(" Tak")
        assert page.evaluate("seen") == [f"A jak długo to potrwa?{typed}" for typed in ("", " T", " Ta", " Tak")]
        assert asked == []


def test_portraits_are_sent_once_and_asked_for_once(browser: Browser, url: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url) if request.url.endswith("face.jpg") else None)
    for page in opened(browser, url, context=context):
        pictures = page.locator("#gallery img")
        expect(pictures).not_to_have_count(0)
        assert page.locator("#gallery").inner_html().count("base64") == 0
        page.wait_for_function(
            "[...document.querySelectorAll('#gallery img')].filter((e) => e.checkVisibility()).every((e) => e.naturalWidth > 0)",
            timeout=DONE,
        )
        page.fill("#name-p1", "Ada")
        page.press("#name-p1", "Enter")
        expect(page.locator("#pending")).to_contain_text("1 change")
        assert len(asked) == len(set(asked)), "a portrait is fetched again after an edit"
    context.close()
