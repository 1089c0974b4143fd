"""Guards that keep invented text out of a transcript. They are pure; every recogniser's words go through `guarded`.

Whisper makes text up where nobody speaks (silence, music, credits) and runs into loops; recognisers time words outside
the clip, backwards or with no length. Sources: openai/whisper's thresholds, and the reports gathered under whisper PR
#1253, whisper.cpp #1244, whisperX #253 and pyvideotrans #957.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pipeline.records import Segment, Word
from pipeline.text import UNSPACED, ends_sentence, goes_on, is_fragment, join_words, text_width

Spans = Sequence[tuple[float, float]]  # s, in order and apart

# Limits at which Whisper's text is doubted. They are openai/whisper's, except two. Its five temperatures of fallback
# cost ten times the first try and rarely help. Its compression of 2.4 would punish repetition: text that says a
# sentence twice compresses by 2.55 (`cuts`), a loop by 4 and more.
TEMPERATURES = (0.0, 0.4, 0.8)  #: tried in turn while the text is doubted; the best try is kept
LOG_PROBABILITY, COMPRESSION = -1.0, 2.8  #: a text less likely or more repetitive than this is doubted
NO_SPEECH = 0.6  #: a doubted text is dropped if Whisper's probability that nobody speaks is above this
GUESSED = -1.5  #: a text that stays less likely than this is dropped
# A free translation is less certain than a transcript: usable ones of the German, Japanese and Polish clips have -0.5
# to -1.02, invented ones ("I will not let you go" for "every voice deserves to be understood") -1.3.
TRANSLATED_LOG_PROBABILITY, TRANSLATED_COMPRESSION = -1.1, 2.0  #: a translation that stays beyond these is dropped

LONGEST_TRANSLATION, LONGER_TRANSLATION = (
    3.0,
    24,
)  #: a translation wider than this many times its source plus this many columns is dropped

MIN_WORD_S = 0.04  #: a word shorter than a 25 Hz frame cannot be shown
MIN_VOICED = 0.2  #: share of a segment that must be voiced for it to count as spoken; real speech here has 0.6 and more

# Credits that Whisper learned from subtitle files; nobody says them.
_CREDITS = re.compile(
    r".*(amara\.org|opensubtitles|zeoranger)|"
    r"\W*(subtitles by|subtitled by|captions by|captioned by|transcription by|napisy stworzone|napisy:|"
    r"untertitel(ung)? (im auftrag|der|von|des)|sous-titr(es|age) |sottotitoli (creati|a cura)|"
    r"subt[íi]tulos (realizados|creados|por)|legendas pela|субтитры (сделал|создавал|делал|подготов)|"
    r"редактор субтитров|ondertitel(ing|d) |字幕by|字幕志愿者|字幕提供|字幕製作)",
    re.IGNORECASE | re.DOTALL,
)
# Phrases that people do say but that Whisper also hears in noise; they are kept where there is a clear voice.
_FAREWELLS = re.compile(
    r"\W*(thanks? (you )?(so much |very much )?for (watching|listening)|please subscribe|like and subscribe|"
    r"see you (in the )?next (time|video)|dziękuj[eę] za (uwagę|oglądanie)|vielen dank fürs zuschauen|"
    r"ご視聴ありがとうございました|感谢观看|谢谢观看|시청해 ?주셔서 감사합니다|спасибо за просмотр|"
    r"merci d'avoir regardé)\W*",
    re.IGNORECASE,
)

_SENTENCE_ENDS = re.compile("[.!?\u2026\u3002\uff01\uff1f\u0964\u061f\u06d4]+")


def guarded(segments: Iterable[Segment], voiced: Spans, duration: float) -> tuple[Segment, ...]:
    """Return the segments that were spoken, in order, with times that can be shown.

    The words are monotone, apart, inside 0..`duration` and never shorter than `MIN_WORD_S`. Words of a kept segment are
    all kept, except the repeats of a loop.

    segments: their words' texts may carry Whisper's leading spaces; those of the result do not.
    voiced: (start, end) in s of every stretch with a voice.
    duration: s, of the clip.
    """
    kept = []
    for segment in sorted(segments, key=lambda segment: segment.start):
        words = tuple(word for word in collapsed(segment.words) if word.text.strip())
        if not words or not spoken(replace(segment, words=words), voiced):
            continue
        text = segment.text if len(words) == len(segment.words) else join_words(words, segment.language)
        kept.append(replace(segment, text=text.strip(), words=to_voice(words, voiced)))
    return _without_fragments(_tidied(kept, duration))


def _without_fragments(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Return the segments with a single short word joined to the one whose sentence it goes on with, or begins.

    Whisper ends its segments anywhere; a phrase lies in one of them, and "and" is none.
    """
    joined: list[Segment] = []
    for segment in segments:
        last = joined[-1] if joined else segment
        fits = (last.language, last.channel) == (segment.language, segment.channel)
        if (
            joined
            and fits
            and (is_fragment(last.words) or is_fragment(segment.words))
            and goes_on(last.words[-1], segment.words[0])
        ):
            text = f"{last.text}{'' if segment.language in UNSPACED else ' '}{segment.text}"
            joined[-1] = replace(last, end=segment.end, text=text, words=last.words + segment.words)
        else:
            joined.append(segment)
    return tuple(joined)


def spoken(segment: Segment, voiced: Spans) -> bool:
    """Return whether a voice is behind the segment, and it is no subtitle credit or farewell heard in noise."""
    share = share_voiced(segment.start, segment.end, voiced)
    if share < MIN_VOICED or _CREDITS.match(segment.text):
        return False
    return share >= 0.5 or not _FAREWELLS.fullmatch(segment.text.strip())


def trusted(log_probability: float, no_speech: float, repetition: float) -> bool:
    """Return whether a transcript can be trusted.

    A loop alone is no reason for doubt: it may follow real words, and `collapsed` removes it.

    log_probability: mean over the tokens of its window.
    no_speech: Whisper's probability that nobody speaks there, 0..1.
    repetition: the `compression` of the window's text.
    """
    doubted = log_probability < LOG_PROBABILITY or repetition > COMPRESSION
    return log_probability > GUESSED and not (doubted and no_speech > NO_SPEECH)


def trusted_translation(text: str, log_probability: float) -> bool:
    """Return whether a translation can be trusted: it is likely enough and has no loop."""
    return (
        log_probability > TRANSLATED_LOG_PROBABILITY and compression(text) < TRANSLATED_COMPRESSION and not loops(text)
    )


def without_invention(translation: str, source: str) -> str | None:
    """Return a translation without sentences that its source does not say, None if nothing is left.

    Models that learned from subtitle files end clips with credits and with thanks to the viewers. Such a sentence is
    dropped unless the source has one of its own. A text several times as long as its source is no translation of it.
    """
    if text_width(translation) > LONGEST_TRANSLATION * text_width(source) + LONGER_TRANSLATION:
        return None
    if any(_is_farewell(sentence) for sentence in _sentences(source)):
        return translation
    kept = [sentence for sentence in _sentences(translation) if not _is_farewell(sentence)]
    return " ".join(kept) or None


def is_partial(kept: str, translation: str, source: str) -> bool:
    """Return whether `kept`, which is left of a translation, says fewer sentences than the source.

    A sentence that the model put in the place of a spoken one is invented all the same, but then something is missing.
    """
    return count_sentences(kept) < min(count_sentences(translation), count_sentences(source))


def count_sentences(text: str) -> int:
    """Return how many stretches with a letter or digit the ends of sentences divide a text into, in any script."""
    return sum(any(map(str.isalnum, part)) for part in _SENTENCE_ENDS.split(text))


def _is_farewell(sentence: str) -> bool:
    return bool(_FAREWELLS.fullmatch(sentence) or _CREDITS.match(sentence))


def _sentences(text: str) -> list[str]:
    """Return the sentences of a text that has spaces between them."""
    sentences: list[list[str]] = [[]]
    for word in text.split():
        sentences[-1].append(word)
        if ends_sentence(word):
            sentences.append([])
    return [" ".join(words) for words in sentences if words]


def compression(text: str) -> float:
    """Return how many times smaller zlib makes the text; openai/whisper's measure of a loop."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def share_voiced(start: float, end: float, voiced: Spans) -> float:
    """Return the share of `start` to `end` s in which there is a voice, 0..1."""
    shared = sum(max(0.0, min(end, b) - max(start, a)) for a, b in voiced)
    return shared / (end - start) if end > start else 0.0


def collapsed(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return the words with every loop reduced to its first round.

    A loop is one word eight times in a row ("no, no, no" is speech), two words six times, or three to twelve words four
    times. Three rounds of anything are kept, because people repeat themselves.
    """
    keys = [_key(word.text) for word in words]
    kept: list[int] = []
    index = 0
    while index < len(words):
        length, rounds = _loop_at(keys, index)
        if rounds:
            kept.extend(range(index, index + length))
            index += length * rounds
        else:
            kept.append(index)
            index += 1
    return tuple(words[i] for i in kept)


def loops(text: str) -> bool:
    """Return whether the text has a loop somewhere, which is the mark of a failed decoding."""
    keys = [_key(word) for word in text.split()]
    if len(keys) < 4:  # a script without spaces: look at the characters
        keys = list(_key(text))
    return any(_loop_at(keys, index)[1] for index in range(len(keys)))


def _loop_at(keys: Sequence[str], index: int) -> tuple[int, int]:
    """Return (words in a round, rounds) of the loop that starts at `index`, (0, 0) if none does."""
    for length in range(1, 13):
        one = keys[index : index + length]
        if len(one) < length or not any(one):
            break
        rounds = 1
        while keys[index + rounds * length : index + (rounds + 1) * length] == one:
            rounds += 1
        if rounds >= (8 if length == 1 else 6 if length == 2 else 4):
            return length, rounds
    return 0, 0


def _key(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def to_voice(words: Sequence[Word], voiced: Spans) -> tuple[Word, ...]:
    """Return the words without the silence at their outer edges.

    Whisper starts a first word with the pause before it and lets a last one run into the pause after it (a second and
    more). A word wholly outside the voice stays as it is.
    """
    starts = [a for a, _ in voiced]
    trimmed = []
    for word in words:
        start, end = word.start, word.end
        at = bisect_right(starts, start) - 1
        if (at < 0 or voiced[at][1] <= start) and at + 1 < len(voiced) and voiced[at + 1][0] < end:
            start = max(start, voiced[at + 1][0] - 0.05)  # 50 ms: the detector's delay on soft onsets
        at = bisect_right(starts, end) - 1
        if at >= 0 and voiced[at][1] > start:
            end = min(end, max(voiced[at][1] + 0.1, start + MIN_WORD_S))
        trimmed.append(replace(word, start=start, end=end))
    return tuple(trimmed)


def _tidied(segments: Sequence[Segment], duration: float) -> tuple[Segment, ...]:
    """Return the segments with all words in order, inside the clip and none shorter than `MIN_WORD_S`.

    Every word stays. Each is pushed behind the one before, then those for which the clip's end leaves no room are
    pushed back.
    """
    flat = [word for segment in segments for word in segment.words]
    if not flat:
        return ()
    step = min(MIN_WORD_S, duration / len(flat))
    starts, ends, before = [], [], 0.0
    for word in flat:
        start = max(word.start, before)
        before = max(word.end, start + step)
        starts.append(start)
        ends.append(before)
    limit = duration
    for index in range(len(flat) - 1, -1, -1):
        if ends[index] <= limit:
            break  # starts and ends before this one are in order already
        ends[index] = limit
        limit = starts[index] = max(0.0, min(starts[index], limit - step))
    times = iter(zip(starts, ends, flat, strict=True))
    result = []
    for segment in segments:
        words = tuple(
            replace(word, start=start, end=end, text=word.text.strip())
            for _, (start, end, word) in zip(segment.words, times, strict=False)
        )
        result.append(replace(segment, start=words[0].start, end=words[-1].end, words=words))
    return tuple(result)
