"""The two ways in that take a file, the command and the API, over the real light models."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from pipeline import __main__ as command
from pipeline import project, transcript
from pipeline.records import Analysis
from pipeline.settings import Settings
from tests.fixtures_attack import result_of, upload
from tests.fixtures_web import Scratch, served


class Door(Protocol):
    """A way in: a file and the number of its sound track, if one is chosen; out comes what was found or a sentence."""

    def __call__(self, path: Path, track: int | None = None) -> Analysis | str: ...


def analysed(door: Door, path: Path, track: int | None = None) -> Analysis:
    """What was found in the file, which must be no sentence."""
    found = door(path, track)
    assert isinstance(found, Analysis), found
    return found


@contextlib.contextmanager
def opened_doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Door]]:
    """The command and the API over the real light models: a file in, what was found or the sentence out."""
    from pipeline.web import jobs, services

    handlers = {number: signal.getsignal(number) for number in command.SAID}
    cache, scratch = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("scratch")
    (cache / "models").symlink_to(Settings().cache_dir / "models")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DEEPL")]:
            patch.delenv(name)
        patch.setenv("SPEECHGLASS_MODELS", "light")
        patch.setenv("SPEECHGLASS_CACHE_DIR", str(cache))
        patch.setattr(tempfile, "tempdir", str(scratch))
        jobs.root.cache_clear()
        patch.setenv("GRADIO_TEMP_DIR", str(jobs.root() / "served"))
        with served(services.real(Settings(models="light", cache_dir=cache))) as url:
            left = Scratch.of(scratch, jobs.root())

            def by_command(path: Path, track: int | None = None) -> Analysis | str:
                out = path.parent / f"out {track or ''} {path.name}"
                look = ("--look", "classic", "--reduced-motion")
                audio = () if track is None else ("--audio", str(track))
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    status = command.main([str(path), "--to", "EN-US", *look, *audio, "--out", str(out)])
                assert left.is_tidy()
                if status == 0:
                    return project.read(out / "transcript.json").analysis
                assert not out.exists()
                return said.getvalue().splitlines()[-1].removeprefix("Error: ")

            def by_api(path: Path, track: int | None = None) -> Analysis | str:
                audio = {} if track is None else {"audio_track": track}
                with httpx.Client(base_url=url, timeout=300) as client:
                    given = upload(client, path)
                    try:
                        event, said = result_of(client, "transcribe", video=given, target_language="EN-US", **audio)
                    except httpx.HTTPStatusError as error:
                        return str(error.response.json())
                    finally:
                        assert left.is_tidy()
                if event == "error":
                    assert isinstance(said, dict), said
                    return str(said["error"])
                assert isinstance(said, list)
                return transcript.from_json(json.dumps(said[1]))

            yield {"command": by_command, "API": by_api}
        for number, handler in handlers.items():
            signal.signal(number, handler)
        jobs.root.cache_clear()


DOORS = pytest.mark.parametrize("door", ["command", "API"])


def words(analysis: Analysis) -> list[str]:
    text = " ".join(phrase.source for phrase in analysis.phrases)
    return "".join(c if c.isalnum() else " " for c in text.casefold()).split()
