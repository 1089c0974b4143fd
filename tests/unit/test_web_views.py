"""Records to HTML: nothing from outside gets in as markup."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pipeline.records import Analysis, Faces, FaceTrack, Notice, Segment, Shot, Transcript
from pipeline.web import cards, lines, timeline, views
from pipeline.web import words as words_of
from tests import fakes

EVIL = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("img", "input", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.seen


@pytest.fixture
def evil() -> Analysis:
    """Every text that comes from outside is an attack."""
    analysis = fakes.analysis()
    return replace(
        analysis,
        language=EVIL,
        target_language=EVIL,
        people=tuple(replace(person, name=EVIL, colour=EVIL) for person in analysis.people),
        phrases=tuple(
            replace(p, source=EVIL, translation=EVIL, evidence=replace(p.evidence, reason=EVIL))
            for p in analysis.phrases
        ),
    )


def test_nothing_from_outside_becomes_markup(evil: Analysis) -> None:
    pages = [
        cards.gallery(evil),
        cards.gallery(evil, editable=False),
        timeline.timeline(evil),
        lines.transcript_table(evil),
        lines.transcript_table(evil, editable=False),
        lines.heard(Transcript(EVIL, 1.0, (Segment(0, 1, EVIL, ()),))),
        views.progress(("probe", EVIL), EVIL, message=EVIL, caption=EVIL),
        views.notices([Notice(EVIL, EVIL)]),
        views.failure(EVIL, EVIL),
        views.pending(1, EVIL),
    ]
    for html in pages:
        for tag, attributes in tags(html):
            assert tag != "script"
            assert not [name for name in attributes if name.startswith("on")]
            if tag == "img":
                assert (attributes["src"] or "").startswith("data:image/jpeg;base64,")
            assert "<" not in (attributes.get("style") or "")


def test_the_gallery_shows_everybody_with_face_time_lines_and_confidence() -> None:
    html = cards.gallery(fakes.analysis())
    assert html.count('class="person"') == 3
    assert html.count('class="frame"><img') == 2
    assert html.count("voice only") == 1
    assert "<dd>2</dd>" in html
    assert "94%" in html
    assert "--who:#2ee6ff" in html


def test_the_timeline_has_a_bar_a_turn_in_the_speakers_colour() -> None:
    html = timeline.timeline(fakes.analysis())
    assert html.count('<rect class="turn"') == html.count('<rect class="said"') == 4
    assert 'class="turn" x="2.200" y="0" width="1.500"' in html
    assert html.count("--who:#ffb000") == 1


def test_lines_come_in_order_or_least_certain_first() -> None:
    in_order = lines.transcript_table(fakes.analysis())
    unsure = lines.transcript_table(fakes.analysis(), unsure_first=True)
    assert in_order.index("Everyone here") < in_order.index("Not long.")
    assert unsure.index("Not long.") < unsure.index("Everyone here")
    assert unsure.count('class="line unsure"') == 1


def test_right_to_left_text_says_so() -> None:
    html = lines.transcript_table(replace(fakes.analysis(), target_language="AR"))
    assert 'id="translation-1" class="translation" data-edit="translation" data-phrase="1" rows="1" dir="rtl"' in html
    assert 'id="source-1" class="source" data-edit="source" data-phrase="1" rows="1" dir="ltr"' in html


def test_nothing_found_is_said() -> None:
    empty = replace(fakes.analysis(), people=(), phrases=(), turns=(), portraits={})
    assert "Nobody" in cards.gallery(empty)
    assert "Nobody" in timeline.timeline(empty)
    assert "No speech" in lines.transcript_table(empty)
    assert "No speech" in lines.heard(Transcript("", 0.0, ()))
    assert "No face" in cards.found_faces(Faces((), ()))


def test_found_faces_are_the_best_of_each_cluster() -> None:
    tracks = (
        FaceTrack(1, 0, (), cluster=0, quality=0.2, portrait=b"blurred"),
        FaceTrack(2, 0, (), cluster=0, quality=0.9, portrait=b"sharp"),
        FaceTrack(3, 0, (), cluster=1, quality=0.5, portrait=b"other"),
        FaceTrack(4, 0, (), cluster=None, quality=0.5, portrait=b"nobody"),
    )
    html = cards.found_faces(Faces((Shot(0, 1),), tracks))
    assert html.count("<img") == 2
    assert "c2hhcnA=" in html  # "sharp"


def test_progress_says_stage_share_and_time_left() -> None:
    html = views.progress(("probe", "speech", "render"), "speech", 0.5, 0.4, 12.0)
    assert "40%" in html
    assert "about 10 seconds left" in html
    assert 'aria-valuenow="40"' in html
    assert html.count('class="done"') == 1
    assert 'class="now" aria-current="step" style="--done:50.0%"' in html


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 second"), (3, "3 seconds"), (38, "40 seconds"), (89, "1 minute"), (150, "2 minutes")],
)
def test_time_left_is_no_finer_than_an_estimate(seconds: float, words: str) -> None:
    assert words_of.duration_in_words(seconds) == words


def test_clock() -> None:
    assert words_of.clock(65.26) == "1:05"
    assert words_of.clock(65.26, tenths=True) == "1:05.2"
    assert words_of.clock(59.97, tenths=True) == "0:59.9"
    assert words_of.clock(59.97) == "1:00"


@pytest.mark.parametrize(
    ("text", "seconds"), [("1:05.3", 65.3), ("65,3", 65.3), ("0:00", 0.0), ("one", None), ("1:2:3", None)]
)
def test_typed_times(text: str, seconds: float | None) -> None:
    assert words_of.seconds(text) == seconds


def test_a_wrong_face_comes_up_among_the_least_certain() -> None:
    analysis = fakes.analysis()
    doubtful = tuple(replace(person, confidence=0.1) if person.id == "p2" else person for person in analysis.people)
    unsure = lines.transcript_table(replace(analysis, people=doubtful), unsure_first=True)
    assert unsure.index("And how long") < unsure.index("Not long.")
    assert "face 10%" in unsure


def test_the_place_in_the_queue_is_said() -> None:
    assert "You are next" in views.waiting(1)
    assert "You are number 4 in the queue" in views.waiting(4)


def test_a_face_nobody_was_given_is_shown() -> None:
    analysis = fakes.analysis()
    first, second = (replace(track, face=f"f{n}") for n, track in enumerate(analysis.tracks, 1))
    given = cards.gallery(replace(analysis, tracks=(first, second)))
    assert "nobodys" not in given
    assert "data-face=" not in given
    portraits = {**analysis.portraits, "f1": b"nobody's portrait"}
    lost = replace(analysis, tracks=(replace(first, person=None), second), portraits=portraits)
    html = cards.gallery(lost)
    assert html.count('class="person nobodys"') == 1
    card = html[html.index('<li class="person nobodys">') :]
    assert [attributes["src"] for tag, attributes in tags(card.removesuffix("</ul>")) if tag == "img"] == [
        cards.data_address(portraits["f1"])
    ]
    assert "Not assigned to anybody. On screen for 6 s." in card
    assert [attributes["data-face"] for tag, attributes in tags(card.removesuffix("</ul>")) if tag == "select"] == [
        "f1"
    ]
    assert card.count("<option") == 1 + len(analysis.people)
    shown = cards.gallery(lost, editable=False)
    assert 'class="person nobodys"' in shown
    assert "<select" not in shown
