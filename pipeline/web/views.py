"""Progress, notices and what is pending, as HTML. Every text from outside is escaped here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pipeline.records import STAGES, Notice
from pipeline.web import words

TICK_S = 0.25  #: at most four progress updates a second

STAGE_NAMES = {
    "fetch": "Download", "probe": "Open", "speech": "Transcribe the speech", "voices": "Tell voices apart",
    "faces": "Find faces", "people": "Match voices to faces", "translate": "Translate", "render": "Draw the video",
}  # fmt: skip

#: what the button says that brings the changes into what was made of the clip
BUTTONS = {"video": "Redraw the video", "files": "Write the files"}


def progress(
    stages: Iterable[str],
    stage: str,
    fraction: float = 0.0,
    overall: float | None = None,
    seconds_left: float | None = None,
    message: str = "",
    caption: str = "",
) -> str:
    """Where the run is: every stage with what is done of it, the whole in per cent, the time left; above it the latest
    words, in the original and then translated.
    """
    stages = [name for name in STAGES if name in set(stages)]
    at = stages.index(stage) if stage in stages else 0
    whole = overall if overall is not None else (at + fraction) / max(1, len(stages))
    whole = min(1.0, max(0.0, whole))
    items = ""
    for index, name in enumerate(stages):
        state = "done" if index < at else "now" if index == at else "todo"
        done = 1.0 if index < at else min(1.0, max(0.0, fraction)) if index == at else 0.0
        current = ' aria-current="step"' if state == "now" else ""
        items += f'<li class="{state}"{current} style="--done:{done:.1%}">{STAGE_NAMES.get(name, escape(name))}</li>'
    left = f"about {words.duration_in_words(seconds_left)} left" if seconds_left is not None else ""
    note = f'<p class="note">{escape(message)}</p>' if message else ""
    said = f'<p class="words" dir="auto">{escape(caption)}</p>' if caption else ""
    return (
        f'<div class="hud">{said}<div '
        f'class="figures"><strong>{whole:.0%}</strong><span>{STAGE_NAMES.get(stage, escape(stage))}'
        f"</span><em>{left}</em></div>"
        f'<div class="bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{whole * 100:.0f}"><i style="width:{whole:.1%}"></i></div><ol>{items}</ol>{note}</div>'
    )


def notices(found: Iterable[Notice]) -> str:
    """What the visitor should know, a line each."""
    items = "".join(f"<li>{escape(notice.text)}</li>" for notice in dict.fromkeys(found))
    return f'<ul class="notices" role="status">{items}</ul>' if items else ""


def failure(title: str, sentence: str) -> str:
    """What went wrong, and what to do."""
    return f'<div class="failure" role="alert"><strong>{escape(title)}</strong><p>{escape(sentence)}</p></div>'


def pending(changes: int, problem: str = "", *, what: str = "video", made: bool = True) -> str:
    """What is not in the video yet, and why the last change was not made.

    what: "files" for a clip without a picture, of which no video is made. made: False before the first drawing.
    """
    alert = hint(problem, bad=True)
    several = what == "files"
    if not made:
        told = "No files have" if several else "No video has"
        them = "them" if several else "one"
        return note(f"{told} been made of this yet; press “{BUTTONS[what]}” to make {them}.") + alert
    if not changes:
        return f'<p class="pending">The {what} {"are" if several else "is"} up to date.</p>{alert}'
    plural = "s" if changes != 1 else ""
    return f'<p class="pending open" role="status"><b>{changes}</b> change{plural} not in the {what} yet</p>{alert}'


def waiting(ahead: int) -> str:
    """Where in the queue a run is."""
    first = "You are next" if ahead == 1 else f"You are number {ahead} in the queue"
    return (
        f'<div class="hud waiting" role="status"><div '
        f'class="figures"><strong>{ahead}</strong><span>{first}</span></div>'
        '<p class="note">Your clip has arrived and will start on its own. You can reload this page, but keep it '
        "open.</p></div>"
    )


def hint(sentence: str, *, bad: bool = False) -> str:
    """A plain sentence beside what it is about; `bad` where something is wrong."""
    kind, role = ("problem", "alert") if bad else ("hint", "status")
    return f'<p class="{kind}" role="{role}">{escape(sentence)}</p>' if sentence else ""


def note(sentence: str) -> str:
    """A plain sentence about how things stand."""
    return f'<p class="note" role="status">{escape(sentence)}</p>' if sentence else ""
