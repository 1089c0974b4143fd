"""Clips with composed ground truth: the situations that recorded clips with known truth do not cover.

    python -m benchmarks.compose OUT [--long]

Each is cut together with ffmpeg from clips of two people who talk in turn side by side and whose truth is known
(`two_shot` of ../shared/clips where the machine has it, `orbit_en` of examples/ always), so who speaks, who is seen and what
is said follows from the cutting. `score.py` reads the truth; where voices overlap, the JSON holds the stretches with one
voice and an RTTM beside it holds all. Nothing is downloaded and nothing here is to be committed: the shared clips are
not ours to ship.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from pipeline.media import ffmpeg_binary

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "clips"
EXAMPLES = ROOT / "examples"
SIDE = 512  #: px of one person's square picture
RATE = 25


@dataclass(frozen=True)
class Piece:
    """Somebody says something: `start` to `end`, s on the clock of `clip`."""

    clip: Path
    speaker: str
    start: float
    end: float
    text: str
    crop: str  #: ffmpeg's crop of the speaker's square in the clip
    sound: str = ""  #: more ffmpeg audio filters; they keep the length

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class View:
    """What one square of the picture shows: `seconds` of a clip from `start`, or a still."""

    clip: Path
    start: float
    crop: str = ""
    effect: str = ""  #: more ffmpeg filters, ending in a SIDE x SIDE picture
    speed: float = 1.0
    still: bool = False


@dataclass(frozen=True)
class Heard:
    """A piece of sound, `at` s into the shot."""

    piece: Piece
    at: float = 0.0


@dataclass(frozen=True)
class Shot:
    """`views` side by side for `seconds`, and what is heard."""

    seconds: float
    views: tuple[View, ...]
    heard: tuple[Heard, ...]


@dataclass
class Composition:
    """Shots, and the truth that grows with them."""

    name: str
    faces: int
    shots: list[Shot] = field(default_factory=list)
    turns: list[dict] = field(default_factory=list)
    voices: list[tuple[float, float, str]] = field(default_factory=list)  #: for the RTTM, overlaps included

    @property
    def seconds(self) -> float:
        return sum(shot.seconds for shot in self.shots)

    def add(self, views: Sequence[View], piece: Piece, face: str | None) -> None:
        """A shot as long as `piece`, which is heard all through it."""
        self.said(piece.speaker, self.seconds, self.seconds + piece.seconds, face, piece.text)
        self.shots.append(Shot(piece.seconds, tuple(views), (Heard(piece),)))

    def said(self, speaker: str, start: float, end: float, face: str | None, text: str) -> None:
        """A turn of the truth. A turn that the truth must split carries its text once: only the joined text is scored."""
        self.turns.append(
            {"start": round(start, 3), "end": round(end, 3), "speaker": speaker, "face": face, "text": text}
        )
        self.voices.append((start, end, speaker))


@dataclass(frozen=True)
class Duo:
    """A clip of two people side by side: `a` and `b` are what each says, in order."""

    name: str
    a: tuple[Piece, ...]
    b: tuple[Piece, ...]
    short: tuple[Piece, ...]  #: the same speech in pieces of 1 to 3.5 s, cut at word boundaries, alternating

    def silent(self, speaker: str) -> View:
        """The person while the other talks."""
        own, other = (self.a, self.b) if speaker == self.a[0].speaker else (self.b, self.a)
        return View(own[0].clip, other[0].start, own[0].crop)


# Word times as Whisper base hears them: (speaker, start, end, text), s on the clip's clock.
SHORT = {
    "two_shot": (
        ("A", 0.0, 3.14, "everyone here today endeavoring towards a better,"),
        ("B", 8.0, 10.3, "and the heart of my California congressional district"),
        ("A", 3.14, 5.4, "more just future for our country"),
        ("B", 10.3, 13.0, "where I chase my own dreams growing up."),
        ("A", 5.4, 8.0, "and our world. In fidelity"),
    ),
    "orbit_en": (
        ("A", 13.9, 16.1, "So who decides which words are mine?"),
        ("B", 18.1, 20.3, "Your voice and your lips will tell."),
        ("A", 16.1, 17.8, "There are two of us in this picture."),
        ("B", 20.3, 23.9, "And if I stay silent, nobody will put words into my mouth."),
        ("A", 24.4, 27.0, "That is the best promise a machine ever made."),
    ),
}
CROPS = {
    "two_shot": {"left": "crop=512:512:0:0", "right": "crop=512:512:512:0"},
    "orbit_en": {"left": "crop=540:540:64:136", "right": "crop=540:540:676:136"},
}


@dataclass(frozen=True)
class Head:
    """The ellipsoid that a head is in its SIDE x SIDE picture, and where its colours are found, px; boxes are x, y, width, height."""

    x: float
    y: float
    half_width: float
    half_height: float
    taper: float  #: how much narrower than an ellipsoid it is at the chin, 0 to 1
    hair: tuple[int, int, int, int]
    skin: tuple[int, int, int, int]
    nape: float  #: y below which the back of the head is skin


#: Degrees from the camera at which nothing of the face is left; at 110 a rim of cheek still is.
AWAY = 130.0
#: The heads of those who talk first, set by eye.
HEADS = {
    "two_shot": Head(292, 240, 154, 225, 0.3, (310, 66, 60, 16), (240, 130, 60, 40), 335),
    "orbit_en": Head(250, 196, 128, 172, 0.4, (230, 50, 100, 62), (210, 215, 20, 30), 275),
}


def duo(folder: Path, name: str) -> Duo:
    """The pieces of `folder`/NAME.mp4 by its truth."""
    clip = folder / f"{name}.mp4"
    turns = json.loads((folder / f"{name}.truth.json").read_text("utf-8"))["turns"]
    crops = {turn["speaker"]: CROPS[name][turn["face"]] for turn in turns}

    def piece(speaker: str, start: float, end: float, text: str) -> Piece:
        return Piece(clip, f"{name}:{speaker}", start, end, text, crops[speaker])

    pieces = [
        piece(turn["speaker"], turn["start"], min(turn["end"], 13.0 if name == "two_shot" else 1e9), turn["text"])
        for turn in turns
    ]
    a = tuple(p for p, turn in zip(pieces, turns, strict=True) if turn["speaker"] == "A")
    b = tuple(p for p, turn in zip(pieces, turns, strict=True) if turn["speaker"] == "B")
    return Duo(name, a, b, tuple(piece(*row) for row in SHORT[name]))


def talking(piece: Piece, effect: str = "") -> View:
    return View(piece.clip, piece.start, piece.crop, effect)


def part(piece: Piece, start: float, end: float, text: str = "") -> Piece:
    """`start` to `end` s into `piece`."""
    return replace(piece, start=piece.start + start, end=piece.start + end, text=text)


# --- the situations ---------------------------------------------------------------------------------------------------


def listener_cut(d: Duo, folder: Path) -> Composition:
    """The camera cuts to the silent listener while the other goes on talking: nobody in view speaks."""
    c = Composition(f"listener_cut_{d.name}", 2)
    half = d.a[0].seconds / 2
    c.add([talking(d.a[0])], part(d.a[0], 0, half, d.a[0].text), "any")
    c.add([d.silent(d.b[0].speaker)], part(d.a[0], half, d.a[0].seconds), None)
    c.add([talking(d.b[0])], d.b[0], "any")
    return c


def landscape_voice(d: Duo, folder: Path) -> Composition:
    """A voice over a landscape without a face, then the person."""
    c = Composition(f"landscape_voice_{d.name}", 1)
    c.add([View(landscape(folder), 0, still=True)], d.b[0], None)
    c.add([talking(d.a[0])], d.a[0], "any")
    return c


def overlap(d: Duo, folder: Path) -> Composition:
    """The second voice starts 1.5 s before the first ends."""
    c = Composition(f"overlap_{d.name}", 2)
    first, second = d.a[0], d.b[0]
    starts = first.seconds - 1.5
    ends = starts + second.seconds
    waiting, silent = d.silent(second.speaker), d.silent(first.speaker)
    c.shots = [
        Shot(starts, (talking(first), waiting), (Heard(first),)),
        Shot(1.5, (talking(part(first, starts, first.seconds)), talking(second)), (Heard(second),)),
        Shot(ends - starts - 1.5, (silent, talking(part(second, 1.5, second.seconds))), ()),
    ]
    c.said(first.speaker, 0, starts, "left", first.text)
    c.said(second.speaker, first.seconds, ends, "right", second.text)
    c.voices = [(0, first.seconds, first.speaker), (starts, ends, second.speaker)]
    return c


def turned_away(d: Duo, folder: Path) -> Composition:
    """The speaker turns their head away from the camera and goes on talking unseen."""
    c = Composition(f"turned_away_{d.name}", 2)
    piece, turns, gone = d.a[0], 3.0, 4.0
    c.shots.append(
        Shot(piece.seconds, (View(_turn_head(piece, HEADS[d.name], turns, gone, folder), 0),), (Heard(piece),))
    )
    c.said(piece.speaker, 0, turns, "any", piece.text)  # three quarters and profile may be boxed or not
    c.said(piece.speaker, gone, piece.seconds, None, "")
    c.voices = [(0, piece.seconds, piece.speaker)]
    c.add([talking(d.b[0])], d.b[0], "any")
    return c


def mirrored(d: Duo, folder: Path) -> Composition:
    """One person comes back in a later shot seen from the other side."""
    c = Composition(f"mirrored_{d.name}", 2)
    c.add([talking(d.a[0])], d.a[0], "any")
    c.add([talking(d.b[0])], d.b[0], "any")
    c.add([talking(d.a[-1], "hflip")], d.a[-1], "any")
    return c


def chewing(d: Duo, folder: Path) -> Composition:
    """The listener's mouth moves too: footage of their own speech, slowed down and without its sound."""
    c = Composition(f"chewing_{d.name}", 2)
    longest = max(d.b, key=lambda p: p.seconds)
    speed = min(0.8, longest.seconds / d.a[0].seconds)
    c.add([talking(d.a[0]), View(longest.clip, longest.start, longest.crop, speed=speed)], d.a[0], "left")
    c.add([d.silent(d.a[0].speaker), talking(d.b[0])], d.b[0], "right")
    return c


def swapped_sides(d: Duo, folder: Path) -> Composition:
    """Two people in one picture; after a cut they have changed places."""
    c = Composition(f"swapped_sides_{d.name}", 2)
    c.add([talking(d.a[0]), d.silent(d.b[0].speaker)], d.a[0], "left")
    c.add([talking(d.b[0]), d.silent(d.a[0].speaker)], d.b[0], "left")
    return c


def short_turns(d: Duo, folder: Path) -> Composition:
    """Turns of 2 to 3.5 s, side by side."""
    c = Composition(f"short_turns_{d.name}", 2)
    a = d.a[0].speaker
    for piece in d.short:
        own = piece.speaker == a
        views = [talking(piece), d.silent(d.b[0].speaker)] if own else [d.silent(a), talking(piece)]
        c.add(views, piece, "left" if own else "right")
    return c


#: Another person's voice with the same lips: lower by a quarter, formants and all, and as long as before.
OTHER_VOICE = "asetrate=48000*0.78,aresample=48000,atempo=1/0.78"
#: Another person's face that is taken for the first one's: mirrored, a little narrower, in another light.
OTHER_FACE = f"scale={SIDE * 7 // 8}:{SIDE},pad={SIDE}:{SIDE}:(ow-iw)/2,hflip,eq=gamma=0.8"
#: The same face through a wide lens in hard light: 0.09 to 0.11 from the plain one for dlib's network, so another person.
OTHER_LIGHT = f"scale={SIDE * 2}:{SIDE},crop={SIDE}:{SIDE},eq=gamma=0.35:contrast=2:saturation=0"


def twice(d: Duo) -> tuple[Piece, Piece]:
    """Two things that one person says: two pieces, or the only one cut after its first short piece."""
    if len(d.a) > 1:
        return d.a[0], d.a[1]
    first, *rest = (piece for piece in d.short if piece.speaker == d.a[0].speaker)
    return first, replace(rest[0], end=rest[-1].end, text=" ".join(piece.text for piece in rest))


def look_alikes(d: Duo, folder: Path) -> Composition:
    """Two people who look alike, never in one picture, each with a voice of their own: the second is the first, changed."""
    c = Composition(f"look_alikes_{d.name}", 2)
    first, second = twice(d)
    twin = replace(second, speaker=f"{second.speaker}'s twin", sound=OTHER_VOICE)
    for _ in range(2):
        c.add([talking(first)], first, "any")
        c.add([talking(twin, OTHER_FACE)], twin, "any")
    return c


def changed_light(d: Duo, folder: Path) -> Composition:
    """One person comes back through another lens and in another light, in which they look like somebody else."""
    c = Composition(f"changed_light_{d.name}", 2)
    first, second = twice(d)
    c.add([talking(first)], first, "any")
    c.add([talking(d.b[0])], d.b[0], "any")
    c.add([talking(second, OTHER_LIGHT)], second, "any")
    return c


def three_people(d: Duo, e: Duo) -> Composition:
    """Three people in one picture speak in turn; the one in the middle may be boxed on either half."""
    c = Composition("three_people", 3)
    a, b, m = d.a[0], d.b[0], e.b[0]
    still_a, still_b, still_m = d.silent(a.speaker), d.silent(b.speaker), e.silent(m.speaker)
    c.add([talking(a), still_m, still_b], a, "left")
    c.add([still_a, talking(m), still_b], m, "any")
    c.add([still_a, still_m, talking(b)], b, "right")
    return c


def four_speakers(d: Duo, e: Duo) -> Composition:
    """Four shots, four people, four voices."""
    c = Composition("four_speakers", 4)
    for piece in (d.a[0], e.b[0], d.b[0], e.a[0]):
        c.add([talking(piece)], piece, "any")
    return c


def long_mix(d: Duo, seconds: float = 150.0) -> Composition:
    """Two and a half minutes of shots: single, side by side and mirrored, again and again."""
    c = Composition(f"long_mix_{d.name}", 2)
    a, b = d.a[0], d.b[0]
    while c.seconds < seconds:
        c.add([talking(a), d.silent(b.speaker)], a, "left")
        c.add([d.silent(a.speaker), talking(b)], b, "right")
    return c


SITUATIONS: tuple[Callable[[Duo, Path], Composition], ...] = (
    listener_cut, landscape_voice, overlap, turned_away, mirrored, chewing, swapped_sides, short_turns,
    look_alikes, changed_light,
)  # fmt: skip


# --- ffmpeg -----------------------------------------------------------------------------------------------------------


def landscape(folder: Path) -> Path:
    """A PNG of hills under an evening sky: a picture that holds no face."""
    from PIL import Image

    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    sky = np.stack([0.95 - 0.5 * (1 - y), 0.6 - 0.25 * (1 - y), 0.45 + 0.25 * (1 - y)], -1)
    for depth, (rough, shade) in enumerate(((9, 0.5), (5, 0.35), (3, 0.2))):
        ridge = 0.5 + 0.14 * depth + 0.06 * np.sin(rough * x + depth) + 0.02 * np.sin(4.3 * rough * x + 2 * depth)
        sky = np.where((y > ridge)[..., None], np.array([0.5, 0.6, 0.7]) * shade, sky)
    file = folder / "landscape.png"
    Image.fromarray((sky * 255).clip(0, 255).astype("uint8")).save(file)
    return file


def _ffmpeg(*arguments: str) -> None:
    command = [ffmpeg_binary(), "-nostdin", "-v", "error", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"ffmpeg: {done.stderr.strip()[-800:]}\n{' '.join(command)}")


def _back(image: np.ndarray, head: Head) -> np.ndarray:
    """SIDE x 2 SIDE x 3, uint8: what is behind the face, once around the head, 0 degrees in the middle: hair, and skin below it."""
    (x, y, w, h), (sx, sy, sw, sh) = head.hair, head.skin
    around = ((0, SIDE - h), (SIDE - w // 2, SIDE - w + w // 2), (0, 0))
    hair = cv2.blur(np.pad(image[y : y + h, x : x + w], around, "symmetric"), (3, 31))  # a pad repeats, strands do not
    skin = image[sy : sy + sh, sx : sx + sw].mean((0, 1)) * 0.8  # in the hair's shadow
    below = np.clip((np.arange(SIDE) - head.nape) / 50 + 0.5, 0, 1)[:, None, None]
    return (hair * (1 - below) + skin * below).astype(np.uint8)


def turned(image: np.ndarray, back: np.ndarray, head: Head, degrees: float) -> np.ndarray:
    """The SIDE x SIDE picture with its head turned to the picture's right by `degrees`; all else stays.

    The head is an ellipsoid that turns about its upright axis: what is at longitude p (0 at the nose) is seen at
    p + `degrees`, at x + half width * sin(p + degrees).
    """
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    off = (y - head.y) / head.half_height
    half = head.half_width * (1 - head.taper * np.clip(off, 0, 1)) * np.sqrt(np.clip(1 - off**2, 1e-4, 1))
    across = np.clip((x - head.x) / half, -1, 1)
    longitude = (np.arcsin(across) - math.radians(degrees) + np.pi) % (2 * np.pi) - np.pi
    front = cv2.remap(image, head.x + half * np.sin(longitude), y, cv2.INTER_LINEAR)
    behind = cv2.remap(back, (longitude / (2 * np.pi) + 0.5) * (2 * SIDE - 1), y, cv2.INTER_LINEAR)
    behind = behind * (0.6 + 0.4 * np.sqrt(1 - across**2))[..., None]
    # the last degrees before the outline are stretched smears, so the back begins before them
    face = np.clip((math.radians(70) - np.abs(longitude)) / math.radians(25), 0, 1)[..., None]
    inside = np.clip((1 - np.abs(x - head.x) / half) / 0.12, 0, 1) * np.clip((1 - np.abs(off)) / 0.08, 0, 1)
    inside = inside[..., None] * min(1.0, degrees / 15)
    head_now = front * face + behind * (1 - face)
    return (head_now * inside + image * (1 - inside)).astype(np.uint8)


def _turn_head(piece: Piece, head: Head, turns: float, gone: float, folder: Path) -> Path:
    """The speaker's square of `piece`, at RATE, with the head turning away between `turns` and `gone`, s into the piece.

    Raises RuntimeError with ffmpeg's words, or where OpenCV can read or write no video.
    """
    plain, to = folder / f"{piece.clip.stem}_plain.mkv", folder / f"{piece.clip.stem}_turned.avi"
    _render(Shot(piece.seconds, (talking(piece),), ()), plain)
    reader = cv2.VideoCapture(str(plain))
    writer = cv2.VideoWriter(str(to), cv2.VideoWriter.fourcc(*"MJPG"), RATE, (SIDE, SIDE))
    frames = round(piece.seconds * RATE)
    for frame in range(frames):
        more, image = reader.read()
        if not more or not writer.isOpened():
            raise RuntimeError(
                f"OpenCV: {plain.name} ended at frame {frame} of {frames}, or {to.name} cannot be written"
            )
        if not frame:
            back = _back(image, head)
        done = min(1.0, max(0.0, (frame / RATE - turns) / (gone - turns)))
        writer.write(turned(image, back, head, AWAY * done * done * (3 - 2 * done)))
    reader.release()
    writer.release()
    plain.unlink()
    return to


def _render(shot: Shot, to: Path) -> None:
    """The picture of one shot, to the frame, lossless enough to be encoded once more."""
    frames = round(shot.seconds * RATE)
    inputs: list[str] = []
    graph: list[str] = []
    for i, view in enumerate(shot.views):
        inputs += (["-loop", "1", "-framerate", str(RATE)] if view.still else ["-ss", f"{view.start:.3f}"]) + [
            "-i",
            str(view.clip),
        ]
        steps = [
            f"setpts=(PTS-STARTPTS)/{view.speed}",
            view.crop,
            f"scale={SIDE}:{SIDE},setsar=1",
            f"fps={RATE}",
            view.effect,
        ]
        # footage that is too short goes on with its last frame
        steps += [
            f"tpad=stop_mode=clone:stop_duration={shot.seconds + 1:.3f}",
            f"trim=end_frame={frames}",
            "format=yuv420p",
        ]
        graph.append(f"[{i}:v]{','.join(step for step in steps if step)}[v{i}]")
    count = len(shot.views)
    stacked = "".join(f"[v{i}]" for i in range(count)) + (f"hstack={count}" if count > 1 else "null") + ",setsar=1[v]"
    _ffmpeg(
        *inputs,
        "-filter_complex",
        ";".join([*graph, stacked]),
        "-map",
        "[v]",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-qp",
        "8",
        str(to),
    )


def _mix(composition: Composition, to: Path) -> None:
    """The sound of the whole composition: every piece at its place on the clock, so that it may reach over a cut."""
    inputs: list[str] = []
    graph: list[str] = []
    start = 0.0
    for shot in composition.shots:
        for heard in shot.heard:
            piece, i = heard.piece, len(graph)
            inputs += ["-ss", f"{piece.start:.3f}", "-t", f"{piece.seconds:.3f}", "-i", str(piece.clip)]
            change = f",{piece.sound}" if piece.sound else ""
            fade = f"afade=t=in:d=0.01,afade=t=out:st={piece.seconds - 0.01:.3f}:d=0.01"
            at = round((start + heard.at) * 1000)
            graph.append(f"[{i}:a]aresample=48000,aformat=channel_layouts=mono{change},{fade},adelay={at}[a{i}]")
        start += shot.seconds
    together = "".join(f"[a{i}]" for i in range(len(graph)))
    together += f"amix={len(graph)}:normalize=0:dropout_transition=0,apad,atrim=end={start:.3f}[a]"
    _ffmpeg(*inputs, "-filter_complex", ";".join([*graph, together]), "-map", "[a]", "-c:a", "pcm_s16le", str(to))


def write(composition: Composition, folder: Path) -> tuple[Path, Path]:
    """NAME.mp4, NAME.truth.json and NAME.rttm are in `folder`; the first two are returned."""
    clip, truth = folder / f"{composition.name}.mp4", folder / f"{composition.name}.truth.json"
    with tempfile.TemporaryDirectory() as work:
        sound, order = Path(work, "sound.wav"), Path(work, "order.txt")
        rendered: dict[Shot, str] = {}
        for shot in composition.shots:
            if shot not in rendered:
                rendered[shot] = f"shot{len(rendered)}.mkv"
                _render(shot, Path(work, rendered[shot]))
        order.write_text("".join(f"file '{rendered[shot]}'\n" for shot in composition.shots))
        _mix(composition, sound)
        _ffmpeg(
            "-f", "concat", "-i", str(order), "-i", str(sound), "-map", "0:v", "-map", "1:a",
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p",
            "-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", str(clip),
        )  # fmt: skip
    starts = [round(sum(s.seconds for s in composition.shots[:i]), 3) for i in range(len(composition.shots))]
    record = {"language": "en", "faces": composition.faces, "shots": starts, "turns": composition.turns}
    truth.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
    clip.with_suffix(".rttm").write_text(
        "".join(
            f"SPEAKER {composition.name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {who} <NA> <NA>\n"
            for start, end, who in composition.voices
        )
    )
    return clip, truth


def compositions(folder: Path) -> list[Composition]:
    """What this machine has material for. `folder` takes the stills and the turning heads they need."""
    own = duo(EXAMPLES, "orbit_en")
    if not (SHARED / "two_shot.mp4").exists():
        return [situation(own, folder) for situation in SITUATIONS]
    shared = duo(SHARED, "two_shot")
    return [situation(shared, folder) for situation in SITUATIONS] + [
        three_people(shared, own),
        four_speakers(shared, own),
    ]


def compose(folder: Path) -> list[tuple[Path, Path]]:
    """Every composed clip and its truth are in `folder`.

    Raises RuntimeError with ffmpeg's words where it fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [write(composition, folder) for composition in compositions(folder)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--long", action="store_true", help="only the mix of two and a half minutes, for memory")
    options = parser.parse_args()
    if options.long:
        options.folder.mkdir(parents=True, exist_ok=True)
        source = duo(SHARED, "two_shot") if (SHARED / "two_shot.mp4").exists() else duo(EXAMPLES, "orbit_en")
        made = [write(long_mix(source), options.folder)]
    else:
        made = compose(options.folder)
    for clip, _ in made:
        print(clip)


if __name__ == "__main__":
    main()
