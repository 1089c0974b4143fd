"""The player: the clip with captions drawn live over it, and the finished video.

The element itself never changes; `sources` is data beside it, which page.js reads. Captions come from the lines on the
page, so a correction is over the picture as it is typed.
"""

from __future__ import annotations

import io
import json
from html import escape
from pathlib import Path

from pipeline import languages
from pipeline.records import Analysis, Look, Phrase, Track
from pipeline.web.jobs import Result, plain_name

BOXES_HZ = 5.0  #: boxes a second that the page gets; it interpolates

PLAYER = (
    '<div class="player" data-view="drawn"><video playsinline controls preload="metadata" crossorigin="anonymous" '
    'aria-label="The video"><track kind="subtitles" label="Subtitles" default></video><div class="live" '
    'aria-hidden="true"></div>'
    '<p class="unplayable" role="status" hidden>Your browser cannot play the original file. Your changes appear in '
    "the finished video once it is redrawn.</p></div>"
    '<div class="views" role="group" aria-label="What the player shows"><button type="button" data-view="live" '
    'aria-pressed="false">Live captions</button><button type="button" data-view="drawn" aria-pressed="true">Finished '
    "video"
    '</button><label class="cc"><input type="checkbox" id="captions"> Subtitle track</label></div>'
)

#: (key, what the link says, file of a run, ending of the download after the clip's name)
DOWNLOADS = (
    ("video", "Video", "video.mp4", "{language}.speechglass.mp4"),
    ("srt", "SRT", "subtitles.srt", "{language}.srt"),
    ("both", "SRT, both languages", "both.srt", "{both}.srt"),
    ("vtt", "VTT", "subtitles.vtt", "{language}.vtt"),
    ("ass", "ASS", "subtitles.ass", "{language}.ass"),
    ("txt", "Text", "transcript.txt", "{language}.txt"),
    ("json", "JSON", "transcript.json", "transcript.json"),
    ("project", "Project", "project.json", "speechglass.json"),
    ("faces", "Faces", "faces.zip", "faces.zip"),
    ("all", "Everything (ZIP)", "all.zip", "{language}.zip"),
)


def sources(result: Result, *, play: str = "", live: str = "") -> str:
    """Where the player finds the original and the finished video, and where the faces are that captions stand over.

    The video begins by itself when `play` is new, and the live captions are shown when `live` is.
    """
    name = plain_name(result.title)
    drawn = result.address("video", _file(result, "video.mp4"), download_name(result, "{language}.speechglass.mp4"))
    original = result.address("original", result.clip, f"{name}{suffix(result.clip)}")
    poster = result.address("poster", _file(result, "poster.jpg"), f"{name}.jpg")
    track = result.address("subtitles.vtt", _file(result, "subtitles.vtt"), f"{name}.vtt")
    return (
        f'<div id="shown" data-play="{escape(play)}" data-live="{escape(live)}" {look_attributes(result.look)} '
        f'data-original="{escape(original)}" data-drawn="{escape(drawn)}" data-poster="{escape(poster)}" '
        f'data-cuts="{escape(json.dumps(cuts(result.analysis)))}" data-subtitles="{escape(track)}" '
        f'data-duration="{result.analysis.media.duration:.3f}" '
        f'data-tracks="{escape(json.dumps(boxes(result.analysis), separators=(",", ":")))}"></div>'
    )


def cuts(analysis: Analysis) -> list[float]:
    """Return when a new shot begins, s."""
    return sorted({round(shot.start, 2) for shot in analysis.shots if shot.start > 0})


def boxes(analysis: Analysis) -> dict[str, list[list[list[float]]]]:
    """person -> tracks -> boxes as [t, left, top, right, bottom] in shares of the picture, `BOXES_HZ` a second at
    most.
    """
    width, height = analysis.media.width, analysis.media.height
    found: dict[str, list[list[list[float]]]] = {}
    if not width or not height:
        return found
    for track in analysis.tracks:
        if track.person is not None and track.boxes:
            found.setdefault(track.person, []).append(_thinned(track, width, height))
    return found


def _thinned(track: Track, width: int, height: int) -> list[list[float]]:
    kept: list[list[float]] = []
    for box in track.boxes:
        if not kept or box.t - kept[-1][0] >= 1 / BOXES_HZ or box is track.boxes[-1]:
            shares = (box.left / width, box.top / height, box.right / width, box.bottom / height)
            kept.append([round(box.t, 2), *(round(share, 3) for share in shares)])
    return kept


def downloads(result: Result) -> str:
    """A link a file, called after the clip and the language."""
    links = ""
    for key, label, name, ending in DOWNLOADS:
        called = download_name(result, ending)
        address = result.address(f"download-{key}", _file(result, name), called)
        if address:
            links += f'<a id="download-{key}" href="{escape(address)}" download="{escape(called)}">{label}</a>'
    return f'<nav class="downloads" aria-label="Downloads">{links}</nav>' if links else ""


def download_name(result: Result, ending: str) -> str:
    """Return the name of a download: the clip, then the language of the texts, as in "interview.pl.srt"."""
    analysis = result.drawn or result.analysis  # what the files hold
    shown = next((p for p in analysis.phrases if p.translation), None)
    language = (analysis.target_language if shown else analysis.language).lower() or "und"
    both = f"{analysis.language or 'und'}-{language}"
    return f"{plain_name(result.title)}.{ending.format(language=language, both=both)}"


def suffix(clip: Path) -> str:
    """The ending a browser knows the file by; what is not named by it is MP4 to it."""
    with clip.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"\x1aE\xdf\xa3"):
        return ".webm"
    for start, ending in (
        (b"ID3", ".mp3"),
        (b"OggS", ".ogg"),
        (b"fLaC", ".flac"),
        (b"RIFF", ".wav"),
        (b"\xff\xfb", ".mp3"),
    ):
        if head.startswith(start):
            return ".avi" if head[8:11] == b"AVI" else ending
    return ".mp4"


def telling_time(analysis: Analysis) -> float:
    """An instant at which somebody in view speaks and the translation is on screen, s."""
    seen = {track.person for track in analysis.tracks}

    def worth(phrase: Phrase) -> tuple[bool, bool, float]:
        return phrase.person in seen, phrase.end - phrase.start >= 1.0, phrase.evidence.confidence

    best = max(analysis.phrases, key=worth, default=None)
    return best.start + 0.8 * (best.end - best.start) if best else analysis.media.duration / 2


def still(video: Path, t: float) -> bytes:
    """The picture of `video` at `t` s as JPEG, at most 960 px wide."""
    import av

    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        container.seek(int(max(0.0, t) * 1e6))
        last = None
        for frame in container.decode(stream):
            last = frame
            if frame.time is not None and frame.time >= t:
                break
        if last is None:
            return b""
        picture = last.to_image()
    picture.thumbnail((960, 960))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=82)
    return data.getvalue()


def target_name(analysis: Analysis) -> str:
    """The language the lines are translated into, "" for none."""
    return next((item.name for item in languages.TARGETS if item.code == analysis.target_language), "")


def look_attributes(look: Look) -> str:
    """What the live captions need to know of the look."""
    return (
        f'data-texts="{escape(look.texts)}" data-position="{escape(look.position)}" '
        f'data-reveal="{escape(look.reveal)}" data-calm="{"yes" if look.reduced_motion else "no"}"'
    )


def _file(result: Result, name: str) -> Path | None:
    path = result.file(name)
    return Path(path) if path else None
