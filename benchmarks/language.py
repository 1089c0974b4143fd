"""How often the spoken language is recognised, and how sure Whisper is when it errs: `python -m benchmarks.language
CLIP=CODE ...`.

Every clip is cut into pieces of 3, 6 and 12 s, with pink noise at several levels added, and each is judged as a clip of
its own. The table says for each threshold how many right answers would be questioned, and how many wrong ones would
not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline import media
from pipeline.settings import Settings
from pipeline.speech.activity import RATE, speech_probability, voiced
from pipeline.speech.doubt import Decision, decide

LENGTHS_S = (3.0, 6.0, 12.0)
NOISE_DB = (None, 10.0, 5.0, 0.0, -5.0)  #: speech over noise
MOST_PIECES = 12  #: of one length and clip


def pink(count: int, seed: int) -> np.ndarray:
    """Return noise whose power falls as 1/f, with a root mean square of 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum, count)
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)


def pieces(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield stretches of the sound that are mostly voiced."""
    probability = speech_probability(samples)
    for length in LENGTHS_S:
        size, found = int(length * RATE), 0
        for first in range(0, len(samples) - size + 1, size):
            part = samples[first : first + size]
            share = probability[first // 512 : (first + size) // 512].mean()
            if share > 0.5 and found < MOST_PIECES:
                found += 1
                yield part


def judged(model: object, samples: np.ndarray) -> Decision | None:
    """Return what is decided on the sound alone, None where no voice is found."""
    spans = voiced(speech_probability(samples), gap_s=0.3)
    if not spans:
        return None
    start, end = spans[0][0], spans[-1][1]
    part = samples[int(start * RATE) : int(end * RATE)]
    table = dict(model.detect_language(part)[2])  # type: ignore[attr-defined]
    return decide([table], [end - start])


def main(arguments: list[str]) -> int:
    """Print the table and return the status of the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language", description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="folder of a faster-whisper model")
    parser.add_argument("clips", nargs="+", metavar="CLIP=CODE")
    given = parser.parse_args(arguments)
    from faster_whisper import WhisperModel

    model = WhisperModel(str(given.weights), device="cpu", compute_type="int8", cpu_threads=1)
    results: list[tuple[bool, float]] = []
    for clip in given.clips:
        path, _, code = clip.rpartition("=")
        with tempfile.TemporaryDirectory() as folder:
            for _ in media.extract_sound(media.probe(Path(path), Settings()), sound := Path(folder) / "sound.wav"):
                pass
            samples = media.read_sound(sound)
        for number, part in enumerate(pieces(samples)):
            for level in NOISE_DB:
                noisy = part
                if level is not None:
                    loudness = float(np.sqrt(np.mean(part**2)))
                    noisy = part + pink(len(part), number) * loudness / 10 ** (level / 20)
                decision = judged(model, noisy)
                if decision:
                    results.append((decision.language == code, decision.probability))
    right = np.array([p for ok, p in results if ok])
    wrong = np.array([p for ok, p in results if not ok])
    print(f"{len(results)} pieces, {len(right)} right, {len(wrong)} wrong")
    print("sure from   right but asked   wrong and not asked")
    for threshold in np.arange(0.3, 0.95, 0.05):
        print(f"{threshold:9.2f}   {np.mean(right < threshold):15.0%}   {np.mean(wrong >= threshold):19.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
