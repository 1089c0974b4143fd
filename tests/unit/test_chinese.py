"""Chinese comes out in one script."""

from __future__ import annotations

import pytest

from pipeline.records import Phrase, Word
from pipeline.text.chinese import convert, convert_pieces, main_script
from pipeline.translate import in_one_script

pytestmark = pytest.mark.unit


def phrase(number: int, source: str, language: str = "") -> Phrase:
    words = tuple(Word(number + k * 0.1, number + k * 0.1 + 0.1, text) for k, text in enumerate(source))
    return Phrase(number, number, number + 1.0, "p1", source, words, language=language)


MIXED = (phrase(1, "我們后来發现"), phrase(2, "这是汉字"), phrase(3, "头发很长"))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("ZH-HANT", ("我們後來發現", "這是漢字", "頭髮很長")),
        ("ZH-HANS", ("我们后来发现", "这是汉字", "头发很长")),
        ("EN-US", ("我们后来发现", "这是汉字", "头发很长")),  # most of it is simplified
        ("", ("我们后来发现", "这是汉字", "头发很长")),
    ],
)
def test_a_mixture_of_characters_becomes_one_script(target: str, expected: tuple[str, str, str]) -> None:
    unified = in_one_script(MIXED, "zh", target)
    assert tuple(p.source for p in unified) == expected
    assert tuple("".join(w.text for w in p.words) for p in unified) == expected
    assert [w.start for p in unified for w in p.words] == [w.start for p in MIXED for w in p.words]


def test_other_languages_are_left_alone() -> None:
    japanese = (phrase(1, "国会議員", "ja"), phrase(2, "这是汉字"))
    assert in_one_script(japanese, "zh", "ZH-HANT")[0] == japanese[0]
    assert in_one_script(japanese[:1], "ja", "ZH-HANT") == japanese[:1]


def test_most_characters_decide_the_script() -> None:
    assert main_script(["這是漢字", "头"]) == "Hant"
    assert main_script(["这是汉字", "頭"]) == "Hans"
    assert (main_script(["好"]), main_script(["好"], "yue")) == ("Hans", "Hant")


def test_a_character_depends_on_its_neighbours() -> None:
    assert convert_pieces(["头", "发", "发", "展"], "Hant") == ("頭", "髮", "發", "展")
    assert convert("皇后", "Hant") == "皇后"
