"""Who says each word: the most likely person for every word in turn (Viterbi 1967)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.people.partition import Partition
from pipeline.people.scene import Scene
from pipeline.people.score import Member
from pipeline.records import Word
from pipeline.text import ends_sentence

#: s around a word whose lips count for it: syllables are short and the detector looks a second around.
AROUND = 0.1
#: s from the nearest turn beyond which a word is nobody's, unless a mouth says it.
FAR = 1.0
#: Log-odds that are beyond doubt, whichever way: keeps sums finite.
BEYOND_DOUBT = 30.0


@dataclass(frozen=True, slots=True)
class Decoded:
    """The people who speak, and what speaks for each of them at each word."""

    people: list[Member]  #: those who speak
    person: list[int]  #: for each word an index into `people`, -1 for nobody
    voice: NDArray[np.float64]  #: (words, people) log-odds by the voice, relative to the best
    lips: NDArray[np.float64]  #: (words, people) log-odds by the mouth in view; 0 where it is not
    seen: NDArray[np.bool_]  #: (words, people) the person's mouth could be judged


def decode(words: Sequence[Word], partition: Partition, channels: Sequence[int] = ()) -> Decoded:
    """Return the most likely speaker of every word, given the people of `partition`.

    `channels`: for each word the channel of the sound in which it was heard, 0 where they were heard together.
    """
    scene, people = partition.scene, [member for member in partition.people if member.pieces]
    if not words or not people:
        empty = np.zeros((len(words), len(people)))
        return Decoded(people, [-1] * len(words), empty, empty, empty.astype(bool))
    by_piece = np.array([_voice_of_piece(i, partition, people) for i in range(len(scene.pieces))])
    voice = np.zeros((len(words), len(people)))
    lips, seen = voice.copy(), voice.astype(bool)
    channels = channels or [0] * len(words)
    covering = [_pieces_at(word, channel, scene) for word, channel in zip(words, channels, strict=True)]
    for w, (word, pieces) in enumerate(zip(words, covering, strict=True)):
        voice[w] = _voice_of_word(word, pieces, by_piece, scene)
        if channels[w]:
            voice[w, [not _is_heard_in(channels[w], member, scene) for member in people]] = -BEYOND_DOUBT
        for p, member in enumerate(people):
            lips[w, p], seen[w, p] = _lips_of_word(word, member, scene)
    _bound_lips(lips, covering, scene)
    costs = [_change(words[w - 1], words[w], covering[w - 1], covering[w], scene) for w in range(1, len(words))]
    path = viterbi(voice + lips, costs)
    path = [p if pieces or seen[w].any() else -1 for w, (p, pieces) in enumerate(zip(path, covering, strict=True))]
    return Decoded(people, path, voice, lips, seen)


def _bound_lips(lips: NDArray[np.float64], covering: Sequence[Sequence[tuple[int, float]]], scene: Scene) -> None:
    """Let the words of a piece say no more of a mouth than a whole piece may: a detector that errs goes on erring."""
    most, least = -math.log(scene.parameters.deceptive), math.log(scene.parameters.unreadable)
    words_of: dict[int, list[int]] = {}
    for word, pieces in enumerate(covering):
        if pieces:
            words_of.setdefault(max(pieces, key=lambda pair: pair[1])[0], []).append(word)
    for group in words_of.values():
        total = lips[group].sum(0)
        lips[group] *= np.clip(total, least, most) / np.where(total == 0, 1.0, total)


def _voice_of_piece(piece: int, partition: Partition, people: Sequence[Member]) -> NDArray[np.float64]:
    """Return log-odds (people,) that the turn around `piece` is each person's by its sound; 0 for the most likely."""
    scene, voice = partition.scene, partition.score.voice
    home = next(member for member in people if piece in member.pieces)
    turn = frozenset(i for i in home.pieces if scene.pieces[i].turn is scene.pieces[piece].turn)
    rest, whole = home.pieces - turn, scene.pieces[piece].turn
    values = []
    for member in people:
        if member is home:
            values.append(0.0)
            continue
        gain = voice(member.pieces | turn) - voice(member.pieces) + voice(rest) - voice(home.pieces)
        # Nobody stops speaking because one turn is looked at.
        gain = gain if rest else gain + scene.parameters.new_voice
        if not any(scene.pieces[i].turn.speaker == whole.speaker for i in member.pieces):
            # The diarizer followed the sound: it knows better than a mean over the turn where another voice begins.
            # Where
            # others talk at the same time, it knows as much as it heard of this voice alone.
            gain = min(gain, -scene.parameters.label_per_second * scene.clean_seconds(whole))
        values.append(gain)
    array = np.clip(np.array(values), -BEYOND_DOUBT, BEYOND_DOUBT)
    return array - array.max()


def _is_heard_in(channel: int, member: Member, scene: Scene) -> bool:
    return any(scene.pieces[i].turn.channel == channel for i in member.pieces)


def _pieces_at(word: Word, channel: int, scene: Scene) -> list[tuple[int, float]]:
    """Return the pieces of the word's channel that cover it with their shares of it; else the nearest one, if it is
    near.
    """
    length = max(1e-3, word.end - word.start)
    own = [(i, piece) for i, piece in enumerate(scene.pieces) if channel in (0, piece.turn.channel)]
    shares = [
        (i, (min(word.end, piece.end) - max(word.start, piece.start)) / length)
        for i, piece in own
        if piece.start < word.end and piece.end > word.start
    ]
    if shares:
        return shares
    middle = (word.start + word.end) / 2
    near = [(max(t.start - middle, middle - t.end), i) for i, t in own]
    distance, nearest = min(near, default=(math.inf, -1))
    return [(nearest, 0.5)] if distance <= FAR else []


def _voice_of_word(
    word: Word, pieces: Sequence[tuple[int, float]], by_piece: NDArray[np.float64], scene: Scene
) -> NDArray[np.float64]:
    """Return log-odds (people,) by the turns the word lies in: its share of what each says."""
    if not pieces:
        return np.zeros(by_piece.shape[1])
    seconds = min(1.0, max(0.15, word.end - word.start))
    rows = []
    for i, share in pieces:
        turn = scene.pieces[i].turn
        length = max(seconds, turn.end - turn.start)
        row = np.maximum(by_piece[i] / length, -scene.parameters.voice_per_second) * seconds
        rows.append(row + math.log(max(0.05, min(1.0, share))))
    best: NDArray[np.float64] = np.max(rows, axis=0)
    return best - best.max()


def _lips_of_word(word: Word, member: Member, scene: Scene) -> tuple[float, bool]:
    """Return the log-odds of the person's mouth saying the word, and whether it could be judged."""
    if not member.tracks:
        return 0.0, False
    shot = scene.shot_at((word.start + word.end) / 2)
    tracks = [j for j in member.tracks if scene.tracks[j].shot == shot]
    frames = scene.frames(word.start - AROUND, word.end + AROUND)
    tracks = [j for j in tracks if scene.readable[j, frames].any()]
    if not tracks:
        return 0.0, False
    mean = max(float(scene.speaking[j, frames][scene.readable[j, frames]].mean()) for j in tracks)
    seconds = min(1.0, max(0.15, word.end - word.start))
    value = scene.bounded(np.array([mean * scene.parameters.word_looks_per_second * seconds]))
    return float(value[0]), True


def _change(
    a: Word, b: Word, pieces_a: Sequence[tuple[int, float]], pieces_b: Sequence[tuple[int, float]], scene: Scene
) -> float:
    """Return the log-odds against a change of person between two words."""
    p = scene.parameters
    cost = p.change - min(1.5, p.change_pause * max(0.0, b.start - a.end))
    if ends_sentence(a.text):
        cost -= p.change_sentence
    if scene.shot_at((a.start + a.end) / 2) != scene.shot_at((b.start + b.end) / 2):
        cost -= p.change_cut
    turns_a, turns_b = (
        {id(scene.pieces[i].turn): scene.pieces[i].turn for i, _ in pieces} for pieces in (pieces_a, pieces_b)
    )
    if not {turn.speaker for turn in turns_a.values()} & {turn.speaker for turn in turns_b.values()}:
        cost -= p.change_voice
    elif turns_a.keys() != turns_b.keys():
        cost -= p.change_turn
    return max(0.3, cost)


def viterbi(emission: NDArray[np.float64], change: Sequence[float]) -> list[int]:
    """Return the best state for each row of `emission` (n, states); a change between rows i and i + 1 costs
    `change[i]`.
    """
    count, states = emission.shape
    total = emission[0].copy()
    back = np.zeros((count, states), int)
    for i in range(1, count):
        best = int(np.argmax(total))
        jump = total[best] - change[i - 1]
        back[i] = np.where(jump > total, best, np.arange(states))
        total = np.maximum(total, jump) + emission[i]
    path = [int(np.argmax(total))]
    for i in range(count - 1, 0, -1):
        path.append(int(back[i, path[-1]]))
    return path[::-1]
