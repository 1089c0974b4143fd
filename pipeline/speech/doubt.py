"""Doubts about a transcript: the decision on its language, and phrases that may be misheard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline import languages
from pipeline.notices import about_phrases
from pipeline.records import Notice, Phrase, Word
from pipeline.text.scripts import foreign_letters

#: Probability of the clip's language, over all voiced sound, below which the user is asked, and mean probability of a
#: phrase's words below which it is marked. Fitted by `benchmarks.language` on 24 pieces of six real clips with noise,
#: and on 128 clips with synthetic voices in 18 languages. On languages left out of the fit, the user is asked about 14
#: % of the right languages of real clips and 88 % of all wrong ones; 12 % of the right phrases are marked, and 84 % of
#: the wrong ones.
SURE, CLEAR = 0.62, 0.53


@dataclass(frozen=True)
class Decision:
    """The decision on the language of a clip."""

    language: str  #: ISO 639-1
    probability: float  #: 0..1, over all voiced sound
    second: str = ""  #: the next likely language
    second_probability: float = 0.0

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Return the question which language is spoken, if the decision is not sure."""
        if self.probability >= SURE or not self.second:
            return ()
        first, second = (_name(code) for code in (self.language, self.second))
        return (
            Notice(
                "language_unsure",
                f"{UNCERTAIN}{first} ({self.probability:.0%}) or {second} ({self.second_probability:.0%}); "
                f"if it is not {first}, choose the spoken language and run again.",
            ),
        )


UNCERTAIN = "The spoken language is not certain: "


def of_both_channels(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """Return the notices on both parties of a call, each kind once; two doubts about a language become one."""
    alike = dict.fromkeys(notices)
    asked = [notice.text.removeprefix(UNCERTAIN).partition(";")[0] for notice in alike if _is_question(notice)]
    if len(asked) < 2:
        return tuple(alike)
    text = f"{UNCERTAIN}{asked[0]} in one channel, {asked[1]} in the other; if the first of them is wrong, "
    text += "choose the spoken language and run again."
    return (*(notice for notice in alike if not _is_question(notice)), Notice("language_unsure", text))


def _is_question(notice: Notice) -> bool:
    return notice.code == "language_unsure"


def decide(tables: Sequence[Mapping[str, float]], seconds: Sequence[float]) -> Decision:
    """Return the language with the most probable seconds.

    tables: for each voiced piece, the probability of every language.
    seconds: length of each piece.
    """
    sums: dict[str, float] = {}
    for table, length in zip(tables, seconds, strict=True):
        for language, probability in table.items():
            sums[language] = sums.get(language, 0.0) + probability * length
    first, *others = sorted(sums, key=sums.__getitem__, reverse=True)
    total, second = sum(seconds) or 1.0, others[0] if others else ""
    return Decision(first, min(1.0, sums[first] / total), second, sums.get(second, 0.0) / total)


def misheard(text: str, words: Sequence[Word], language: str) -> bool:
    """Return whether a text may be misheard: it has letters foreign to `language`, or its words are improbable."""
    if foreign_letters(text, language):
        return True
    likely = [word.probability for word in words]
    return bool(likely) and sum(likely) / len(likely) < CLEAR


def marked(phrases: Sequence[Phrase], language: str) -> tuple[Phrase, ...]:
    """Return the phrases with those marked that may be misheard; `language` is the clip's."""
    return tuple(
        replace(phrase, misheard=misheard(phrase.source, phrase.words, phrase.language or language))
        for phrase in phrases
    )


def notices(phrases: Sequence[Phrase]) -> tuple[Notice, ...]:
    """Return one notice about all phrases that may be misheard, () if there are none."""
    doubted = [phrase.start for phrase in phrases if phrase.misheard]
    if not doubted:
        return ()
    text = about_phrases(doubted, "may have been misheard; check it", "may have been misheard; check them")
    return (Notice("misheard", f"{text} against the clip."),)


def _name(code: str) -> str:
    known = languages.spoken(code)
    return known.name if known else code
