"""The compositor: puts the cues of an analysis on frames, in place, in yuv420p.

Everything that moves is known before the first frame (see plan); what stands on a frame depends on its time alone, so a
frame is the same whether it is drawn in a run or by itself. A text becomes pixels when it appears, and is forgotten
when it is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, ParamSpec

from pipeline.records import Notice
from pipeline.subtitles import yuv
from pipeline.subtitles.marker import Markers
from pipeline.subtitles.panel import Drawing
from pipeline.subtitles.plan import Plan, finish, plan
from pipeline.subtitles.setting import Canvas
from pipeline.subtitles.spot import Spot, spot_at

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Canvas", "Compositor", "compose"]

P = ParamSpec("P")


class Compositor:
    """Draws a plan on frames.

    `canvas` is the size of the result; `drawn` takes frames of the picture's size and gives canvases, `draw` edits a
    canvas in place.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._setting = plan.setting
        self.canvas = plan.setting.canvas
        self.cues, self.scene, self.spots = plan.cues, plan.scene, plan.spots
        self._markers = Markers(plan.setting, plan.scene, plan.cues, plan.tags)
        self._down = [0, self.canvas.top, 0, self.canvas.top]  #: px from the picture to the canvas
        self._live: dict[tuple[int, int], Drawing] = {}
        self._by_second: dict[int, list[int]] = {}
        for i, cue in enumerate(self.cues):
            for second in range(int(cue.start), int(cue.end) + 1):
                self._by_second.setdefault(second, []).append(i)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What could not be kept legible; complete after the last frame."""
        return self._setting.notices

    def drawn(self, frames: Iterable[tuple[float, NDArray[np.uint8]]]) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Yield every frame on its canvas, drawn on. A frame without bars is edited where it lies."""
        for t, frame in frames:
            canvas = self.framed(frame)
            self.draw(canvas, t)
            yield t, canvas

    def framed(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the frame itself, or a new canvas with it between black bars."""
        return yuv.barred(frame, self.canvas.top) if self.canvas.top else frame

    def draw(self, frame: NDArray[np.uint8], t: float) -> bool:
        """Draw on the canvas what belongs there at `t`; return False where there is nothing and it was not touched."""
        active = [i for i in self._by_second.get(int(t), ()) if self.cues[i].start <= t < self.cues[i].end]
        for key in [key for key in self._live if key[0] not in active]:
            del self._live[key]
        marked = self._markers.at(t)
        if not active and not marked:
            return False
        target = yuv.planes(frame)
        boxes = [self._box(own[i], t) for i in active for own in self.spots] if marked else []
        taken = [box for box in boxes if box is not None]
        written: list[list[float]] = []
        if marked and self.scene.written:
            written = (self.scene.texts(t, t + 0.001) + self._down).tolist()
        for person, face, brackets, name in marked:
            self._markers.draw(target, person, face.at(t).tolist(), brackets, name, taken, written)
        for i in active:
            for k, panel in enumerate(self._setting.panels):
                drawing = self._live.get((i, k))
                if drawing is None:
                    tag = self.plan.tags.get(self.cues[i].person or "")
                    drawing = self._live[i, k] = Drawing(self._setting, self.cues[i], panel, tag)
                drawing.draw(target, t, self.spots[k][i])
        return True

    def _box(self, spots: tuple[Spot, ...], t: float) -> tuple[int, int, int, int] | None:
        """Return where a panel is at `t`, px of the canvas; None where it is not."""
        spot = spot_at(spots, t)
        if spot is None:
            return None
        x, y = spot.at(t)
        y += 0 if spot.kind == "bar" else self.canvas.top
        return x, y, x + spot.width, y + spot.height


def _at_once(planning: Callable[P, Generator[None, None, Plan]]) -> Callable[P, Compositor]:
    def compose(*args: P.args, **kwargs: P.kwargs) -> Compositor:
        return Compositor(finish(planning(*args, **kwargs)))

    return compose


#: Takes what `plan` takes, and returns the compositor of that plan.
compose = _at_once(plan)
