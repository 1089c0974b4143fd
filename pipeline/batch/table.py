"""The progress of a batch on a terminal, or a line per finished clip elsewhere."""

from __future__ import annotations

import time
from typing import TextIO

from pipeline.batch.work import Outcome
from pipeline.terminal import printable


class Table:
    """Clips done, running, failed, and the time left."""

    def __init__(self, total: int, to: TextIO, doing: str = "") -> None:
        self._total, self._to, self._doing = total, to, doing
        self._live = to.isatty()
        self._running: dict[str, float] = {}  # share of each clip that is done
        self._done = self._failed = self._lines = 0
        self._began, self._drawn = time.monotonic(), 0.0

    def running(self, name: str, share: float) -> None:
        """Show that the clip is being worked on, `share` of it done."""
        self._running[name] = share
        if self._live and time.monotonic() - self._drawn > 0.2:
            self._draw()

    def ended(self, name: str, outcome: Outcome | None = None) -> None:
        """Show that the clip is done or failed."""
        self._running.pop(name, None)
        failed = outcome is not None and outcome.status == "failed"
        self._failed += failed
        self._done += not failed
        if failed and outcome is not None:
            self._say(f"{printable(name)}: {printable(outcome.error)}")
        elif not self._live:
            self._say(f"{self._doing or 'done'}: {printable(name)} ({self.line()})")
        if self._live:
            self._draw()

    def line(self) -> str:
        """Return the figures in one line."""
        share = (self._done + self._failed + sum(self._running.values())) / max(1, self._total)
        parts = [f"{self._done} of {self._total} done", f"{len(self._running)} running", f"{self._failed} failed"]
        if 0.02 < share < 1.0:
            left = (time.monotonic() - self._began) * (1.0 - share) / share
            parts.append(f"about {round(left) // 60}:{round(left) % 60:02} left")
        return ", ".join(parts)

    def close(self) -> None:
        """Clear what stands on the terminal."""
        self._clear()
        self._to.flush()

    def _say(self, text: str) -> None:
        self._clear()
        print(text, file=self._to, flush=True)

    def _clear(self) -> None:
        if self._lines:
            self._to.write(f"\x1b[{self._lines}A\x1b[J")
            self._lines = 0

    def _draw(self) -> None:
        self._clear()
        self._drawn = time.monotonic()
        rows = [self.line()]
        for name, share in list(self._running.items())[:16]:
            rows.append(f"  {'█' * round(16 * share):░<16} {share:4.0%}  {printable(name)[:50]}")
        self._to.write("".join(f"{row}\n" for row in rows))
        self._to.flush()
        self._lines = len(rows)
