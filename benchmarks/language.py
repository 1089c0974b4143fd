"""Fit when the spoken language is asked for, and when a phrase is marked as misheard.

    python -m benchmarks.language [--clips CLIP=CODE ...] [--every] [--keep FILE]

Says two sentences in every language of `sentences.json` with espeak-ng (Debian: `apt install espeak-ng`), in two voices
and with pink noise, and has the light recogniser hear each as a clip of its own. Real clips whose language is known are
cut into pieces and treated likewise. Without options that is 54 synthetic clips and the pieces of the two examples,
of which words are heard in 50 and 18; with `--every` it is 216 synthetic ones at four levels of noise. Two thresholds
of `pipeline/speech/doubt.py` follow from it:

SURE    the probability of the language below which the user is asked.
CLEAR   the mean probability of a phrase's words below which it is marked. A phrase is misheard when less than half of
        its letters were said, by CLIP.truth.json where the clip is real.

Each is where `RIGHT` times the share of right answers that are flagged, plus the share of wrong ones that are not, is
least: most answers are right, so that it matters more to leave those alone. The right answers are those of real clips
where there are some, since the recogniser is less sure of a synthetic voice; the wrong ones are of both. Each is judged
on languages that are left out of the fit, in five groups. `--keep` holds what was heard, so that a second run only
fits.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np

from pipeline import media
from pipeline.models.sets import weights
from pipeline.settings import Settings
from pipeline.speech import doubt
from pipeline.speech.activity import RATE, speech_probability
from pipeline.speech.transcribe import transcribe
from pipeline.subtitles.plan import finish
from pipeline.text import chinese

SENTENCES = Path(__file__).with_name("sentences.json")
ESPEAK_NAMES = {"zh": "cmn", "en": "en-us"}  #: where espeak-ng's name of a language is not Whisper's
VOICES = ("", "+f3")
NOISE_DB = (None, 10.0, 5.0, 0.0)  #: speech over noise
FEW_DB = (None, 5.0)  #: without --every
LENGTHS_S = (3.0, 8.0)  #: of pieces of real clips
MOST_PIECES = 8  #: of one length and clip
GROUPS = 5
RIGHT = 2.0


@dataclass(frozen=True)
class Heard:
    """What the recogniser made of a piece; `phrases` are (mean probability of the words, share of letters said)."""

    spoken: str
    heard: str
    probability: float
    phrases: tuple[tuple[float, float], ...]
    is_real: bool = False  #: not synthetic


def say(text: str, language: str, voice: str, to: Path) -> None:
    """Write `text` as espeak-ng says it to the WAV file `to`.

    Raises FileNotFoundError where espeak-ng is not installed.
    """
    name = ESPEAK_NAMES.get(language, language) + voice
    subprocess.run(["espeak-ng", "-v", name, "-s", "150", "-w", str(to), text], check=True, capture_output=True)


def pink(count: int, seed: int) -> np.ndarray:
    """Return noise whose power falls as 1/f, with a root mean square of 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), np.float32)


def noisy(samples: np.ndarray, level_db: float | None, seed: int) -> np.ndarray:
    """Return the samples with pink noise `level_db` below them, None for no noise."""
    if level_db is None:
        return samples
    loudness = float(np.sqrt(np.mean(samples**2)))
    mixed = samples + pink(len(samples), seed) * loudness / 10 ** (level_db / 20)
    return np.asarray(mixed * min(1.0, 0.95 / float(np.abs(mixed).max())), np.float32)


def share_said(text: str, said: str) -> float:
    """Return the share of the letters of `text` that stand in `said` in that order, in runs of two and more."""
    a, b = _letters(text), _letters(said)
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size > 1) / len(a) if a else 0.0


def _letters(text: str) -> str:
    simplified = chinese.convert(text, "Hans") if any("\u4e00" <= c <= "\u9fff" for c in text) else text
    return "".join(c for c in unicodedata.normalize("NFC", simplified.casefold()) if unicodedata.category(c)[0] in "LM")


def read(path: Path, folder: Path) -> np.ndarray:
    """Return the sound of a clip as the pipeline hears it."""
    for _ in media.extract_sound(media.probe(path, Settings()), sound := folder / "read.wav"):
        pass
    return media.read_sound(sound)


def hear(
    samples: np.ndarray, spoken: str, said: str | None, model: Path, folder: Path, is_real: bool = False
) -> Heard | None:
    """Return what the recogniser makes of the sound, None where no words are heard; phrases need `said`."""
    import soundfile

    soundfile.write(folder / "heard.wav", samples, RATE, subtype="PCM_16")
    found = finish(transcribe(folder / "heard.wav", None, weights=model))
    if not found.segments:
        return None
    phrases = [
        (float(np.mean([word.probability for word in segment.words])), share_said(segment.text, said))
        for segment in found.segments
        if said is not None and segment.words
    ]
    return Heard(spoken, found.language, found.language_confidence, tuple(phrases), is_real)


def synthetic(model: Path, folder: Path, every: bool) -> Iterator[Heard]:
    """Yield what is heard in the synthesised clips; without `every`, in both sentences together, clean and in noise."""
    for language, sentences in json.loads(SENTENCES.read_text("utf-8")).items():
        for number, text in enumerate((" ".join(sentences), sentences[0]) if every else (" ".join(sentences),)):
            for seed, level in enumerate(NOISE_DB if every else FEW_DB):
                say(text, language, VOICES[(seed + number) % len(VOICES)], folder / "said.wav")
                samples = noisy(read(folder / "said.wav", folder), level, seed)
                found = hear(samples, language, text, model, folder)
                if found:
                    print(f"{language} {level} {found.heard} {found.probability:.2f} {found.phrases}", file=sys.stderr)
                    yield found


def real(path: Path, language: str, model: Path, folder: Path) -> Iterator[Heard]:
    """Yield what is heard in pieces of a real clip."""
    samples = read(path, folder)
    truth = path.with_suffix(".truth.json")
    turns = json.loads(truth.read_text("utf-8"))["turns"] if truth.is_file() else []
    said = " ".join(turn.get("text", "") for turn in turns).strip() or None
    for number, piece in enumerate(_pieces(samples)):
        level = NOISE_DB[number % len(NOISE_DB)]
        found = hear(noisy(piece, level, number), language, said, model, folder, True)
        if found:
            yield found


def _pieces(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield stretches of the sound that are mostly voiced."""
    probability = speech_probability(samples)
    for length in LENGTHS_S:
        size, found = int(length * RATE), 0
        for first in range(0, len(samples) - size + 1, size):
            if found < MOST_PIECES and probability[first // 512 : (first + size) // 512].mean() > 0.5:
                found += 1
                yield samples[first : first + size]


@dataclass(frozen=True)
class Case:
    """An answer: how sure it is, whether it is right, whether it counts in the fit, and its language."""

    value: float
    right: bool
    counts: bool
    language: str


def fit(cases: Sequence[Case]) -> float:
    """Return the threshold with the least cost."""
    right = np.array([case.value for case in cases if case.right and case.counts])
    wrong = np.array([case.value for case in cases if not case.right])
    steps = np.round(np.arange(0.0, 1.0, 0.01), 2)
    costs = [RIGHT * np.mean(right < step) + np.mean(wrong >= step) for step in steps]
    best = np.flatnonzero(np.isclose(costs, min(costs)))
    return float(steps[best[len(best) // 2]])


def judged(name: str, cases: Sequence[Case]) -> None:
    """Print the threshold fitted on everything, and what thresholds cost on languages left out of their fit."""
    languages = sorted({case.language for case in cases})
    thresholds = []
    flagged: dict[tuple[bool, bool], list[bool]] = {}  #: (right, real or as good) -> whether flagged
    for number in range(GROUPS):
        out = set(languages[number::GROUPS])
        rest = [case for case in cases if case.language not in out]
        if not any(c.right and c.counts for c in rest) or all(c.right for c in rest):
            continue
        thresholds.append(fit(rest))
        for case in cases:
            if case.language in out:
                flagged.setdefault((case.right, case.counts), []).append(case.value < thresholds[-1])
    print(f"\n{name}: {len(cases)} cases in {len(languages)} languages")
    if not thresholds:
        print("  too few to judge: there must be right and wrong ones in several languages")
        return
    print(f"  fitted on all {fit(cases):.2f}; with a fifth left out {min(thresholds):.2f} to {max(thresholds):.2f}")
    print("  flagged on those left out:")
    for (right, counts), seen in sorted(flagged.items()):
        print(f"  {np.mean(seen):5.0%} of {len(seen):4} {'right' if right else 'wrong'}, {KINDS[counts]}")
    print("  threshold   right and real, flagged   right and synthetic, flagged   wrong, not flagged")
    for step in np.arange(0.3, 0.96, 0.05):
        shares = [
            _share([case.value < step for case in cases if case.right and case.counts]),
            _share([case.value < step for case in cases if case.right and not case.counts]),
            _share([case.value >= step for case in cases if not case.right]),
        ]
        print(f"  {step:9.2f}   {shares[0]:>23}   {shares[1]:>28}   {shares[2]:>18}")


KINDS = {True: "of the kind that counts", False: "synthetic"}


def _share(chosen: Sequence[bool]) -> str:
    return f"{np.mean(chosen):.0%}" if chosen else "none"


def cases_of(found: Sequence[Heard]) -> tuple[list[Case], list[Case]]:
    """Return the cases of the language and those of the phrases."""
    some_real = any(one.is_real for one in found)
    some_text = any(one.is_real and one.phrases for one in found)
    decisions = [
        Case(one.probability, one.heard == one.spoken, one.is_real or not some_real, one.spoken) for one in found
    ]
    phrases = [
        Case(likely, share >= 0.5, one.is_real or not some_text, one.spoken)
        for one in found
        for likely, share in one.phrases
    ]
    return decisions, phrases


def gather(clips: Sequence[str], every: bool) -> list[Heard]:
    """Hear the synthesised clips and the real ones."""
    model = finish(weights("whisper-base", Settings(models="light")))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = list(synthetic(model, folder, every))
        for clip in clips:
            path, _, code = clip.rpartition("=")
            found += real(Path(path), code, model, folder)
    return found


def examples() -> list[str]:
    """Return the clips of the folder `examples` as `--clips` takes them."""
    truths = sorted((Path(__file__).parents[1] / "examples").glob("*.truth.json"))
    clips = [truth.with_name(truth.name.replace(".truth.json", ".mp4")) for truth in truths]
    spoken = [json.loads(truth.read_text("utf-8"))["language"] for truth in truths]
    return [f"{clip}={language}" for clip, language in zip(clips, spoken, strict=True)]


def main(arguments: list[str]) -> int:
    """Print both thresholds and what they cost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--clips", nargs="+", default=examples(), metavar="CLIP=CODE",
        help="real clips and their language (default: the examples)",
    )  # fmt: skip
    parser.add_argument("--every", action="store_true", help="both lengths of clip and four levels of noise")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="what was heard, read from here if it is there")
    given = parser.parse_args(arguments)
    if given.keep and given.keep.is_file():
        found = [
            Heard(**{**one, "phrases": tuple(map(tuple, one["phrases"]))}) for one in json.loads(given.keep.read_text())
        ]
    else:
        if not shutil.which("espeak-ng"):
            print("espeak-ng is missing; install it (apt install espeak-ng) and run again.", file=sys.stderr)
            return 1
        found = gather(given.clips, given.every)
        if given.keep:
            given.keep.write_text(json.dumps([asdict(one) for one in found]))
    decisions, phrases = cases_of(found)
    judged("SURE", decisions)
    judged("CLEAR", phrases)
    print(f"\nin use: SURE {doubt.SURE}, CLEAR {doubt.CLEAR}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
