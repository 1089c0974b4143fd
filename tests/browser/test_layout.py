"""How the page stands: widths, names, contrast, and what axe-core finds."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.states import ACCORDIONS, every_state, site, toggle, unfold
from tests.fixtures_browser import DONE, LINE, choose, expect, finished, opened, translate
from tests.fixtures_browser import unfold as unfold_one

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_screen(browser: Browser, url: str, width: int) -> None:
    for page in opened(browser, url, width, 844):
        unfold(page)
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


def test_every_control_has_a_name_for_a_screen_reader(page: Page) -> None:
    unfold(page)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('main input, main select, main textarea, main button')].filter((e) => {
            const box = e.getBoundingClientRect();
            if (!box.width || e.type === 'file' || e.closest('[aria-hidden=true]')) return false;
            const name = e.getAttribute('aria-label') || e.title || e.textContent.trim() || e.placeholder
                || (e.labels && [...e.labels].map((l) => l.textContent.trim()).join(''))
                || (e.getAttribute('aria-labelledby') && document.getElementById(e.getAttribute('aria-labelledby'))?.textContent);
            return !name;
        }).map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert nameless == []


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


def test_every_text_is_dark_enough_on_light_or_light_enough_on_dark(page: Page) -> None:
    unfold(page)
    assert page.evaluate(CONTRAST) == []


def choose_files(page: Page, clip: Path) -> None:
    """Choose a file in every upload of the page but that of the font."""
    unfold_one(page, "more-own")
    unfold_one(page, "looks")
    choose(page, clip)
    for field, name, text in (
        ("#brought", "talk.srt", b"1\n00:00:00,000 --> 00:00:02,000\nHello\n"),
        ("#turns", "talk.rttm", b"SPEAKER talk 1 0.0 1.0 <NA> <NA> ann <NA> <NA>\n"),
        ("#style-file", "style.json", b"{}"),
    ):
        file = {"name": name, "mimeType": "text/plain", "buffer": text}
        page.set_input_files(f"{field} input[type=file]", file, timeout=DONE)  # type: ignore[arg-type]
        expect(page.locator(f"{field} .filename")).to_have_text(name.replace(".", " ."), timeout=DONE)


def test_the_name_of_a_chosen_file_was_white_on_white_in_the_light_scheme(
    browser: Browser, url: str, clip: Path
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, color_scheme="light")
    for page in opened(browser, url, context=context):
        choose_files(page, clip)
        assert page.evaluate(CONTRAST) == []
    context.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_what_an_upload_says_is_one_line_and_not_cut_off(browser: Browser, url: str, width: int) -> None:
    """ "Click to Upload" hung over the lower edge of its box, or stood there without "or"."""
    for page in opened(browser, url, width, 844):
        unfold_one(page, "more-own")
        unfold_one(page, "looks")
        uploads = ("#clip", "#brought", "#turns", "#own-font", "#style-file")
        for upload in uploads:
            text, lines, inside = page.locator(f"{upload} [data-testid=upload-text]").evaluate(
                """(e) => {
                    const words = [];
                    const walker = document.createTreeWalker(e, NodeFilter.SHOW_TEXT);
                    while (walker.nextNode()) {
                        const range = document.createRange();
                        range.selectNodeContents(walker.currentNode);
                        words.push(...range.getClientRects());
                    }
                    const box = e.closest('.block').getBoundingClientRect();
                    return [e.innerText.trim(), new Set(words.map((r) => Math.round(r.bottom))).size,
                        words.every((r) => r.top >= box.top && r.bottom <= box.bottom && r.left >= box.left && r.right <= box.right)];
                }"""
            )
            assert re.fullmatch(r"drop file here\s+- or -\s+click to upload", text, re.IGNORECASE), (upload, text)
            assert lines == 1, upload
            assert inside, upload


def violations(page: Page) -> list[str]:
    """What axe-core says against the page, with where it is."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{v['id']}: {node['html'][:120]}" for v in found for node in v["nodes"]]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_axe_finds_nothing_in_any_state(
    browser: Browser, tmp_path: Path, width: int, scheme: Literal["dark", "light"]
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    with site(tmp_path) as url:
        for page in opened(browser, url, context=context, expires=True):
            found = {state: violations(page) for state in every_state(page, url, context, tmp_path)}
            assert len(found) >= 36
            assert {state: what for state, what in found.items() if what} == {}
    context.close()


def test_phone_what_is_opened_begins_right_below_its_title(browser: Browser, url: str) -> None:
    """ "More" opened a void, and twelve controls that had nothing to do with each other."""
    for page in opened(browser, url, 390, 844):
        for name in ACCORDIONS:
            toggle(page, name)
            page.wait_for_timeout(400)
            gap, controls = page.evaluate(
                """(name) => {
                    const shown = (e) => e.checkVisibility() && e.getBoundingClientRect().height > 8;
                    const title = document.querySelector(`#${name} button.label-wrap`);
                    const inside = [...document.querySelectorAll(`#${name} input, #${name} textarea, #${name} button,
                        #${name} select, #${name} p, #${name} label`)].filter((e) => e !== title && shown(e));
                    const first = Math.min(...inside.map((e) => e.getBoundingClientRect().top));
                    return [first - title.getBoundingClientRect().bottom,
                        inside.filter((e) => e.matches('input:not([type=radio]), textarea, select')).length];
                }""",
                name,
            )
            assert 0 <= gap < 80, name  # the label of the first field and its padding take up to 64 px
            assert controls <= (10 if name == "looks" else 6), name
            toggle(page, name)


def test_phone_the_upload_is_above_the_fold_and_stop_can_be_seen(browser: Browser, url: str, clip: Path) -> None:
    for page in opened(browser, url, 390, 844):
        box = page.locator("#clip").bounding_box()
        assert box
        assert box["y"] + box["height"] < 844
        run = page.locator("#run").bounding_box()
        assert run
        assert run["y"] + run["height"] < 844
        translate(page, clip)
        for place in ("0", "document.body.scrollHeight"):
            page.evaluate(f"scrollTo(0, {place})")
            stop = page.locator("#stop").bounding_box()
            assert stop
            assert 0 <= stop["y"] < 844 - stop["height"] + 1
        finished(page)


def test_phone_the_player_stays_above_the_transcript(browser: Browser, url: str) -> None:
    for page in opened(browser, url, 390, 844):
        page.locator(LINE).last.scroll_into_view_if_needed()
        page.evaluate("document.querySelector('#transcript .line:last-child').scrollIntoView({block: 'end'})")
        time.sleep(0.3)
        box = page.locator("#result-video .player").bounding_box()
        assert box
        assert -5 <= box["y"] < 20


def test_phone_labels_of_the_look_did_not_go_under_the_player_that_stays(browser: Browser, url: str) -> None:
    for page in opened(browser, url, 390, 844):
        unfold_one(page, "looks")
        seen = page.evaluate(
            """() => [...document.querySelectorAll('#looks [data-testid=block-info], #looks label, #looks input, #looks button')]
                .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height > 8 && !e.matches('.label-wrap')).map((e) => {
                    scrollBy(0, e.getBoundingClientRect().top - 100);
                    const box = e.getBoundingClientRect();
                    const top = document.elementFromPoint(box.left + Math.min(box.width / 2, 20), 105);
                    return top.closest('#result-video') ? '' : e.outerHTML.slice(0, 80);
                })"""
        )
        assert len(seen) > 10
        assert [what for what in seen if what] == []


def test_the_player_stands_beside_the_transcript(page: Page) -> None:
    page.evaluate("document.querySelector('#transcript .line').scrollIntoView({block: 'center'})")
    time.sleep(0.3)
    player, line = page.locator("#result-video .player").bounding_box(), page.locator(LINE).first.bounding_box()
    assert player
    assert line
    assert player["x"] + player["width"] <= line["x"]
    assert player["y"] >= 0
    assert player["y"] + player["height"] <= 860


def test_the_list_of_a_choice_had_no_edge_and_ran_into_the_field_below(page: Page) -> None:
    page.click("#target input")
    edge = page.locator(".options:visible").evaluate(
        "(e) => [getComputedStyle(e).borderBottomWidth, getComputedStyle(e).borderBottomColor]"
    )
    assert edge[0] == "1px"
    assert edge[1] != page.locator(".options:visible").evaluate("(e) => getComputedStyle(e).backgroundColor")


@pytest.mark.parametrize("width", [320, 390])
def test_phone_the_menu_of_a_line_opens_on_the_screen(browser: Browser, url: str, width: int) -> None:
    for page in opened(browser, url, width, 844):
        page.locator(f"{LINE} .menu summary").nth(1).click()
        box = page.locator(f"{LINE} .menu[open] > div").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_phone_nothing_lies_over_stop(browser: Browser, slow_url: str, clip: Path) -> None:
    for page in opened(browser, slow_url, 390, 844, example=False):
        translate(page, clip)
        page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
        over = page.evaluate(
            """() => { const box = document.querySelector('#stop').getBoundingClientRect();
            return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2).closest('#stop') !== null }"""
        )
        assert over
        page.click("#stop")
        expect(page.locator("#run")).to_be_visible(timeout=DONE)


def test_nothing_moves_on_a_page_that_waits(page: Page) -> None:
    """The sentence of the masthead was typed forever: nothing could stop it."""
    saying = page.locator("#masthead .saying span")
    counted = """async (seconds) => {
        let count = 0;
        const seen = new MutationObserver((list) => { count += list.length; });
        seen.observe(document.body, { childList: true, subtree: true, characterData: true });
        await new Promise((done) => setTimeout(done, seconds * 1000));
        seen.disconnect();
        return count;
    }"""
    page.wait_for_timeout(6000)  # the first sentence is typed and turns
    saying.hover()
    expect(saying).to_have_text("言葉は目の前で変わる。")
    expect(saying).to_have_text("The words change before your eyes.")
    assert page.evaluate(counted, 5) == 0
