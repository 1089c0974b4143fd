"""What several integration tests use."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from pipeline import deepl_service
from pipeline.settings import Settings
from tests import deepl_server
from tests.deepl_server import KEY, DeepLServer
from tests.fixtures_doors import Door, opened_doors


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeepLServer]:
    """A stand-in for DeepL, which is not waited for."""
    monkeypatch.setattr("deepl.http_client._BackoffTimer.BACKOFF_INITIAL", 0.01)
    monkeypatch.setattr(deepl_service, "TIMEOUT_S", 0.5)
    with deepl_server.serve() as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, server: DeepLServer) -> Settings:
    """Settings with a key that the stand-in knows."""
    return dataclasses.replace(settings, deepl_keys=(KEY,), deepl_server=server.url)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Door]]:
    with opened_doors(tmp_path_factory) as doors:
        yield doors
