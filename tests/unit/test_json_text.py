"""JSON from outside is read, or refused with the sentence of whoever reads it."""

from __future__ import annotations

import pytest

from pipeline.errors import RecordError, UsageError
from pipeline.json_text import read_object, read_value

NO = UsageError("That is not JSON; mend it.")


@pytest.mark.parametrize("text", ["", "{", "[1,]", b"\xff\xfe{", "[" * 100_000, "9" * 5_000])
def test_what_is_not_json_is_refused_with_the_readers_own_sentence(text: str | bytes) -> None:
    with pytest.raises(UsageError, match="mend it"):
        read_value(text, NO)
    with pytest.raises(RecordError, match="mine"):
        read_object(text, RecordError("That is not mine."))


def test_any_value_is_read_and_only_an_object_where_one_is_asked_for() -> None:
    assert read_value("[1, null]", NO) == [1, None]
    assert read_object('{"a": 1}', NO) == {"a": 1}
    with pytest.raises(UsageError):
        read_object("[1]", NO)


def test_nan_is_refused_where_only_numbers_are_allowed() -> None:
    assert read_value('{"score": NaN}', NO)["score"] != 0
    for text in ('{"score": NaN}', "[-Infinity]"):
        with pytest.raises(UsageError):
            read_value(text, NO, finite=True)
