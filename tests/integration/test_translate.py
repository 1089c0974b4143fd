"""Translation over a real HTTP server: n in, n out, whatever the service does, and the key nowhere."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

import pytest

from pipeline import deepl_service, translate
from pipeline.errors import KeyRefusedError, QuotaError, TranslationError
from pipeline.options import Options
from pipeline.progress import finish
from pipeline.records import KeyFree, Notice, Phrase
from pipeline.settings import Settings
from pipeline.stages import Models
from tests.deepl_server import KEY, DeepLServer, half_a_response, hang_up, silence, status


def said(*texts: str, person: str = "p1") -> tuple[Phrase, ...]:
    return tuple(Phrase(i + 1, 3.0 * i, 3.0 * i + 2, person, text, ()) for i, text in enumerate(texts))


NO_MODELS = Models({}, None, None, None, None, lambda target: False)  # type: ignore[arg-type]
LIGHT = Models({}, None, None, None, None)  # type: ignore[arg-type]


def run(settings: Settings, phrases: tuple[Phrase, ...], language: str = "en", **options: Any) -> translate.Translation:
    chosen = Options(**{"target": "PL", **options})
    plan = finish(translate.plan(chosen, settings, NO_MODELS, 10.0))
    return finish(translate.carry_out(plan, phrases, language, None, settings))


def test_every_phrase_gets_its_own_translation(keyed: Settings, server: DeepLServer) -> None:
    result = run(keyed, said("Good morning.", "How are you?", "Fine."))
    assert result.texts == ("dooG gninrom.", "woH era uoy?", "eniF.")
    assert result.service == "DeepL"


def test_the_request_says_all_that_is_known(keyed: Settings, server: DeepLServer) -> None:
    run(keyed, said("Good morning."), formality="more")
    request = server.requests[0]
    assert request["source_lang"] == "EN"
    assert request["target_lang"] == "PL"
    assert request["formality"] == "prefer_more"
    assert request["model_type"] == "prefer_quality_optimized"
    assert "p1: Good morning." in request["context"]


def test_one_sentence_over_two_phrases_is_translated_as_one(keyed: Settings, server: DeepLServer) -> None:
    phrases = (Phrase(1, 0, 1, "p1", "I went home", ()), Phrase(2, 1.2, 2, "p1", "because it was late.", ()))
    assert run(keyed, phrases).texts == ("I tnew emoh", "esuaceb ti saw etal.")
    assert len(server.requests) == 1
    assert server.requests[0]["tag_handling"] == "xml"


def test_more_than_fifty_texts_go_in_several_requests(keyed: Settings, server: DeepLServer) -> None:
    result = run(keyed, said(*[f"Sentence {i}." for i in range(120)]))
    assert result.texts[119] == "ecnetneS 911."
    assert [len(r["text"]) for r in server.requests] == [50, 50, 20]


def test_no_request_is_larger_than_the_service_takes(keyed: Settings, server: DeepLServer) -> None:
    result = run(dataclasses.replace(keyed), said(*["Ż" * 4000 + "." for _ in range(20)]))
    assert None not in result.texts
    assert max(server.sizes) <= 128 * 1024


def test_what_is_already_in_the_target_language_is_left_alone(keyed: Settings, server: DeepLServer) -> None:
    mixed = (*said("Good morning."), Phrase(2, 3, 4, "p2", "Dzień dobry.", (), language="pl"))
    result = run(keyed, mixed)
    assert result.texts == ("dooG gninrom.", None)
    assert "1 of 2 phrases" in next(n.text for n in result.notices if n.code == "already_in_target")
    assert run(keyed, said("Dzień dobry."), language="pl").texts == (None,)


@pytest.mark.parametrize("answer", [lambda t: [], lambda t: t[:-1], lambda t: [*t, "more"], lambda t: [" ".join(t)]])
def test_merged_or_missing_answers_never_slide(keyed: Settings, server: DeepLServer, answer: Any) -> None:
    right = server.translations
    server.translations = lambda texts: answer(texts) if len(texts) > 1 else right(texts)
    assert run(keyed, said("One.", "Two.", "Three.")).texts == ("enO.", "owT.", "eerhT.")


def test_an_empty_answer_is_no_translation_and_is_named(keyed: Settings, server: DeepLServer) -> None:
    server.translations = lambda texts: ["" if t == "Two." else t[::-1] for t in texts]
    result = run(keyed, said("One.", "Two.", "Three."))
    assert result.texts == (".enO", None, ".eerhT")
    assert [n.text for n in result.notices if n.code == "untranslated"] == [
        "The phrase at 0:03 stays in its original language: DeepL gave nothing for it."
    ]


@pytest.mark.parametrize(
    "fault",
    [status(429), status(500), status(503), hang_up, silence(1.0)],
    ids=["429", "500", "503", "hang up", "timeout"],
)
def test_a_passing_fault_is_waited_out(keyed: Settings, server: DeepLServer, fault: Any) -> None:
    server.faults.extend([fault, fault])
    assert run(keyed, said("One.")).texts == ("enO.",)


@pytest.mark.parametrize(
    "fault",
    [
        status(429),
        status(500),
        status(400),
        half_a_response,
        status(200, "not json"),
        status(200, '{"translations": [{}]}'),
        hang_up,
    ],
    ids=["429", "500", "400", "half", "not json", "no text", "hang up"],
)
def test_a_lasting_fault_leaves_the_original_and_one_notice_with_the_times(
    keyed: Settings, server: DeepLServer, fault: Any
) -> None:
    server.always = fault
    result = run(keyed, said("One.", "Two."))
    assert result.texts == (None, None)
    (notice,) = [n for n in result.notices if n.code == "untranslated"]
    assert notice.text.startswith("2 phrases (at 0:00 and 0:03) stay in their original language: ")
    assert server.calls <= 12


def test_a_refused_connection_leaves_the_original(keyed: Settings) -> None:
    result = run(dataclasses.replace(keyed, deepl_server="http://127.0.0.1:9"), said("One."))
    assert result.texts == (None,)
    assert "does not answer" in next(n.text for n in result.notices if n.code == "untranslated")


def test_what_was_translated_before_a_fault_is_kept_and_not_paid_twice(keyed: Settings, server: DeepLServer) -> None:
    texts = [f"Sentence {i}." for i in range(60)]
    answers = server.translations

    def then_fail(batch: list[str]) -> list[str]:
        server.always = status(500)
        return answers(batch)

    server.translations = then_fail
    first = run(keyed, said(*texts))
    assert sum(text is not None for text in first.texts) == 50
    server.always, server.translations = None, answers
    second = run(keyed, said(*texts))
    assert None not in second.texts
    assert [len(r["text"]) for r in server.requests] == [50, 10]


def test_a_visitors_own_translations_are_not_kept_for_others(settings: Settings, server: DeepLServer) -> None:
    settings = dataclasses.replace(settings, deepl_server=server.url)
    for _ in range(2):
        assert run(settings, said("One."), keys=(KEY,)).texts == ("enO.",)
    assert len(server.requests) == 2
    assert not (settings.cache_dir / "translations").exists()


def test_a_wrong_key_is_refused_before_anything_runs(keyed: Settings) -> None:
    with pytest.raises(KeyRefusedError, match="does not accept"):
        finish(translate.plan(Options("PL", keys=("wrong-key:fx",)), keyed, NO_MODELS, 10.0))


@pytest.mark.parametrize("key", ["a b", "clé-privée-secrète", "line\nbreak-secret", "x" * 500])
def test_what_cannot_be_a_key_is_refused_without_being_repeated(keyed: Settings, key: str) -> None:
    with pytest.raises(KeyRefusedError) as caught:
        finish(translate.plan(Options("PL", keys=(key,)), keyed, NO_MODELS, 10.0))
    assert key not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_that_is_used_up_is_refused_before_anything_runs(keyed: Settings, server: DeepLServer) -> None:
    server.limits[KEY] = [500_000, 500_000]
    with pytest.raises(QuotaError, match="no characters left"):
        finish(translate.plan(Options("PL"), keyed, NO_MODELS, 10.0))


def test_an_owners_used_up_key_leaves_a_spaces_visitors_the_key_free_english(
    keyed: Settings, server: DeepLServer
) -> None:
    server.limits[KEY] = [500_000, 500_000]
    space = dataclasses.replace(keyed, on_spaces=True)
    plan = finish(translate.plan(Options("EN-US"), space, LIGHT, 10.0))
    assert (plan.fallback_target, plan.keys) == ("EN-US", ())
    with pytest.raises(QuotaError):
        finish(translate.plan(Options("PL"), space, LIGHT, 10.0))
    with pytest.raises(QuotaError):
        finish(translate.plan(Options("EN-US", keys=(KEY,)), space, LIGHT, 10.0))


def test_an_owners_quota_is_not_shown_to_a_spaces_visitors(keyed: Settings) -> None:
    notices = run(dataclasses.replace(keyed, on_spaces=True), said("Good morning.")).notices
    assert [n.text for n in notices if n.code == "deepl_usage"] == ["This clip used 13 DeepL characters."]


def test_a_key_with_too_little_left_for_the_clip_is_refused_with_both_figures(
    keyed: Settings, server: DeepLServer
) -> None:
    server.limits[KEY] = [499_500, 500_000]
    with pytest.raises(QuotaError, match=r"500 characters left .* needs about 3,600"):
        finish(translate.plan(Options("PL"), keyed, NO_MODELS, 300.0))


def test_the_next_key_serves_when_one_has_used_up_its_month(keyed: Settings, server: DeepLServer) -> None:
    server.limits = {"first-key:fx": [499_900, 500_000], "second-key": [0, 1_000_000]}
    keyed = dataclasses.replace(keyed, deepl_keys=("first-key:fx", "second-key"))
    result = run(keyed, said(*[f"Sentence number {i}." for i in range(60)]))
    assert None not in result.texts
    assert {r["key"] for r in server.requests} == {"second-key"}
    server.limits["first-key:fx"] = [499_840, 500_000]  # enough by the estimate, not for all of it
    result = run(keyed, said(*[f"Another sentence number {i}." for i in range(60)]))
    assert None not in result.texts


def test_free_and_pro_keys_go_to_their_own_servers() -> None:
    for key, host in (("some-free-key:fx", "api-free.deepl.com"), ("some-pro-key", "api.deepl.com")):
        service = deepl_service.Service((key,))
        assert host in service._client(key).server_url


def test_a_small_table_of_terms_becomes_a_glossary_and_is_removed(keyed: Settings, server: DeepLServer) -> None:
    run(keyed, said("One."), glossary="Space = Przestrzeń\nclip = klip")
    made = server.requests[0]["glossary_id"]
    assert server.deleted == [made]
    assert server.glossaries == {}


def test_every_key_that_serves_has_the_glossary_in_its_own_account(keyed: Settings, server: DeepLServer) -> None:
    """A glossary was made for the first of several keys only, and the second did not know it."""
    server.limits = {"first-key:fx": [499_840, 500_000], "second-key": [0, 1_000_000]}
    keyed = dataclasses.replace(keyed, deepl_keys=("first-key:fx", "second-key"))
    phrases = said(*[f"Sentence {i} {'is rather long ' * 20}." for i in range(60)])
    service = deepl_service.Service(keyed.deepl_keys, keyed.deepl_server)
    with service.glossary("Space = Przestrzeń", "EN", "PL") as glossary:
        request = deepl_service.Request("PL", "EN", glossary=glossary)
        assert dict(service.translate(["Short."], request))[0]
        assert None not in dict(service.translate([phrase.source for phrase in phrases], request)).values()
        assert len(server.glossaries) == 2
    service.close()
    assert server.requests[0]["key"] == "first-key:fx"
    assert {request["key"] for request in server.requests[1:]} == {"second-key"}
    assert all(request["glossary_id"] for request in server.requests)
    assert server.glossaries == {}


def test_a_glossary_that_the_account_does_not_allow_is_left_out_and_named(keyed: Settings, server: DeepLServer) -> None:
    server.most_glossaries = 0
    result = run(keyed, said("One."), glossary="Space = Przestrzeń")
    assert result.texts == ("enO.",)
    assert "glossary_id" not in server.requests[0]
    assert "did not accept the glossary" in next(n.text for n in result.notices if n.code == "glossary")
    server.most_glossaries = 1  # what was translated without it is not kept as if it had been applied
    run(keyed, said("One."), glossary="Space = Przestrzeń")
    assert "glossary_id" in server.requests[-1]


def test_the_key_free_translation_says_that_it_has_no_glossary(settings: Settings) -> None:
    plan = finish(translate.plan(Options("EN-US", glossary="Raum = space"), settings, LIGHT, 10.0))
    result = finish(translate.carry_out(plan, said("Eins."), "de", KeyFree(("One.",)), settings))
    assert "The glossary was not applied" in next(n.text for n in result.notices if n.code == "glossary")


def test_a_table_that_is_none_stays_without_translation_and_says_so(keyed: Settings) -> None:
    result = run(keyed, said("One."), glossary="Space Przestrzeń")
    assert result.texts == (None,)
    assert "'term = translation'" in result.notices[-1].text


def test_what_was_used_and_what_is_left_is_shown(keyed: Settings) -> None:
    notices = run(keyed, said("Good morning.")).notices
    assert next(n.text for n in notices if n.code == "deepl_usage") == (
        "This clip used 13 DeepL characters; 499,987 of 500,000 are left this month."
    )


def test_without_a_key_another_language_stays_in_the_original_with_a_notice(settings: Settings) -> None:
    result = run(settings, said("One."))
    assert result.texts == (None,)
    assert "DEEPL_AUTH_KEY" in result.notices[0].text


def test_without_a_key_english_comes_from_the_sound(settings: Settings) -> None:
    plan = finish(translate.plan(Options("EN-US"), settings, LIGHT, 10.0))
    assert plan.fallback_target == "EN-US"
    result = finish(
        translate.carry_out(plan, said("Jeden.", "Dwa."), "pl", KeyFree(("One.", None), "Whisper base"), settings)
    )
    assert result.texts == ("One.", None)
    assert result.service == "Whisper base"
    assert [n.code for n in result.notices] == ["no_key", "untranslated"]


def test_a_translator_that_could_not_be_had_is_the_only_notice(settings: Settings) -> None:
    plan = finish(translate.plan(Options("DE"), settings, LIGHT, 10.0))
    why = Notice("untranslated", "The translator could not be fetched. The subtitles stay in the original language.")
    result = finish(translate.carry_out(plan, said("One."), "en", KeyFree((None,), notices=(why,)), settings))
    assert result == translate.Translation((None,), "", (why,))


def test_a_sentence_whose_translation_was_invented_does_not_vanish_without_a_word(settings: Settings) -> None:
    plan = finish(translate.plan(Options("EN-US"), settings, LIGHT, 10.0))
    phrases = said("To piękna historia. Dziękuję i do zobaczenia.", "Dwa.")
    given = ("It is a beautiful story. Thank you for watching!", "Two. Thank you for watching!")
    result = finish(translate.carry_out(plan, phrases, "pl", KeyFree(given), settings))
    assert result.texts == ("It is a beautiful story.", "Two.")
    assert [n.code for n in result.notices] == ["no_key", "partly_translated"]
    assert result.notices[1].text == (
        "The phrase at 0:00 is translated in part: for the rest the open model gave words that nobody says."
    )


def test_the_list_of_languages_is_the_services_own_where_there_is_a_key(keyed: Settings, server: DeepLServer) -> None:
    assert {language.code for language in translate.available_targets(keyed)} == {"EN-US", "EN-GB", "PL", "DE"}
    server.limits.clear()
    assert len(translate.available_targets(dataclasses.replace(keyed, deepl_keys=("other-key",)))) > 30


def test_the_key_is_in_no_log_no_error_and_no_result(
    keyed: Settings, server: DeepLServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "sEcReT-key-0123456789"
    server.limits[secret] = [0, 10_000]
    results = [run(keyed, said("One."), keys=(secret,))]
    server.always = status(500)
    results.append(run(keyed, said("Two."), keys=(secret,)))
    del server.limits[secret]
    with pytest.raises(TranslationError) as caught:
        run(keyed, said("Three."), keys=(secret,))
    out = capfd.readouterr()
    everything = (
        caplog.text + out.out + out.err + repr(results) + repr(caught.value) + repr(Options("PL", keys=(secret,)))
    )
    everything += "".join(str(path) for path in keyed.cache_dir.rglob("*"))
    assert secret not in everything
