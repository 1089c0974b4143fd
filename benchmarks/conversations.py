"""Conversations with known turns, mixed from people who speak alone: what the diarizer is fitted and judged on.

    python -m benchmarks.conversations OUT [--count 60] [--seed 1] [--voices FOLDER]

Two to six people take turns with pauses, interruptions and short answers under somebody else's turn, in one room, over
noise, music or babble, some through a telephone. Everyone who speaks alone somewhere in the recorded clips (where the
machine has them) and examples/ takes part; so do the WAV files of FOLDER, named PERSON.wav or PERSON-anything.wav.
Writes NAME.wav and NAME.rttm.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.der import Turn, read_rttm
from pipeline.speech.activity import speech_probability, voiced

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "clips"
EXAMPLES = ROOT / "examples"
RATE = 16_000  #: Hz
LEVEL = 0.05  #: root mean square of a voice
LEAST_S = 4.0  #: s alone that a person must have to take part


@dataclass(frozen=True, slots=True)
class Conversation:
    """A mixed sound and who speaks when in it."""

    name: str
    samples: np.ndarray  #: float32 at 16 kHz
    turns: tuple[Turn, ...]  #: (start s, end s, person)


def decode(file: Path) -> np.ndarray:
    """Return the sound of a file as float32 mono samples at 16 kHz."""
    import av

    with av.open(str(file)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        parts = [
            part.to_ndarray().reshape(-1) for frame in container.decode(audio=0) for part in resampler.resample(frame)
        ]
    return np.concatenate(parts).astype(np.float32)


def truths(extra: Path | None = None) -> Iterator[tuple[Path, list[Turn]]]:
    """Yield every clip with known turns; people are named apart unless an RTTM says that two are one."""
    for file in sorted(SHARED.glob("*.rttm")):
        clip = file.with_suffix(".flac")
        yield clip, read_rttm(file)
    for file in [*sorted(SHARED.glob("*.truth.json")), *sorted(EXAMPLES.glob("*.truth.json"))]:
        name = file.name.removesuffix(".truth.json")
        if name in ("cuts", "off_screen_voice"):  # the people of two_shot
            continue
        clip = next(c for c in file.parent.glob(f"{name}.*") if c.suffix in (".mp4", ".flac"))
        turns = [(t["start"], t["end"], f"{name}/{t['speaker']}") for t in json.loads(file.read_text())["turns"]]
        yield clip, turns
    for clip in sorted(extra.glob("*.wav")) if extra else ():
        yield clip, [(0.0, 1e9, clip.stem.split("-")[0])]


def people(extra: Path | None = None) -> dict[str, np.ndarray]:
    """Return everyone's speech without pauses, (samples,) at one level."""
    found: dict[str, list[np.ndarray]] = {}
    for clip, turns in truths(extra):
        samples = decode(clip)
        times = np.arange(len(samples)) / RATE
        speech = np.zeros(len(samples), bool)
        for start, end in voiced(speech_probability(samples)):
            speech |= (times >= start) & (times < end)
        for person in sorted({turn[2] for turn in turns}):
            alone = speech.copy()
            own = np.zeros(len(samples), bool)
            for start, end, who in turns:
                inside = (times >= start) & (times < end)
                if who == person:
                    own |= inside
                else:
                    alone &= ~((times >= start - 0.05) & (times < end + 0.05))
            found.setdefault(person, []).append(samples[alone & own])
    joined = {person: np.concatenate(parts) for person, parts in found.items()}
    return {
        person: (x * LEVEL / np.sqrt((x**2).mean())).astype(np.float32)
        for person, x in joined.items()
        if len(x) >= LEAST_S * RATE
    }


class Mixer:
    """Makes conversations; the same seed and people give the same ones."""

    def __init__(self, people: dict[str, np.ndarray], seed: int) -> None:
        self._people = people
        self._random = np.random.default_rng(seed)

    def conversation(self, name: str, cast: Sequence[str] | None = None) -> Conversation:
        """Return one among `cast`, or among one to six people chosen at random."""
        random = self._random
        if cast is None:
            count = int(random.choice([1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 6]))
            cast = random.choice(sorted(self._people), min(count, len(self._people)), replace=False).tolist()
        assert cast
        length = float(random.uniform(15, 40)) if len(cast) > 1 else float(random.uniform(6, 20))
        placed = self._placed(cast, length)
        mixed = np.zeros(int(max(end for _, end, _, _ in placed) * RATE) + RATE // 2, np.float32)
        gains = {person: 10 ** (random.normal(0, 2.5) / 20) for person in cast}
        for start, _, person, sound in placed:
            at = int(start * RATE)
            mixed[at : at + len(sound)] += sound * gains[person]
        turns = tuple((start, end, person) for start, end, person, _ in placed)
        return Conversation(name, self._recorded(mixed, cast), turns)

    def _placed(self, cast: Sequence[str], length: float) -> list[tuple[float, float, str, np.ndarray]]:
        """(start, end, person, samples) of every turn."""
        random = self._random
        left = {person: self._order(person) for person in cast}
        placed: list[tuple[float, float, str, np.ndarray]] = []
        now, last = float(random.uniform(0, 1)), ""
        waiting = list(cast)  # everyone speaks at least once
        while now < length or waiting:
            others = [person for person in cast if person != last] or list(cast)
            person = waiting.pop() if waiting and random.random() < 0.6 else str(random.choice(others))
            if person in waiting:
                waiting.remove(person)
            wanted = float(np.clip(random.lognormal(0.6, 0.8), 0.5, 9.0))
            sound = left[person](wanted)
            end = now + len(sound) / RATE
            placed.append((now, end, person, sound))
            if len(cast) > 1 and end - now > 2.5 and random.random() < 0.25:  # a short answer under the turn
                other = str(random.choice([p for p in cast if p != person]))
                answer = left[other](float(random.uniform(0.4, 0.9)))
                at = float(random.uniform(now + 0.5, end - 1.0))
                placed.append((at, at + len(answer) / RATE, other, answer))
            last = person
            pause = random.normal(0.2, 0.4) if len(cast) > 1 else random.uniform(0.3, 1.5)
            now = max(now + 0.3, end + float(np.clip(pause, -0.8, 2.0)))
        return sorted(placed, key=lambda turn: turn[0])

    def _order(self, person: str):  # type: ignore[no-untyped-def]
        """Returns the next so many seconds of what a person says, round and round from a random place."""
        sound = self._people[person]
        at = int(self._random.integers(len(sound)))

        def following(seconds: float) -> np.ndarray:
            nonlocal at
            count = min(int(seconds * RATE), len(sound))
            part = np.take(sound, np.arange(at, at + count), mode="wrap").copy()
            at = (at + count) % len(sound)
            fade = min(160, count // 2)
            part[:fade] *= np.linspace(0, 1, fade)
            part[-fade:] *= np.linspace(1, 0, fade)
            return part

        return following

    def _recorded(self, sound: np.ndarray, cast: Sequence[str]) -> np.ndarray:
        """One room, one background, one line for all."""
        random = self._random
        if random.random() < 0.5:
            sound = self._room(sound)
        if random.random() < 0.6:
            noise = [self._hiss, self._music, self._babble][int(random.integers(3))](len(sound), cast)
            speech = float(np.sqrt((sound**2).mean()))
            ratio = random.uniform(6, 25)
            sound = sound + noise * speech / (np.sqrt((noise**2).mean()) + 1e-9) * 10 ** (-ratio / 20)
        if random.random() < 0.25:
            spectrum = np.fft.rfft(sound)
            hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
            sound = np.fft.irfft(spectrum * ((hertz > 300) & (hertz < 3400)), len(sound))
        return (sound * 10 ** (random.uniform(-12, 6) / 20)).clip(-1, 1).astype(np.float32)

    def _room(self, sound: np.ndarray) -> np.ndarray:
        from scipy.signal import fftconvolve

        seconds = float(self._random.uniform(0.15, 0.6))
        t = np.arange(int(seconds * RATE)) / RATE
        tail = self._random.standard_normal(len(t)) * 10 ** (-3 * t / seconds)
        tail *= self._random.uniform(0.2, 0.8) / np.sqrt((tail**2).sum())
        tail[0] = 1
        return fftconvolve(sound, tail)[: len(sound)].astype(np.float32)

    def _hiss(self, count: int, _: Sequence[str]) -> np.ndarray:
        """Noise that falls by 0 to 6 dB an octave."""
        spectrum = np.fft.rfft(self._random.standard_normal(count))
        slope = self._random.uniform(0, 1)
        return np.fft.irfft(spectrum / np.maximum(1, np.arange(len(spectrum))) ** slope, count)

    def _music(self, count: int, _: Sequence[str]) -> np.ndarray:
        """Chords of harmonic tones, one every half second."""
        t = np.arange(RATE // 2) / RATE
        chords = []
        for _chord in range(-(-count // len(t))):
            notes = 110 * 2 ** (self._random.integers(0, 36, 4) / 12)
            tones = sum(np.sin(2 * np.pi * f * k * t) / k for f in notes for k in range(1, 6))
            chords.append(tones * np.exp(-3 * t))
        return np.concatenate(chords)[:count]

    def _babble(self, count: int, cast: Sequence[str]) -> np.ndarray:
        """Eight other people at once."""
        others = [person for person in sorted(self._people) if person not in cast]
        chosen = self._random.choice(others, min(8, len(others)), replace=False).tolist()
        return np.sum([self._order(person)(0) if not count else self._loop(person, count) for person in chosen], axis=0)

    def _loop(self, person: str, count: int) -> np.ndarray:
        sound = self._people[person]
        return np.take(sound, np.arange(count) + int(self._random.integers(len(sound))), mode="wrap")


def make(count: int, seed: int, extra: Path | None = None) -> Iterator[Conversation]:
    """Yield `count` conversations."""
    mixer = Mixer(people(extra), seed)
    for number in range(count):
        yield mixer.conversation(f"mix{number:03d}")


def main(arguments: Iterable[str] | None = None) -> None:
    """Write the mixed conversations."""
    import wave

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--voices", type=Path, help="folder of WAV files of people who speak alone")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    chosen.out.mkdir(parents=True, exist_ok=True)
    for mix in make(chosen.count, chosen.seed, chosen.voices):
        with wave.open(str(chosen.out / f"{mix.name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((mix.samples * 32767).astype("<i2").tobytes())
        lines = [f"SPEAKER {mix.name} 1 {a:.3f} {b - a:.3f} <NA> <NA> {who} <NA> <NA>\n" for a, b, who in mix.turns]
        (chosen.out / f"{mix.name}.rttm").write_text("".join(lines))
        print(mix.name, f"{len(mix.samples) / RATE:.1f} s, {len({t[2] for t in mix.turns})} people")


if __name__ == "__main__":
    main()
