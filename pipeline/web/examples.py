"""The results of the examples, as visitors get them."""

from __future__ import annotations

import threading
from pathlib import Path

from pipeline import project
from pipeline.records import Analysis, Look
from pipeline.web import files, jobs
from pipeline.web.jobs import Result
from pipeline.web.services import Example

_making = threading.Lock()


def result_of(example: Example, *, lasting: bool = False) -> Result:
    """The ready result of an example; `lasting` for the page that everybody gets first.

    Raises RecordError when its transcript.json cannot be read.
    """
    analysis = project.read(example.folder / "transcript.json").analysis
    result = Result(
        analysis, Look(), example.clip, files=example.folder, title=example.title, is_example=True, drawn=analysis
    )
    result.lasting = lasting
    result.extras = lambda: _extras(example, analysis)
    return result


def _extras(example: Example, analysis: Analysis) -> Path:
    """The folder with what an example's own files lack, made once."""
    folder = jobs.root() / f"example-{example.name}"
    with _making:
        if not folder.is_dir():
            folder.mkdir()
            result = Result(analysis, Look(), example.clip, files=example.folder, title=example.title, is_example=True)
            files.write_extras(folder, result, example.folder / "video.mp4")
    return folder
