"""Who says what with the real light models, on clips composed of the examples: what only voices and faces together can
tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import judge, perceive
from benchmarks.compose import footage, situations
from benchmarks.compose.render import write
from benchmarks.compose.scene import Composition
from pipeline import media
from pipeline.people import attribute
from pipeline.settings import Settings

pytestmark = pytest.mark.integration


def test_a_listener_in_the_picture_gets_no_words_of_the_one_who_is_heard(tmp_path: Path, settings: Settings) -> None:
    """The picture cuts to the listener while the other goes on talking, and back."""
    composition = Composition("reaction", "en")
    situations.reaction(composition, footage.Cast("orbit", footage.ASTRONAUT, footage.ADMIRAL))
    clip = write(composition, tmp_path)
    records = {stage: record for stage, record, _ in perceive.perceived(clip, settings)}
    answer = attribute(records["transcript"], records["diarization"], records["faces"])
    judged = judge.judge(
        answer, json.loads(clip.with_suffix(".truth.json").read_text()), media.probe(clip, settings).width
    )
    assert judged.count_error == 0
    assert judged.speaker > 0.95
    assert judged.face > 0.9
