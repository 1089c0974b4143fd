"""People you know: a folder of names with portraits and samples of voices.

    FOLDER/Ann/front.jpg        any number of portraits of Ann
    FOLDER/Ann/voice.wav        and of samples in which only she speaks
    FOLDER/Bob.png              or a file a person

What the models make of them is used for this run and kept nowhere.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import media, processes
from pipeline.download import MEDIA_SUFFIXES
from pipeline.edit import MAX_NAME
from pipeline.edit.common import one_line
from pipeline.errors import InputError, MediaError, UsageError
from pipeline.people.across import mean
from pipeline.people.parameters import VOICE_LIKENESS
from pipeline.records import FaceTrack, Known, Progress, Stage
from pipeline.settings import Settings
from pipeline.stages import Models
from pipeline.terminal import printable
from pipeline.workspace import workspace

if TYPE_CHECKING:
    from PIL import Image

PORTRAITS = frozenset((".jpg", ".jpeg", ".png", ".webp"))
SAMPLES = MEDIA_SUFFIXES - {".gif"}
MOST = 200  #: people in a folder
MOST_FILES = 20  #: of a person
SIDE = 960  #: px, long side at which a portrait is looked at
MARGIN = 0.25  #: of the portrait's size that is added around it: the detector misses faces that fill the picture
PIXELS = 100_000_000  #: of a portrait at most
MAIN_FACE = 0.5  #: share of the largest face's width below which others are people in the background
HOW = "give each person a folder with portraits, or a picture that has their name"


@dataclass(frozen=True, slots=True)
class Entry:
    """One person in the folder."""

    name: str
    portraits: tuple[Path, ...]
    samples: tuple[Path, ...]


def read(folder: Path) -> tuple[Entry, ...]:
    """Return the people in the folder, by name.

    Raises UsageError for a folder that does not hold people.
    """
    try:
        if not folder.is_dir():
            raise UsageError(f"There is no folder {printable(folder)} of people; check the name after --people.")
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        files: dict[str, list[Path]] = {}
        for path in inside:
            if path.is_dir():
                files[path.name] = sorted(one for one in path.iterdir() if not one.name.startswith("."))
            elif path.suffix.lower() in PORTRAITS | SAMPLES:
                files.setdefault(path.stem, []).append(path)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise UsageError(f"The folder {printable(folder)} cannot be read ({reason}); check it.") from None
    if not files:
        raise UsageError(f"{printable(folder)} holds no people; {HOW}.")
    if len(files) > MOST:
        raise UsageError(f"{printable(folder)} holds more than {MOST} people; take those whom the clips may show.")
    entries = tuple(_entry(name, paths) for name, paths in files.items())
    seen: set[str] = set()
    for entry in entries:
        known = len(seen)
        seen.add(entry.name.casefold())
        if len(seen) == known:
            raise UsageError(f"{printable(folder)} holds {entry.name} twice; put both into one folder.")
    return entries


def _entry(given: str, paths: Sequence[Path]) -> Entry:
    no_name = f"{printable(given[:60])!r} is not a name of 1 to {MAX_NAME} characters; rename the folder or file."
    name = one_line(given, MAX_NAME, no_name)
    if not name:
        raise UsageError(no_name)
    portraits = tuple(path for path in paths if path.suffix.lower() in PORTRAITS)
    samples = tuple(path for path in paths if path.suffix.lower() in SAMPLES)
    if not portraits and not samples:
        raise UsageError(f"The folder of {name} holds neither a picture nor sound; put a portrait into it.")
    if len(portraits) + len(samples) > MOST_FILES:
        raise UsageError(f"The folder of {name} holds more than {MOST_FILES} files; choose the best.")
    for portrait in portraits:
        _opened(portrait)
    return Entry(name, portraits, samples)


def learn(entries: Sequence[Entry], settings: Settings, load: Callable[[Settings], Models]) -> tuple[Known, ...]:
    """Return what the models make of the people, in a process of its own: its models are gone afterwards.

    Raises UsageError for a portrait without a face or with several, or a sample in which nobody speaks.
    """
    if not entries:
        return ()
    with closing(processes.work([entries], functools.partial(Learn, settings, load), 1)) as work:
        for _, said in work:
            if isinstance(said, Exception):
                raise said
            if not isinstance(said, float):
                return said
    raise MediaError("The process that looked at the portraits was lost; run again.")


class Learn:
    """Makes embeddings of portraits and voices, with the models that the clips are analysed with."""

    def __init__(self, settings: Settings, load: Callable[[Settings], Models]) -> None:
        self._settings, self._models = settings, load(settings)

    def __call__(self, entries: Sequence[Entry]) -> Stage[tuple[Known, ...]]:
        """Return what is known of the people.

        Raises UsageError for a portrait without a face or with several, or a sample in which nobody speaks.
        """
        found = []
        for n, entry in enumerate(entries):
            yield Progress("people", n / len(entries), entry.name)
            faces = []
            for portrait in entry.portraits:
                faces.append((yield from self._face(portrait)))
            voices = []
            for sample in entry.samples:
                voices += yield from self._voice(sample)
            voice, seconds = mean(voices, VOICE_LIKENESS)
            found.append(Known(entry.name, tuple(faces), voice, seconds))
        return tuple(found)

    def _face(self, portrait: Path) -> Stage[tuple[float, ...]]:
        with workspace() as folder:
            clip = media.probe(_film(portrait, folder), self._settings)
            faces = yield from self._models.find_faces(clip, None)
        tracks = [track for track in faces.tracks if track.embedding]
        widest = max(map(_width, tracks), default=0.0)
        tracks = [track for track in tracks if _width(track) >= MAIN_FACE * widest]
        name = printable(portrait.name)
        if not tracks:
            raise UsageError(f"No face can be made out in {name}; give a portrait that shows it from the front.")
        if len(tracks) > 1:
            raise UsageError(f"{name} shows {len(tracks)} faces; give a portrait of one person.")
        return tracks[0].embedding

    def _voice(self, sample: Path) -> Stage[list[tuple[tuple[float, ...], float]]]:
        try:
            clip = media.probe(sample, self._settings)
            with workspace() as folder:
                sound = yield from media.extract_sound(clip, folder / "sound.wav")
                voices = yield from self._models.diarize(sound, 1)
        except InputError as error:
            raise UsageError(str(error)) from None
        turns = [(turn.embedding, turn.clean_s or turn.end - turn.start) for turn in voices.turns if turn.embedding]
        if not turns:
            raise UsageError(f"Nobody can be heard in {printable(sample.name)}; give some seconds of the voice.")
        return turns


def _width(track: FaceTrack) -> float:
    return track.boxes[0].right - track.boxes[0].left


def _opened(portrait: Path) -> Image.Image:
    """Return the picture upright, RGB.

    Raises UsageError.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(portrait) as picture:
            if picture.width * picture.height > PIXELS:
                raise UsageError(f"{printable(portrait.name)} is larger than 100 megapixels; scale it down.")
            picture.draft("RGB", (SIDE, SIDE))
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise UsageError(
            f"{printable(portrait.name)} is not a picture that can be read; save it as JPEG or PNG."
        ) from None


def _film(portrait: Path, folder: Path) -> Path:
    """Return a clip of one second that shows the portrait: what finds faces takes clips."""
    from PIL import ImageOps, ImageStat

    picture = _opened(portrait)
    picture.thumbnail((SIDE, SIDE))
    edge = round(MARGIN * max(picture.size))
    shade = tuple(round(value) for value in ImageStat.Stat(picture).mean)
    picture = ImageOps.expand(picture, edge, shade)
    picture = picture.crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
    picture.save(folder / "portrait.png")
    media.still_clip(folder / "portrait.png", folder / "portrait.mp4", seconds=1.0)
    return folder / "portrait.mp4"


def appearances(outcomes: Sequence[tuple[str, dict[str, float]]]) -> Iterator[str]:
    """Yield a line for everybody: in which clips they are and for how long they speak.

    `outcomes`: the name of each clip with the s that everybody in it speaks.
    """
    people: dict[str, list[str]] = {}
    for clip, spoken in outcomes:
        for name, seconds in spoken.items():
            people.setdefault(name, []).append(f"{clip} ({seconds:.0f} s)" if seconds else f"{clip} (silent)")
    for name in sorted(people, key=str.casefold):
        yield f"{name}: {', '.join(people[name])}"
