"""The key-free translation on a small checkpoint of its real architecture, tokenizer included, built here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.records import Phrase
from pipeline.speech import guards
from tests.fixtures_full import run, tiny_lmt

if TYPE_CHECKING:
    from pipeline.open_translation import Translator


pytestmark = pytest.mark.integration

SENTENCES = [
    "Everyone here today works towards a better and more just future for our country.",
    "I grew up in the heart of the district and chase my own dreams.",
    "Ask not what your country can do for you, ask what you can do for your country.",
    "Über unsere Homepage steht Ihnen unser Portal zur sicheren Kommunikation zur Verfügung.",
    "Dziękuję bardzo, panie marszałku, wysoka izbo, szanowni państwo.",
    "Wir haben heute Morgen darüber gesprochen, und niemand war dagegen.",
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_lmt(tmp_path_factory.mktemp("lmt"), SENTENCES)


@pytest.fixture(scope="module")
def translator(checkpoint: Path) -> Translator:
    from pipeline.open_translation import load

    return load(checkpoint, revision=None, dtype="float32")


def phrases(*texts: str, languages: tuple[str, ...] = ()) -> tuple[Phrase, ...]:
    tags = languages or ("",) * len(texts)
    return tuple(
        Phrase(i, i, i + 1, None, text, (), language=tag) for i, (text, tag) in enumerate(zip(texts, tags, strict=True))
    )


def test_as_many_texts_come_out_as_phrases_went_in(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline import open_translation

    monkeypatch.setattr(open_translation, "BATCH", 2)
    monkeypatch.setattr(guards, "loops", lambda text: False)  # random weights do little but loop
    given = phrases("", *SENTENCES[:3], "...", "Oui.", languages=("", "", "", "de", "", "fr"))
    texts, steps = run(open_translation.translate_text(given, "en", "PL", translator=translator))
    assert len(texts) == len(given)
    assert texts[0] is None
    assert texts[4] is None
    assert all(isinstance(texts[i], str) for i in (1, 2, 3, 5))
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert steps[-1].fraction == 1.0


def test_a_sentence_translates_the_same_alone_and_in_a_batch(translator: Translator) -> None:
    from pipeline.open_translation import _generate

    both = _generate(SENTENCES[:3], "en", "de", translator)
    alone = [_generate([one], "en", "de", translator)[0] for one in SENTENCES[:3]]
    # the room for tokens depends on the longest of a batch, so the beginning is compared
    for one, other in zip(both, alone, strict=True):
        assert one[:20] == other[:20]


def test_it_is_asked_as_its_authors_ask_it(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    generate = translator.model.generate

    def spy(**options: Any) -> Any:
        seen.append(options)
        return generate(**options)

    monkeypatch.setattr(translator.model, "generate", spy)
    from pipeline.open_translation import translate_text

    run(translate_text(phrases("Two\nlines of text."), "en", "PT-BR", translator=translator))
    asked = translator.tokenizer.decode(seen[0]["input_ids"][0])
    assert asked.endswith(
        "<|im_start|>user\nTranslate the following text from English into Portuguese.\nEnglish: Two lines of text.\n"
        "Portuguese:<|im_end|>\n<|im_start|>assistant\n"
    )
    assert seen[0]["max_new_tokens"] <= 400
    assert seen[0]["num_beams"] == 5


def test_between_two_languages_it_was_not_trained_on_the_way_goes_through_english(
    monkeypatch: pytest.MonkeyPatch, translator: Translator
) -> None:
    from pipeline import open_translation

    asked = []

    def generated(texts: list[str], source: str, to: str, _translator: Translator) -> list[str]:
        asked.append((source, to))
        return [f"{text} ({to})" for text in texts]

    monkeypatch.setattr(open_translation, "_generate", generated)
    texts, _ = run(open_translation.translate_text(phrases("Dzień dobry."), "pl", "DE", translator=translator))
    assert texts == ("Dzień dobry. (en) (de)",)
    assert asked == [("pl", "en"), ("en", "de")]
    asked.clear()
    run(open_translation.translate_text(phrases("Dzień dobry."), "pl", "ZH-HANS", translator=translator))
    assert asked == [("pl", "zh")]


def test_whole_sentences_are_translated_and_divided_among_their_phrases(
    monkeypatch: pytest.MonkeyPatch, translator: Translator
) -> None:
    from pipeline import open_translation

    asked = []

    def generated(texts: list[str], *_: Any) -> list[str]:
        asked.extend(texts)
        return ["Ich bin im Herzen des Viertels aufgewachsen und verfolge meine eigenen Träume." for _ in texts]

    monkeypatch.setattr(open_translation, "_generate", generated)
    said = tuple(
        Phrase(i, float(i), i + 0.9, "p1", text, ())
        for i, text in enumerate(("I grew up in the heart of the district", "and chase my own dreams."))
    )
    texts, _ = run(open_translation.translate_text(said, "en", "DE", translator=translator))
    assert asked == ["I grew up in the heart of the district and chase my own dreams."]
    assert all(texts)
    assert (
        " ".join(text or "" for text in texts)
        == "Ich bin im Herzen des Viertels aufgewachsen und verfolge meine eigenen Träume."
    )


def test_a_sentence_that_cannot_be_divided_is_translated_phrase_by_phrase(
    monkeypatch: pytest.MonkeyPatch, translator: Translator
) -> None:
    from pipeline import open_translation

    monkeypatch.setattr(open_translation, "_generate", lambda texts, *_: ["Ja"] * len(texts))
    said = tuple(Phrase(i, float(i), i + 0.9, "p1", text, ()) for i, text in enumerate(("Well", "yes", "indeed.")))
    texts, _ = run(open_translation.translate_text(said, "en", "DE", translator=translator))
    assert texts == ("Ja", "Ja", "Ja")


def test_a_loop_is_no_translation(translator: Translator, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline import open_translation

    monkeypatch.setattr(
        open_translation, "_generate", lambda texts, *rest: ["tak tak tak tak tak tak tak tak tak"] * len(texts)
    )
    texts, _ = run(open_translation.translate_text(phrases(SENTENCES[0]), "en", "PL", translator=translator))
    assert texts == (None,)


@pytest.mark.parametrize("target", ["EN-US", "PL"])
def test_what_is_in_the_target_language_is_left_alone(translator: Translator, target: str) -> None:
    from pipeline.open_translation import translate_text

    texts, steps = run(translate_text(phrases(SENTENCES[0]), target[:2].lower(), target, translator=translator))
    assert texts == (None,)
    assert not steps


def test_deepls_languages_are_known_to_the_model() -> None:
    from pipeline.languages import TARGETS
    from pipeline.open_translation import translates_to

    known = [language.code for language in TARGETS if translates_to(language.code)]
    for code in ("PL", "DE", "NB", "PT-BR", "ZH-HANS", "AR", "EN-US", "JA", "KO", "UK", "HE", "TH", "VI"):
        assert code in known
    assert not translates_to("ZH-HANT"), "it writes simplified characters"
    assert not translates_to("XX")
