"""Who spoke when, as HTML."""

from __future__ import annotations

from html import escape

from pipeline.records import Analysis, Person
from pipeline.web import words


def timeline(analysis: Analysis) -> str:
    """Return a row a person with a pale bar for each turn and a bright one for each line.

    A click on a bar plays from there; the ends of a line's bar can be dragged.
    """
    duration = analysis.media.duration
    if not analysis.turns or duration <= 0:
        return '<p class="empty">Nobody spoke.</p>'
    rows = "".join(_row(person, analysis, duration) for person in analysis.people)
    ticks = "".join(
        f'<span style="left:{t / duration:.2%}">{words.clock(t)}</span>'
        for t in _ticks(duration)
        if t <= duration * 0.97
    )
    summary = "; ".join(f"{p.name} {p.speaking_s:.0f} seconds" for p in analysis.people)
    return (
        f'<div class="timeline" data-duration="{duration:.3f}" role="group" aria-label="Who spoke when: '
        f'{escape(summary)}">'
        f'{rows}<div class="axis"><span class="sr">Seconds</span><div class="ticks">{ticks}</div></div>'
        f'<div class="lane"><i class="head" hidden></i></div></div>'
    )


def _row(person: Person, analysis: Analysis, duration: float) -> str:
    colour = words.colour(person.colour)
    bars = "".join(
        f'<rect class="turn" x="{turn.start:.3f}" y="0" width="{max(turn.end - turn.start, duration / 400):.3f}" '
        f'height="1" '
        f'data-seek="{turn.start:.2f}"/>'
        for turn in analysis.turns
        if turn.person == person.id
    ) + "".join(
        f'<rect class="said" x="{line.start:.3f}" y="0.12" width="{max(line.end - line.start, duration / 400):.3f}" '
        f'height="0.76" data-seek="{line.start:.2f}" data-phrase="{line.id}"><title>{escape(person.name)}, '
        f"{words.clock(line.start)} to {words.clock(line.end)}. Drag an end to move it.</title></rect>"
        for line in analysis.phrases
        if line.person == person.id
    )
    return (
        f'<div class="row" style="--who:{colour}"><span class="who">{escape(person.name)}</span>'
        f'<svg viewBox="0 0 {duration:.3f} 1" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(person.name)} speaks {words.clock(person.speaking_s)}">{bars}</svg></div>'
    )


def _ticks(duration: float) -> list[float]:
    step = next(s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 3600) if duration / s <= 8 or s == 3600)
    return [float(t) for t in range(0, int(duration) + 1, step)]
