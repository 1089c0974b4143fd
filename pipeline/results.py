"""The files of a run: one folder, all or nothing.

video.mp4 (where there is a picture), poster.jpg (where, too, something is said), transcript.json, transcript.txt,
subtitles.srt, subtitles.both.srt, subtitles.vtt, subtitles.ass, turns.rttm, project.json (transcript, look and faces in
one), faces/<person id>.jpg; overlay.mov or overlay.webm where it is asked for
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from pipeline import media, project, run, transcript
from pipeline.errors import NotAClipError, UsageError
from pipeline.notices import after_drawing
from pipeline.options import Options
from pipeline.progress import ANALYSE, RENDER, Clock
from pipeline.project import Project
from pipeline.records import Analysis, Look, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.workspace import abandoned, disk_error, workspace

#: what a run's folder may hold; a folder that holds anything else is nobody's to replace
FILES = frozenset(
    ("video.mp4", "poster.jpg", "transcript.json", "transcript.txt", "subtitles.srt", "subtitles.both.srt",
    "subtitles.vtt",
     "subtitles.ass", "turns.rttm", "project.json", "faces")
)  # fmt: skip

OVERLAYS = tuple(f"overlay.{kind}" for kind in media.OVERLAYS)  #: a run's folder may hold one of these, too

NO_OVERLAY = "This clip has no picture to lay a look over; leave --overlay out, or give a clip with a picture."

EARLIER = "earlier"  #: in a workspace: the result that is being replaced


def process(
    clip: Path,
    options: Options,
    look: Look,
    out: Path,
    settings: Settings,
    models: Models,
    *,
    video: bool = True,
    overlay: str = "",
) -> Stage[Analysis]:
    """The folder `out` holds every file of the run; an earlier run's folder is replaced, anything else is refused.

    Raises PipelineError; `out` is then as it was.
    """
    check_folder(out)
    if overlay and not media.probe(clip, settings, options.audio).has_video:
        raise NotAClipError(NO_OVERLAY)  # before a model runs
    clock = Clock(ANALYSE + RENDER if video else ANALYSE)
    analysis = yield from run.analyse(clip, options, settings, models, clock)
    return (yield from write(clip, analysis, look, out, settings, video=video, clock=clock, overlay=overlay))


def write(
    clip: Path,
    analysis: Analysis,
    look: Look,
    out: Path,
    settings: Settings,
    *,
    video: bool = True,
    clock: Clock | None = None,
    overlay: str = "",
) -> Stage[Analysis]:
    """The folder `out` holds every file of the analysis; returns the analysis with the notices of the look added.

    `overlay` is "mov" or "webm" for the look alone on a transparent background, too.

    Raises PipelineError; `out` is then as it was.
    """
    check_folder(out)
    if overlay and not analysis.media.width:
        raise NotAClipError(NO_OVERLAY)
    with _folder_beside(out.absolute()) as folder:
        if video and analysis.media.width:
            notices = yield from run.render(clip, analysis, look, folder / "video.mp4", settings, clock)
            analysis = dataclasses.replace(analysis, notices=after_drawing(analysis.notices, notices))
            poster = run.poster(clip, analysis, look, settings)
            if poster is not None:
                from PIL import Image

                with _told():
                    Image.fromarray(poster).save(folder / "poster.jpg", quality=90)
                media.add_cover(folder / "video.mp4", folder / "poster.jpg")
        if overlay:
            yield from run.overlay(clip, analysis, look, folder / f"overlay.{overlay}", settings, clock)
        with _told():
            write_records(folder, analysis, look, clip.name)
            folder.chmod(0o755)
            _replace(out.absolute(), folder)
        return analysis


def write_records(folder: Path, analysis: Analysis, look: Look, name: str = "") -> None:
    """Everything but the video is in `folder`; `name` is the clip's."""
    from pipeline.subtitles.formats import write_all

    texts = {
        "transcript.json": transcript.to_json(analysis),
        "project.json": project.to_json(Project(analysis, look, name)),
        **write_all(analysis, look),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    if analysis.portraits:
        (folder / "faces").mkdir(exist_ok=True)
        for person, jpeg in analysis.portraits.items():
            (folder / "faces" / f"{person}.jpg").write_bytes(jpeg)


def folder_name(clip: str) -> str:
    """Return the name of the results of a file or a URL."""
    if clip.lower().startswith(("http://", "https://")):
        parts = urlsplit(clip)
        return re.sub(r"[^\w-]+", "-", f"{parts.netloc}{parts.path}{parts.query}").strip("-")[:80]
    return Path(clip).stem[:80]


def check_folder(out: Path) -> None:
    """Nothing but a run's own folder is ever replaced.

    Raises UsageError.
    """
    with _told():
        if out.is_symlink() or (out.exists() and not out.is_dir()):
            raise UsageError(f"{out} is a file; name a folder for the results with --out.")
        if not out.exists():
            return
        inside = {path.name for path in out.iterdir()}
        faces = (out / "faces").iterdir() if "faces" in inside else ()
        if not inside <= FILES | set(OVERLAYS) or any(face.suffix != ".jpg" for face in faces):
            raise UsageError(f"{out} holds other things; name a new or empty folder for the results with --out.")


def _replace(out: Path, folder: Path) -> None:
    """`folder` is at `out`; what was at `out` is gone only once the new one is there."""
    if not out.exists():
        folder.rename(out)
        return
    earlier = folder.with_name(EARLIER) / out.name
    earlier.parent.mkdir()
    out.rename(earlier)
    try:
        check_folder(earlier)  # somebody may have put a file there during the run
        folder.rename(out)
    except BaseException:
        earlier.rename(out)
        raise


def _clear_up(out: Path) -> None:
    """What killed processes left beside `out` is gone. An earlier result that one of them had moved away, and not yet
    replaced by its own, is where it was.
    """
    for left in abandoned(out):
        for earlier in (left / EARLIER).glob("*"):
            if not (out.parent / earlier.name).exists():
                earlier.rename(out.parent / earlier.name)
        shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _folder_beside(out: Path) -> Iterator[Path]:
    """An empty folder on the disk of `out`; it and the folders made for it are gone afterwards, unless `out` is
    there.
    """
    with _told():
        made = [parent for parent in out.parents if not parent.exists()]
    try:
        with _told():
            out.parent.mkdir(parents=True, exist_ok=True)
            _clear_up(out)
        with workspace(beside=out) as space:
            with _told():
                (folder := space / "made").mkdir()
            yield folder
    finally:
        for parent in made:
            with contextlib.suppress(OSError):  # it holds the results
                parent.rmdir()


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """A disk that is full or a folder that is not ours becomes a sentence."""
    try:
        yield
    except OSError as error:
        raise disk_error(error) from error
