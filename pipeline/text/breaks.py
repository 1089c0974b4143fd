"""Places at which a line may break (UAX 14)."""

from __future__ import annotations

import itertools


def line_breaks(text: str, tag: str = "und") -> tuple[int, ...]:
    """Return the places (indices of characters) inside `text` before which a line may begin.

    `tag` is the readers' language (BCP 47). ICU finds the places: by dictionaries in Thai, Lao, Khmer and Burmese, by
    whole phrases in Japanese and Korean, so that lines end where a reader pauses.
    """
    from icu4py.breakers import LineBreaker

    base = tag.split("-")[0].lower()
    locale = f"{base}@lw=phrase" if base in ("ja", "ko") else tag or "und"
    # The breaker's own offsets count UTF-16 units, hence the lengths.
    return tuple(itertools.accumulate(map(len, LineBreaker(text, locale))))[:-1]
