"""The result as files for other players and editors: SRT, WebVTT, ASS, plain text, RTTM. Pure: an `Analysis` in, a string out.

Timing is simple and the same in all three subtitle formats: a cue begins with its words, stays at least 5/6 s and long enough to be
read where there is room, and leaves two frames before the speaker's next one (Netflix timed-text guide). A phrase longer than two lines of
42 columns becomes several cues, by its word times.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pipeline import languages
from pipeline.records import Analysis, Look, Phrase, Track
from pipeline.subtitles import fonts
from pipeline.subtitles.place import Edges, scene, speaker
from pipeline.text import clean, graphemes, split, wrap
from pipeline.text import text_width as units

SHORTEST_S = 5 / 6
READING_CPS = 17.0
LINGER_S = 2.0  #: a cue stays at most this long after its last word, only to be read
COLUMNS = 42
PAGE = 76  #: columns of one cue: two lines of 42 with room for where the text lets itself be cut
MORPH_S = 0.25  #: how long the ASS cross-fade from source to translation takes
#: of a face's height, how far above it a cue ends, tried in order: detectors put the upper edge on the forehead, above it is hair
ABOVE = (0.35, 0.2, 0.08)
NO_SPEAKER = "#ffffff"


@dataclass(frozen=True, slots=True)
class _Word:
    """A piece of a cue's source with the time at which it is said; `text` carries the space before it."""

    start: float
    text: str


@dataclass(frozen=True, slots=True)
class _Cue:
    start: float
    end: float
    spoken: float  #: s when its last word has been said
    person: str | None
    source: str
    translation: str | None
    words: tuple[_Word, ...]
    source_tag: str
    target_tag: str
    #: "left" or "right": the edge of the picture behind which the speaker is; "" in view, or where none tells
    edge: str = ""
    slot: int = 0  #: of who is not in view: how many others stand below

    @property
    def text(self) -> str:
        """What a viewer reads: the translation, or the original where there is none."""
        return self.source if self.translation is None else self.translation

    @property
    def lines(self) -> tuple[str, ...]:
        return wrap(self.text, COLUMNS, self.source_tag if self.translation is None else self.target_tag)


def to_srt(analysis: Analysis) -> str:
    """SubRip: the translations (the originals where there is none), two lines at most, times in ms."""
    blocks = [
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n" + "\n".join(map(_srt_text, cue.lines)) + "\n"
        for number, cue in enumerate(_cues(analysis), 1)
    ]
    return "\n".join(blocks)


def to_vtt(analysis: Analysis) -> str:
    """WebVTT: each cue in its speaker's voice and colour, over the speaker's head where it is in view, at the edge of the picture
    behind which they are where it is not."""
    names = _names(analysis)
    head = ["WEBVTT", ""]
    rules = [
        f'::cue(v[voice="{_css_string(names[person.id])}"]) {{ color: {_colour(person.colour)}; }}'
        for person in analysis.people
    ]
    if rules:
        # LF CR is an empty line to WebVTT, so browsers see a STYLE block. ffmpeg before 6 takes it for the header going on, and skips
        # it; at a STYLE block of its own it stops reading, without a word (5.1: no cue at all).
        head = ["WEBVTT", "\rSTYLE", *rules, ""]
    blocks = []
    for number, cue in enumerate(_with_edges(analysis, _cues(analysis)), 1):
        name = names.get(cue.person or "")
        text = "\n".join(map(_vtt_text, cue.lines))
        voiced = f"<v {_vtt_text(name)}>{text}</v>" if name else text
        blocks.append(
            f"{number}\n{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}{_vtt_settings(analysis, cue)}\n{voiced}\n"
        )
    return "\n".join([*head, *blocks])


def to_ass(analysis: Analysis, look: Look = Look()) -> str:  # noqa: B008 (frozen)
    """Advanced SubStation Alpha: a style per speaker, over the head (at the edge of the picture for who is out of view), words
    appearing as they are said (`\\k`), then turning into the translation by a cross-fade. `look` decides which texts, their size, and
    whether they move to the face."""
    width, height = analysis.media.width or 1280, analysis.media.height or 720
    size = max(8, round(height * (0.05 if width >= height else 0.032) * look.text_size))
    names = {person: _ass_name(name) for person, name in _names(analysis).items()}
    target = languages.known(analysis.target_language)
    source = languages.known(analysis.language)
    texts = look.texts if any(phrase.translation for phrase in analysis.phrases) else "original"
    lines = [
        "[Script Info]",
        "; Fonts: the folder fonts/ beside the program has them; give it to libass as fontsdir.",
        "ScriptType: v4.00+",
        f"PlayResX: {width}",
        f"PlayResY: {height}",
        "WrapStyle: 0",
        "ScaledBorderAndShadow: yes",
        "YCbCr Matrix: TV.709",
        "",
        "[V4+ Styles]",
        "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, "
        "ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding",
    ]
    people = [(names[person.id], person.colour) for person in analysis.people] + [("Nobody", NO_SPEAKER)]
    for name, colour in people:
        for suffix, language, share in (("", target, 1.0), (" source", source, 0.85 if texts == "both" else 1.0)):
            # SecondaryColour is what \\k shows of a word not yet said: nothing. BorderStyle 4 is libass's one panel per event, in
            # BackColour, with Shadow as its padding; an outline would show the words before they are said.
            lines.append(
                f"Style: {name}{suffix},{_font_name(analysis, language, suffix != '')},{round(size * share)},&H00{_bgr(colour)},"
                f"&HFF{_bgr(colour)},&HFF000000,&H40100C08,0,0,0,0,100,100,0,0,4,0,{max(2, size // 4)},2,{width // 20},{width // 20},{height // 16},1"
            )
    lines += ["", "[Events]", "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"]
    for cue in _with_edges(analysis, _cues(analysis, texts)):
        name = names.get(cue.person or "", "Nobody")
        place = _ass_place(analysis, cue, look, size)
        for start, end, suffix, text in _ass_events(cue, texts, look, name):
            lines.append(
                f"Dialogue: 0,{_ass_clock(start)},{_ass_clock(end)},{name}{suffix},{name},0,0,0,,{place}{text}"
            )
    return "\n".join(lines) + "\n"


def to_text(analysis: Analysis) -> str:
    """A transcript to read: time, speaker, what was said, and the translation below it."""
    names = _names(analysis)
    blocks = []
    for phrase in sorted(analysis.phrases, key=lambda item: item.start):
        name = names.get(phrase.person or "", "Unknown speaker")
        block = f"[{_clock(phrase.start, '.')[3:-4]}] {name}\n{clean(phrase.source)}"
        if phrase.translation is not None:
            block += f"\n{clean(phrase.translation)}"
        blocks.append(block)
    return "\n\n".join(blocks) + ("\n" if blocks else "")


def to_rttm(analysis: Analysis, name: str = "clip") -> str:
    """Rich Transcription Time Marked (NIST RT-09): one SPEAKER line per turn, s; speakers by their ids ("p1")."""
    uri = re.sub(r"\s+", "_", clean(name, 60)) or "clip"
    return "".join(
        f"SPEAKER {uri} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {turn.person} <NA> <NA>\n"
        for turn in sorted(analysis.turns, key=lambda item: (item.start, item.end))
        if turn.end > turn.start
    )


# --- cues -------------------------------------------------------------------------------------------------------------


def _cues(analysis: Analysis, texts: str = "translation") -> tuple[_Cue, ...]:
    """The cues in order of time. `texts` is `Look.texts`: where both are shown, a phrase is cut so that either fits."""
    both = texts in ("morph", "both")
    drafts = [
        cue
        for phrase in sorted(analysis.phrases, key=lambda item: item.start)
        for cue in _pieces(analysis, phrase, both)
    ]
    gap = 2 / float(analysis.media.frame_rate or 25)
    result = []
    for index, cue in enumerate(drafts):
        following = drafts[index + 1 :]
        own = next(
            (other.start for other in following if other.person == cue.person and other.start > cue.start), math.inf
        )
        any_ = next((other.start for other in following if other.start > cue.start), math.inf)
        # What turns into the translation when it has been said is read from then on.
        reading = cue.spoken if texts == "morph" and cue.translation else cue.start
        wanted = min(max(cue.end, reading + units(cue.text) / READING_CPS), cue.end + LINGER_S)
        end = max(cue.end, min(wanted, any_ - gap))  # reading time only where nobody else speaks
        end = max(end, cue.start + SHORTEST_S)
        end = min(end, own - gap)
        if analysis.media.duration > cue.start:
            end = min(end, analysis.media.duration)
        end = max(end, cue.start + 0.04)  # two cues of one speaker that begin together: still a cue, not a negative one
        result.append(_Cue(cue.start, end, min(cue.spoken, end), *(getattr(cue, name) for name in _REST)))
    return tuple(result)


def _with_edges(analysis: Analysis, cues: tuple[_Cue, ...]) -> tuple[_Cue, ...]:
    """The cues of people out of view at the edge of the picture they are behind, by the rule of the drawn video; those that nothing
    puts to a face stand above one another."""
    width, height = analysis.media.width, analysis.media.height
    if not width or not height:
        return cues
    seen = scene(analysis.tracks, analysis.shots, width=width, height=height, scale=(1.0, 1.0), margin=0)
    language = languages.known(analysis.language)
    edges = Edges(seen, "right" if language is not None and language.direction == "rtl" else "left")
    result: list[_Cue] = []
    low: list[_Cue] = []  # still up, and not at a face
    for cue in cues:
        if speaker(seen, cue.person, cue.start, cue.end) is None:
            edge = ""
            if cue.person is not None and seen.faces:
                edge, _ = edges.of(cue.person, cue.start)
                edges.keep(cue.person, cue.start, edge)
            low = [other for other in low if other.end > cue.start]
            taken = {other.slot for other in low if not edge or other.edge in ("", edge)}
            low.append(replace(cue, edge=edge, slot=next(k for k in itertools.count() if k not in taken)))
            result.append(low[-1])
        else:
            result.append(cue)
    return tuple(result)


_REST = ("person", "source", "translation", "words", "source_tag", "target_tag")


def _pieces(analysis: Analysis, phrase: Phrase, both: bool) -> Iterator[_Cue]:
    source = clean(phrase.source)
    translation = None if phrase.translation is None else clean(phrase.translation)
    if not (translation or source):
        return
    if translation == "":  # a translation that is empty says nothing; the original does
        translation = None
    spoken = languages.known(phrase.language or analysis.language)
    target = languages.known(analysis.target_language)
    source_tag, target_tag = (spoken.tag if spoken else "und"), (target.tag if target else "und")
    start = max(0.0, phrase.start)
    end = max(phrase.end, start)
    read = [source] if translation is None else [source, translation] if both else [translation]
    count = max(math.ceil(units(text) / PAGE) for text in read)
    sources = split(source, count, source_tag) if source else ("",)
    translations = split(translation, count, target_tag) if translation is not None else ()
    if translation is not None and len(sources) != len(translations):  # one of them cannot be cut as often
        count = min(len(sources), len(translations))
        sources, translations = split(source, count, source_tag), split(translation, count, target_tag)
    if translation is not None and len(sources) != len(translations):
        sources, translations = (source,), (translation,)
    words = _timed(source, phrase, start, end)
    place, at = 0, start
    for index, piece in enumerate(sources):
        until = place + len(piece)
        own = tuple(word for offset, word in words if place <= offset < until)
        place = source.find(sources[index + 1], until) if index + 1 < len(sources) else len(source)
        following = next((word.start for offset, word in words if offset >= place), end)
        until_s = end if index + 1 == len(sources) else max(at, following)
        yield _Cue(
            at,
            until_s,
            until_s,
            phrase.person,
            piece,
            translations[index] if translation is not None else None,
            own,
            source_tag,
            target_tag,
        )
        at = until_s


def _timed(source: str, phrase: Phrase, start: float, end: float) -> list[tuple[int, _Word]]:
    """The words at their places in `source`, which they make up together; by length where the text was edited and they no longer fit."""
    found: list[tuple[int, _Word]] = []
    place = 0
    for word in phrase.words:
        text = clean(word.text)
        at = source.find(text, place) if text else -1
        if at < 0 or source[place:at].strip():
            found = []
            break
        found.append((at, _Word(min(max(word.start, start), end), source[place : at + len(text)])))
        place = at + len(text)
    if found and place < len(source) and not source[place:].strip():
        place = len(source)
    if found and place == len(source):
        return found
    found, place = [], 0
    lengths = [0, *itertools.accumulate(map(units, source))]
    for piece in re.findall(r"\s*\S+", source):
        at = place + len(piece) - len(piece.lstrip())
        found.append((at, _Word(start + (end - start) * lengths[at] / max(1, lengths[-1]), piece)))
        place += len(piece)
    return found


# --- the pieces of the formats ----------------------------------------------------------------------------------------


def _names(analysis: Analysis) -> Mapping[str, str]:
    """The people's names on one line, bounded, and different from one another."""
    names: dict[str, str] = {}
    for person in analysis.people:
        name = base = clean(person.name, 60) or person.id
        number = 2
        while name in names.values():
            name, number = f"{base} ({number})", number + 1
        names[person.id] = name
    return names


def _clock(seconds: float, point: str) -> str:
    ms = max(0, round(seconds * 1000))
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{point}{ms % 1000:03}"


def _ass_clock(seconds: float) -> str:
    cs = max(0, round(seconds * 100))
    return f"{cs // 360_000}:{cs // 6000 % 60:02}:{cs // 100 % 60:02}.{cs % 100:02}"


def _srt_text(text: str) -> str:
    """SubRip has no escapes, but players read <b>, {\\an8} and -->: a zero-width space in them makes them plain text."""
    return re.sub(r"<(?=[A-Za-z/!])|\{(?=\\)|--(?=>)", "\\g<0>\u200b", text)


def _vtt_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _css_string(text: str) -> str:
    """Inside double quotes; "-->" and "<" must not stand in a STYLE block either."""
    return re.sub(r'["\\<>&{};]', lambda match: f"\\{ord(match[0]):x} ", text)


def _colour(text: str) -> str:
    return text.lower() if re.fullmatch(r"#[0-9a-fA-F]{6}", text) else NO_SPEAKER


def _bgr(colour: str) -> str:
    plain = _colour(colour)
    return (plain[5:7] + plain[3:5] + plain[1:3]).upper()


def _head(analysis: Analysis, cue: _Cue) -> tuple[float, float, float] | None:
    """Centre, top and bottom of the speaker's face during the cue, as shares of the picture; None when it is out of view."""
    if cue.person is None or not analysis.media.width or not analysis.media.height:
        return None
    boxes = [
        box for track in analysis.tracks if track.person == cue.person for box in _during(track, cue.start, cue.spoken)
    ]
    if not boxes:
        return None
    width, height = analysis.media.width, analysis.media.height
    centre = sum(box.left + box.right for box in boxes) / 2 / len(boxes) / width
    return centre, min(box.top for box in boxes) / height, max(box.bottom for box in boxes) / height


def _during(track: Track, start: float, end: float) -> list:
    inside = [box for box in track.boxes if start <= box.t <= end]
    if inside or not track.boxes or not track.boxes[0].t <= start <= track.boxes[-1].t:
        return inside
    return [min(track.boxes, key=lambda box: abs(box.t - start))]


def _vtt_settings(analysis: Analysis, cue: _Cue) -> str:
    if cue.edge:
        # letters are as large as the height makes them
        wide = 60 if analysis.media.width >= analysis.media.height else 96
        return f" position:{2 if cue.edge == 'left' else 98}% size:{wide}% align:{cue.edge}"
    head = _head(analysis, cue)
    if head is None:
        return ""
    centre, top, bottom = head
    block = 0.06 * len(cue.lines) + 0.02  # a player's line is about 5.3 % of the height, as the standard suggests
    lines = (top - gap * (bottom - top) - block for gap in ABOVE)
    line = next((y for y in lines if y >= 0.03), bottom + 0.02 if bottom + block < 0.95 else 0.03)
    position = min(max(centre, 0.2), 0.8)
    size = 2 * min(position, 1 - position)
    return f" line:{round(line * 100)}% position:{round(position * 100)}% size:{round(size * 100)}% align:center"


def _ass_name(name: str) -> str:
    """Style names end at a comma and may not begin with an asterisk."""
    return re.sub(r"[,;{}\\]", " ", name).strip(" *") or "Speaker"


def _ass_text(text: str) -> str:
    """Braces begin override tags and cannot be escaped in every renderer, so they become full-width; "\\N" becomes plain text."""
    return text.replace("\\", "\\\u2060").replace("{", "｛").replace("}", "｝")


def _ass_place(analysis: Analysis, cue: _Cue, look: Look, size: int) -> str:
    if look.position != "auto":
        return ""
    width, height = analysis.media.width, analysis.media.height
    head = None if cue.edge else _head(analysis, cue)
    if head is None:
        if not cue.edge and not cue.slot:
            return ""
        # A player keeps cues apart only where none of them has a position.
        corner, at = {"left": (1, size // 2), "right": (3, width - size // 2)}.get(cue.edge, (2, width // 2))
        line = height - height // 16 - cue.slot * round((5.0 if look.texts == "both" else 2.6) * size)
        return f"{{\\an{corner}\\pos({at},{max(line, 3 * size)})}}"
    centre, top, bottom = head
    widest = max(units(line) for text in (cue.source, cue.text) for line in wrap(text, COLUMNS, cue.target_tag))
    half = min(width / 2, widest * size * 0.26 + size)
    x = min(max(centre * width, half), width - half)
    block = 2.6 * size
    low = bottom * height + 0.5 * size + block if bottom * height + block + size < height else block + 0.5 * size
    y = next((y for gap in ABOVE if (y := (top - gap * (bottom - top)) * height) >= block), low)
    return f"{{\\an2\\pos({round(x)},{round(y)})}}"


def _ass_events(cue: _Cue, texts: str, look: Look, style: str) -> Iterator[tuple[float, float, str, str]]:
    """(start, end, style suffix, text) of the events that make up a cue."""
    plain_source = "\\N".join(map(_ass_text, wrap(cue.source, COLUMNS, cue.source_tag)))
    if cue.translation is None or texts == "original":
        yield cue.start, cue.end, " source", plain_source if look.reduced_motion else _karaoke(cue)
    elif texts == "translation" or not cue.source:
        yield cue.start, cue.end, "", "\\N".join(map(_ass_text, cue.lines))
    elif texts == "both":
        # One event, so that no renderer lays one text over the other; the translation first, or \\k would hold it back.
        source = plain_source if look.reduced_motion else _karaoke(cue)
        yield cue.start, cue.end, "", "\\N".join(map(_ass_text, cue.lines)) + f"\\N{{\\r{style} source}}" + source
    else:
        length = cue.end - cue.start
        # The translation has the time to be read it needs, up to half of the cue: who reads it does not understand the rest.
        reading = min(max(1.0, units(cue.text) / READING_CPS), 0.5 * length)
        turn = min(max(cue.spoken - MORPH_S, cue.start + 0.4 * length), cue.end - reading)
        fade = 0 if look.reduced_motion else round(min(MORPH_S, length / 4) * 1000)
        source = plain_source if look.reduced_motion else _karaoke(cue)
        yield cue.start, turn + fade / 1000, " source", f"{{\\fad(0,{fade})}}{source}"
        yield turn, cue.end, "", f"{{\\fad({fade},120)}}" + "\\N".join(map(_ass_text, cue.lines))


def _karaoke(cue: _Cue) -> str:
    """The source with a `\\k` (cs) per word, so that each appears when it is said."""
    lines = wrap(cue.source, COLUMNS, cue.source_tag)
    second = len(lines[0]) if len(lines) > 1 else None
    parts: list[str] = []
    place, at = 0, round(cue.start * 100)
    for index, word in enumerate(cue.words):
        start = max(at, round(word.start * 100))
        until = round((cue.words[index + 1].start if index + 1 < len(cue.words) else cue.spoken) * 100)
        text = word.text if index else word.text.lstrip()
        if index == 0 and start > at:
            parts.append(f"{{\\k{start - at}}}")
        if second is not None and place + len(text) - len(text.lstrip()) >= second and text.strip():
            text, second = "\\N" + _ass_text(text.lstrip()), None
            parts.append(f"{{\\k{max(0, until - start)}}}{text}")
            place += len(word.text)
        else:
            parts.append(f"{{\\k{max(0, until - start)}}}{_ass_text(text)}")
            place += len(text)
        at = max(start, until)
    return "".join(parts) or "\\N".join(map(_ass_text, lines))


def _font_name(analysis: Analysis, language: languages.Language | None, of_source: bool) -> str:
    """The full name of the face that sets most of the texts in `language`."""
    texts = " ".join(
        (phrase.source if of_source else phrase.translation) or phrase.source for phrase in analysis.phrases
    )
    sample = graphemes(fonts.supported(clean(texts, 400))[0])
    chain = fonts.faces("technical", language.script if language else "", language.code if language else "")
    chosen = [face for face in fonts.choose(sample, chain) if face]
    face = max(set(chosen), key=chosen.count, default=fonts.NOTO_SANS)
    return face.full_name
