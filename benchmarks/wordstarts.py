"""How exactly words begin: the recogniser against a synthesiser that tells when it begins each word.

    pip install espeakng-loader==0.2.4       (or Debian's espeak-ng), only for this
    python -m benchmarks.wordstarts [--models light|full] [--voices en-us pl ...]
    python -m benchmarks.wordstarts --fit      the numbers of pipeline/speech/starts.py, fitted on the voice of FITTED

eSpeak NG reads sentences aloud and says at which sample each word begins; the models of the set transcribe what it has
said. Of every word that was recognised the error is the recognised start minus the true one. Printed by voice: how many
words, the median of the absolute error, within how many ms 95 % lie, and the median of the signed error. The last line
is one JSON object. `--fit` prints the fitted numbers instead.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import difflib
import importlib
import json
import tempfile
import unicodedata
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np

from pipeline import Settings, load_models, media
from pipeline.progress import finish
from pipeline.records import Word
from pipeline.speech import starts
from pipeline.stages import Models

#: eSpeak's voices, with words a minute.
FITTED = "en-gb"  #: the only voice that parameters are fitted on
VOICES = {"en-us": 160, "en-gb": 140, "pl": 150, "de": 150}
TEXTS = {
    "en": (
        "We have been waiting for you since the first signal. The night was cold, and nobody knew the way back home.",
        "Please open the window before the train arrives. I told them twice that the bridge was closed in winter.",
        "Yesterday my brother found an old letter under the floor. It was written by a doctor who lived in this house.",
        "If the weather is good, we will walk to the river. After lunch, the children can play in the garden.",
        "Nobody expected the answer to be so simple. You only have to turn the key and count slowly to seven.",
        "The radio was silent for three days. Then a voice came through, and it asked for bread and water.",
    ),
    "pl": (
        "Czekaliśmy na ciebie od pierwszego sygnału. Noc była zimna i nikt nie znał drogi do domu.",
        "Proszę otworzyć okno, zanim przyjedzie pociąg. Mówiłem im dwa razy, że most jest zimą zamknięty.",
        "Wczoraj mój brat znalazł pod podłogą stary list. Napisał go lekarz, który mieszkał w tym domu.",
        "Jeśli pogoda będzie dobra, pójdziemy nad rzekę. Po obiedzie dzieci mogą się bawić w ogrodzie.",
        "Nikt nie myślał, że odpowiedź będzie taka prosta. Trzeba tylko przekręcić klucz i liczyć do siedmiu.",
        "Radio milczało przez trzy dni. Potem odezwał się głos i poprosił o chleb i wodę.",
    ),
    "de": (
        "Wir haben seit dem ersten Signal auf dich gewartet. Die Nacht war kalt, niemand kannte den Weg nach Hause.",
        "Bitte öffne das Fenster, bevor der Zug kommt. Ich habe es ihnen zweimal gesagt: Die Brücke ist im Winter zu.",
        "Gestern fand mein Bruder einen alten Brief unter dem Boden. Ein Arzt, der hier wohnte, hatte ihn geschrieben.",
        "Wenn das Wetter gut ist, gehen wir zum Fluss. Nach dem Essen können die Kinder im Garten spielen.",
        "Niemand dachte, dass die Antwort so einfach ist. Man muss nur den Schlüssel drehen und bis sieben zählen.",
        "Das Radio schwieg drei Tage lang. Dann kam eine Stimme und bat um Brot und Wasser.",
    ),
}
PAUSE_S = 0.6  #: of silence before and after every text
WORD_EVENT, END_OF_EVENTS = 1, 0
RETRIEVAL, UTF8, RATE_PARAMETER = 1, 1, 1


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


@dataclass(frozen=True)
class Spoken:
    """What was synthesised: float32 samples, and every word with the time (s) at which it begins."""

    samples: np.ndarray
    rate: int
    words: tuple[tuple[float, str], ...]


class Espeak:
    """eSpeak NG through its C interface."""

    def __init__(self) -> None:
        """Load the library.

        Raises SystemExit where it is not installed.
        """
        path, data = _library()
        self._library = ctypes.CDLL(path)
        self.rate = int(self._library.espeak_Initialize(RETRIEVAL, 0, data, 0))
        if self.rate <= 0:
            raise SystemExit("eSpeak NG could not be started; its data folder is missing.")

    def say(self, text: str, voice: str, words_a_minute: int) -> Spoken:
        """Return the text as read by a voice."""
        pieces: list[np.ndarray] = []
        begins: list[tuple[float, int, int]] = []

        def heard(wav: Any, count: int, events: Any) -> int:
            if wav and count > 0:
                pieces.append(np.ctypeslib.as_array(wav, (count,)).copy())
            k = 0
            while events[k].type != END_OF_EVENTS:
                if events[k].type == WORD_EVENT:
                    at = events[k].audio_position / 1000
                    begins.append((at, events[k].text_position - 1, events[k].length))
                k += 1
            return 0

        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
        callback = kind(heard)
        self._library.espeak_SetSynthCallback(callback)
        self._library.espeak_SetVoiceByName(voice.encode())
        self._library.espeak_SetParameter(RATE_PARAMETER, words_a_minute, 0)
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(pieces).astype(np.float32) / 32768
        words = tuple((at, text[first : first + length]) for at, first, length in begins)
        return Spoken(samples, self.rate, words)


def _library() -> tuple[str, bytes | None]:
    try:
        loader = importlib.import_module("espeakng_loader")
        return str(loader.get_library_path()), str(Path(loader.get_data_path()).parent).encode()
    except ImportError:
        found = ctypes.util.find_library("espeak-ng")
    if found is None:
        raise SystemExit("eSpeak NG is missing: pip install espeakng-loader==0.2.4, or apt install espeak-ng.")
    return found, None


def reading(espeak: Espeak, voice: str, words_a_minute: int) -> Spoken:
    """Return all texts of the voice's language one after another, with pauses."""
    silence = np.zeros(round(PAUSE_S * espeak.rate), np.float32)
    parts, words, at = [silence], [], len(silence)
    for text in TEXTS[voice.split("-")[0]]:
        one = espeak.say(text, voice, words_a_minute)
        words += [(at / espeak.rate + begin, word) for begin, word in one.words]
        parts += [one.samples, silence]
        at += len(one.samples) + len(silence)
    return Spoken(np.concatenate(parts), espeak.rate, tuple(words))


def write(spoken: Spoken, to: Path) -> None:
    """Write the sound as a WAV of 16 bits."""
    with wave.open(str(to), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(spoken.rate)
        file.writeframes((spoken.samples * 32767).astype("<i2").tobytes())


def errors(recognised: Sequence[tuple[float, str]], true: Sequence[tuple[float, str]]) -> np.ndarray:
    """Return the signed errors (s) of the words that both have, in order."""
    return np.array([recognised[i][0] - true[j][0] for i, j in matched(recognised, true)])


def matched(recognised: Sequence[tuple[float, str]], true: Sequence[tuple[float, str]]) -> list[tuple[int, int]]:
    """Return the places, in both, of the words that both have."""
    a, b = ([_key(word) for _, word in words] for words in (recognised, true))
    blocks = difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    return [(block.a + k, block.b + k) for block in blocks for k in range(block.size)]


def fitted(words: Sequence[Word], true: Sequence[tuple[float, str]]) -> dict[str, float]:
    """Return the numbers of `starts` that make up best for the errors of uncorrected words."""
    pace = median([starts.seconds(word) / starts.letters(word) for word in words])
    rows, wanted = [], []
    for i, j in matched([(word.start, word.text) for word in words], true):
        behind, own, before = starts.excesses(words, i, pace)
        rows.append([1.0, float(behind), behind * own, (not behind) * own, -behind * before])
        wanted.append(true[j][0] - words[i].start)
    features, target, trust = np.array(rows), np.array(wanted), np.ones(len(rows))
    for _ in range(30):  # Huber's loss by reweighting: some words are misheard
        weighted = features * trust[:, None]
        found = np.linalg.solve(weighted.T @ features + 1e-3 * np.eye(features.shape[1]), weighted.T @ target)
        trust = np.minimum(1.0, 0.06 / np.maximum(1e-6, np.abs(target - features @ found)))
    names = ("EARLY_S", "EARLY_BEHIND_S", "SHARE_OF_WORD", "SHARE_OF_PAUSE", "SHARE_BACK")
    return {name: round(float(value), 3) for name, value in zip(names, found, strict=True)}


def _key(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", word).casefold() if c.isalnum())


def figures(found: np.ndarray) -> dict[str, float]:
    """Return the figures of signed errors in s."""
    size = np.abs(found)
    return {
        "words": len(found),
        "median_ms": round(1000 * float(np.median(size))),
        "p95_ms": round(1000 * float(np.percentile(size, 95))),
        "bias_ms": round(1000 * float(np.median(found))),
    }


def heard(models: Models, spoken: Spoken, language: str) -> list[Word]:
    """Return the words that the models hear in what was spoken."""
    with tempfile.TemporaryDirectory() as scratch:
        read, sound = Path(scratch) / "read.wav", Path(scratch) / "sound.wav"
        write(spoken, read)
        finish(media.extract_sound(media.probe(read, Settings()), sound))
        found = finish(models.transcribe(sound, language))
    return [word for segment in found.segments for word in segment.words]


def main() -> None:
    """Print the figures of every voice, or the fitted numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", choices=("light", "full"), default="light")
    parser.add_argument("--voices", nargs="*", choices=VOICES, default=list(VOICES))
    parser.add_argument("--fit", action="store_true", help="fit the correction instead")
    given = parser.parse_args()
    models, espeak = load_models(Settings.from_environment(models=given.models)), Espeak()
    if given.fit:
        spoken = reading(espeak, FITTED, VOICES[FITTED])
        with mock.patch.object(starts, "corrected", tuple):
            words = heard(models, spoken, FITTED.split("-")[0])
        print(json.dumps(fitted(words, spoken.words)))
        return
    result = {}
    print("voice    words  median ms  95 % ms  bias ms")
    for voice in given.voices:
        spoken = reading(espeak, voice, VOICES[voice])
        words = heard(models, spoken, voice.split("-")[0])
        one = result[voice] = figures(errors([(word.start, word.text) for word in words], spoken.words))
        print(f"{voice:8} {one['words']:5} {one['median_ms']:10} {one['p95_ms']:8} {one['bias_ms']:8}", flush=True)
    print(json.dumps({"models": given.models, "speech": models.names["speech"], "voices": result}))


if __name__ == "__main__":
    main()
