"""Reading a folder of people who are known."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pipeline import acquaintances
from pipeline.errors import UsageError

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("names", [("A", "A "), ("Ada", "ADA"), ("Ada", " Ada")])
def test_one_name_twice_is_refused(names: tuple[str, str], tmp_path: Path) -> None:
    """Names of one letter were compared by identity, which Python gives to all equal ones."""
    for name in names:
        (tmp_path / name).mkdir()
        Image.new("RGB", (64, 64)).save(tmp_path / name / "portrait.jpg")
    with pytest.raises(UsageError, match="twice"):
        acquaintances.read(tmp_path)


def test_two_people_are_read(tmp_path: Path) -> None:
    for name in ("Ada", "Grace"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (64, 64)).save(tmp_path / name / "portrait.jpg")
    assert [entry.name for entry in acquaintances.read(tmp_path)] == ["Ada", "Grace"]
