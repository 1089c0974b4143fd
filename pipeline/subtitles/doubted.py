"""Mark what may be misheard wherever it is read: in the picture and in the files."""

from __future__ import annotations

from dataclasses import replace

from pipeline.records import Analysis, Phrase

MARK = " (?)"  #: as in transcripts of court and radio, for words that could not be made out


def marked(analysis: Analysis) -> Analysis:
    """Return the analysis whose misheard phrases end in `MARK`, in the original and in the translation."""
    phrases = tuple(_marked(phrase) if phrase.misheard else phrase for phrase in analysis.phrases)
    return replace(analysis, phrases=phrases)


def _marked(phrase: Phrase) -> Phrase:
    """Return the phrase with its mark. It is no longer called misheard, so that it is marked once."""
    words = phrase.words
    if words:
        words = (*words[:-1], replace(words[-1], text=words[-1].text + MARK))
    translation = None if phrase.translation is None else phrase.translation + MARK
    return replace(phrase, source=phrase.source + MARK, words=words, translation=translation, misheard=False)
