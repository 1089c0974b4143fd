"""The lines of a transcript, as HTML."""

from __future__ import annotations

from html import escape

from pipeline.records import Analysis, Person, Phrase, Transcript
from pipeline.web import words

UNSURE = 0.6  #: confidence below which a line is marked for checking

MISHEARD = "These words may have been misheard (?)"

#: (kind of edit, what the button says, its key)
LINE_TOOLS = (
    ("split", "Split at the cursor", "Alt+S"),
    ("join", "Merge with the next line", "Alt+M"),
    ("add", "Add a line after this one", "Alt+N"),
    ("again", "Translate again", "Alt+T"),
    ("remove", "Delete", "Alt+Delete"),
)


def transcript_table(analysis: Analysis, *, unsure_first: bool = False, editable: bool = True) -> str:
    """Return the lines with time, speaker, original, translation and confidence, in time order or least certain
    first.
    """
    add = (
        '<p class="empty"><button type="button" data-edit="add" data-phrase="-1">Add a line</button></p>'
        if editable
        else ""
    )
    if not analysis.phrases:
        return f'<p class="empty">No speech was heard in this clip.</p>{add}'
    people = {person.id: person for person in analysis.people}
    phrases = sorted(analysis.phrases, key=(lambda p: sureness(p, people)) if unsure_first else (lambda p: p.start))
    rows = "".join(_line(phrase, people, analysis, editable) for phrase in phrases)
    return (
        f'<ol class="lines" aria-label="Lines" data-source-dir="{words.direction(analysis.language)}">{rows}</ol>'
        f"{_people_list(people) if editable else ''}"
    )


def sureness(phrase: Phrase, people: dict[str, Person]) -> float:
    """How sure it is that this person said the line, and that the face shown for them is theirs, 0..1."""
    person = people.get(phrase.person or "")
    if person is None or not person.face or phrase.evidence.reason == "set by hand":
        return phrase.evidence.confidence
    return min(phrase.evidence.confidence, max(person.confidence, 0.0))


def _people_list(people: dict[str, Person]) -> str:
    """The choices for several lines at once, read by the page's script."""
    options = "".join(f'<option value="{escape(p.id)}">{escape(p.name)}</option>' for p in people.values())
    return f'<template class="choices">{options}</template>'


def _line(phrase: Phrase, people: dict[str, Person], analysis: Analysis, editable: bool) -> str:
    person = people.get(phrase.person or "")
    colour = words.colour(person.colour) if person else "var(--muted)"
    number = int(phrase.id)
    start, end = words.clock(phrase.start, tenths=True), words.clock(phrase.end, tenths=True)
    sure = sureness(phrase, people)
    meta = (
        f'<button type="button" class="when" data-seek="{phrase.start:.3f}" aria-label="Play from {start}">▶</button>'
        f"{_times(number, start, end, editable)}{_who(number, person, people, editable)}"
        f'<details class="sure" style="--sure:{sure:.2f}"><summary aria-label="{sure:.0%} certain: '
        f'why">{sure:.0%}</summary>'
        f'<p class="why">{escape(_evidence(phrase, people))}</p></details>{_tools(number) if editable else ""}'
    )
    source_dir, target_dir = words.direction(analysis.language), words.direction(analysis.target_language)
    translation = phrase.translation or ""
    if editable:
        texts = _field("source", "Original", number, phrase.source, source_dir, "") + _field(
            "translation", "Translation", number, translation, target_dir, "no translation"
        )
    else:
        texts = (
            f'<span class="source" dir="{source_dir}">{escape(phrase.source)}</span>'
            f'<span class="translation" dir="{target_dir}">{escape(translation)}</span>'
        )
    if phrase.misheard:
        texts = f'<p class="misheard">{MISHEARD}</p>{texts}'
    return (
        f'<li class="line{" unsure" if sure < UNSURE else ""}" style="--who:{colour}" data-phrase="{number}" '
        f'data-start="{phrase.start:.3f}" data-end="{phrase.end:.3f}" data-person="{escape(phrase.person or "")}" '
        f'data-name="{escape(person.name if person else "")}"><div class="meta">{meta}</div>{texts}</li>'
    )


def _times(number: int, start: str, end: str, editable: bool) -> str:
    if not editable:
        return f'<span class="times">{start}</span>'
    return (
        f'<span class="times"><input id="start-{number}" data-edit="start" data-phrase="{number}" value="{start}" '
        f'aria-label="Start of line {number}" inputmode="decimal" maxlength="10"><i>to</i><input id="end-{number}" '
        f'data-edit="end" '
        f'data-phrase="{number}" value="{end}" aria-label="End of line {number}" inputmode="decimal" '
        f'maxlength="10"></span>'
    )


def _who(number: int, person: Person | None, people: dict[str, Person], editable: bool) -> str:
    if not editable:
        return f'<span class="who">{escape(person.name if person else "Nobody")}</span>'
    options = "".join(
        f'<option value="{escape(p.id)}"{" selected" if p is person else ""}>{escape(p.name)}</option>'
        for p in people.values()
    )
    return (
        f'<select id="who-{number}" data-edit="give" data-phrase="{number}" aria-label="Speaker of line {number}">'
        f'{options}<option value=""{"" if person else " selected"}>Nobody</option><option value="new">New '
        f"speaker</option></select>"
    )


def _tools(number: int) -> str:
    buttons = "".join(
        f'<button type="button" data-edit="{kind}" data-phrase="{number}">{label}<kbd>{key}</kbd></button>'
        for kind, label, key in LINE_TOOLS
    )
    return (
        f'<details class="menu"><summary aria-label="Actions for line {number}">⋯</summary><div>{buttons}</div>'
        "</details>"
        f'<input type="checkbox" class="pick" id="pick-{number}" data-phrase="{number}" aria-label="Select line '
        f'{number}">'
    )


def _field(kind: str, title: str, number: int, text: str, direction: str, placeholder: str) -> str:
    hint = f' placeholder="{placeholder}"' if placeholder else ""
    return (
        f'<textarea id="{kind}-{number}" class="{kind}" data-edit="{kind}" data-phrase="{number}" rows="1" '
        f'dir="{direction}" '
        f'maxlength="1000" aria-label="{title} of line {number}"{hint}>{escape(text)}</textarea>'
    )


def _evidence(phrase: Phrase, people: dict[str, Person]) -> str:
    evidence = phrase.evidence
    parts = [evidence.reason[:1].upper() + evidence.reason[1:]] if evidence.reason else []
    if evidence.voice is not None:
        parts.append(f"voice {evidence.voice:.0%}")
    if evidence.lips is not None:
        parts.append(f"lips {evidence.lips:.0%}")
    person = people.get(phrase.person or "")
    if person and person.face:
        parts.append(f"face {person.confidence:.0%}")
    if evidence.runner_up in people:
        parts.append(f"possibly {people[evidence.runner_up].name}")
    return ", ".join(parts) or "Nothing but the voice to go by"


def heard(transcript: Transcript) -> str:
    """Return the words before anybody knows who said them."""
    if not transcript.segments:
        return '<p class="empty">No speech was heard in this clip.</p>'
    rows = "".join(
        f'<li class="line" style="--who:var(--muted)" data-start="{segment.start:.3f}" data-end="{segment.end:.3f}">'
        f'<div class="meta"><span class="times">{words.clock(segment.start, tenths=True)}</span><span '
        f'class="who">…</span></div>'
        f'<span class="source" dir="{words.direction(transcript.language)}">{escape(segment.text.strip())}</span></li>'
        for segment in transcript.segments
    )
    return f'<ol class="lines" aria-label="Lines so far">{rows}</ol>'
