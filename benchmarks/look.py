"""Figures of the look: how soon and how comfortably translations can be read, and how often panels move.

    python -m benchmarks.look TRANSCRIPT.json [TRANSCRIPT.json ...] [--look NAME] [--reveal NAME] [--text-size X]
    python -m benchmarks.look --perceived [--only TEXT ...] [--look NAME] ...    of all clips that were perceived
    python -m benchmarks.look --perceived --sheets FOLDER      and a contact sheet of each clip's frames
    python -m benchmarks.look TRANSCRIPT.json --clip CLIP --sheets FOLDER

Perceived clips are those of benchmarks/perceive.py; records of other code count, too, so that no model has to run.
A clip without translations (in English, without a key) gets stand-ins of the same width, so that its rhythm is
measured, too. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import perceive
from benchmarks.gallery import label, rgb
from pipeline import media, transcript
from pipeline.people import attribute
from pipeline.records import REVEALS, Analysis, Look
from pipeline.settings import Settings
from pipeline.subtitles import looks, yuv
from pipeline.subtitles.cue import FASTEST_CPS, SHORTEST_S, Cue
from pipeline.subtitles.draw import compose
from pipeline.subtitles.plan import Plan
from pipeline.subtitles.schedule import reading_speed
from pipeline.text import text_width

FILLER = "czekaliśmy na ciebie od pierwszego sygnału, a potem poszliśmy do domu, bo było już bardzo późno i zimno, "
SIZE = 1280, 720  #: px that clips with sound only are laid out on
MOVED = 0.04  #: of the picture's smaller side: an offset that changes by less is the same home
TILE, ACROSS = 480, 4  #: px of a frame on a contact sheet, and how many stand side by side


@dataclass
class Figures:
    """What was measured, over one clip or many."""

    delays: list[float] = field(default_factory=list)  #: s from a first word to the whole translation
    cues: int = 0
    readable: int = 0  #: cues within 20 columns a second and 5/6 s
    homes: list[int] = field(default_factory=list)  #: changes of home by shot and person
    both: float = 0.0  #: s during which two texts of a "one voice" look stand at once

    def add(self, other: Figures) -> None:
        """Add another clip's figures."""
        self.delays += other.delays
        self.homes += other.homes
        self.cues += other.cues
        self.readable += other.readable
        self.both += other.both

    def summary(self) -> dict[str, float | int | None]:
        """Return the figures by name."""
        delays, homes = self.delays, self.homes
        return {
            "cues": self.cues,
            "delay_median_s": round(statistics.median(delays), 2) if delays else None,
            "delay_p95_s": round(float(np.percentile(delays, 95)), 2) if delays else None,
            "within_2_5_s": round(sum(delay <= 2.5 for delay in delays) / len(delays), 3) if delays else None,
            "readable": round(self.readable / self.cues, 3) if self.cues else None,
            "homes": len(homes),
            "homes_that_stay": round(sum(not changes for changes in homes) / len(homes), 3) if homes else None,
            "two_texts_s": round(self.both, 1),
        }


def stand_in(analysis: Analysis) -> Analysis:
    """Return the analysis with a stand-in for every translation that is missing, of the width of its source."""
    endless = FILLER * 60
    at = itertools.count(0, 37)
    phrases = []
    for phrase in analysis.phrases:
        if not phrase.translation:
            start = endless.index(" ", next(at) % 400) + 1
            text = endless[start : start + max(2, text_width(phrase.source) - 1)].strip(" ,") + "."
            phrase = dataclasses.replace(phrase, translation=text[0].upper() + text[1:])
        phrases.append(phrase)
    target = analysis.target_language if any(p.translation for p in analysis.phrases) else "PL"
    return dataclasses.replace(analysis, phrases=tuple(phrases), target_language=target)


def fits(cue: Cue) -> bool:
    """Return whether the cue is within 20 columns a second and 5/6 s, up to the rounding of a frame."""
    return reading_speed(cue) <= FASTEST_CPS + 0.05 and cue.text_end - cue.start >= SHORTEST_S - 0.01


def measure(plan: Plan, hurried: bool = False) -> Figures:
    """Return the figures of one plan; `hurried` prints the cues that are not up long enough."""
    found = Figures(cues=len(plan.cues))
    if hurried:
        for cue in plan.cues:
            if not fits(cue):
                print(
                    f"  {cue.start:.2f}-{cue.text_end:.2f} s, {reading_speed(cue):.1f} a second: "
                    f"{cue.translation or cue.source}"
                )
    for cue in plan.cues:
        if cue.translation and cue.source:
            found.delays.append(cue.delay)
        found.readable += fits(cue)
    found.homes = list(home_changes(plan).values())
    for a, b in itertools.combinations(plan.cues, 2):
        found.both += max(0.0, min(a.text_end, b.text_end) - max(a.start, b.start))
    return found


def home_changes(plan: Plan) -> dict[tuple[str, int], int]:
    """Return how often the panels of a person change their home, by person and shot.

    A home is the offset of a panel's lower middle from the face, or its place where no face leads it.
    """
    homes: dict[tuple[str, int], list[tuple[str, float, float]]] = defaultdict(list)
    scene = plan.scene
    for cue, spots in zip(plan.cues, plan.spots[0], strict=True):
        for spot in spots:
            if cue.person is None or not spot.width:
                continue
            middle = (spot.start + spot.end) / 2
            x, y = spot.at(middle)
            at = np.array([x + spot.width / 2, y + spot.height])
            relative = spot.face is not None and spot.kind not in ("low", "off screen")
            if relative and spot.face is not None:
                left, top, right, bottom = spot.face.at(middle)
                if spot.kind == "below":  # it hangs from the chin
                    at = np.array([x + spot.width / 2, y])
                anchor = {"above": top, "below": bottom}.get(spot.kind, (top + bottom) / 2)
                at = at - np.array([(left + right) / 2, anchor])
                if scene.margin * 2 < x < scene.width - spot.width - scene.margin * 2:
                    at[0] = at[0] if spot.kind in ("above", "below") else 0.0
                else:
                    at[0] = 0.0  # pushed in from the side of the picture
            homes[cue.person, scene.shot(spot.start)].append((spot.kind, float(at[0]), float(at[1])))
    near = 2 * MOVED * min(scene.width, scene.height)
    return {
        key: sum(
            a[0] != b[0] or (a[0] not in ("low", "off screen") and abs(a[2] - b[2]) > near)
            for a, b in itertools.pairwise(places)
        )
        for key, places in homes.items()
    }


def sheet(analysis: Analysis, clip: Path, look: Look, to: Path, count: int = 24) -> None:
    """Write a contact sheet of `count` frames, at the moments at which lines turn and stand."""
    probed = media.probe(clip, Settings())
    width, height = media.output_size(probed)
    rate = media.output_rate(probed)
    made = compose(analysis, look, width, height, rate, yuv.BT709)
    wanted = sorted(
        {
            t
            for cue in made.cues
            for t in ((cue.turn_start + cue.turn_end) / 2 if cue.turns else cue.start + 0.3, cue.text_end - 0.2)
        }
    )
    wanted = wanted[:: max(1, -(-len(wanted) // count))]
    tiles = []
    frames = media.frames(probed, width=width, height=height, rate=rate, pixels="yuv420p")
    for t, frame in frames:
        if wanted and t >= wanted[0]:
            wanted.pop(0)
            canvas = made.framed(frame.copy())
            made.draw(canvas, t)
            image = rgb(canvas)
            image = image.resize((TILE, round(TILE * image.height / image.width)), Image.Resampling.LANCZOS)
            image.paste(label(f"{t:.2f} s", 14), (4, 4))
            tiles.append(image)
    if tiles:
        page = Image.new("RGB", (ACROSS * TILE, -(-len(tiles) // ACROSS) * tiles[0].height))
        for k, image in enumerate(tiles):
            page.paste(image, (k % ACROSS * TILE, k // ACROSS * image.height))
        page.save(to)


@dataclass(frozen=True)
class Piece:
    """One clip to measure; the clip itself is only needed for a contact sheet."""

    name: str
    analysis: Analysis
    clip: Path | None


def perceived(only: Sequence[str]) -> Iterator[Piece]:
    """Yield what is made of the records of every clip that was perceived."""
    paths = {path.stem: path for path in perceive.clips(perceive.default_folders(), only)}
    for case in perceive.cases(only=only, stale=True):
        answer = attribute(case.transcript, case.diarization, case.faces)
        language = case.transcript.language
        yield Piece(
            case.name,
            Analysis(
                case.media, language, "EN-US" if language != "en" else "PL", {}, answer.people, answer.phrases,
                answer.turns, answer.tracks, (), {}, case.faces.shots,
            ),
            paths[case.name],
        )  # fmt: skip


def given_pieces(files: Sequence[Path], clip: Path | None) -> Iterator[Piece]:
    """Yield the transcripts in `files`."""
    for file in files:
        name = file.parent.name if file.name == "transcript.json" else file.stem
        yield Piece(name, transcript.from_json(file.read_text(encoding="utf-8")), clip)


def main() -> None:
    """Print the table of every transcript."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("transcripts", type=Path, nargs="*")
    options.add_argument("--perceived", action="store_true", help="the clips of benchmarks.perceive")
    options.add_argument("--only", nargs="*", default=[], help="parts of names of perceived clips")
    options.add_argument("--look", choices=looks.names(), default="cyberpunk")
    options.add_argument("--reveal", choices=REVEALS, default="live")
    options.add_argument("--text-size", type=float, default=1.0)
    options.add_argument("--hurried", action="store_true", help="print the cues that are not up long enough")
    options.add_argument("--clip", type=Path, help="the clip of the (single) transcript, for --sheets")
    options.add_argument("--sheets", type=Path, help="a folder for contact sheets (JPEG)")
    given = options.parse_args()
    look = Look(given.look, reveal=given.reveal, text_size=given.text_size)
    total = Figures()
    print(f"{'clip':34} cues  median   p95  readable  homes that stay")
    for piece in (*given_pieces(given.transcripts, given.clip), *(perceived(given.only) if given.perceived else ())):
        analysis = stand_in(piece.analysis)
        size = (analysis.media.width, analysis.media.height) if analysis.media.width else SIZE
        figures = measure(compose(analysis, look, *size, analysis.media.frame_rate or 25).plan, given.hurried)
        total.add(figures)
        one = figures.summary()
        print(
            f"{piece.name:34} {one['cues']:4}  {one['delay_median_s']!s:>6}  {one['delay_p95_s']!s:>4}  "
            f"{one['readable']!s:>8}  {one['homes_that_stay']} of {one['homes']}",
            flush=True,
        )
        if given.sheets and piece.clip:
            given.sheets.mkdir(parents=True, exist_ok=True)
            sheet(analysis, piece.clip, look, given.sheets / f"{piece.name}.jpg")
    print(json.dumps({"look": look.name, "reveal": look.reveal, **total.summary()}))


if __name__ == "__main__":
    main()
