"""The exported files: what is in them, how it is escaped, when it is shown."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import numpy as np
import pysubs2
import pytest

from pipeline.records import Analysis, Box, Look, Shot, Track
from pipeline.subtitles.formats import rttm, srt
from pipeline.subtitles.formats.common import pieces
from pipeline.subtitles.plan import plan_files
from tests.fixtures_export import HOSTILE, analysis, phrase, to_ass, to_srt, to_text, to_vtt

pytestmark = pytest.mark.unit

FORMATS = {"srt": to_srt, "vtt": to_vtt, "ass": to_ass}


def read(text: str, kind: str) -> pysubs2.SSAFile:
    return pysubs2.SSAFile.from_string(text, format_=kind)


def matched(pattern: str, text: str) -> re.Match[str]:
    found = re.search(pattern, text)
    assert found, text
    return found


def joined(subtitles: pysubs2.SSAFile) -> str:
    return " ".join(event.plaintext.replace("\n", " ") for event in subtitles)


def test_srt_shows_the_translation_or_the_original() -> None:
    events = read(to_srt(analysis()), "srt")
    assert events[0].plaintext == "Mamy miasto do spalenia, samuraju."
    assert events[0].start == 500
    assert events[-1].plaintext == "Off screen voice"


def test_srt_of_both_languages_has_the_original_above_its_translation() -> None:
    said = (phrase(1, 1, 3, "p1", "Good morning.", "Dzień dobry."), phrase(2, 5, 7, "p2", "Yes."))
    made = plan_files(analysis(said), Look())
    cues = read(srt.write(made, both=True), "srt")
    assert [cue.text for cue in cues] == ["Good morning.\\NDzień dobry.", "Yes."]
    alone = read(srt.write(made), "srt")
    assert [(cue.start, cue.end) for cue in cues] == [(cue.start, cue.end) for cue in alone]


def test_a_long_phrase_becomes_several_cues_that_lose_no_word() -> None:
    clip = analysis()
    long = clip.phrases[2]
    events = [
        event for event in read(to_srt(clip), "srt") if event.plaintext.replace("\n", " ") in str(long.translation)
    ]
    assert len(events) >= 3
    assert " ".join(event.plaintext.replace("\n", " ") for event in events) == long.translation
    for event in events:
        lines = event.plaintext.split("\n")
        assert len(lines) <= 2
        assert all(len(line) <= 46 for line in lines)


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_cues_are_long_enough_and_do_not_touch(kind: str) -> None:
    events = [event for event in read(FORMATS[kind](analysis()), kind) if event.plaintext]
    for event in events:
        assert event.end - event.start >= 833, event
    for first, second in itertools.pairwise(events[2:-1]):  # of one speaker
        assert second.start - first.end >= 79  # two frames of 25


def test_cues_end_with_the_clip() -> None:
    clip = analysis(phrases=(phrase(1, 11.5, 12.0, "p1", "Late words here", "Późne słowa tutaj"),))
    assert read(to_srt(clip), "srt")[0].end <= 12_000


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    clip = analysis(phrases=(phrase(1, 1, 4, "p2", HOSTILE, HOSTILE),))
    srt, vtt, ass = to_srt(clip), to_vtt(clip), to_ass(clip, Look(texts="translation", position="bottom"))
    assert "\u202e" not in srt + vtt + ass
    assert not re.search(r"<[bi/]", srt)
    assert "{\\" not in srt
    body = vtt.split("\n\n", 1)[1]
    assert re.sub(r"</?v[^>]*>|-->", "", body).count("<") == 0
    for line in ass.splitlines():
        if line.startswith("Dialogue"):
            assert not re.search(r"\{[^}]*\}", line)  # at the bottom: no position, no override at all
            assert line.count("\\N") <= 1  # our own line break
    for line in to_ass(clip, Look(texts="translation")).splitlines():
        if line.startswith("Dialogue"):
            assert re.findall(r"\{[^}]*\}", line) == ["{\\an2\\pos(640,665)}"]  # our own override and no other
    for text in (srt, vtt):  # no cue was smuggled in
        assert len([line for line in text.splitlines() if "-->" in line]) == 2  # the phrase's two pieces


def test_hostile_names_are_bounded_and_tell_people_apart() -> None:
    clip = analysis()
    clip = replace(
        clip, people=tuple(replace(person, name="\u202eab,c{}\\N\n-->" + "x" * 500) for person in clip.people)
    )
    vtt, ass = to_vtt(clip), to_ass(clip)
    assert max(map(len, vtt.splitlines())) < 250
    style = vtt[vtt.index("STYLE") : vtt.index("\n\n", vtt.index("STYLE"))]
    assert "-->" not in style
    names = read(ass, "ass").styles
    assert len(names) == 2 * 2 + 2  # a style for each text of each person, and of nobody
    assert not any("," in name for name in names)
    assert len(set(re.findall(r'voice="([^"]*)"', vtt))) == 2
    assert "\u202e" not in vtt + ass + to_text(clip)


def test_vtt_has_voice_colour_and_place() -> None:
    vtt = to_vtt(analysis())
    assert vtt.startswith("WEBVTT\n")
    assert '::cue(v[voice="Judy"]) { color: #ffd166; }' in vtt
    first = vtt.split("\n\n")[1]
    assert "<v Judy>Mamy miasto do spalenia, samuraju.</v>" in first
    line, position = (int(matched(rf"{name}:(\d+)%", first)[1]) for name in ("line", "position"))
    assert position == 31  # the face is at 400 of 1280
    assert line < 28  # above its top, 200 of 720
    assert vtt.split("\n\n")[-1].startswith("7\n00:00:10.200 --> 00:00:11.800\n")  # nobody's: the player's own place


def voice_that_left(left: float) -> Analysis:
    """Judy in view for twelve seconds with a cut at 1.5 s, before which Goro's face was at `left`."""
    gone = Track("p2", tuple(Box(t / 5, left, 200.0, left + 200, 450.0) for t in range(7)))
    clip = analysis(
        face=(540, 100, 740, 350),
        phrases=(
            phrase(1, 2, 3, "p2", "Out of view", "Poza kadrem"),
            phrase(2, 4, 5, None, "Whose voice", "Czyj głos"),
        ),
    )
    return replace(clip, tracks=(*clip.tracks, gone), shots=(Shot(0.0, 1.5), Shot(1.5, 12.0)))


@pytest.mark.parametrize(("left", "edge"), [(10, "left"), (1000, "right"), (540, "")])
def test_a_voice_off_screen_stands_where_the_picture_has_it(left: int, edge: str) -> None:
    clip = voice_that_left(left)
    made = plan_files(clip, Look())
    assert [spots[0].edge for spots in made.spots[0]] == [edge, ""]
    his, nobodys = to_vtt(clip).split("\n\n")[1:]
    assert (f"align:{edge}" in his) if edge else ("align" not in his)
    if edge:
        assert ("position:2%" if edge == "left" else "position:98%") in his
    assert "align" not in nobodys
    events = read(to_ass(clip, Look(texts="translation")), "ass")
    corner, x = matched(r"^\{\\an(\d)\\pos\((\d+),", events[0].text).groups()
    assert corner == {"left": "1", "right": "3", "": "2"}[edge]
    assert {"left": int(x) < 40, "right": int(x) > 1240, "": int(x) == 640}[edge]
    assert "pos" not in to_ass(clip, Look(position="bottom"))
    assert "align" not in to_vtt(replace(clip, tracks=()))


@pytest.mark.parametrize("look", [Look(), Look(texts="both"), Look("classic")])
def test_texts_that_are_up_at_once_are_not_written_over_each_other(look: Look) -> None:
    gone = Track("p2", tuple(Box(t / 5, 10.0, 200.0, 210, 450.0) for t in range(5)))
    clip = analysis()
    clip = replace(
        clip,
        people=(*clip.people, replace(clip.people[1], id="p3", name="Takemura")),
        tracks=(*clip.tracks, gone),
        phrases=tuple(
            phrase(k, 3 + k / 10, 6, who, "Said together", "Razem") for k, who in enumerate(("p2", "p3", None, "p1"), 1)
        ),
    )
    found = list(pieces(plan_files(clip, look)))
    assert len(found) >= 4
    for a, b in itertools.combinations(found, 2):
        start, end = max(a.start, b.start), min(a.end, b.end)
        if start < end - 0.05:
            one, other = (piece.spot.boxes(np.array([(start + end) / 2]))[0] for piece in (a, b))
            wide, tall = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
            assert max(0, wide) * max(0, tall) < 0.06 * (one[2] - one[0]) * (one[3] - one[1])


def test_every_format_and_the_picture_say_the_same_at_the_same_time() -> None:
    for look in (Look(), Look(reveal="spoken"), Look("classic"), Look("kiroshi"), Look(reveal="none")):
        clip = analysis()
        made = plan_files(clip, look)
        times = [(round(cue.start * 1000), round(cue.text_end * 1000)) for cue in made.cues]
        words = [(cue.translation or cue.source).replace(" ", "") for cue in made.cues]
        for kind, export in FORMATS.items():
            events = [event for event in read(export(clip, look), kind) if kind != "ass" or not event.style.endswith("source")
                      or event.plaintext.replace("\n", "").replace(" ", "") in words]  # fmt: skip
            said = [re.sub(r"<[^>]*>|\s", "", event.plaintext) for event in events]
            assert said == words, (look, kind)
            for event, (start, end) in zip(events, times, strict=True):
                assert start - 10 <= event.start
                assert abs(event.end - end) <= 10
                if kind != "ass":  # where the translation follows its source as an event of its own
                    assert abs(event.start - start) <= 1


def test_who_is_in_view_for_a_moment_only_is_off_screen_as_in_the_video() -> None:
    glimpse = Track("p2", tuple(Box(1 + t / 5, 1000.0, 200.0, 1200, 450.0) for t in range(3)))
    clip = analysis(phrases=(phrase(1, 2, 5, "p2", "Gone at once", "Zniknął"),))
    clip = replace(clip, tracks=(*clip.tracks, glimpse))
    assert "align:right" in to_vtt(clip)
    assert "\\an3" in to_ass(clip)


def test_a_translation_in_ass_is_read_while_they_still_speak() -> None:
    long = ("Good evening, I have good news for you.", "Dobry wieczór, mam dla was dobrą wiadomość.")
    clip = analysis(phrases=(phrase(1, 0.5, 4.0, "p1", *long), phrase(2, 4.1, 6.0, "p2", "Good", "Dobrze")))
    (start, end) = next((e.start, e.end) for e in read(to_ass(clip), "ass") if e.plaintext.startswith("Dobry"))
    assert start < 1700  # 1.2 s after the first word
    assert end - start >= 43 / 20 * 1000


@pytest.mark.parametrize("top", [300, 200, 150])
def test_a_cue_stands_over_the_hair_where_there_is_room(top: int) -> None:
    clip = analysis(face=(300, top, 500, top + 200))
    event = read(to_ass(clip, Look(texts="translation")), "ass")[0]
    y = int(matched(r"^\{\\an2\\pos\(\d+,(\d+)\)", event.text)[1])
    assert top - 110 <= y < top


def test_vtt_leaves_a_face_at_the_top_free_and_stays_inside() -> None:
    clip = analysis(face=(1100, 0, 1280, 250))
    first = to_vtt(clip).split("\n\n")[1]
    line, position, size = (int(matched(rf"{name}:(\d+)%", first)[1]) for name in ("line", "position", "size"))
    assert line >= 35 or position + size / 2 <= 87  # below the face or beside it
    assert position + size / 2 <= 100


def test_ass_has_a_style_per_speaker_places_and_word_times() -> None:
    ass = read(to_ass(analysis(), Look(reveal="spoken")), "ass")
    assert ass.info["PlayResX"] == "1280"
    assert ass.info["PlayResY"] == "720"
    assert ass.styles["Judy"].primarycolor == pysubs2.Color(0xFF, 0xD1, 0x66, 0)
    assert ass.styles["Judy"].fontname == "Rajdhani SemiBold"
    source, translation = ass[0], ass[1]
    assert source.style == "Judy source"
    assert translation.style == "Judy"
    assert "\\pos(400," in source.text
    ticks = [int(tick) for tick in re.findall(r"\\k(\d+)", source.text)]
    assert len(ticks) == 7
    assert sum(ticks) == pytest.approx(250, abs=2)  # cs: the phrase lasts 2.5 s
    assert source.plaintext == "We have a city to burn, samurai."
    assert source.start < translation.start < source.end <= translation.end  # the cross-fade
    assert "\\fad(" in translation.text


def test_ass_words_appear_when_they_are_said() -> None:
    clip = analysis()
    long = clip.phrases[2]
    at = {}
    for event in read(to_ass(clip, Look(reveal="spoken", texts="original")), "ass"):
        if event.style != "Judy source" or event.start < 3900:
            continue
        clock = event.start / 1000
        for tick, text in re.findall(r"\{\\k(\d+)\}([^{]*)", event.text):
            at[text.replace("\\N", "").strip()] = clock
            clock += int(tick) / 100
    for word in ("because", "needs", "goes", "otherwise", "away."):
        expected = [item.start for item in long.words if item.text == word]
        assert any(abs(at[word] - start) < 0.15 for start in expected), word


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        ("original", {"source"}),
        ("translation", {"translation"}),
        ("both", {"both"}),
        ("morph", {"source", "translation"}),
    ],
)
def test_ass_shows_the_texts_the_look_asks_for(texts: str, shown: set[str]) -> None:
    clip = analysis(phrases=(phrase(1, 1, 4, "p1", "Good morning", "Dzień dobry"),))
    found = set()
    for event in read(to_ass(clip, Look(texts=texts)), "ass"):
        both = "Good" in event.plaintext and "Dzień" in event.plaintext
        found.add("both" if both else "source" if "Good" in event.plaintext else "translation")
    assert found == shown


def test_ass_at_the_bottom_and_without_motion() -> None:
    ass = to_ass(analysis(), Look(position="bottom", reduced_motion=True))
    assert "\\pos" not in ass
    assert not re.search(r"\{\\k\d", ass)
    assert "\\fad(0," in ass


@pytest.mark.parametrize("face", [(0, 0, 100, 100), (1200, 650, 1280, 720), (0, 0, 1280, 720)])
def test_ass_places_are_inside_the_picture(face: tuple[int, int, int, int]) -> None:
    ass = to_ass(analysis(face=face))
    for x, y in re.findall(r"\\pos\((-?\d+),(-?\d+)\)", ass):
        assert 0 < int(x) < 1280
        assert 30 < int(y) <= 720


@pytest.mark.parametrize(("target", "text", "font"), [
    ("AR", "مرحبا بالعالم", "Noto Sans Arabic Medium"), ("JA", "こんにちは世界", "Noto Sans JP Medium"),
    ("VI", "Tất cả mọi người", "Noto Sans Medium"), ("TH", "สวัสดีชาวโลก", "Noto Sans Thai Medium"),
])  # fmt: skip
def test_ass_names_a_font_that_has_the_script(target: str, text: str, font: str) -> None:
    clip = replace(analysis(phrases=(phrase(1, 1, 4, "p1", "Hello", text),)), target_language=target)
    assert read(to_ass(clip), "ass").styles["Judy"].fontname == font


def test_edited_source_that_no_longer_fits_its_words_is_timed_by_length() -> None:
    clip = analysis(
        phrases=(replace(phrase(1, 1, 3, "p1", "one two three four"), source="uno dos tres", translation=None),)
    )
    (event,) = read(to_ass(clip, Look(reveal="spoken")), "ass")
    assert event.plaintext == "uno dos tres"
    assert len(re.findall(r"\\k", event.text)) == 3


def test_an_empty_translation_falls_back_and_an_empty_phrase_vanishes() -> None:
    clip = analysis(phrases=(phrase(1, 1, 2, "p1", "Hello", ""), phrase(2, 3, 4, "p1", " ", None)))
    for kind, export in FORMATS.items():
        assert joined(read(export(clip), kind)).strip() == "Hello"


def test_no_phrases_give_valid_empty_files() -> None:
    clip = analysis(phrases=())
    assert to_srt(clip) == ""
    assert to_vtt(clip).startswith("WEBVTT")
    assert len(read(to_ass(clip), "ass")) == 0
    assert to_text(clip) == ""


def test_words_of_a_language_without_spaces() -> None:
    clip = replace(
        analysis(phrases=(phrase(1, 0, 2, "p1", "こんにちは世界", None, words=("こん", "にち", "は", "世界")),)),
        language="ja",
    )
    (event,) = read(to_ass(clip, Look(reveal="spoken")), "ass")
    assert re.findall(r"\{\\k\d+\}([^{]*)", event.text) == ["こん", "にち", "は", "世界"]


def test_of_two_speakers_at_once_the_last_to_start_has_the_text() -> None:
    clip = analysis(
        phrases=(
            phrase(1, 1, 4, "p1", "First voice talks on", None),
            phrase(2, 2, 3.5, "p2", "Second voice breaks in", None),
        )
    )
    first, second = read(to_srt(clip), "srt")
    assert second.start == 2000
    assert first.end == 2000  # read at 20 characters a second by then
    stacked, _ = read(to_srt(clip, Look("classic")), "srt")
    assert stacked.end >= 4000


def test_three_hours_of_one_phrase_are_bounded() -> None:
    clip = analysis(phrases=(phrase(1, 0, 10_800, "p1", "word " * 5_000, "słowo " * 5_000),))
    assert len(to_text(clip)) < 60_000
    assert len(to_srt(clip)) < 1_000_000


def test_transcript_to_read() -> None:
    text = to_text(analysis())
    assert text.startswith("[00:00] Judy\nWe have a city to burn, samurai.\nMamy miasto do spalenia, samuraju.\n\n")
    assert "Unknown speaker\nOff screen voice" in text


def test_rttm() -> None:
    lines = rttm.write(analysis(), "my clip").splitlines()
    assert lines == [
        "SPEAKER my_clip 1 0.500 2.500 <NA> <NA> p1 <NA> <NA>",
        "SPEAKER my_clip 1 3.020 0.180 <NA> <NA> p2 <NA> <NA>",
    ]
