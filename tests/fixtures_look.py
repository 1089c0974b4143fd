"""A little clip that exists only as an analysis and grey frames: two faces, two speakers, one cut."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from pipeline.records import Analysis, Box, Media, Person, Phrase, Shot, Track, Word

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT = (130.0, 110.0, 230.0, 240.0), (420.0, 120.0, 510.0, 236.0)

SOURCE = "We have been waiting for you since the first signal."
TRANSLATIONS = {
    "PL": "Czekaliśmy na ciebie od pierwszego sygnału.",
    "UK": "Ми чекали на тебе від першого сигналу.",
    "EL": "Σε περιμέναμε από το πρώτο σήμα.",
    "AR": "كنا ننتظرك منذ الإشارة الأولى.",
    "HE": "חיכינו לך מאז האות הראשון.",
    "HI": "हम पहले संकेत से ही आपका इंतज़ार कर रहे थे।",
    "TH": "เรารอคุณมาตั้งแต่สัญญาณแรก",
    "JA": "最初の信号からずっと、あなたを待っていました。",
    "KO": "첫 신호부터 당신을 기다리고 있었습니다.",
    "ZH-HANS": "从第一个信号起，我们就在等你。",
}


def words(text: str, start: float, end: float) -> tuple[Word, ...]:
    """The words of `text`, each as long as its letters."""
    pieces = text.split()
    total, at, timed = sum(len(p) + 1 for p in pieces), start, []
    for piece in pieces:
        length = (end - start) * (len(piece) + 1) / total
        timed.append(Word(at, at + 0.9 * length, piece))
        at += length
    return tuple(timed)


def phrase(
    number: int, person: str | None, start: float, end: float, source: str = SOURCE, translation: str | None = None
) -> Phrase:
    return Phrase(number, start, end, person, source, words(source, start, end), translation)


def track(person: str | None, box: tuple[float, ...], start: float, end: float, sway: float = 2.0) -> Track:
    """A face that sways a little."""
    times = np.arange(start, end + 0.01, 0.1)
    return Track(
        person, tuple(Box(float(t), *(v + sway * math.sin(2 * t + k) for k, v in enumerate(box))) for t in times)
    )


def analysis(
    *phrases: Phrase,
    tracks: tuple[Track, ...] | None = None,
    shots: tuple[Shot, ...] = (Shot(0, 10),),
    target: str = "PL",
    names: tuple[str, ...] = ("Ada", "Bo"),
    size: tuple[int, int] = (WIDTH, HEIGHT),
    duration: float = 10.0,
) -> Analysis:
    colours = ("#22e6ff", "#ffb000", "#ff5fa2")
    people = tuple(Person(f"p{i + 1}", name, colours[i % 3], True, 1.0, 4.0) for i, name in enumerate(names))
    if tracks is None:
        tracks = (track("p1", LEFT, 0, 10), track("p2", RIGHT, 0, 10))
    media = Media(duration, *size, Fraction(25))
    return Analysis(media, "en", target, {}, people, phrases, (), tracks, (), {}, shots)


def backdrop(width: int = WIDTH, height: int = HEIGHT, dark: int = 40, bright: int = 170) -> np.ndarray:
    """A yuv420p frame, (h * 3 // 2, w): grey, brighter towards the right."""
    frame = np.full((height * 3 // 2, width), 128, dtype=np.uint8)
    frame[:height] = np.linspace(dark, bright, width).astype(np.uint8)
    return frame
