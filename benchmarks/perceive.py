"""What the light models perceive in the benchmark's clips, kept on disk, and a judge of what is made of it.

    python -m benchmarks.perceive [FOLDER ...] [--jobs 2] [--only TEXT ...]     perceive what is not yet kept
    python -m benchmarks.perceive --judge [--only TEXT ...] [--table]           judge attribution on what is kept

FOLDERs hold clips with NAME.truth.json beside them; without any they are what `default_folders` says. Records are kept
in SPEECHGLASS_PERCEIVED (out/perceived of the repository), stage by stage, under the hash of the clip and of the code
that made them: what has not changed is never perceived again. `--lips` perceives and judges as on a machine without the
learned detector of speaking faces. `--any` accepts records of other code where there are none of this one.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from pipeline import Settings, load_models, media
from pipeline.cache import StageCache, content_hash
from pipeline.progress import finish
from pipeline.records import (
    Box,
    Clip,
    Diarization,
    Faces,
    FaceTrack,
    Likeness,
    Media,
    Notice,
    Segment,
    Shot,
    Stage,
    Transcript,
    Turn,
    Voice,
    Word,
)
from pipeline.workspace import workspace

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "clips"
COMPOSED = ROOT / "out" / "composed"
#: The records of each stage, and the files on which they depend.
RECORDS = {
    "transcript": (Transcript, Segment, Word, Notice),
    "diarization": (Diarization, Turn, Voice, Likeness, Notice),
    "faces": (Faces, FaceTrack, Box, Shot, Likeness, Notice),
    "lips": (Faces, FaceTrack, Box, Shot, Likeness, Notice),
}
TRANSCRIBING = ("guards.py", "starts.py", "transcribe.py")
FULL_ONLY = ("nemo.py", "whisper_full.py")
KINDS: dict[str, type] = {"transcript": Transcript, "diarization": Diarization, "faces": Faces, "lips": Faces}
#: What a case is made of, with the learned detector of speaking faces and without.
LEARNED, LIPS = ("transcript", "diarization", "faces"), ("transcript", "diarization", "lips")
#: Who is in the recorded clips, by the names that `benchmarks.compose` uses.
PEOPLE = {
    "two_shot": ("flag woman", "map man"),
    "cuts": ("flag woman", "map man"),
    "off_screen_voice": ("flag woman", "map man"),
    "two_shot_2": ("bank woman", "suit man"),
    "real_interview": ("interview guest", "interview host"),
    "real_talkshow": ("talk show guest", "talk show host"),
    "real_meeting": ("boss", "trainer", "texting woman", "dancing woman", "man with headphones"),
    "orbit_en": ("astronaut", "admiral"),
    "europa_pl": ("astronaut", "admiral"),
}


@dataclass(frozen=True)
class Case:
    """One clip with its truth and all that models found in it."""

    name: str
    people: tuple[str, ...]  #: everybody who is seen or heard
    truth: dict[str, Any]
    hard: str  #: why nobody should expect the right answer, ""
    transcript: Transcript
    diarization: Diarization
    faces: Faces
    media: Media


def kept_in() -> Path:
    """The folder of the records."""
    return Path(os.environ.get("SPEECHGLASS_PERCEIVED") or ROOT / "out" / "perceived")


def default_folders() -> list[Path]:
    """Where clips with a truth lie: the examples, the shared clips and the composed ones, as far as they are there."""
    composed = Path(os.environ.get("SPEECHGLASS_COMPOSED") or COMPOSED)
    return [folder for folder in (ROOT / "examples", SHARED, composed) if folder.is_dir()]


def clips(folders: Iterable[Path], only: Sequence[str] = ()) -> list[Path]:
    """The clips with a picture and a truth whose names hold one of `only`."""
    found = [clip for folder in folders for clip in sorted(folder.glob("*.mp4"))]
    found = [clip for clip in found if clip.with_suffix(".truth.json").exists()]
    return [clip for clip in found if not only or any(text in clip.stem for text in only)]


@cache
def code_hash(stage: str) -> str:
    """A hash of the code on which the records of `stage` depend: changes elsewhere leave them as they are."""
    if stage in ("faces", "lips"):
        files = sorted((ROOT / "pipeline" / "faces").rglob("*.py"))
    else:
        speech = sorted((ROOT / "pipeline" / "speech").rglob("*.py"))
        transcribing = stage == "transcript"
        files = [f for f in speech if (f.name in TRANSCRIBING) == transcribing and f.name not in FULL_ONLY]
    digest = hashlib.sha256("".join(inspect.getsource(record) for record in RECORDS[stage]).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _cache(clip: Path) -> tuple[StageCache, Path]:
    folder = kept_in() / content_hash(clip)[:16]
    return StageCache(folder, 2**40), folder


def kept(clip: Path, stage: str, stale: bool = False) -> Any:
    """The record of `stage` for the clip, or None. With `stale` the newest one of other code where there is none of
    this one.
    """
    store, folder = _cache(clip)
    record = store.get(f"{stage}-{code_hash(stage)}", KINDS[stage])
    if record is None and stale:
        others = sorted(folder.glob(f"{stage}-*"), key=lambda file: file.stat().st_mtime, reverse=True)
        record = next((found for file in others if (found := store.get(file.name, KINDS[stage])) is not None), None)
    return record


def perceived(clip_path: Path, settings: Settings, stages: Sequence[str] = LEARNED) -> Iterator[tuple[str, Any, float]]:
    """(stage, its record, s that it took) for every one of `stages` of a clip with sound."""
    models, clip = load_models(settings), media.probe(clip_path, settings)
    with workspace() as folder:
        sound = finish(media.extract_sound(clip, folder / "sound.wav"))
        works: dict[str, Callable[[], Stage[Any]]] = {
            "transcript": lambda: models.transcribe(sound, None),
            "diarization": lambda: models.diarize(sound, None),
            "faces": lambda: models.find_faces(clip, sound),
            "lips": lambda: _faces_by_lips(clip, sound, settings),
        }
        for stage in stages:
            start = time.monotonic()
            record = finish(works[stage]())
            yield stage, record, time.monotonic() - start


def _faces_by_lips(clip: Clip, sound: Path, settings: Settings) -> Stage[Faces]:
    """Faces as the light set finds them where the weights of the learned detector cannot be had."""
    from pipeline.faces import find_faces
    from pipeline.faces.detect import retinaface_onnx
    from pipeline.faces.identify import dlib_faces
    from pipeline.faces.lip_detector import LipDetector
    from pipeline.faces.sound import Sound
    from pipeline.models.sets import weights

    detector = retinaface_onnx((yield from weights("retinaface-mobilenet", settings)))
    embedder = dlib_faces((yield from weights("dlib-resnet", settings)))
    return (yield from find_faces(clip, detector, embedder, LipDetector(Sound.read(sound))))


def perceive(clip_path: Path, stages: Sequence[str] = LEARNED) -> tuple[str, dict[str, float]]:
    """Every record of the clip is kept; returns its name and the seconds that each missing stage took."""
    missing = [stage for stage in stages if kept(clip_path, stage) is None]
    took: dict[str, float] = {}
    store, _ = _cache(clip_path)
    for stage, record, seconds in (
        perceived(clip_path, Settings.from_environment(models="light"), missing) if missing else ()
    ):
        store.put(f"{stage}-{code_hash(stage)}", record)
        took[stage] = seconds
    return clip_path.stem, took


def cases(
    folders: Iterable[Path] | None = None,
    only: Sequence[str] = (),
    stale: bool = False,
    stages: Sequence[str] = LEARNED,
) -> Iterator[Case]:
    """Every clip whose records are kept: `stages` are `LEARNED` or `LIPS`. See `kept` for `stale`."""
    settings = Settings.from_environment(models="light")
    for clip_path in clips(default_folders() if folders is None else folders, only):
        heard, voices, faces = (kept(clip_path, stage, stale) for stage in stages)
        if heard is None or voices is None or faces is None:
            continue
        truth = json.loads(clip_path.with_suffix(".truth.json").read_text("utf-8"))
        speakers = tuple(dict.fromkeys(turn["speaker"] for turn in truth["turns"]))
        people = tuple(truth.get("people") or PEOPLE.get(clip_path.stem, speakers))
        clip = media.probe(clip_path, settings)
        described = Media(clip.duration, clip.width, clip.height, clip.frame_rate)
        yield Case(clip_path.stem, people, truth, truth.get("hard", ""), heard, voices, faces, described)


# --- judging ----------------------------------------------------------------------------------------------------------


def judge_all(attribute: Callable[..., Any], given: Iterable[Case], table: bool = True) -> dict[str, Any]:
    """Judge `attribute(transcript, diarization, faces, evidence=...)` on every case by its voices alone and by all
    evidence.

    Prints a table, if asked, and returns the summary with a row a clip.
    """
    from benchmarks.judge import judge, summary

    judgements, hard, seconds = {}, {}, 0.0
    if table:
        print(
            f"{'clip':34} {'speaker: voice':>14} {'all':>5} {'face: voice':>12} {'all':>5} {'count':>6}  "
            f"{'sure, right':>11}"
        )
    for case in given:
        found = {}
        for mode in ("voice", "all"):
            start = time.monotonic()
            answer = attribute(case.transcript, case.diarization, case.faces, evidence=mode)
            seconds += time.monotonic() - start
            found[mode] = judge(answer, case.truth, case.media.width)
        judgements[case.name], hard[case.name] = found, case.hard
        if table:
            voice, everything = found["voice"], found["all"]
            sure = [phrase for phrase in everything.phrases if phrase.confidence >= 0.9]
            print(
                f"{case.name:34} {voice.speaker:14.2f} {everything.speaker:5.2f} {voice.face:12.2f} "
                f"{everything.face:5.2f} {everything.count_error:+6d}  {sum(p.right for p in sure):5d} of "
                f"{len(sure):2d}" + (f"  hard: {case.hard}" if case.hard else ""),
                flush=True,
            )
    result = summary(judgements, hard)
    result["attribution_s"], result["hard_clips"] = seconds, {name: reason for name, reason in hard.items() if reason}
    result["by_clip"] = {
        name: {mode: {"speaker": j.speaker, "face": j.face, "count_error": j.count_error} for mode, j in modes.items()}
        for name, modes in judgements.items()
    }
    return result


def main() -> None:
    """Perceive or judge, as asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of clips")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2 at most)")
    parser.add_argument(
        "--judge", action="store_true", help="judge the attribution on the kept records; perceive nothing"
    )
    parser.add_argument(
        "--any", action="store_true", help="take records of other code where there are none of this one"
    )
    parser.add_argument("--lips", action="store_true", help="without the learned detector of speaking faces")
    given = parser.parse_args()
    stages = LIPS if given.lips else LEARNED
    folders = given.folders or default_folders()
    if given.judge:
        from pipeline.people import attribute

        result = judge_all(attribute, cases(folders, given.only, given.any, stages))
        for mode in ("voice", "all"):
            if mode in result:
                print(f"{mode}: " + ", ".join(f"{k} {v:.3f}" for k, v in result[mode].items() if isinstance(v, float)))
        print(json.dumps(result))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found = clips(folders, given.only)
    with ProcessPoolExecutor(max(1, min(2, given.jobs))) as pool:
        for number, (name, took) in enumerate(pool.map(partial(perceive, stages=stages), found), 1):
            print(f"{number}/{len(found)} {name:34} " + " ".join(f"{k} {v:.1f}" for k, v in took.items()), flush=True)


if __name__ == "__main__":
    main()
