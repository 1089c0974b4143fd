"""Transcripts as people have them: SubRip, WebVTT and ASS through pysubs2, Whisper's JSON and our own.

Every file is checked for kind and size before any of it is used, and refused in one sentence.
"""

from __future__ import annotations

import codecs
import itertools
import math
import re
from collections.abc import Iterator
from typing import Any

from pipeline import languages, project
from pipeline.brought import Given, GivenLine
from pipeline.errors import LanguageError, RecordError
from pipeline.json_text import read_value
from pipeline.records import Word
from pipeline.text import clean

MAX_BYTES = 8 * 2**20  #: a transcript of five minutes with the times of its words has about 0.2 MB
MAX_LINES = 5_000
MAX_TEXT = 1_000  #: characters of one line
MAX_WORDS = 50_000
MAX_SECONDS = 24 * 3600.0

KINDS = "SRT, VTT, ASS, a transcript.json or project of ours, or the JSON of Whisper"
NONE = f"The transcript cannot be read; give {KINDS}."
TOO_MANY = f"The transcript has more than {MAX_LINES} lines; give the transcript of one clip."

#: <v Ada> of WebVTT says who speaks. pysubs2 drops it, so it goes through in characters for private use.
_VOICE = re.compile(r"<v(?:\.[^\s>.]*)*[ \t]+([^>\n]{1,100})>")
_JSON = re.compile(r"\s*(\{|\[\s*[\]\[{\"\d])")  #: not "[Script Info]"
_NAME = re.compile("\ue000([^\ue000\ue001]*)\ue001")
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_SPACES = re.compile(r"[ \t]{9,}")
MOST_STEPS = 10**8  #: characters that may be passed in search of the ends of tags; about a second


def read_transcript(data: bytes) -> Given:
    """Return the lines of a transcript file, and its language where the file says it.

    Raises RecordError for a file that is none, has no line, or is too large.
    """
    if len(data) > MAX_BYTES:
        raise RecordError(f"The transcript is larger than {MAX_BYTES // 2**20} MB; give the transcript of one clip.")
    text = decoded(data, "transcript")
    given = _from_json(text) if _JSON.match(text) else Given(tuple(_from_subtitles(text)))
    lines = tuple(sorted((line for line in given.lines if line.text), key=lambda line: (line.start, line.end)))
    if not lines:
        raise RecordError("The transcript has no line with words; give one that has.")
    if len(lines) > MAX_LINES or sum(len(line.words) for line in lines) > MAX_WORDS:
        raise RecordError(TOO_MANY)
    if long := next((line for line in lines if len(line.text) > MAX_TEXT), None):
        raise RecordError(
            f"The line at {long.start:.0f} s has more than {MAX_TEXT} characters; cut it into several and try again."
        )
    return Given(lines, given.language)


def decoded(data: bytes, what: str) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with its mark.

    Raises RecordError for another encoding and for what is no text.
    """
    coding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(coding)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise RecordError(f"The {what} is not text in UTF-8; save it as UTF-8 and try again.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _from_subtitles(text: str) -> Iterator[GivenLine]:
    import pysubs2

    text = _VOICE.sub("\ue000\\1\ue001", _quick_to_read(text))
    try:
        # Its own guess wants a section of styles, which not every ASS has.
        file = pysubs2.SSAFile.from_string(text, format_="ass" if text.lstrip().startswith("[") else None)
    except Exception:  # its parsers raise whatever a broken line makes them raise
        raise RecordError(NONE) from None
    for event in file:
        if event.is_comment or event.is_drawing:
            continue
        shown = event.plaintext
        names = _NAME.findall(shown)
        yield _line(
            event.start / 1000, event.end / 1000, _NAME.sub("", shown), event.name or (names[0] if names else "")
        )


def _quick_to_read(text: str) -> str:
    """Return the text without long runs of blanks, over which the expressions of pysubs2 take quadratic time.

    Raises RecordError for tags that begin again and again and do not end, which do the same, and for more cues than
    there may be: pysubs2 takes five seconds for the largest file of them.
    """
    for begin, end in ("{}", "<>"):
        if sum(part.count(begin) * len(part) for part in text.split(end)) > MOST_STEPS:
            raise RecordError(NONE)
    text = _SPACES.sub(" ", _BLANK_LINES.sub("\n\n", text))
    events = max(text.count(mark) for mark in ("-->", "Dialogue:", "Comment:"))
    rows = 0 if text.lstrip().startswith("[") else text.count("\n")  # an ASS may hold fonts, a line for 60 bytes
    if events > MAX_LINES or rows > 8 * MAX_LINES:  # a cue has a number, its times, some lines and an empty one
        raise RecordError(TOO_MANY)
    return text


def _from_json(text: str) -> Given:
    raw = read_value(text, RecordError(NONE))
    if isinstance(raw, dict) and ("speechglass" in raw or "phrases" in raw):
        return _ours(raw)
    whole = raw if isinstance(raw, dict) else {"segments": raw}
    items = whole.get("segments", whole.get("transcription"))
    if not isinstance(items, list) or len(items) > MAX_LINES:
        raise RecordError(NONE)
    result = whole.get("result")
    said = whole.get("language") or (result.get("language") if isinstance(result, dict) else "")
    return Given(tuple(_whisper_line(item) for item in items), _language(said))


def _ours(raw: dict[str, Any]) -> Given:
    analysis = project.from_object(raw).analysis
    names = {person.id: person.name for person in analysis.people}
    lines = (
        GivenLine(p.start, p.end, clean(p.source, MAX_TEXT), names.get(p.person or "", ""), p.words)
        for p in analysis.phrases
    )
    return Given(tuple(lines), analysis.language)


def _whisper_line(item: Any) -> GivenLine:
    """A segment of openai/whisper, faster-whisper or whisperX (seconds), or of whisper.cpp (milliseconds)."""
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise RecordError(NONE)
    offsets = item.get("offsets")
    if isinstance(offsets, dict):
        start, end = _number(offsets.get("from")) / 1000, _number(offsets.get("to")) / 1000
    else:
        start, end = _number(item.get("start")), _number(item.get("end"))
    speaker = item.get("speaker")
    words = item.get("words")
    timed = tuple(_whisper_word(word) for word in words) if isinstance(words, list) else ()
    return _line(start, end, item["text"], speaker if isinstance(speaker, str) else "", timed)


def _whisper_word(item: Any) -> Word | None:
    """A word with its times; None where it has none: whisperX leaves them out for numbers."""
    if not isinstance(item, dict):
        raise RecordError(NONE)
    text = item.get("word", item.get("text"))
    if not isinstance(text, str):
        raise RecordError(NONE)
    if "start" not in item or "end" not in item or not clean(text, MAX_TEXT):
        return None
    start, end = _number(item["start"]), _number(item["end"])
    return Word(start, max(start, end), clean(text, MAX_TEXT))


def _line(start: float, end: float, text: str, speaker: str, words: tuple[Word | None, ...] = ()) -> GivenLine:
    """The line, cleaned; its words only where every one has its times and together they are its text."""
    if not 0 <= start <= MAX_SECONDS or not start <= end <= MAX_SECONDS:
        raise RecordError(
            "The transcript has a line that ends before it starts, or at no time; mend its times and try again."
        )
    tidy = clean(text, MAX_TEXT + 1)
    known = tuple(word for word in words if word is not None)
    complete = bool(known) and len(known) == len(words)
    same = "".join(word.text for word in known).replace(" ", "") == tidy.replace(" ", "")
    in_order = all(a.start <= b.start for a, b in itertools.pairwise(known))
    return GivenLine(start, end, tidy, clean(speaker, 40), known if complete and same and in_order else ())


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RecordError(NONE)
    return float(value)


def _language(said: Any) -> str:
    try:
        return (languages.parse_source(said).whisper or "") if isinstance(said, str) and said else ""
    except LanguageError:
        return ""
