"""The compositor: puts the cues of an analysis on frames, in place, in yuv420p.

Everything that moves is known before the first frame (captions, place); what stands on a frame depends on its time alone, so a
frame is the same whether it is drawn in a run or by itself. Text is shaped once per cue, before the first frame, since the size of
a panel depends on it; it becomes pixels when it appears, and is forgotten when it is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pipeline.records import Analysis, Look, Notice
from pipeline.subtitles import captions, yuv
from pipeline.subtitles.looks import Panel
from pipeline.subtitles.marker import Markers, name_tag
from pipeline.subtitles.panel import Drawing
from pipeline.subtitles.place import Spot, place, scene
from pipeline.subtitles.setting import Canvas, Setting
from pipeline.subtitles.yuv import Matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Canvas", "Compositor"]


class Compositor:
    """Draws `analysis` in `look` on frames of `width` x `height` px, `rate` a second.

    `canvas` is the size of what comes out; `drawn` takes frames of the picture's size and gives canvases, `draw` edits a canvas
    in place. `matrix` is how the frames are encoded: BT.709 from 720 lines on, else BT.601, unless given.

    Raises UsageError for a look that does not exist.
    """

    def __init__(
        self,
        analysis: Analysis,
        look: Look,
        width: int,
        height: int,
        rate: Fraction | float | None = None,
        matrix: Matrix | None = None,
    ) -> None:
        self._setting = setting = Setting(analysis, look, width, height, matrix)
        self.canvas = setting.canvas
        turns = setting.has("turn")
        heads = look.position != "bottom" and any(panel.place == "head" for panel in setting.panels)
        self.cues, notices = captions.cues(
            analysis,
            look,
            texts="morph" if turns else "original" if not setting.has("translation") else "both",
            columns=setting.columns,
            frame_rate=rate,
            one_at_a_time=not heads,
        )
        for notice in notices:
            setting.notice(notice.code, notice.text)
        media = analysis.media
        scale = (width / (media.width or width), height / (media.height or height))
        self.scene = scene(
            analysis.tracks, analysis.shots, width=width, height=height, scale=scale, margin=setting.margin
        )
        self._tags = {p.id: name_tag(p, setting) for p in analysis.people}
        self.spots = [self._place(panel) for panel in setting.panels]  #: by panel, then cue: where it stands, by shot
        self._markers = Markers(setting, self.scene, self.cues, self._tags)
        self._live: dict[tuple[int, int], Drawing] = {}
        self._by_second: dict[int, list[int]] = {}
        for i, cue in enumerate(self.cues):
            for second in range(int(cue.start), int(cue.end) + 1):
                self._by_second.setdefault(second, []).append(i)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What could not be kept legible; complete after the last frame."""
        return tuple(self._setting.notices.values())

    def drawn(self, frames: Iterable[tuple[float, NDArray[np.uint8]]]) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Every frame on its canvas, drawn on. A frame without bars is edited where it lies."""
        for t, frame in frames:
            canvas = self.framed(frame)
            self.draw(canvas, t)
            yield t, canvas

    def framed(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The frame itself, or a new canvas with it between black bars."""
        return yuv.barred(frame, self.canvas.top) if self.canvas.top else frame

    def draw(self, frame: NDArray[np.uint8], t: float) -> bool:
        """What belongs on the canvas at `t` is on it; False where nothing does and it was not touched."""
        active = [i for i in self._by_second.get(int(t), ()) if self.cues[i].start <= t < self.cues[i].end]
        for key in [key for key in self._live if key[0] not in active]:
            del self._live[key]
        marked = self._markers.at(t)
        if not active and not marked:
            return False
        target = yuv.planes(frame)
        taken = [self._box(own[i], t) for i in active for own in self.spots if t < own[i][-1].end] if marked else []
        for person, face, brackets, name in marked:
            self._markers.draw(target, person, face.at(t).tolist(), brackets, name, taken)
        for i in active:
            for k, panel in enumerate(self._setting.panels):
                drawing = self._live.get((i, k))
                if drawing is None:
                    tag = self._tags.get(self.cues[i].person or "")
                    drawing = self._live[i, k] = Drawing(self._setting, self.cues[i], panel, tag)
                drawing.draw(target, t, self.spots[k][i])
        return True

    def _box(self, spots: tuple[Spot, ...], t: float) -> tuple[int, int, int, int]:
        """Where a panel is at `t`, px of the canvas."""
        spot = next((s for s in spots if t < s.end), spots[-1])
        x, y = spot.at(t)
        y += 0 if spot.kind == "bar" else self.canvas.top
        return x, y, x + spot.width, y + spot.height

    def _place(self, panel: Panel) -> tuple[tuple[Spot, ...], ...]:
        """Where the panel stands in every cue."""
        setting = self._setting
        sizes = [setting.size(panel, cue) for cue in self.cues]
        if panel.place in ("head", "bottom"):
            spots = place(
                self.cues,
                sizes,
                self.scene,
                low=panel.place == "bottom" or setting.look.position == "bottom",
                still=setting.look.reduced_motion,
                tabs={person: (tag.width + setting.padding[0], tag.height) for person, tag in self._tags.items()},
                face_tab=not setting.look.markers,
                home="right" if setting.right_to_left else "left",
            )
        else:
            spots = self._in_bars(panel, sizes)
        ended = next((cue for cue, own in zip(self.cues, spots, strict=True) if own[-1].end < cue.end), None)
        if ended:
            setting.notice("crowded", f"At {ended.start:.1f} s more is said at once than there is room for; the subtitle there "
                           "goes early. Choose a smaller text size or another look.")  # fmt: skip
        return spots

    def _in_bars(self, panel: Panel, sizes: list[tuple[int, int]]) -> tuple[tuple[Spot, ...], ...]:
        """In the middle of its bar; who speaks at the same time stands beside the bar, on its half of the picture.

        Where that is full the one that would go first goes at once.
        """
        bar, height, margin = self.canvas.top, self.canvas.height, self.scene.margin
        pitch = (
            margin + max((h for _, h in sizes), default=0) + max((tag.height for tag in self._tags.values()), default=0)
        )
        spots: list[tuple[Spot, ...]] = []
        slots: list[tuple[float, int]] = []  # until when each is taken, and by which cue
        most = 1 + max(0, int((height / 2 - bar) / pitch))
        for number, (cue, (w, h)) in enumerate(zip(self.cues, sizes, strict=True)):
            tag = self._tags.get(cue.person or "")
            tab = tag.height if tag and self._setting.carries_name(panel, cue) else 0
            slot = 0
            if w:  # a phrase without a translation takes no place
                slot = next((k for k, (until, _) in enumerate(slots) if until <= cue.start), len(slots))
                if slot == most:
                    slot = slots.index(min(slots))
                    (first,) = spots[slots[slot][1]]
                    spots[slots[slot][1]] = (replace(first, end=cue.start),)
                slots[slot : slot + 1] = [(cue.end, number)]
            if slot == 0:
                y = (bar - h - tab) / 2 if panel.place == "top bar" else height - (bar + h + tab) / 2
            elif panel.place == "top bar":
                y = bar + margin + (slot - 1) * pitch
            else:
                y = height - bar - slot * pitch
            x, y = (self.canvas.width - w) / 2, float(round(min(max(0, y), max(0, height - h - tab))))
            ends = np.array([cue.start, cue.end])
            spots.append((Spot(cue.start, cue.end, w, h + tab, "bar", ends, np.full(2, x), np.full(2, y), tab=tab),))
        return tuple(spots)
