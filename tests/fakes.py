"""Services that answer in a second or two without a model, and clips drawn here.

The fake analysis has everything a real one has (two people with portraits, an unseen voice, an unsure line); the fake
drawing is ffmpeg with one box in the first person's colour, so that a test can see in the picture what was drawn.
"""

from __future__ import annotations

import io
import subprocess
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np

from pipeline import retranslate as again
from pipeline.errors import KeyRefusedError, LimitError, NotAClipError
from pipeline.options import Options
from pipeline.progress import Clock
from pipeline.records import (
    Analysis,
    Attribution,
    Box,
    Clip,
    Evidence,
    Faces,
    FaceTrack,
    KeyFree,
    Look,
    Media,
    Notice,
    Person,
    PersonTurn,
    Phrase,
    Preview,
    Progress,
    Segment,
    Shot,
    Stage,
    Track,
    Transcript,
    Word,
)
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.web.services import Example, Services, SpeechModel

DURATION = 6.0
WIDTH, HEIGHT = 640, 360
COLOURS = ("#2ee6ff", "#ffb000", "#c792ff")
REFUSED_KEY = "00000000-dead-beef-0000-000000000000:fx"  #: the fake DeepL refuses it

LINES = (
    ("p1", 0.4, 2.0, "Everyone here is working for a better future.", "Wszyscy tu pracują na lepszą przyszłość.", 0.97),
    ("p2", 2.2, 3.7, "And how long will that take?", "A jak długo to potrwa?", 0.91),
    ("p3", 3.9, 4.6, "Not long.", "Niedługo.", 0.41),
    ("p1", 4.7, 5.8, "Longer than we thought.", "Dłużej, niż myśleliśmy.", 0.88),
)


def make_clip(path: Path, *, seconds: float = DURATION, marker: str = "#203040") -> Path:
    """A playable clip with sound at `path`: a flat background in `marker`'s colour and two discs."""
    discs = "drawbox=x=90:y=110:w=120:h=150:color=#d9a066:t=fill,drawbox=x=430:y=110:w=120:h=150:color=#8a5a3c:t=fill"
    _ffmpeg(
        "-f", "lavfi", "-i", f"color=c={marker}:s={WIDTH}x{HEIGHT}:r=25:d={seconds}",
        "-f", "lavfi", "-i", f"sine=frequency=330:duration={seconds}:sample_rate=16000",
        "-vf", discs, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
        "-movflags", "+faststart", "-f", "mp4", str(path),
    )  # fmt: skip
    return path


def make_sound(path: Path) -> Path:
    """Six seconds of sound without a picture."""
    _ffmpeg("-f", "lavfi", "-i", f"sine=frequency=300:duration={DURATION}", str(path))
    return path


def make_avi(clip: Path, path: Path) -> Path:
    """The clip as an AVI, which no browser plays."""
    _ffmpeg("-i", str(clip), "-c:v", "mpeg4", "-c:a", "mp3", str(path))
    return path


def with_two_tracks(clip: Path, path: Path) -> Path:
    """The clip with its sound twice."""
    _ffmpeg("-i", str(clip), "-map", "0:v", "-map", "0:a", "-map", "0:a", "-c", "copy", str(path))
    return path


def make_long(clip: Path, path: Path) -> Path:
    """The clip over and over, longer than the usual limit of five minutes."""
    _ffmpeg("-stream_loop", "52", "-i", str(clip), "-c", "copy", str(path))
    return path


def analysis(target: str = "PL", *, names: tuple[str, ...] = ("Speaker 1", "Speaker 2", "Speaker 3")) -> Analysis:
    """Two people with faces and a voice without one."""
    phrases = tuple(_phrase(i, line, target) for i, line in enumerate(LINES, 1))
    turns = tuple(PersonTurn(p.start, p.end, p.person or "") for p in phrases)
    people = tuple(
        Person(f"p{n}", name, COLOURS[n - 1], n != 3, (0.94, 0.9, 0.52)[n - 1], _speaking(turns, f"p{n}"))
        for n, name in enumerate(names, 1)
    )
    tracks = tuple(
        Track(person, tuple(Box(t, left, 110, left + 120, 260) for t in (0.0, DURATION)))
        for person, left in (("p1", 90), ("p2", 430))
    )
    return Analysis(
        Media(DURATION, WIDTH, HEIGHT, Fraction(25)),
        "en",
        target,
        {"speech": "fake", "diarization": "fake", "faces": "fake", "identity": "fake", "translation": "fake"},
        people,
        phrases,
        turns,
        tracks,
        (),
        {"speech": 0.1},
        (Shot(0.0, DURATION),),
        portraits={"p1": _portrait("#d9a066"), "p2": _portrait("#8a5a3c")},
    )


def services(
    folder: Path,
    *,
    step_s: float = 0.03,
    steps: int = 8,
    settings: Settings | None = None,
    examples: tuple[Example, ...] = (),
    parallel: int = 1,
    broken: str = "",
    speech: tuple[SpeechModel, ...] = (),
) -> Services:
    """Fakes whose run takes about `6 * steps * step_s` seconds; `OPEN` counts stages, and a stage called `broken`
    fails. `speech` can be chosen, and the transcript names what was."""
    settings = settings or Settings(models="light", cache_dir=folder)

    def probe(path: Path) -> Clip:
        clip = measure(path)
        if clip.duration > settings.max_duration_s + 0.5:
            raise LimitError(f"The clip is longer than {settings.max_duration_s:.0f} seconds; cut it and try again.")
        return clip

    def measure(path: Path) -> Clip:
        import av

        try:
            with av.open(str(path)) as container:
                codec = container.streams.video[0].codec_context.name if container.streams.video else ""
                tracks = len(container.streams.audio)
                duration = (container.duration or 0) / 1e6
        except av.FFmpegError:
            raise NotAClipError("That file is no video; give an MP4, MOV, WebM or MKV file.") from None
        if not codec:
            return Clip(path, duration, False, True, audio_tracks=tracks)
        return Clip(path, duration, True, True, WIDTH, HEIGHT, Fraction(25), video_codec=codec, audio_tracks=tracks)

    def trim(source: Path, to: Path, start: float, length: float) -> None:
        _ffmpeg("-ss", str(start), "-t", str(length), "-i", str(source), "-c", "copy", "-f", "mp4", str(to))

    def work(stage: str, clock: Clock) -> Iterator[Progress]:
        for n in range(steps):
            time.sleep(step_s)
            while HELD.is_set():
                time.sleep(0.01)
            assert stage != broken
            found = f"{n + 1} track{'s' if n else ''} so far" if stage == "faces" else ""
            yield clock.mark(Progress(stage, (n + 1) / steps, found))

    def analyse(path: Path, options: Options, clock: Clock) -> Stage[Analysis]:
        OPEN.append("analyse")
        try:
            clip = probe(path)
            clock.duration = clip.duration
            yield clock.mark(Progress("probe", 1.0, preview=Preview(clip=clip)))
            if REFUSED_KEY in options.keys:
                raise KeyRefusedError("DeepL does not accept this key; check it in your DeepL account.")
            # The marker's colour names the clip, so that a test sees which visitor's clip came back.
            first = f"Speaker {_marker(path)}" if clip.has_video else "Speaker 1"
            found = analysis(options.target, names=(first, "Speaker 2", "Speaker 3"))
            media = replace(found.media, audio_track=options.audio or 0)
            found = replace(found, media=media, models={**found.models, "speech": options.speech or "fake"})
            if not clip.has_video:
                found = replace(found, media=Media(clip.duration, 0, 0, Fraction(0)), tracks=(), portraits={})
            if options.given.lines:  # what the real run makes of it is tested with the real run
                texts = zip(found.phrases, options.given.lines, strict=False)
                found = replace(found, phrases=tuple(replace(p, source=line.text, words=()) for p, line in texts))
            if options.target and not (options.keys or settings.deepl_keys or options.target.startswith("EN")):
                untranslated = tuple(replace(phrase, translation=None) for phrase in found.phrases)
                found = replace(found, phrases=untranslated, notices=(Notice("no_key", "That needs a DeepL key."),))
            yield from work("speech", clock)
            segments = tuple(Segment(p.start, p.end, p.source, p.words) for p in found.phrases)
            yield clock.mark(Progress("speech", 1.0, preview=Preview(transcript=Transcript("en", 0.99, segments))))
            yield from work("voices", clock)
            yield clock.mark(Progress("voices", 1.0))
            yield from work("faces", clock)
            tracks = tuple(
                FaceTrack(n, 0, (), cluster=n, quality=0.9, portrait=picture)
                for n, picture in enumerate(found.portraits.values())
            )
            yield clock.mark(Progress("faces", 1.0, preview=Preview(faces=Faces((Shot(0, DURATION),), tracks))))
            heard = tuple(replace(p, translation=None) for p in found.phrases)
            answer = Attribution(found.people, heard, found.turns, found.tracks, found.portraits)
            yield clock.mark(Progress("people", 1.0, preview=Preview(attribution=answer)))
            yield from work("translate", clock)
            yield clock.mark(
                Progress("translate", 1.0, preview=Preview(attribution=replace(answer, phrases=found.phrases)))
            )
            return found
        finally:
            OPEN.remove("analyse")

    def render(path: Path, what: Analysis, look: Look, to: Path, clock: Clock) -> Stage[tuple[Notice, ...]]:
        OPEN.append("render")
        RENDERED.append(what)
        try:
            yield from work("render", clock)
            colour = what.people[0].colour if what.people else "#ffffff"
            height = round(60 * look.text_size)
            box = f"drawbox=x=0:y={HEIGHT - 100}:w={WIDTH}:h={height}:color={colour}:t=fill"
            _ffmpeg(
                "-i", str(path), "-vf", box, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
                "-c:a", "copy", "-movflags", "+faststart", "-f", "mp4", str(to),
            )  # fmt: skip
            yield clock.mark(Progress("render", 1.0))
            return (Notice("small", "The text is small."),) if look.text_size < 1 else ()
        finally:
            OPEN.remove("render")

    def retranslate(
        path: Path | None, what: Analysis, options: Options, lines: Collection[int] | None, clock: Clock
    ) -> Stage[Analysis]:
        """The real thing over a translator that reverses every text, and that a key is needed for but into English; over
        the settings' own DeepL server where they name one."""
        OPEN.append("retranslate")
        try:
            yield from work("translate", clock)

            def translate(sound: Path, phrases: tuple[Phrase, ...], language: str, target: str) -> Stage[KeyFree]:
                yield Progress("translate", 0.5)
                return KeyFree(tuple(f"{target}: {phrase.source[::-1]}" for phrase in phrases), "Babel")

            if REFUSED_KEY in options.keys:
                raise KeyRefusedError("DeepL does not accept this key; check it in your DeepL account.")
            unused: Any = None  # nothing is heard or seen again
            able = Models(
                {}, unused, unused, unused, translate, lambda target: bool(options.keys) or target[:2] == "EN", True
            )
            return (
                yield from again.retranslate(
                    None,
                    what,
                    options if settings.deepl_server else replace(options, keys=()),
                    settings,
                    able,
                    lines=lines,
                    clock=clock,
                )
            )
        finally:
            OPEN.remove("retranslate")

    def fetch(url: str, to: Path) -> Stage[Path]:
        FETCHED.append(url)
        yield Progress("fetch", 1.0)
        return make_clip(to / "fetched.mp4")

    return Services(
        analyse=analyse,
        render=render,
        write_records=write_records,
        probe=probe,
        measure=measure,
        trim=trim,
        fetch=fetch,
        retranslate=retranslate,
        preview=lambda path, analysis, look, t: np.full((HEIGHT, WIDTH, 3), min(255, round(t * 40)), np.uint8),
        sample=lambda path, analysis, look, to, t: _ffmpeg("-ss", str(t), "-t", "10", "-i", str(path), str(to)),
        translates_to=lambda target: target.startswith("EN"),
        models={"speech": "fake", "diarization": "fake"},
        settings=settings,
        speech=lambda: speech,
        examples=examples,
        parallel=parallel,
    )


OPEN: list[str] = []  #: stages that were started and have not ended; empty when nothing runs
RENDERED: list[Analysis] = []  #: what was drawn, in order
FETCHED: list[str] = []  #: addresses that were asked for, in order
HELD = threading.Event()  #: while it is set no stage gets any further, so that a page can be looked at for as long


def make_example(folder: Path, name: str = "first_contact") -> Example:
    """A finished example in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    clip = make_clip(folder / f"{name}.mp4")
    out = folder / "results" / name
    out.mkdir(parents=True)
    what = analysis()
    _ffmpeg(
        "-i", str(clip), "-vf", f"drawbox=x=0:y=260:w={WIDTH}:h=60:color={COLOURS[0]}:t=fill", "-c:v", "libx264",
        "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "copy", "-movflags", "+faststart", str(out / "video.mp4"),
    )  # fmt: skip
    write_records(out, what, Look())
    return Example(name, name.replace("_", " ").capitalize(), clip, out)


def write_records(folder: Path, what: Analysis, look: Look) -> None:
    """The files of a run, as small as they can be."""
    from pipeline import project, transcript

    (folder / "project.json").write_text(project.to_json(project.Project(what, look)), encoding="utf-8")
    (folder / "transcript.json").write_text(transcript.to_json(what), encoding="utf-8")
    cues = "\n".join(
        f"00:00:{p.start:06.3f} --> 00:00:{p.end:06.3f}\n{p.translation or p.source}\n" for p in what.phrases
    )
    (folder / "subtitles.vtt").write_text(f"WEBVTT\n\n{cues}", encoding="utf-8")
    (folder / "subtitles.srt").write_text(cues.replace(".", ","), encoding="utf-8")
    (folder / "subtitles.ass").write_text(f"[Script Info]\n; {look.name}\n", encoding="utf-8")
    (folder / "transcript.txt").write_text("\n".join(p.source for p in what.phrases), encoding="utf-8")
    (folder / "faces").mkdir(exist_ok=True)
    for person, picture in what.portraits.items():
        (folder / "faces" / f"{person}.jpg").write_bytes(picture)


def _phrase(number: int, line: tuple[str, float, float, str, str, float], target: str) -> Phrase:
    person, start, end, source, translation, sure = line
    texts = source.split()
    step = (end - start) / len(texts)
    words = tuple(Word(start + i * step, start + (i + 1) * step, text) for i, text in enumerate(texts))
    reason = "off screen: no visible mouth moves" if person == "p3" else "voice and lips agree"
    evidence = Evidence(sure, 0.8, None if person == "p3" else 0.9, "p2" if person == "p3" else None, reason)
    return Phrase(number, start, end, person, source, words, translation if target else None, evidence)


def _speaking(turns: tuple[PersonTurn, ...], person: str) -> float:
    return round(sum(turn.end - turn.start for turn in turns if turn.person == person), 3)


@cache
def _portrait(colour: str) -> bytes:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (192, 192), "#22303c")
    draw = ImageDraw.Draw(image)
    draw.ellipse((46, 30, 146, 160), fill=colour)
    draw.ellipse((72, 80, 84, 92), fill="#101418")
    draw.ellipse((108, 80, 120, 92), fill="#101418")
    draw.arc((76, 100, 116, 132), 20, 160, fill="#101418", width=4)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=88)
    return data.getvalue()


def _marker(path: Path) -> str:
    """The background colour of a clip of ours, roughly: r, g, b in sixteenths."""
    import av

    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return "-".join(str(int(v) // 16) for v in frame[20, 320])


def _duration(path: Path) -> float:
    import av

    try:
        with av.open(str(path)) as container:
            return (container.duration or 0) / 1e6
    except av.FFmpegError:
        raise NotAClipError("That file is damaged; save it again and upload the new one.") from None


def _ffmpeg(*args: str) -> None:
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-y", "-loglevel", "error", *args],
        check=True,
        capture_output=True,
    )
