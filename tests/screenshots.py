"""Screenshots of every state of the page over fakes: `python -m tests.screenshots FOLDER`.

Each state is taken in the dark and in the light colour scheme, 1280 and 390 px wide, from top to bottom.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.states import every_state, site
from tests.fixtures_browser import CHROMIUM, DONE, LINE, SWITCHES


def main() -> None:
    to = Path(sys.argv[1])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        for width, scheme in ((1280, "dark"), (1280, "light"), (390, "dark"), (390, "light")):
            out = to / f"{width}-{scheme}"
            out.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory() as temporary, site(Path(temporary)) as url:
                context = browser.new_context(
                    viewport={"width": width, "height": 844}, color_scheme="dark" if scheme == "dark" else "light"
                )
                page = context.new_page()
                page.goto(url)
                page.locator(LINE).first.wait_for(timeout=DONE)
                for number, name in enumerate(every_state(page, url, context, Path(temporary)), 1):
                    page.wait_for_timeout(300)
                    file = out / f"{number:02d} {re.sub('[^A-Za-z0-9 ]', '', name)}.png"
                    page.screenshot(path=file, full_page=True)
                    print(file)
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
