"""The plan of a look on a clip: its cues and where each panel stands. The picture and the subtitle files are made from
it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

from pipeline import style
from pipeline.records import Analysis, Look
from pipeline.subtitles.bars import place_in_bars
from pipeline.subtitles.cue import Cue
from pipeline.subtitles.doubted import marked
from pipeline.subtitles.marker import name_tag
from pipeline.subtitles.place import Manner, place
from pipeline.subtitles.scene import Scene, scene
from pipeline.subtitles.schedule import Place, schedule
from pipeline.subtitles.setting import Setting
from pipeline.subtitles.spot import Spot
from pipeline.subtitles.yuv import Matrix, Sprite

T = TypeVar("T")
WITHOUT_PICTURE = (1280, 720)  #: px that files assume for a clip with sound only


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that is known before the first frame is drawn."""

    setting: Setting
    analysis: Analysis
    look: Look
    cues: tuple[Cue, ...]
    scene: Scene
    spots: tuple[tuple[tuple[Spot, ...], ...], ...]  #: by panel of the style, then cue: where it stands, by shot
    tags: dict[str, Sprite]  #: the name tag of each person


def plan(
    analysis: Analysis,
    look: Look,
    width: int,
    height: int,
    rate: Fraction | float | None = None,
    matrix: Matrix | None = None,
) -> Generator[None, None, Plan]:
    """Return the plan of `look` on frames of `width` x `height` px, `rate` a second.

    `matrix` is how the frames are encoded: BT.709 from 720 lines on, else BT.601, unless given. Yields while texts are
    laid out and panels placed; closing the generator stops the work.

    Raises UsageError for a look that does not exist.
    """
    analysis = style.recoloured(marked(analysis), look)
    setting = Setting(analysis, look, width, height, matrix)
    heads = look.position != "bottom" and any(panel.place == "head" for panel in setting.panels)
    cues, notices = schedule(
        analysis,
        look,
        texts="turn" if setting.has("turn") else "original" if not setting.has("translation") else "both",
        columns=setting.columns,
        frame_rate=rate,
        place=Place(single=not heads, marks=setting.style.marks, strict=setting.style.strict),
    )
    for notice in notices:
        setting.notice(notice.code, notice.text)
    media = analysis.media
    scale = (width / (media.width or width), height / (media.height or height))
    made = scene(
        analysis.tracks,
        analysis.shots,
        analysis.written,
        width=width,
        height=height,
        scale=scale,
        margin=setting.margin,
    )
    if any(len(made.texts(cue.start, cue.end)) for cue in cues):
        setting.notice("burned_in", "There is text in the picture already; the subtitles keep clear of it.")
    tags = {person.id: name_tag(person, setting) for person in analysis.people}
    manner = Manner(
        still=look.reduced_motion,
        tabs={
            person: (tag.width + setting.padding[0], tag.height) for person, tag in tags.items() if setting.style.names
        },
        air=setting.padding if setting.style.strength[0] == 0 else (0, 0),
        face_tab=not (look.markers and setting.style.brackets),
        fixed={
            person.id: (own.position[0] * width, own.position[1] * height)
            for person in analysis.people
            if (own := style.person(look, person.id, person.name)).position
        },
    )
    spots: list[tuple[tuple[Spot, ...], ...]] = []
    for panel in setting.panels:
        sizes = []
        for cue in cues:
            sizes.append(setting.size(panel, cue))
            yield
        if panel.place in ("head", "bottom"):
            low = panel.place == "bottom" or look.position == "bottom"
            found = yield from place(cues, sizes, made, replace(manner, low=low))
        else:
            found = place_in_bars(panel, cues, sizes, setting, tags, made.margin)
        spots.append(found)
        for cue, places in zip(cues, found, strict=True):
            if places[-1].end < cue.text_end - 1e-6:
                setting.notice_at("crowded", cue)
    return Plan(setting, analysis, look, cues, made, tuple(spots), tags)


def plan_files(analysis: Analysis, look: Look) -> Plan:
    """Return the plan of `look` on the clip at its own size, as the subtitle files need it."""
    media = analysis.media
    width, height = (media.width, media.height) if media.width and media.height else WITHOUT_PICTURE
    return finish(plan(analysis, look, width, height))


def finish(work: Generator[object, None, T]) -> T:
    """Run a generator to its end and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            result: T = stop.value
            return result
