"""Records to HTML. Every text from outside is escaped here; portraits travel inside the page, so no file is served."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from html import escape

from pipeline import languages
from pipeline.records import STAGES, Analysis, Faces, FaceTrack, Notice, Person, Phrase, Transcript

TICK_S = 0.25  #: at most four progress updates a second
UNSURE = 0.6  #: confidence below which a line is marked for checking

STAGE_NAMES = {
    "fetch": "Fetch", "probe": "Open", "speech": "Hear the words", "voices": "Tell voices apart", "faces": "Find faces",
    "people": "Match voice and face", "translate": "Translate", "render": "Draw",
}  # fmt: skip

SILHOUETTE = (
    '<svg class="portrait" viewBox="0 0 96 96" role="img" aria-label="No face: heard only">'
    '<path d="M48 22a17 17 0 1 1 0 34 17 17 0 0 1 0-34zM16 92c2-20 15-29 32-29s30 9 32 29z"/></svg>'
)


# --- people -----------------------------------------------------------------------------------------------------------


def gallery(analysis: Analysis, *, editable: bool = True) -> str:
    """One card a person: portrait, name, colour, share of the talk, lines, confidence, first words."""
    if not analysis.people:
        return '<p class="empty">Nobody was heard or seen speaking.</p>'
    total = sum(person.speaking_s for person in analysis.people) or 1.0
    return f'<ul class="people">{"".join(_card(p, analysis, total, editable) for p in analysis.people)}</ul>'


def _card(person: Person, analysis: Analysis, total: float, editable: bool) -> str:
    lines = [phrase for phrase in analysis.phrases if phrase.person == person.id]
    name, who = escape(person.name), escape(person.id)
    share = person.speaking_s / total
    sample = max(lines, key=lambda p: (p.evidence.confidence, p.end - p.start), default=None)
    play = (
        f'<button type="button" class="play" data-seek="{sample.start:.2f}" data-until="{sample.end:.2f}" '
        f'aria-label="Play a line of {name}">▶ Listen</button>'
        if sample
        else ""
    )
    facts = (
        f"<dl><div><dt>Talks</dt><dd>{clock(person.speaking_s)}<small> {share:.0%}</small></dd></div>"
        f"<div><dt>Lines</dt><dd>{len(lines)}</dd></div>"
        f"<div><dt>Sure</dt><dd>{person.confidence:.0%}</dd></div></dl>"
    )
    if editable:
        others = "".join(
            f'<option value="{escape(other.id)}">{escape(other.name)}</option>'
            for other in analysis.people
            if other.id != person.id
        )
        title = (
            f'<input class="name" id="name-{who}" data-edit="rename" data-person="{who}" value="{name}" maxlength="40" '
            f'aria-label="Name of {name}" autocomplete="off" spellcheck="false">'
        )
        tools = (
            f'<label class="swatch"><span class="sr">Colour of {name}</span><input type="color" id="colour-{who}" '
            f'data-edit="recolour" data-person="{who}" value="{_colour(person.colour)}"></label>'
        )
        if others:
            tools += (
                f'<label class="merge"><span class="sr">{name} is the same person as</span>'
                f'<select id="merge-{who}" data-edit="merge" data-person="{who}">'
                f'<option value="">Same person as …</option>{others}</select></label>'
            )
        tools = f'<div class="tools">{play}{tools}</div>'
    else:
        title, tools = f'<span class="name">{name}</span>', f'<div class="tools">{play}</div>'
    return (
        f'<li class="person" style="--who:{_colour(person.colour)}"><div class="frame">{_portrait(person, analysis)}</div>'
        f'<div class="about">{title}{facts}<div class="share"><i style="width:{share:.1%}"></i></div></div>{tools}</li>'
    )


def _portrait(person: Person, analysis: Analysis) -> str:
    picture = analysis.portraits.get(person.id)
    return _jpeg(picture, f"Face of {person.name}") if picture else SILHOUETTE


def _jpeg(picture: bytes, description: str) -> str:
    data = base64.b64encode(picture).decode()
    return f'<img class="portrait" src="data:image/jpeg;base64,{data}" alt="{escape(description)}">'


def found_faces(faces: Faces) -> str:
    """The faces before anybody knows whose they are: the best portrait of each cluster."""
    best: dict[int, FaceTrack] = {}
    for track in faces.tracks:
        if not track.portrait or track.cluster is None:
            continue
        if track.cluster not in best or track.quality > best[track.cluster].quality:
            best[track.cluster] = track
    cards = "".join(
        f'<li class="person waiting"><div class="frame">{_jpeg(track.portrait, f"Face {number}")}</div>'
        f'<div class="about"><span class="name">Face {number}</span><small>whose voice?</small></div></li>'
        for number, track in enumerate(best.values(), 1)
    )
    return f'<ul class="people">{cards}</ul>' if cards else '<p class="empty">No face yet.</p>'


# --- timeline ---------------------------------------------------------------------------------------------------------


def timeline(analysis: Analysis) -> str:
    """Who spoke when: a row a person, a bar a turn, in the person's colour; a click plays from there."""
    duration = analysis.media.duration
    if not analysis.turns or duration <= 0:
        return '<p class="empty">Nobody spoke.</p>'
    rows = "".join(_row(person, analysis, duration) for person in analysis.people)
    ticks = "".join(
        f'<span style="left:{t / duration:.2%}">{clock(t)}</span>' for t in _ticks(duration) if t <= duration * 0.97
    )
    summary = "; ".join(f"{p.name} {p.speaking_s:.0f} seconds" for p in analysis.people)
    return (
        f'<div class="timeline" data-duration="{duration:.3f}" role="group" aria-label="Who spoke when: {escape(summary)}">'
        f'{rows}<div class="axis"><span class="sr">Seconds</span><div class="ticks">{ticks}</div></div>'
        f'<div class="lane"><i class="head" hidden></i></div></div>'
    )


def _row(person: Person, analysis: Analysis, duration: float) -> str:
    colour = _colour(person.colour)
    bars = "".join(
        f'<rect x="{turn.start:.3f}" y="0" width="{max(turn.end - turn.start, duration / 400):.3f}" height="1" '
        f'data-seek="{turn.start:.2f}"><title>{escape(person.name)}, {clock(turn.start)} to {clock(turn.end)}</title></rect>'
        for turn in analysis.turns
        if turn.person == person.id
    )
    return (
        f'<div class="row" style="--who:{colour}"><span class="who">{escape(person.name)}</span>'
        f'<svg viewBox="0 0 {duration:.3f} 1" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(person.name)} speaks {clock(person.speaking_s)}">{bars}</svg></div>'
    )


def _ticks(duration: float) -> list[float]:
    step = next(s for s in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 3600) if duration / s <= 8 or s == 3600)
    return [float(t) for t in range(0, int(duration) + 1, step)]


# --- transcript -------------------------------------------------------------------------------------------------------


def transcript_table(analysis: Analysis, *, unsure_first: bool = False, editable: bool = True) -> str:
    """The lines with time, speaker, original, translation and confidence; in time order or least certain first."""
    if not analysis.phrases:
        return '<p class="empty">No speech was heard in this clip.</p>'
    people = {person.id: person for person in analysis.people}
    phrases = sorted(analysis.phrases, key=lambda p: p.evidence.confidence if unsure_first else p.start)
    rows = "".join(_line(phrase, people, analysis, editable) for phrase in phrases)
    spoken, target = _language_name(analysis.language), _target_name(analysis.target_language)
    head = "".join(
        f'<th scope="col">{title}</th>'
        for title in ("Time", "Speaker", f"Original{_of(spoken)}", f"Translation{_of(target)}", "Sure", "")
    ).replace('<th scope="col"></th>', '<th scope="col"><span class="sr">Remove</span></th>')
    return f'<table class="lines"><caption class="sr">Transcript</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _line(phrase: Phrase, people: dict[str, Person], analysis: Analysis, editable: bool) -> str:
    person = people.get(phrase.person or "")
    colour = _colour(person.colour) if person else "var(--muted)"
    number = int(phrase.id)
    when = (
        f'<button type="button" class="when" data-seek="{phrase.start:.2f}" '
        f'aria-label="Play from {clock(phrase.start, tenths=True)}">{clock(phrase.start, tenths=True)}</button>'
    )
    source_dir, target_dir = _direction(analysis.language), _direction(analysis.target_language)
    translation = phrase.translation or ""
    if editable:
        options = "".join(
            f'<option value="{escape(p.id)}"{" selected" if p.id == phrase.person else ""}>{escape(p.name)}</option>'
            for p in people.values()
        )
        nobody = "" if person else " selected"
        who = (
            f'<select id="who-{number}" data-edit="give" data-phrase="{number}" aria-label="Speaker of line {number}">'
            f'{options}<option value=""{nobody}>Nobody</option><option value="new">New speaker</option></select>'
        )
        source = _field("source", "Original", number, phrase.source, source_dir, "")
        translated = _field("translation", "Translation", number, translation, target_dir, "no translation")
        drop = (
            f'<button type="button" class="drop" data-edit="remove" data-phrase="{number}" '
            f'aria-label="Remove line {number}">×</button>'
        )
    else:
        who = f"<span>{escape(person.name if person else 'Nobody')}</span>"
        source, drop = f'<span dir="{source_dir}">{escape(phrase.source)}</span>', ""
        translated = f'<span dir="{target_dir}">{escape(translation)}</span>'
    sure = phrase.evidence.confidence
    evidence = escape(_evidence(phrase, people))
    return (
        f'<tr class="line{" unsure" if sure < UNSURE else ""}" style="--who:{colour}" data-start="{phrase.start:.3f}" '
        f'data-end="{phrase.end:.3f}"><td class="t">{when}</td><td class="w">{who}</td>'
        f'<td class="s" data-label="Original">{source}</td><td class="x" data-label="Translation">{translated}</td>'
        f'<td class="c"><span class="sure" title="{evidence}" style="--sure:{sure:.2f}">{sure:.0%}'
        f'<span class="sr">. {evidence}</span></span></td><td class="d">{drop}</td></tr>'
    )


def _field(edit: str, title: str, number: int, text: str, direction: str, placeholder: str) -> str:
    hint = f' placeholder="{placeholder}"' if placeholder else ""
    return (
        f'<textarea id="{edit}-{number}" data-edit="{edit}" data-phrase="{number}" rows="1" dir="{direction}" '
        f'maxlength="1000" aria-label="{title} of line {number}"{hint}>{escape(text)}</textarea>'
    )


def _evidence(phrase: Phrase, people: dict[str, Person]) -> str:
    evidence = phrase.evidence
    parts = [evidence.reason[:1].upper() + evidence.reason[1:]] if evidence.reason else []
    if evidence.voice is not None:
        parts.append(f"voice {evidence.voice:.0%}")
    if evidence.lips is not None:
        parts.append(f"lips {evidence.lips:.0%}")
    if evidence.runner_up in people:
        parts.append(f"or {people[evidence.runner_up].name}")
    return ", ".join(parts) or "No evidence but the voice"


def heard(transcript: Transcript) -> str:
    """The words before anybody knows who said them."""
    if not transcript.segments:
        return '<p class="empty">No speech was heard in this clip.</p>'
    rows = "".join(
        f'<tr class="line"><td class="t">{clock(segment.start, tenths=True)}</td><td class="w">…</td>'
        f'<td class="s" dir="{_direction(transcript.language)}">{escape(segment.text.strip())}</td></tr>'
        for segment in transcript.segments
    )
    return (
        f'<table class="lines"><caption class="sr">Transcript so far</caption><thead><tr><th scope="col">Time</th>'
        f'<th scope="col">Speaker</th><th scope="col">Original{_of(_language_name(transcript.language))}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


# --- progress and notices ---------------------------------------------------------------------------------------------


def progress(
    stages: Iterable[str],
    stage: str,
    fraction: float = 0.0,
    overall: float | None = None,
    seconds_left: float | None = None,
    message: str = "",
    words: str = "",
) -> str:
    """Where the run is: every stage with what is done of it, the whole in per cent, the time left; above it the latest
    words, in the original and then translated."""
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
    left = f"about {duration_in_words(seconds_left)} left" if seconds_left is not None else ""
    note = f'<p class="note">{escape(message)}</p>' if message else ""
    caption = f'<p class="words" dir="auto">{escape(words)}</p>' if words else ""
    return (
        f'<div class="hud">{caption}<div class="figures"><strong>{whole:.0%}</strong><span>{STAGE_NAMES.get(stage, escape(stage))}'
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


def pending(changes: int, problem: str = "") -> str:
    """What is not in the video yet, and why the last change was not made."""
    alert = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    if not changes:
        return f'<p class="pending">The video shows everything above.</p>{alert}'
    plural = "s" if changes != 1 else ""
    return f'<p class="pending open" role="status"><b>{changes}</b> change{plural} not in the video yet</p>{alert}'


# --- words ------------------------------------------------------------------------------------------------------------


def clock(seconds: float, *, tenths: bool = False) -> str:
    """ "1:05", with tenths "1:05.3"."""
    whole = int(seconds * 10) / 10 if tenths else float(round(seconds))
    minutes, rest = divmod(whole, 60)
    return f"{int(minutes)}:{rest:04.1f}" if tenths else f"{int(minutes)}:{int(rest):02d}"


def duration_in_words(seconds: float) -> str:
    """ "8 seconds", "2 minutes": no finer than an estimate is."""
    if seconds < 60:
        count = max(1, round(seconds / 5) * 5 if seconds > 10 else round(seconds))
        return f"{count} second{'s' if count != 1 else ''}"
    return f"{round(seconds / 60)} minute{'s' if round(seconds / 60) != 1 else ''}"


def _colour(colour: str) -> str:
    return colour if re.fullmatch(r"#[0-9a-fA-F]{6}", colour) else "#93a4b5"


def _of(language: str) -> str:
    return f" <small>{escape(language)}</small>" if language else ""


def _language_name(code: str) -> str:
    language = languages.spoken(code) if code else None
    return language.name if language else code


def _target_name(code: str) -> str:
    return next((language.name for language in languages.TARGETS if language.code == code), code)


def _direction(code: str) -> str:
    language = languages.spoken(code) if code else None
    if language is None:
        language = next((item for item in languages.TARGETS if item.code == code), None)
    return language.direction if language else "auto"
