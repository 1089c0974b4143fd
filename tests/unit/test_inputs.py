"""The lists of inputs say what the tests hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.media.probing import DEMUXERS
from tests.fixtures_clips import CORPUS, usable

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
LIST = (ROOT / "tests" / "hard_inputs.md").read_text("utf-8")
PAGE = (ROOT / "docs" / "inputs.md").read_text("utf-8")
PROMISES = (ROOT / "docs" / "promises.md").read_text("utf-8")
ROWS = [line.strip("| ").split(" | ") for line in LIST.splitlines() if re.match(r"\| \d", line)]


def test_hard_inputs_are_numbered_in_order() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))


def test_every_recipe_in_the_list_exists() -> None:
    for row in ROWS:
        recipe = row[3] if len(row) == 6 else row[2]
        for name in re.findall(r"`(\w+)`", recipe):
            assert name in CORPUS or f"def {name}(" in _code_in(recipe), (row[0], name)
        for path in re.findall(r"`(tests/[\w/.]+)`", recipe):
            assert (ROOT / path).is_file(), path


def _code_in(recipe: str) -> str:
    return "".join((ROOT / path).read_text("utf-8") for path in re.findall(r"`(tests/[\w/.]+)`", recipe))


def test_every_test_in_the_list_exists() -> None:
    written = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for row in ROWS:
        named = re.findall(r"`(test_\w+)`", row[-1])
        assert named or re.fullmatch(r"as \d+", row[-1]), row[0]
        assert all(f"def {name}(" in written for name in named), row[-1]


def test_twenty_inputs_and_more_come_from_issue_trackers() -> None:
    sources = [row[2] for row in ROWS if len(row) == 6]
    assert len(sources) >= 20
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+ #\d+(, [\w.-]+/[\w.-]+ #\d+)*", source) for source in sources)


def test_the_counts_in_the_documentation_are_those_of_the_tests() -> None:
    good, bad = len(usable()), len(CORPUS) - len(usable())
    assert f"The tests try {len(CORPUS)} clips" in PAGE
    assert f"{good} come back as long as they were, upright and in sync, and {bad} are refused" in PAGE
    assert f"{len(CORPUS)} unusual clips go to the page" in PROMISES
    assert f"{good} come back with their length, upright and in sync; {bad} get one sentence" in PROMISES
    assert f"{len(ROWS)} of the hard inputs" in " ".join(PAGE.split())


def test_the_page_names_every_container() -> None:
    for demuxer in DEMUXERS:
        assert f"`{demuxer}`" in PAGE, demuxer
