"""Quotation marks and stops stay with what they belong to where a translation is divided."""

from __future__ import annotations

import pytest

from pipeline.sentences import give_back
from pipeline.text.marks import keep_marks

pytestmark = pytest.mark.unit


def test_a_closing_quotation_mark_does_not_start_the_next_line() -> None:
    given = '«Forse un solo sguardo avrebbe placato il suo fuoco. <x id="1"/> » Yo-yo sta dormendo.'
    pieces = ['"Perhaps a single glance..."', "Yo-yo's sleeping."]
    assert give_back(given, pieces, "it") == (
        "«Forse un solo sguardo avrebbe placato il suo fuoco.»",
        "Yo-yo sta dormendo.",
    )


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (('He said "yes', '" and left.'), ('He said "yes"', "and left.")),
        (('He said "', 'yes" and left.'), ("He said", '"yes" and left.')),
        (("Il dit", "« Bonjour » et part."), ("Il dit", "« Bonjour » et part.")),
        (("Il dit «", "Bonjour » et part."), ("Il dit", "«Bonjour » et part.")),
        (("»Das ist", "« sagte er."), ("»Das ist«", "sagte er.")),  # German books turn the marks round
        (("„Tak", "” powiedział."), ("„Tak”", "powiedział.")),
        (("彼は「はい", "」と言った。"), ("彼は「はい」", "と言った。")),
        (("彼は「", "はい」と言った。"), ("彼は", "「はい」と言った。")),
        (("هل تسمع", "؟ نعم."), ("هل تسمع؟", "نعم.")),
        (("क्या तुम सुनते हो", "। हाँ।"), ("क्या तुम सुनते हो।", "हाँ।")),
        (("¿", "Qué tal?"), ("", "¿Qué tal?")),
        (("It's the dogs", "' turn (again", ") now."), ("It's the dogs", "' turn (again)", "now.")),
        (("a", "'tis so"), ("a", "'tis so")),
        (("3", ".5 metres"), ("3", ".5 metres")),
        (("no marks", "at all"), ("no marks", "at all")),
    ],
)
def test_closing_marks_stay_before_and_opening_ones_after(parts: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert keep_marks(parts) == expected


def test_a_line_that_would_be_left_empty_is_cut_elsewhere() -> None:
    assert all(give_back('«Sì» <x id="1"/> .', ["Yes", "indeed"], "it") or ["none"])
