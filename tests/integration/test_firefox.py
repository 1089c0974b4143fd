"""Translation without a key on a processor: the real engine and small models, fetched from a server."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import edit
from pipeline.errors import ModelError, UsageError
from pipeline.firefox_translation import translate_text
from pipeline.models import fetch, firefox, sets
from pipeline.models.entries import Model, Weights
from pipeline.options import Options
from pipeline.progress import finish
from pipeline.records import KeyFree, Phrase, Progress, Stage
from pipeline.retranslate import retranslate
from pipeline.sentences import divide
from pipeline.settings import Settings
from pipeline.speech import transcribe
from tests import fakes, index_server
from tests.fixtures_firefox import publish
from tests.index_server import Site

pytestmark = pytest.mark.integration

ENGLISH = ("Good evening, how are you today?", "Nobody has seen the green boat", "since Monday.")
POLISH = ("Dzień dobry, jak się pan dzisiaj czuje?", "Nikt nie widział zielonej łodzi", "od poniedziałku.")
NOWHERE = Path("/nowhere/sound.wav")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Nothing goes into the user's cache."""
    return Settings(models="light", cache_dir=tmp_path / "cache")


def said(texts: tuple[str, ...], language: str = "") -> tuple[Phrase, ...]:
    return tuple(
        Phrase(i + 1, 2.0 * i, 2.0 * i + 1.9, "p1", text, (), language=language) for i, text in enumerate(texts)
    )


@dataclasses.dataclass
class Shelf:
    """The models on the server, and the engines that the library makes of the same bytes."""

    site: Site
    engines: dict[tuple[str, str], Any]
    models: dict[tuple[str, str], Model]

    def translated(self, text: str, *legs: tuple[str, str]) -> str:
        for leg in legs:
            text = self.engines[leg].translate_long(text)
        return text

    def fetched(self) -> list[str]:
        return [path.rpartition("/")[2] for path, _ in self.site.asked]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    with index_server.served(tmp_path / "site") as site:
        index_server.only_index(site, monkeypatch)
        published = {
            pair: publish(site, *pair, seed)
            for pair, seed in ((("pl", "en"), 16), (("en", "de"), 29), (("en", "pl"), 38))
        }
        models = {pair: model for pair, (model, _) in published.items()}
        monkeypatch.setattr(firefox, "directions", lambda: models)
        monkeypatch.setattr(fetch, "PAUSE_S", 0.0)
        monkeypatch.setattr(sets, "_missed", {})
        yield Shelf(site, {pair: engine for pair, (_, engine) in published.items()}, models)


def steps_of(work: Stage[KeyFree]) -> tuple[list[Progress], KeyFree]:
    steps: list[Progress] = []
    return steps, finish(work, steps.append)


def test_a_direction_is_fetched_on_first_use_with_its_size_said_before(settings: Settings, shelf: Shelf) -> None:
    light = sets.load(settings)
    steps, answer = steps_of(light.translate_speech(NOWHERE, said(ENGLISH), "en", "DE"))
    weights = shelf.models["en", "de"].weights
    assert weights is not None
    assert steps[0].message == f"Fetching Firefox Translations, en to de ({weights.bytes / 1e6:.0f} MB)"
    assert steps[0].fraction == 0.0
    assert shelf.fetched() == [file.name for file in weights.files], "no other direction"
    assert answer.model == "Firefox Translations"
    assert not answer.heard
    again, same = steps_of(light.translate_speech(NOWHERE, said(ENGLISH), "en", "DE"))
    assert same == answer
    assert {step.stage for step in again} == {"translate"}
    assert len(shelf.fetched()) == 2, "the cache keeps it"


def test_what_leads_into_the_target_is_fetched_before_a_model_runs(
    settings: Settings, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "CATALOGUE", ())
    light = sets.load(settings)
    assert light.prepare is not None
    steps: list[Progress] = []
    finish(light.prepare("DE"), steps.append)
    assert steps[0].message == "Fetching Firefox Translations, en to de (0 MB)"
    assert steps[-1].fraction == 1.0
    assert len(shelf.fetched()) == 2
    finish(light.prepare("DE"))
    finish(light.prepare(""))
    finish(light.prepare("FI"))
    assert len(shelf.fetched()) == 2
    shelf.site.status = [404] * 9
    finish(light.prepare("PL"))  # the words are worth having without


def test_whole_sentences_are_translated_and_each_phrase_gets_its_part(settings: Settings, shelf: Shelf) -> None:
    answer = finish(sets.load(settings).translate_speech(NOWHERE, said(ENGLISH), "en", "DE"))
    sentence = shelf.translated(f"{ENGLISH[1]} {ENGLISH[2]}", ("en", "de"))
    assert answer.texts == (shelf.translated(ENGLISH[0], ("en", "de")), *(divide(sentence, ENGLISH[1:], "DE") or ()))
    assert None not in answer.texts


def test_between_two_other_languages_the_way_goes_through_english(settings: Settings, shelf: Shelf) -> None:
    answer = finish(sets.load(settings).translate_speech(NOWHERE, said(POLISH[:1]), "pl", "DE"))
    assert answer.texts == (shelf.translated(POLISH[0], ("pl", "en"), ("en", "de")),)
    assert len(shelf.fetched()) == 4


def test_two_languages_in_one_clip_each_take_their_way(settings: Settings, shelf: Shelf) -> None:
    phrases = (*said(POLISH[:1], "pl"), *said(ENGLISH[:1], "en"), *said(("Guten Abend!",), "de"))
    answer = finish(sets.load(settings).translate_speech(NOWHERE, phrases, "pl", "DE"))
    assert answer.texts == (
        shelf.translated(POLISH[0], ("pl", "en"), ("en", "de")), shelf.translated(ENGLISH[0], ("en", "de")), None,
    )  # fmt: skip


def test_variants_of_a_language_share_a_model_and_its_codes_are_mapped(settings: Settings, shelf: Shelf) -> None:
    light = sets.load(settings)
    assert light.translates_to("EN-GB")
    assert light.translates_to("DE")
    assert not light.translates_to("JA")
    answer = finish(light.translate_speech(NOWHERE, said(POLISH[:1]), "pl", "EN-GB"))
    assert answer.texts == (shelf.translated(POLISH[0], ("pl", "en")),)


@pytest.fixture
def whisper(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Whisper's translations are the originals in capital letters; the list is of what it was asked for."""
    asked: list[list[str]] = []

    def hear(
        sound: Path, phrases: tuple[Phrase, ...], language: str, target: str, *, weights: Path
    ) -> Stage[tuple[str | None, ...]]:
        asked.append([phrase.source for phrase in phrases])
        yield Progress("translate", 0.5)
        return tuple(phrase.source.upper() for phrase in phrases)

    def path(weights: Weights, name: str, cache: Path, given: Path | None = None) -> Stage[Path]:
        return cache if name == "Whisper base" else (yield from fetched(weights, name, cache, given))

    fetched = fetch.path
    monkeypatch.setattr(fetch, "path", path)
    monkeypatch.setattr(transcribe, "translate_speech", hear)
    return asked


def test_whisper_translates_into_english_what_no_model_reads(
    settings: Settings, shelf: Shelf, whisper: list[list[str]], tmp_path: Path
) -> None:
    light = sets.load(settings)
    sound = tmp_path / "sound.wav"
    sound.touch()
    welsh = said(("Bore da.",), "cy")
    answer = finish(light.translate_speech(sound, welsh, "cy", "EN-US"))
    assert answer == KeyFree(("BORE DA.",), "Whisper base", heard=True)
    onwards = finish(light.translate_speech(sound, (*welsh, *said(ENGLISH[:1], "en")), "cy", "DE"))
    assert onwards == KeyFree(
        (shelf.translated("BORE DA.", ("en", "de")), shelf.translated(ENGLISH[0], ("en", "de"))),
        "Whisper base, Firefox Translations", heard=True,
    )  # fmt: skip
    assert whisper == [["Bore da."], ["Bore da."]]


def test_whisper_stays_the_way_into_english_where_a_model_cannot_be_fetched(
    settings: Settings, shelf: Shelf, whisper: list[list[str]], tmp_path: Path
) -> None:
    sound = tmp_path / "sound.wav"
    sound.touch()
    shelf.site.status = [404] * 9
    answer = finish(sets.load(settings).translate_speech(sound, said(POLISH[:1]), "pl", "EN-US"))
    assert answer == KeyFree((POLISH[0].upper(),), "Whisper base", heard=True)


def test_a_model_out_of_english_that_cannot_be_fetched_is_one_sentence(settings: Settings, shelf: Shelf) -> None:
    shelf.site.status = [404] * 9
    said_so = r"Firefox Translations, en to de \(0 MB\) could not be fetched from 127.0.0.1 \(it answered 404\); check"
    with pytest.raises(ModelError, match=said_so):
        finish(sets.load(settings).translate_speech(NOWHERE, said(ENGLISH), "en", "DE"))
    assert not list(settings.cache_dir.glob("models/firefox-en-de*/*"))


def test_another_file_than_the_pinned_one_is_refused(settings: Settings, shelf: Shelf) -> None:
    model = next(shelf.site.folder.glob("model.ende*"))
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelError, match="another file than the pinned one"):
        finish(sets.load(settings).translate_speech(NOWHERE, said(ENGLISH), "en", "DE"))
    assert not list(settings.cache_dir.glob("models/firefox-en-de*/*"))


def test_a_clip_keeps_its_words_where_no_translator_can_be_had(
    settings: Settings, shelf: Shelf, tmp_path: Path, shared_light: sets._Light
) -> None:
    """A translator that could not be fetched took the transcript with it."""
    from pipeline.run import analyse

    shelf.site.status = [404] * 9
    clip = fakes.make_clip(tmp_path / "clip.mp4")
    models = dataclasses.replace(
        fixtures_models(), translate_speech=shared_light.translate_speech, translates_to=sets.translates_to
    )
    analysis = finish(analyse(clip, Options("DE"), settings, models))
    assert analysis.phrases
    assert not any(phrase.translation for phrase in analysis.phrases)
    texts = [notice.text for notice in analysis.notices if notice.code in ("untranslated", "no_key")]
    assert len(texts) == 1
    assert texts[0].endswith("check the network and run again. The subtitles stay in the original language.")
    assert analysis.models["translation"] == ""


def test_a_clip_is_translated_and_its_transcript_says_by_what(
    settings: Settings, shelf: Shelf, tmp_path: Path, shared_light: sets._Light
) -> None:
    from pipeline.run import analyse

    clip = fakes.make_clip(tmp_path / "clip.mp4")
    models = dataclasses.replace(
        fixtures_models(), translate_speech=shared_light.translate_speech, translates_to=sets.translates_to
    )
    analysis = finish(analyse(clip, Options("DE"), settings, models))
    assert analysis.phrases
    assert all(phrase.translation for phrase in analysis.phrases)
    assert analysis.models["translation"] == "Firefox Translations"
    assert "no_key" in {notice.code for notice in analysis.notices}


@pytest.fixture
def shared_light(settings: Settings) -> sets._Light:
    return sets._Light(settings)


def fixtures_models() -> Any:
    from tests.fixtures_runs import quick_models

    return quick_models()


def test_a_corrected_line_is_translated_as_it_stands_and_needs_no_clip(
    settings: Settings, shelf: Shelf, shared_light: sets._Light
) -> None:
    known = edit.correct_source(fakes.analysis("PL"), 2, "Nobody has seen the green boat since Monday.")
    result = finish(retranslate(None, known, Options("PL"), settings, shared_light.models(), lines=[2]))
    assert result.phrases[1].translation == shelf.translated(result.phrases[1].source, ("en", "pl"))
    assert "heard_again" not in {notice.code for notice in result.notices}
    assert result.models["translation"] == "Firefox Translations"


def test_lines_that_have_to_be_heard_need_the_clip(settings: Settings, shelf: Shelf, shared_light: sets._Light) -> None:
    known = dataclasses.replace(fakes.analysis("PL"), language="cy")
    with pytest.raises(UsageError, match="translated from their sound; give the clip, too"):
        finish(retranslate(None, known, Options("PL"), settings, shared_light.models()))


def test_steps_may_be_asked_for_by_one_thread_after_another(settings: Settings, shelf: Shelf) -> None:
    """The page takes every step of a run in whatever thread is free, and the engine may be used in one only."""
    stage = sets.load(settings).translate_speech(NOWHERE, said(ENGLISH), "en", "DE")
    results: list[Any] = []

    def step() -> None:
        try:
            results.append(next(stage))
        except StopIteration as stop:
            results.append(stop.value)

    while not results or isinstance(results[-1], Progress):
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    assert isinstance(results[-1], KeyFree)
    assert None not in results[-1].texts


def test_a_file_that_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "model.ende.intgemm.alphas.bin.gz").write_bytes(gzip.compress(b"no model"))
    (tmp_path / "vocab.ende.spm.gz").write_bytes(gzip.compress(b"no vocabulary"))
    with pytest.raises(ModelError, match="cannot be loaded; remove that folder"):
        finish(translate_text(said(ENGLISH), "en", "DE", folders={("en", "de"): tmp_path}))
