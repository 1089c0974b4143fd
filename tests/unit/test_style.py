"""The style file and what it does: fonts, opacity, colours and places of one's own."""

from __future__ import annotations

import dataclasses
import json
import struct
import time
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables.DefaultTable import DefaultTable

from pipeline import style
from pipeline.__main__ import main
from pipeline.errors import PipelineError, RecordError, UsageError
from pipeline.project import Project, from_json, to_json
from pipeline.records import Look, PersonStyle
from pipeline.subtitles import fonts, own_font
from pipeline.subtitles.draw import compose
from pipeline.web import check, style_panel
from tests import fakes
from tests.fixtures_export import to_ass
from tests.fixtures_look import HEIGHT, LEFT, RIGHT, TRANSLATIONS, WIDTH, analysis, phrase, track

pytestmark = pytest.mark.unit
PL = TRANSLATIONS["PL"]
OWN = Look(
    "kiroshi",
    text_size=1.3,
    font="NotoSans",
    panel_opacity=0.25,
    people={"p1": PersonStyle("#ff2020", (0.5, 0.9)), "Bo": PersonStyle(position=(0.2, 0.3))},
)


def scene() -> Any:
    return analysis(
        phrase(1, "p1", 0, 3, translation=PL),
        phrase(2, "p2", 4, 7, translation=PL),
        tracks=(track("p1", LEFT, 0, 9), track("p2", RIGHT, 0, 9)),
    )


def drawn(look: Look, t: float = 2.5, grey: int = 90) -> np.ndarray:
    made = compose(scene(), look, WIDTH, HEIGHT, 25)
    frame = made.framed(np.full((HEIGHT * 3 // 2, WIDTH), grey, np.uint8))
    made.draw(frame, t)
    return frame


@pytest.mark.parametrize("look", [Look(), OWN, Look("bars", "bottom", 0.5, "both", False, True, "spoken")])
def test_a_style_file_gives_back_the_look_it_was_made_of(look: Look) -> None:
    assert style.from_json(style.to_json(look)) == look
    assert from_json(to_json(Project(scene(), look))).look == look


def test_what_a_style_file_leaves_out_is_as_usual() -> None:
    assert style.from_json("{}") == Look()
    assert style.from_json('{"look": "bars"}') == Look("bars")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "nonsense", "\x00", "[" * 100_000, '{"style": 2}', '{"look": "vaporwave"}', '{"look": 7}',
        '{"text_size": 9}', '{"text_size": true}', '{"text_size": NaN}', '{"panel_opacity": "much"}', '{"font": "../x"}',
        '{"font": "/etc/passwd"}', '{"markers": "no"}', '{"people": []}', '{"people": {"p1": 3}}',
        '{"people": {"p1": {"colour": "red"}}}', '{"people": {"p1": {"position": [0.5]}}}', '{"name": "bars"}',
        '{"people": {"p1": {"position": [0.5, 2]}}}', '{"people": {"p1": {"size": 2}}}', '{"colour": "#ff0000"}',
        '{"people": ' + json.dumps({str(k): {} for k in range(101)}) + "}", " " * 200_000,
    ],
)  # fmt: skip
def test_a_style_file_with_nonsense_gets_one_sentence(text: str) -> None:
    with pytest.raises(RecordError) as error:
        style.from_json(text)
    said = str(error.value)
    assert said.endswith(".")
    assert "\n" not in said


def test_a_style_file_with_nonsense_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "style.json"
    bad.write_text('{"look": "vaporwave"}')
    out = tmp_path / "out"
    (tmp_path / "transcript.json").write_text(to_json(Project(scene())))
    arguments = ["render", str(tmp_path / "transcript.json"), str(tmp_path / "clip.mp4"), "--out", str(out)]
    assert main([*arguments, "--style", str(bad)]) == 1
    assert "asks for an unknown look" in capsys.readouterr().err
    assert not out.exists()


def test_panels_stand_where_their_person_s_were_put() -> None:
    made = compose(scene(), OWN, WIDTH, HEIGHT, 25)
    for cue, spots in zip(made.cues, made.spots[0], strict=True):
        (spot,) = spots
        x, y = spot.at(spot.start + 0.1)
        wanted = (0.5, 0.9) if cue.person == "p1" else (0.2, 0.3)
        assert abs(x + spot.width / 2 - wanted[0] * WIDTH) < 2 or x <= made.scene.margin + 1
        assert abs(y + spot.height - wanted[1] * HEIGHT) < 2


def test_a_colour_of_one_s_own_is_in_the_picture_and_in_the_files() -> None:
    red = Look(people={"p1": PersonStyle("#ff2020")})
    assert not np.array_equal(drawn(red), drawn(Look()))
    assert "2020FF" in to_ass(scene(), red).upper()
    assert "2020FF" not in to_ass(scene(), Look()).upper()


def test_a_panel_is_as_opaque_as_it_is_set() -> None:
    """On a bright picture, the more opaque the panel the darker."""
    means = [drawn(Look(panel_opacity=share), grey=200)[:HEIGHT].mean() for share in (0.0, 0.5, 1.0)]
    assert means[0] > means[1] > means[2]
    plain = [drawn(Look("classic", panel_opacity=share), grey=200)[:HEIGHT].mean() for share in (0.0, 1.0)]
    assert plain[0] > plain[1]


def test_every_installed_font_can_be_chosen() -> None:
    assert {"Rajdhani", "NotoSans", "NotoSerifTibetan"} <= fonts.installed().keys()
    assert not np.array_equal(drawn(Look(font="NotoSans")), drawn(Look(font="Rajdhani")))


def test_a_font_of_one_s_own_is_drawn_and_others_stand_in_for_its_gaps(tmp_path: Path) -> None:
    own = tmp_path / "mine.ttf"
    own.write_bytes((fonts.FOLDER / "NotoSans-Bold.ttf").read_bytes())
    chosen = Look(font=own_font.check(own, "PL"))
    assert not np.array_equal(drawn(chosen), drawn(Look()))
    japanese = analysis(phrase(1, "p1", 0, 3, translation=TRANSLATIONS["JA"]), target="JA")
    made = compose(japanese, chosen, WIDTH, HEIGHT, 25)
    assert not made.notices
    assert style.to_object(chosen)["font"] == ""  # the path of a file is nobody else's business


def test_a_font_of_one_s_own_stays_in_memory_for_its_drawing_only(tmp_path: Path) -> None:
    """A visitor's font stayed in the fonts that the process kept open."""
    own = tmp_path / "mine.ttf"
    own.write_bytes((fonts.FOLDER / "NotoSans-Bold.ttf").read_bytes())
    chosen = Look(font=own_font.check(own, "PL"))
    with fonts.opened_for(chosen.font):
        drawn(chosen)
        assert fonts.own_face.cache_info().currsize
    assert not fonts.own_face.cache_info().currsize
    assert not fonts.hb_face.cache_info().currsize
    with fonts.opened_for("sans"):
        drawn(Look())
    assert fonts.hb_face.cache_info().currsize


def test_a_font_that_was_swept_away_is_asked_for_again(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose it again"):
        drawn(Look(font=str(tmp_path / "gone.ttf")))


@pytest.mark.parametrize("kind", ["text", "empty", "cut off", "noise", "large", "missing", "picture"])
def test_what_is_no_font_gets_one_sentence(kind: str, tmp_path: Path) -> None:
    whole = (fonts.FOLDER / "Rajdhani-Bold.ttf").read_bytes()
    noise = bytearray(whole)
    for at in range(600, len(noise), 7):
        noise[at] ^= 0x5A
    content = {
        "text": b"Dear font", "empty": b"", "cut off": whole[: len(whole) // 2], "noise": bytes(noise),
        "large": whole + bytes(own_font.MAX_BYTES), "picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }  # fmt: skip
    file = tmp_path / "font.ttf"
    if kind in content:
        file.write_bytes(content[kind])
    with pytest.raises(UsageError) as error:
        own_font.check(file)
    assert str(error.value).endswith(".")
    assert str(tmp_path) not in str(error.value)


def _packed(to: Path) -> None:
    """A WOFF: a small file with a table of 100 MB, which is unpacked before anything looks at it."""
    with TTFont(fonts.FOLDER / "Rajdhani-Bold.ttf") as font:
        table = DefaultTable("GDEF")
        table.data = bytes(100 * 2**20)
        font["GDEF"] = table
        font.flavor = "woff"
        font.save(to)


def _branching(to: Path, count: int = 2000) -> None:
    """Lookups that share their subtables, so that fontTools reads `count` times `count` of them from some kilobytes."""
    substitution = struct.pack(">HHhHHH", 1, 6, 0, 1, 1, 1)
    lookup = struct.pack(">HHH", 1, 0, count) + struct.pack(">H", 6 + 2 * count) * count + substitution
    lookups = struct.pack(">H", count) + struct.pack(">H", 2 + 2 * count) * count + lookup
    with TTFont(fonts.FOLDER / "Rajdhani-Bold.ttf") as font:
        table = DefaultTable("GSUB")
        table.data = struct.pack(">HHHHH", 1, 0, 0, 0, 10) + lookups
        font["GSUB"] = table
        font.save(to)


@pytest.mark.parametrize("make", [_packed, _branching])
def test_a_font_that_grows_when_it_is_read_leaves_the_server_alone(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_font, "LIMIT_S", 2.0)
    file = tmp_path / "font.ttf"
    make(file)
    assert file.stat().st_size < own_font.MAX_BYTES
    begun = time.process_time()
    with pytest.raises(UsageError, match="not a font that can be used"):
        own_font.check(file)
    assert time.process_time() - begun < 1.0


def test_a_font_without_a_letter_of_the_language_gets_one_sentence(tmp_path: Path) -> None:
    thai = fonts.FOLDER / "NotoSansHebrew-Medium.ttf"
    assert own_font.check(thai, "HE")
    assert own_font.check(thai)
    with pytest.raises(UsageError, match="no letter of Japanese"):
        own_font.check(thai, "JA")


def test_the_page_and_the_api_take_a_style_file() -> None:
    assert check.look(style.to_json(OWN), "auto", 1.0, "morph", False) == OWN
    more = style.to_json(OWN)
    look = check.look("bars", "auto", 1.0, "morph", False, "none", more)
    assert (look.name, look.reveal, look.panel_opacity, look.people) == ("bars", "none", 0.25, OWN.people)
    with pytest.raises(PipelineError):
        check.look("{", "auto", 1.0, "morph", False)


def test_another_font_leaves_an_opacity_that_the_page_cannot_list() -> None:
    more = style.to_json(Look(font="NotoSans", panel_opacity=0.3))
    assert style.from_json(style_panel.font_chosen(more, "Rajdhani")).panel_opacity == 0.3
    assert style.from_json(style_panel.opacity_chosen(more, "0.5")).font == "NotoSans"


def test_the_fields_of_the_page_show_any_look(tmp_path: Path) -> None:
    with gr.Blocks():
        panel = style_panel.StylePanel(tuple(gr.Textbox() for _ in range(6)))
    look = Look("bars", "bottom", 1.2, "both", reduced_motion=True, reveal="none", font="NotoSans", panel_opacity=0.3)
    shown = panel.showing(look)
    assert [shown[field] for field in panel.choices] == ["bars", "bottom", 1.2, "both", True, "none"]
    assert (shown[panel.family], shown[panel.opacity].value) == ("NotoSans", "0.3")
    assert ("30 %", "0.3") in shown[panel.opacity].choices
    assert style.from_json(shown[panel.more]) == look
    font = tmp_path / "mine.ttf"
    font.write_bytes(b"")
    own = panel.of_the_result(dataclasses.replace(look, font=str(font)), fakes.analysis())
    assert (own[panel.own], own[panel.family]) == (str(font), "")
    assert ("Speaker 2", "p2") in own[panel.person].choices
    assert panel.of_the_result(look, fakes.analysis())[panel.own] is None


def test_a_style_file_without_markers_has_none_on_the_page_either() -> None:
    bare = style.to_json(Look(markers=False))
    assert not check.look("cyberpunk", "auto", 1.0, "morph", False, "live", bare).markers
