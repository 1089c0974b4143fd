"""What is refused before the queue, and how the page may look."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline import errors
from pipeline.options import Options
from pipeline.progress import Clock, finish
from pipeline.records import Analysis, Look, Progress, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.web import check, failures, files, jobs, style
from pipeline.web.services import Services, SpeechModel
from tests import fakes

KEY = "5e0ca3b1-dead-4bee-9f00-0123456789ab:fx"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return fakes.services(tmp_path)


def test_keys_have_a_form_and_are_never_quoted() -> None:
    assert check.keys("") == ()
    assert check.keys(None) == ()
    assert check.keys(f" {KEY} , {KEY[:-3]} ") == (KEY, KEY[:-3])
    for wrong in ("hunter2", "a b c d e f g h i j k l m n o p q", KEY + "\n" + KEY, "<script>" * 5):
        with pytest.raises(errors.UsageError) as caught:
            check.keys(wrong)
        assert wrong not in str(caught.value)


def test_a_target_is_a_language_with_or_without_a_key() -> None:
    assert check.target("polish") == "PL"
    assert check.target("none") == ""
    assert check.target("EN-US") == "EN-US"
    with pytest.raises(errors.LanguageError):
        check.target("Klingon")


def test_sources_and_speakers() -> None:
    assert check.source("auto") is None
    assert check.source("Polish") == "pl"
    assert check.speakers(0) is None
    assert check.speakers(3.0) == 3
    wrong: Any
    for wrong in (-1, 2.5, 21, "many", [1], float("nan"), float("inf")):
        with pytest.raises(errors.UsageError):
            check.speakers(wrong)


def test_the_form_of_address_and_the_glossary() -> None:
    assert check.formality(None) == "default"
    assert check.formality("less") == "less"
    assert check.glossary(None) == ""
    assert check.glossary(" AI = SI\n\nbug = błąd ") == "AI = SI\n\nbug = błąd"
    assert check.glossary(KEY[:-3]) == KEY[:-3]
    for wrong in ("no terms", "a =", "= b", "a = b\nc", "a = b\n" * 2000):
        with pytest.raises(errors.UsageError):
            check.glossary(wrong)
    with pytest.raises(errors.UsageError):
        check.formality("rude")


def test_looks() -> None:
    assert check.look("cyberpunk", "auto", 1, "morph", False) == Look()
    for wrong in (
        ("../etc", "auto", 1, "morph", False),
        ("bars", "top", 1, "morph", False),
        ("bars", "auto", 0.4, "morph", False),
        ("bars", "auto", "big", "morph", False),
        ("bars", "auto", 1, "morph", False, "typed"),
        ("bars", "auto", 1, "karaoke", False),
        (None, None, None, None, None),
    ):
        with pytest.raises(errors.UsageError):
            check.look(*wrong)


def test_addresses_are_of_the_web() -> None:
    settings = Settings()
    assert check.address(" https://example.org/a.mp4 ", settings) == "https://example.org/a.mp4"
    for wrong in (
        "",
        "example.org",
        "file:///etc/passwd",
        "ftp://a/b",
        "https://",
        "https://me:pw@host/",
        "http://[::1",
    ):
        with pytest.raises(errors.UsageError):
            check.address(wrong, settings)


def test_clips_are_there_and_not_too_heavy(services: Services, tmp_path: Path) -> None:
    for path in (None, "", str(tmp_path / "gone.mp4"), str(tmp_path)):
        with pytest.raises(errors.InputError):
            check.clip(path, services)
    heavy = tmp_path / "heavy.mp4"
    heavy.write_bytes(b"x" * 2000)
    small = replace(services, settings=Settings(max_file_bytes=1000))
    with pytest.raises(errors.LimitError, match="larger than"):
        check.clip(heavy, small)


def test_what_went_wrong_is_said_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    title, sentence = failures.said(errors.KeyRefusedError(f"The key {KEY} is refused; check it."), (KEY,))
    assert title == "DeepL refused the key"
    assert failures.said(errors.KeyMissingError("German needs a key."))[0] == "A DeepL key is needed"
    assert KEY not in sentence
    title, sentence = failures.said(RuntimeError(f"headers: {KEY}"), (KEY,))
    assert title == "Our mistake"
    assert KEY not in sentence
    assert KEY not in caplog.text
    assert "RuntimeError" in caplog.text


def test_every_error_of_the_pipeline_has_a_title() -> None:
    def kinds(base: type[Exception]) -> Iterator[type[Exception]]:
        for kind in base.__subclasses__():
            yield kind
            yield from kinds(kind)

    for kind in kinds(errors.PipelineError):
        if kind.__module__ == "pipeline.errors":
            assert failures.said(kind("A sentence."))[0] != "Something went wrong", kind


def test_a_job_folder_is_ours_alone_and_goes() -> None:
    with jobs.job_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
    assert not folder.exists()
    assert jobs.root().stat().st_mode & 0o777 == 0o700


def test_the_page_keeps_its_folder_when_a_forked_child_ends(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pipeline.web import jobs\n"
        "folder = jobs.root()\n"
        "if os.fork() == 0: sys.exit(0)\n"
        "os.wait(); print(folder.exists())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, cwd=Path(__file__).parents[2],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "True"
    assert list(tmp_path.iterdir()) == []


def test_an_upload_keeps_nothing_of_its_name(tmp_path: Path) -> None:
    upload = tmp_path / "-i $(reboot) 'x\".mp4"
    upload.write_bytes(b"data")
    with jobs.job_folder() as folder:
        clip = jobs.adopt(upload, folder)
        assert clip == folder / "clip"
        assert clip.read_bytes() == b"data"
    assert upload.exists()
    with jobs.job_folder() as folder, pytest.raises(errors.NotAClipError):
        jobs.adopt(Path(tmp_path / "gone"), folder)


def test_more_changes_than_can_be_undone_are_still_counted(tmp_path: Path) -> None:
    """With 50 changes or more before a drawing, the page counted none of those after it."""
    from pipeline import edit

    first = fakes.analysis()
    result = jobs.Result(first, Look(), tmp_path / "clip", drawn=first)
    for number in range(jobs.KEPT_UNDO + 10):
        result.change(edit.rename(result.analysis, "p1", f"Ada {number}"))
    assert result.pending == jobs.KEPT_UNDO + 10
    result.drawn_into(result.new_files(), result.analysis)
    for number in range(3):
        result.change(edit.rename(result.analysis, "p2", f"Bob {number}"))
    assert result.pending == 3
    result.take_back()
    assert result.pending == 2
    result.do_again()
    assert result.pending == 3
    result.close()


def test_edits_are_counted_undone_and_drawn(tmp_path: Path) -> None:
    from pipeline import edit

    first = fakes.analysis()
    result = jobs.Result(first, Look(), tmp_path / "clip", drawn=first)
    assert result.pending == 0
    result.change(edit.rename(result.analysis, "p1", "Ada"))
    result.change(edit.rename(result.analysis, "p1", "Ada"))
    assert result.pending == 1
    files = result.new_files()
    result.drawn_into(files, result.analysis)
    assert result.pending == 0
    result.take_back()
    assert result.pending == 1
    assert result.analysis == first
    again = result.new_files()
    result.drawn_into(again, result.analysis)
    assert not files.exists()
    result.close()
    assert not again.exists()


def test_a_redrawn_example_has_a_cover_and_the_shipped_one_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    covered = []
    monkeypatch.setattr("pipeline.media.add_cover", lambda video, _: covered.append(video))
    monkeypatch.setattr("pipeline.web.player.still", lambda *_: b"picture")
    result = jobs.Result(fakes.analysis(), Look(), tmp_path / "clip", is_example=True)
    for folder in ("shipped", "own", "extras"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "video.mp4").touch()
    files.write_extras(tmp_path / "own", result, tmp_path / "own" / "video.mp4")
    (tmp_path / "extras" / "video.mp4").unlink()
    files.write_extras(tmp_path / "extras", result, tmp_path / "shipped" / "video.mp4")
    assert covered == [tmp_path / "own" / "video.mp4"]


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    """WCAG 2.2, relative luminance."""
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_light_scheme_has_no_colour_of_its_own() -> None:
    """Where the theme names no colour, Gradio's light mode put white below the page's white text."""
    theme = vars(style.theme())
    names = [name.removesuffix("_dark") for name, value in theme.items() if name.endswith("_dark") and value]
    different = {name for name in names if theme.get(name) not in (None, theme[f"{name}_dark"])}
    assert different == {"shadow_spread"}


@pytest.mark.parametrize(("ink", "surface"), style.TEXT_PAIRS)
def test_text_can_be_read(ink: str, surface: str) -> None:
    assert contrast(ink, surface) >= 4.5


@pytest.mark.parametrize("surface", style.SURFACES)
def test_fields_can_be_seen(surface: str) -> None:
    assert contrast(style.FIELD_EDGE, surface) >= 3


def test_the_sheet_asks_nobody_for_anything() -> None:
    assert "http" not in style.css()
    assert "@import" not in style.css()
    assert style.css().count("@font-face") == 8


def test_a_machine_without_a_gpu_offers_speech_models_unless_the_operator_has_chosen(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import run
    from pipeline.web import services

    offered = {model.name: model for model in services.real(settings).speech()}
    assert list(offered) == ["base", "small", "turbo"]
    assert 480 < offered["small"].megabytes < 500
    assert services.real(replace(settings, speech_fixed=True)).speech() == ()
    assert services._speech_models(replace(settings, zero_gpu=True, models="auto")) == ()
    asked: list[Models] = []

    def analyse(path: Path, options: Options, settings: Settings, models: Models, clock: Clock) -> Stage[Analysis]:
        yield Progress("probe")
        asked.append(models)
        return fakes.analysis()

    monkeypatch.setattr(run, "analyse", analyse)
    real = services.real(settings)
    for name in ("", "base", "turbo"):
        finish(real.analyse(Path("clip.mp4"), Options(speech=name), Clock(())))
    assert [models.names["speech"].split()[1] for models in asked] == ["base", "base", "large-v3-turbo"]


def test_a_setting_for_the_speech_model_leaves_no_choice() -> None:
    assert Settings.from_environment({"SPEECHGLASS_SPEECH": "small"}).speech_fixed
    assert Settings.from_environment({}, speech="base").speech_fixed
    assert not Settings.from_environment({}).speech_fixed


def test_a_speech_model_that_is_not_offered_is_refused(services: Services) -> None:
    with pytest.raises(errors.UsageError, match="cannot be chosen here"):
        check.speech("turbo", services)
    offering = replace(
        services, speech=lambda: (SpeechModel("base", "Base", 0.0), SpeechModel("small", "Small", 490.0))
    )
    assert check.speech("small", offering) == "small"
    assert check.speech(None, offering) == ""
    with pytest.raises(errors.UsageError, match="must be one of base, small"):
        check.speech("huge", offering)


def test_with_a_key_the_page_offers_the_languages_the_service_offers(settings: Settings) -> None:
    from pipeline.web import services, widgets
    from tests import deepl_server

    with deepl_server.serve() as server:
        real = services.real(replace(settings, deepl_keys=("good-key:fx",), deepl_server=server.url))
        offered = {code for _, code in widgets.target_choices(real)}
    assert offered == {"EN-US", "EN-GB", "PL", "DE", "none"}
