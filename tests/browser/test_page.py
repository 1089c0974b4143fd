"""The page in a real browser, over fakes."""

from __future__ import annotations

import gc
import os
import shutil
import time
import zipfile
from pathlib import Path

import pytest

from tests import fakes
from tests.fixtures_web import served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
if CHROMIUM is None and os.environ.get("CI") != "true":
    pytest.skip("no Chromium on this machine (Debian: apt install chromium)", allow_module_level=True)

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

SWITCHES = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
DONE = 30_000  #: ms until a fake run must be through


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "CI must have Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def url(folder):
    example = fakes.make_example(folder)
    with served(fakes.services(folder, examples=(example,), step_s=0.04)) as address:
        yield address


@pytest.fixture(scope="module")
def clip(folder) -> Path:
    return fakes.make_clip(folder / 'it\'s <b>me & "you".mp4')


@pytest.fixture
def page(browser: Browser, url: str):
    """The open page; whatever it complains about fails the test."""
    yield from opened(browser, url)


def opened(browser: Browser, url: str, width: int = 1280, height: int = 860, *, example: bool = True):
    context = browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    outside: list[str] = []
    page.on(
        "request",
        lambda request: None if request.url.startswith((url, "data:", "blob:")) else outside.append(request.url),
    )
    page.goto(url)
    expect(page.locator("#result-video video" if example else "#run")).to_be_visible(timeout=DONE)
    yield page
    context.close()
    assert complaints == []
    assert outside == [], "the page asks other servers"


def translate(page: Page, clip: Path) -> None:
    page.set_input_files("#clip input[type=file]", str(clip))
    expect(page.locator("#clip video")).to_be_visible(timeout=DONE)
    page.click("#run")
    expect(page.locator("#stop")).to_be_visible(timeout=DONE)


def finished(page: Page) -> None:
    expect(page.locator("#result-title b")).to_have_text("Your clip", timeout=DONE)
    expect(page.locator("#run")).to_be_visible(timeout=DONE)
    page.wait_for_function("document.querySelector('#result-video video')?.duration > 0", timeout=DONE)


def pixel(page: Page, t: float, x: int, y: int) -> tuple[int, int, int]:
    """The colour of the result at a time and a place of the picture."""
    colour = page.evaluate(
        """async ([t, x, y]) => {
            const video = document.querySelector('#result-video video');
            video.pause();
            if (Math.abs(video.currentTime - t) > 0.001) {
                const seeked = new Promise((done) => video.addEventListener('seeked', done, {once: true}));
                video.currentTime = t;
                await seeked;
            }
            const canvas = document.createElement('canvas');
            canvas.width = video.videoWidth; canvas.height = video.videoHeight;
            const context = canvas.getContext('2d');
            context.drawImage(video, 0, 0);
            return [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
        }""",
        [t, x, y],
    )
    return tuple(colour)


def near(colour: tuple[int, int, int], wanted: str) -> bool:
    parts = [int(wanted[i : i + 2], 16) for i in (1, 3, 5)]
    return all(abs(a - b) <= 24 for a, b in zip(colour, parts, strict=True))


def test_the_first_screen_shows_a_finished_result(page):
    expect(page.locator("h1")).to_have_text("Speechglass")
    expect(page.locator("#result-title")).to_contain_text("Finished example")
    page.wait_for_function("document.querySelector('#result-video video').duration > 5")
    expect(page.locator("#gallery .person")).to_have_count(3)
    expect(page.locator("#timeline rect")).to_have_count(4)
    expect(page.locator("#transcript tr.line")).to_have_count(4)
    expect(page.locator("#limits")).to_contain_text("5 minutes")
    expect(page.locator("#limits")).to_contain_text("200 MB")


def test_a_clip_becomes_a_video_stage_by_stage(page, clip):
    translate(page, clip)
    seen, transcript_first = set(), False
    end = time.monotonic() + 30
    while time.monotonic() < end and not page.locator("#run").is_visible():
        current = page.locator("#hud [aria-current=step]")
        if current.count():
            seen.add(current.first.inner_text())
            figure = page.locator("#hud .figures strong").inner_text()
            assert figure.endswith("%")
            if page.locator("#transcript tr.line").count() and not page.locator("#transcript select").count():
                transcript_first = True
        time.sleep(0.05)
    finished(page)
    assert {"Hear the words", "Find faces", "Translate", "Draw"} <= seen
    assert transcript_first, "the transcript appears while the rest still runs"
    size = page.evaluate(
        "(() => { const v = document.querySelector('#result-video video'); return [v.duration, v.videoWidth, v.videoHeight] })()"
    )
    assert size[0] == pytest.approx(fakes.DURATION, abs=0.2)
    assert size[1:] == [fakes.WIDTH, fakes.HEIGHT]
    assert near(pixel(page, 3.0, 320, 290), fakes.COLOURS[0]), "the caption is in the picture"
    assert not near(pixel(page, 3.0, 320, 40), fakes.COLOURS[0])
    assert page.evaluate("document.querySelector('#result-video video').textTracks.length") == 1
    expect(page.locator("#gallery img.portrait")).to_have_count(2)
    expect(page.locator("#gallery svg.portrait")).to_have_count(1)


def test_the_video_plays_and_a_line_seeks(page):
    page.locator("#transcript tr.line .when").nth(1).click()
    page.wait_for_function("document.querySelector('#result-video video').currentTime > 2.15", timeout=10_000)
    expect(page.locator("#transcript tr.line").nth(1)).to_have_class("line now")
    page.wait_for_function("document.querySelector('#result-video video').currentTime > 2.5", timeout=10_000)


def test_the_subtitles_track_is_off_until_asked_for(page):
    mode = "[...document.querySelector('#result-video video').textTracks].map((t) => t.mode)[0]"
    page.wait_for_function(f"{mode} === 'disabled'")
    page.check("#captions input")
    page.wait_for_function(f"{mode} === 'showing'")
    cues = page.evaluate("document.querySelector('#result-video video').textTracks[0].cues?.length ?? 0")
    assert cues in (0, 4)
    page.uncheck("#captions input")
    page.wait_for_function(f"{mode} === 'disabled'")


def test_a_new_name_and_colour_are_redrawn_without_a_model(page, clip):
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
    expect(page.locator("#pending")).to_contain_text("shows everything", timeout=DONE)
    page.wait_for_function("document.querySelector('#result-video video')?.duration > 0")
    assert len(fakes.RENDERED) == drawings + 1
    assert fakes.RENDERED[-1].people[0].name == "<img src=x onerror=alert(1)>"
    assert near(pixel(page, 1.0, 320, 290), "#ff0044")
    assert "analyse" not in fakes.OPEN


def test_lines_are_corrected_given_away_removed_and_taken_back(page):
    page.fill("#source-2", "And how long?")
    page.press("#source-2", "Enter")
    expect(page.locator("#pending")).to_contain_text("1 change")
    page.fill("#translation-2", "A jak długo?")
    page.press("#translation-2", "Enter")
    expect(page.locator("#pending")).to_contain_text("2 changes")
    page.select_option("#who-2", "p1")
    expect(page.locator("#pending")).to_contain_text("3 changes")
    expect(page.locator("#timeline .row").nth(1).locator("rect")).to_have_count(0)
    page.select_option("#who-3", "new")
    expect(page.locator("#gallery .person")).to_have_count(4)
    page.locator("#transcript button.drop").nth(3).click()
    expect(page.locator("#transcript tr.line")).to_have_count(3)
    page.click("#undo")
    expect(page.locator("#transcript tr.line")).to_have_count(4)
    page.fill("#source-1", "Wrong.")
    page.press("#source-1", "Enter")
    expect(page.locator("#pending")).to_contain_text("5 changes")
    page.click("#undo")
    expect(page.locator("#source-1")).to_have_value("Everyone here is working for a better future.")
    expect(page.locator("#source-2")).to_have_value("And how long?")
    page.click("#redraw")
    expect(page.locator("#pending")).to_contain_text("shows everything", timeout=DONE)
    drawn = fakes.RENDERED[-1].phrases[1]
    assert (drawn.source, drawn.translation, drawn.person) == ("And how long?", "A jak długo?", "p1")


def test_two_people_become_one(page):
    page.select_option("#merge-p3", "p2")
    expect(page.locator("#gallery .person")).to_have_count(2)
    expect(page.locator("#who-3")).to_have_value("p2")


def test_an_impossible_edit_says_why_and_changes_nothing(page):
    page.fill("#name-p2", "   ")
    page.press("#name-p2", "Enter")
    expect(page.locator("#pending [role=alert]")).to_contain_text("needs a name")
    expect(page.locator("#name-p2")).to_have_value("Speaker 2")
    expect(page.locator("#pending")).to_contain_text("shows everything")


def test_the_look_is_changed_afterwards(page):
    page.click("#relook button.label-wrap")
    page.get_by_label("Bottom").last.check()
    page.locator("#relook input[type=number]").fill("1.5")
    page.locator("#relook input[type=number]").press("Enter")
    page.click("#redraw")
    expect(page.locator("#run")).to_be_visible(timeout=DONE)
    finished(page)
    assert near(pixel(page, 1.0, 320, 340), fakes.COLOURS[0]), "a larger text reaches further down"


def test_least_certain_first(page):
    page.get_by_label("Least certain first").check()
    expect(page.locator("#transcript tr.line textarea").first).to_have_value("Not long.")
    page.get_by_label("In order").check()
    expect(page.locator("#transcript tr.line textarea").first).to_have_value(
        "Everyone here is working for a better future."
    )


def test_everything_can_be_downloaded(page, clip, tmp_path):
    translate(page, clip)
    finished(page)
    for name, start in (
        ("video", b""), ("srt", b"00:00"), ("vtt", b"WEBVTT"), ("ass", b"[Script Info]"), ("json", b"{"), ("faces", b"PK"),
    ):  # fmt: skip
        with page.expect_download() as download:
            page.click(f"#download-{name}")
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        assert file.read_bytes().startswith(start)
        if name == "video":
            assert fakes._duration(file) == pytest.approx(fakes.DURATION, abs=0.2)
        if name == "faces":
            assert len(zipfile.ZipFile(file).namelist()) == 2


def test_nothing_is_changed_while_the_video_is_drawn(page):
    page.fill("#name-p1", "Ada")
    page.press("#name-p1", "Enter")
    expect(page.locator("#undo")).to_be_enabled()
    page.click("#redraw")
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#redraw")).to_be_disabled()
    expect(page.locator("#undo")).to_be_disabled()
    page.fill("#name-p2", "Late")
    page.press("#name-p2", "Enter")
    expect(page.locator("#pending [role=alert]")).to_contain_text("wait for it or stop it")
    expect(page.locator("#name-p2")).to_have_value("Speaker 2")
    expect(page.locator("#pending")).to_contain_text("shows everything", timeout=DONE)
    expect(page.locator("#redraw")).to_be_enabled()
    expect(page.locator("#undo")).to_be_enabled()
    assert [person.name for person in fakes.RENDERED[-1].people] == ["Ada", "Speaker 2", "Speaker 3"]


def test_a_result_that_has_expired_is_not_taken_for_the_example(browser, tmp_path):
    services = fakes.services(tmp_path, examples=(fakes.make_example(tmp_path),))
    with served(services) as url:
        from gradio.state_holder import StateHolder

        for page in opened(browser, url):
            page.fill("#name-p1", "Ada")
            page.press("#name-p1", "Enter")
            expect(page.locator("#pending")).to_contain_text("1 change")
            holders = [found for found in gc.get_objects() if isinstance(found, StateHolder)]
            for holder in holders:
                holder.session_data.clear()
            page.fill("#name-p1", "Bea")
            page.press("#name-p1", "Enter")
            expect(page.locator("#pending [role=alert]")).to_contain_text("has expired; translate the clip again")
            page.click("#redraw")
            expect(page.locator("#hud [role=alert]")).to_contain_text("has expired; translate the clip again")
            expect(page.locator("#run")).to_be_visible()
            page.click("#example-first_contact")
            expect(page.locator("#name-p1")).to_have_value("Speaker 1")


@pytest.fixture(scope="module")
def slow_url(folder):
    """A page whose runs take long enough to be stopped on any machine."""
    with served(fakes.services(folder / "slow", steps=200)) as address:
        yield address


def running(page: Page) -> None:
    expect(page.locator("#hud [aria-current=step]")).to_have_text("Hear the words", timeout=DONE)
    assert fakes.OPEN == ["analyse"]


def test_stop_ends_the_run_and_leaves_nothing(browser, slow_url, clip):
    from pipeline.web import jobs

    before = set(jobs.root().glob("job-*"))
    visit = opened(browser, slow_url, example=False)
    page = next(visit)
    translate(page, clip)
    running(page)
    page.click("#stop")
    expect(page.locator("#hud")).to_contain_text("Stopped")
    expect(page.locator("#run")).to_be_visible()
    end = time.monotonic() + 20
    while (fakes.OPEN or set(jobs.root().glob("job-*")) - before) and time.monotonic() < end:
        time.sleep(0.05)
    assert fakes.OPEN == []
    assert set(jobs.root().glob("job-*")) <= before
    expect(page.locator("#result-title b")).to_have_count(0)
    next(visit, None)


def test_what_is_no_clip_is_refused_in_a_sentence(page, tmp_path):
    poem = tmp_path / "poem.mp4"
    poem.write_text("Shall I compare thee to a summer's day?")
    page.set_input_files("#clip input[type=file]", str(poem))
    time.sleep(1)
    page.click("#run")
    expect(page.locator("#hud [role=alert]")).to_contain_text("Not a clip we can use")
    expect(page.locator("#hud [role=alert]")).to_contain_text("give an MP4")
    expect(page.locator("#run")).to_be_visible()
    expect(page.locator("#gallery .person")).to_have_count(3)


def test_no_clip_at_all(page):
    page.click("#run")
    expect(page.locator("#hud [role=alert]")).to_contain_text("There is no clip yet")


def test_a_refused_key_is_said_without_the_key(page, clip):
    page.click("#more button.label-wrap")
    page.set_input_files("#clip input[type=file]", str(clip))
    expect(page.locator("#clip video")).to_be_visible(timeout=DONE)
    page.fill("#key input", fakes.REFUSED_KEY)  # not sooner: what is typed before the panel is built is lost
    page.click("#run")
    expect(page.locator("#hud .failure")).to_contain_text("DeepL refused the key", timeout=DONE)
    assert fakes.REFUSED_KEY[:12] not in page.content()


def test_a_language_is_found_by_typing_and_says_what_it_needs(page):
    target = page.locator("#target input")
    target.click()
    page.wait_for_function("document.activeElement.selectionEnd > document.activeElement.selectionStart")
    target.press_sequentially("Pol")
    option = page.get_by_role("listbox").get_by_role("option").first
    expect(option).to_contain_text("Polish · Polski — needs a DeepL key")
    target.press("Escape")
    page.click("#more button.label-wrap")
    time.sleep(1)  # what is typed before the panel is built is lost
    page.fill("#key input", "5e0ca3b1-dead-4bee-9f00-0123456789ab:fx")
    time.sleep(1)
    target.click()
    page.wait_for_function("document.activeElement.selectionEnd > document.activeElement.selectionStart")
    target.press_sequentially("Pol")
    expect(option).to_contain_text("Polish · Polski — works now")


def test_an_example_is_there_at_once(page, clip):
    translate(page, clip)
    finished(page)
    page.click("#example-first_contact")
    expect(page.locator("#result-title")).to_contain_text("Finished example")
    expect(page.locator("#clip video")).to_be_visible()
    expect(page.locator("#gallery .person")).to_have_count(3)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(browser, url, width):
    for page in opened(browser, url, width, 844):
        page.click("#more button.label-wrap")
        page.click("#relook button.label-wrap")
        time.sleep(0.5)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        beyond = page.evaluate(
            """(width) => [...document.querySelectorAll('main *')].filter((e) => {
                const box = e.getBoundingClientRect();
                const style = getComputedStyle(e);
                return box.width > 1 && box.height > 1 && style.visibility !== 'hidden' && box.right > width + 1;
            }).map((e) => e.tagName + '#' + e.id + '.' + e.className).slice(0, 5)""",
            width,
        )
        assert beyond == []


def test_every_control_has_a_name_for_a_screen_reader(page):
    page.click("#more button.label-wrap")
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('main input, main select, main textarea, main button')].filter((e) => {
            const box = e.getBoundingClientRect();
            if (!box.width || e.type === 'file' || e.closest('[aria-hidden=true]')) return false;
            const name = e.getAttribute('aria-label') || e.title || e.innerText?.trim() || e.placeholder
                || (e.labels && [...e.labels].map((l) => l.textContent.trim()).join(''))
                || (e.getAttribute('aria-labelledby') && document.getElementById(e.getAttribute('aria-labelledby'))?.textContent);
            return !name;
        }).map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


def test_the_keyboard_alone_translates(page, clip):
    page.set_input_files("#clip input[type=file]", str(clip))
    expect(page.locator("#clip video")).to_be_visible(timeout=DONE)
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


CONTRAST = """() => {
  const parse = (c) => { const m = c.match(/[\\d.]+/g)?.map(Number) ?? [0, 0, 0, 0]; if (m.length < 4) m.push(1); return m; };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const found = [];
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, e = node.parentElement;
    if (!node.textContent.trim() || !e.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    if (e.closest('.sr, .sr-only, option, title, style, script, :disabled')) continue;
    const style = getComputedStyle(e);
    const box = e.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const layers = [];
    for (let a = e; a; a = a.parentElement) layers.push(parse(getComputedStyle(a).backgroundColor));
    const ground = layers.reverse().reduce((under, top) => over(top, under), [6, 8, 12, 1]);
    const ink = over(parse(style.color), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    const px = parseFloat(style.fontSize), large = px >= 24 || (px >= 18.66 && +style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) found.push([node.textContent.trim().slice(0, 40), ratio.toFixed(2), style.color, ground.join()]);
  }
  return found;
}"""


def test_every_text_is_dark_enough_on_light_or_light_enough_on_dark(page):
    page.click("#more button.label-wrap")
    page.click("#relook button.label-wrap")
    time.sleep(0.5)
    assert page.evaluate(CONTRAST) == []


def test_four_visitors_are_served_in_turn_and_never_mixed_up(browser, url, folder):
    colours = ("#c00000", "#00a000", "#0000c0", "#c0c000")
    clips = [fakes.make_clip(folder / f"visitor{n}.mp4", marker=colour) for n, colour in enumerate(colours)]
    visits = [opened(browser, url) for _ in clips]
    pages = [next(visit) for visit in visits]
    for page, clip in zip(pages, clips, strict=True):
        translate(page, clip)
    waiting = pages[3].locator("#hud")
    expect(waiting).to_contain_text("queue", timeout=10_000)
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


def test_leaving_stops_the_run(browser, slow_url, clip):
    visit = opened(browser, slow_url, example=False)
    page = next(visit)
    translate(page, clip)
    running(page)
    next(visit, None)
    end = time.monotonic() + 20
    while fakes.OPEN and time.monotonic() < end:
        time.sleep(0.05)
    assert fakes.OPEN == []


def test_an_address_is_fetched(page):
    page.click("#more button.label-wrap")
    page.fill("#url textarea, #url input", "https://example.org/clip.mp4")
    page.click("#run")
    finished(page)
    assert near(pixel(page, 3.0, 320, 290), fakes.COLOURS[0])


def test_a_clip_and_an_address_are_one_too_many_and_an_example_clears_the_address(page, clip):
    page.click("#more button.label-wrap")
    page.fill("#url textarea, #url input", "https://example.org/clip.mp4")
    page.set_input_files("#clip input[type=file]", str(clip))
    expect(page.locator("#clip video")).to_be_visible(timeout=DONE)
    page.click("#run")
    expect(page.locator("#hud [role=alert]")).to_contain_text("There is a clip and an address; remove one of them.")
    page.click("#example-first_contact")
    expect(page.locator("#url textarea, #url input")).to_have_value("")


def test_an_address_that_is_none(page):
    page.click("#more button.label-wrap")
    page.fill("#url textarea, #url input", "file:///etc/passwd")
    page.click("#run")
    expect(page.locator("#hud [role=alert]")).to_contain_text("starts with https://")
