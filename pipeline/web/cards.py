"""The people of a clip and the faces that were found, as HTML."""

from __future__ import annotations

import base64
from collections.abc import Callable
from html import escape

from pipeline import edit
from pipeline.records import Analysis, Faces, FaceTrack, Person
from pipeline.web import words

SILHOUETTE = (
    '<svg class="portrait" viewBox="0 0 96 96" role="img" aria-label="No face: voice only">'
    '<path d="M48 22a17 17 0 1 1 0 34 17 17 0 0 1 0-34zM16 92c2-20 15-29 32-29s30 9 32 29z"/></svg>'
)


Picture = Callable[[bytes], str]  #: JPEG -> address


def data_address(jpeg: bytes) -> str:
    """The picture itself as an address, for what is shown only while a run goes on."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def gallery(analysis: Analysis, *, editable: bool = True, picture: Picture = data_address) -> str:
    """Return a card a person (portrait, name, colour, share of the talk, lines, confidence), then the faces nobody
    has.
    """
    if not analysis.people:
        return '<p class="empty">Nobody was heard or seen speaking.</p>'
    total = sum(person.speaking_s for person in analysis.people) or 1.0
    cards = "".join(_card(p, analysis, total, picture, editable=editable) for p in analysis.people)
    nobodys = [choice for choice in edit.faces_of(analysis) if choice.person is None]
    cards += "".join(
        _face_card(choice, number, analysis, picture, editable=editable) for number, choice in enumerate(nobodys, 1)
    )
    return f'<ul class="people">{cards}</ul>'


def _face_card(choice: edit.FaceChoice, number: int, analysis: Analysis, picture: Picture, *, editable: bool) -> str:
    """A face that nobody was given."""
    shown = _image(picture(choice.portrait), f"Face {number}") if choice.portrait else SILHOUETTE
    options = "".join(f'<option value="{escape(p.id)}">{escape(p.name)}</option>' for p in analysis.people)
    tools = (
        f'<div class="tools"><label class="merge"><span class="sr">Face {number} belongs to</span>'
        f'<select id="face-of-{escape(choice.id)}" data-edit="face" data-face="{escape(choice.id)}">'
        f'<option value="">Belongs to …</option>{options}</select></label></div>'
        if editable
        else ""
    )
    return (
        f'<li class="person nobodys"><div class="frame">{shown}</div><div class="about"><span class="name">Face '
        f"{number}</span>"
        f"<small>Not assigned to anybody. On screen for {choice.seen_s:.0f} s.</small></div>{tools}</li>"
    )


def _face_menu(person: Person, analysis: Analysis, picture: Picture) -> str:
    """The faces that were found, to choose this person's from."""
    who, name = escape(person.id), escape(person.name)
    names = {p.id: p.name for p in analysis.people}
    buttons = ""
    for number, choice in enumerate(edit.faces_of(analysis), 1):
        mine = choice.person == person.id
        owner = names.get(choice.person or "")
        says = f"Face {number}" + (f", assigned to {owner}" if owner else ", not assigned")
        shown = _image(picture(choice.portrait), "") if choice.portrait else f"<span>{number}</span>"
        buttons += (
            f'<button type="button" class="face" data-edit="face" data-person="{who}" data-value="{escape(choice.id)}" '
            f'aria-pressed="{"true" if mine else "false"}" aria-label="{escape(says)}" '
            f'title="{escape(says)}">{shown}</button>'
        )
    if not buttons:
        return ""
    if person.face:
        buttons += (
            f'<button type="button" data-edit="noface" data-person="{who}">No face</button>'
            f'<button type="button" data-edit="separate" data-person="{who}">This is another person</button>'
        )
    return (
        f'<details class="faces"><summary aria-label="Choose the face of {name}">Face</summary><div role="group" '
        f'aria-label="Faces for {name}">{buttons}</div></details>'
    )


def _card(person: Person, analysis: Analysis, total: float, picture: Picture, *, editable: bool) -> str:
    lines = [phrase for phrase in analysis.phrases if phrase.person == person.id]
    name, who = escape(person.name), escape(person.id)
    share = person.speaking_s / total
    sample = max(lines, key=lambda p: (p.evidence.confidence, p.end - p.start), default=None)
    play = (
        f'<button type="button" class="play" data-seek="{sample.start:.2f}" data-until="{sample.end:.2f}" '
        f'aria-label="Play a line by {name}">▶ Listen</button>'
        if sample
        else ""
    )
    facts = (
        f"<dl><div><dt>Talks</dt><dd>{words.clock(person.speaking_s)}<small> {share:.0%}</small></dd></div>"
        f"<div><dt>Lines</dt><dd>{len(lines)}</dd></div>"
        f"<div><dt>Certainty</dt><dd>{person.confidence:.0%}</dd></div></dl>"
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
            f'data-edit="recolour" data-person="{who}" value="{words.colour(person.colour)}"></label>'
        )
        if others:
            tools += (
                f'<label class="merge"><span class="sr">{name} is the same person as</span>'
                f'<select id="merge-{who}" data-edit="merge" data-person="{who}">'
                f'<option value="">Same person as …</option>{others}</select></label>'
            )
        tools = f'<div class="tools">{play}{tools}{_face_menu(person, analysis, picture)}</div>'
    else:
        title, tools = f'<span class="name">{name}</span>', f'<div class="tools">{play}</div>'
    return (
        f'<li class="person" style="--who:{words.colour(person.colour)}"><div '
        f'class="frame">{_portrait(person, analysis, picture)}</div>'
        f'<div class="about">{title}{facts}<div class="share"><i style="width:{share:.1%}"></i></div></div>{tools}</li>'
    )


def _portrait(person: Person, analysis: Analysis, picture: Picture) -> str:
    jpeg = analysis.portraits.get(person.id)
    return _image(picture(jpeg), f"Face of {person.name}") if jpeg else SILHOUETTE


def _image(address: str, description: str) -> str:
    return f'<img class="portrait" src="{escape(address)}" alt="{escape(description)}">'


def found_faces(faces: Faces) -> str:
    """The faces before anybody knows whose they are: the best portrait of each cluster."""
    best: dict[int, FaceTrack] = {}
    for track in faces.tracks:
        if not track.portrait or track.cluster is None:
            continue
        if track.cluster not in best or track.quality > best[track.cluster].quality:
            best[track.cluster] = track
    cards = "".join(
        f'<li class="person waiting"><div class="frame">{_image(data_address(track.portrait), f"Face {number}")}</div>'
        f'<div class="about"><span class="name">Face {number}</span><small>whose voice?</small></div></li>'
        for number, track in enumerate(best.values(), 1)
    )
    return f'<ul class="people">{cards}</ul>' if cards else '<p class="empty">No face yet.</p>'
