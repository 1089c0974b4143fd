"""Fit how voices are told apart (`pipeline.speech.likeness`), and say how well it does on people who were left out.

    python -m benchmarks.fit_voices [--count 36] [--seed 1] [--voices FOLDER]

Every clip of the recorded clips with known turns and `--count` conversations mixed by `benchmarks.conversations` go
through the networks once. Then the similarities of pure pieces are fitted by maximum likelihood, the weight of the
segmentation by logistic regression, how often a voice changes by maximum likelihood, and the prior by the error that is
left: strict DER plus 0.05 times the square of the voices too many or too few. Prints the constants, and for every real
clip the figures with constants fitted without this clip and without every other clip and mixture in which one of its
people speaks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks import conversations
from benchmarks.der import Turn, both
from pipeline.progress import finish
from pipeline.settings import Settings
from pipeline.speech import changes, diarize, pieces, turns
from pipeline.speech.campplus import CamPlus
from pipeline.speech.cluster import cluster
from pipeline.speech.likeness import FITTED, Odds, Similarity
from pipeline.speech.local_voices import LocalVoices, frame_time
from pipeline.speech.pieces import Piece

PURE = 0.9  #: share of a piece that one person must speak for its voice to be theirs, and that nobody else may touch
PRIORS = tuple(np.arange(-6.0, 1.5, 0.5).tolist())
FREEDOM = 5.0  #: degrees of freedom of Student's t, which the similarities are taken to follow
LEAST_SPREAD = 0.05  #: of one voice: nobody shouts, whispers and turns away in the half minutes at hand
VOICE_COST = 0.05  #: DER that one voice too many or too few is worth; two are worth four times as much, and so on
PAIRS = 400  #: of every clip
REAL_WEIGHT = 5.0  #: of a real clip against a mixture: in those, every voice comes from a recording of its own


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip as the networks hear it."""

    name: str
    real: bool
    turns: tuple[Turn, ...]
    local: LocalVoices
    pieces: tuple[Piece, ...]
    same: np.ndarray
    weight: np.ndarray
    steady: np.ndarray

    @property
    def people(self) -> set[str]:
        return {turn[2] for turn in self.turns}


def hear(conversation: conversations.Conversation, real: bool, weights: Path) -> tuple[Heard, CamPlus]:
    """Run the networks over a conversation."""
    local, found, network = finish(diarize.hear(conversation.samples, weights))
    same, weight = pieces.affinity(local, [(p.first, p.last) for p in found])
    steady = pieces.steadiness(local)
    return Heard(conversation.name, real, conversation.turns, local, tuple(found), same, weight, steady), network


def speaker(clip: Heard, first: int, last: int) -> str:
    """Who speaks from frame `first` to before `last`, "" where it is not one person alone."""
    start, end = frame_time(first), frame_time(last)
    share = dict.fromkeys(clip.people, 0.0)
    for a, b, who in clip.turns:
        share[who] += max(0.0, min(end, b) - max(start, a)) / (end - start)
    most, *others = sorted(share.values(), reverse=True)
    pure = most >= PURE and not any(other > 1 - PURE for other in others)
    return max(share, key=lambda person: share[person]) if pure else ""


def speakers(clip: Heard) -> list[str]:
    """Who speaks each piece."""
    return [speaker(clip, piece.first, piece.last) for piece in clip.pieces]


# --- similarity -------------------------------------------------------------------------------------------------------


def pairs(clips: Sequence[Heard], network: CamPlus, seed: int = 0) -> np.ndarray:
    """Return (n, 5): cosine, seconds, other seconds, 1 for one voice or 0 for two, weight; of pure pieces and of sums
    of several. Every clip weighs the same, real ones `REAL_WEIGHT` times as much.
    """
    random = np.random.default_rng(seed)
    rows = []
    for clip in clips:
        named = [(p, who) for p, who in zip(clip.pieces, speakers(clip), strict=True) if who]
        own: dict[str, list[Piece]] = {}
        for piece, who in named:
            own.setdefault(who, []).append(piece)
        groups = [([piece], who) for piece, who in named]
        for who, found in own.items():
            for _ in range(len(found)):
                chosen = random.permutation(len(found))[: int(random.integers(1, 1 + max(1, len(found) // 2)))]
                groups.append(([found[i] for i in chosen], who))
        found_rows = []
        for _ in range(PAIRS):
            if len(groups) < 2:
                break
            (one, a), (two, b) = (groups[int(i)] for i in random.choice(len(groups), 2, replace=False))
            if not {id(p) for p in one} & {id(p) for p in two}:
                x, y = (network.embed(*pieces.together(group)) for group in (one, two))
                found_rows.append(
                    (float(x @ y), sum(p.seconds for p in one), sum(p.seconds for p in two), float(a == b), 0.0)
                )
        weight = (REAL_WEIGHT if clip.real else 1.0) / max(1, len(found_rows))
        rows += [(*row[:4], weight) for row in found_rows]
    return np.array(rows)


def fit_similarity(rows: np.ndarray) -> Similarity:
    """The parameters under which the similarities are likeliest."""
    from scipy.optimize import minimize

    cosine, seconds, others, same, weight = rows.T
    start = FITTED.similarity

    def loss(logs: np.ndarray) -> float:
        noise_s, dimensions, same_mean, same_spread, other_mean, other_spread = np.exp(logs)
        squared = 1 / ((1 + noise_s / seconds) * (1 + noise_s / others))
        noise = (1 - squared) / dimensions
        mean = np.where(same > 0, same_mean, other_mean) * np.sqrt(squared)
        variance = np.where(same > 0, same_spread, other_spread) ** 2 * squared + noise
        # Student's t: a wrong reference is not to widen everything.
        surprise = (FREEDOM + 1) / 2 * np.log1p((cosine - mean) ** 2 / variance / FREEDOM) + 0.5 * np.log(variance)
        return float((surprise * weight / np.where(same > 0, (weight * same).sum(), (weight * (1 - same)).sum())).sum())

    first = np.log(
        [start.noise_s, start.noise_dimensions, start.same, start.same_spread, start.other, start.other_spread]
    )
    found = np.exp(minimize(loss, first, method="Nelder-Mead", options={"maxiter": 4000, "maxfev": 4000}).x)
    noise_s, dimensions, same_mean, same_spread, other_mean, other_spread = (round(float(value), 3) for value in found)
    return Similarity(
        noise_s, dimensions, min(same_mean, 1.0), max(same_spread, LEAST_SPREAD), other_mean, other_spread
    )


def fit_heard(clips: Sequence[Heard]) -> float:
    """The log-odds of one voice per unit of the segmentation's evidence: logistic regression through the origin."""
    from scipy.optimize import minimize_scalar

    evidence, labels, weights = [], [], []
    for clip in clips:
        names = speakers(clip)
        certain = np.clip(clip.same, 0.02, 0.98)
        logit = np.log(certain / (1 - certain)) / np.log(0.98 / 0.02)
        known = [
            (logit[i, j], float(names[i] == names[j]))
            for i in range(len(names))
            for j in range(i)
            if names[i] and names[j] and clip.weight[i, j] >= 2
        ]
        for same in (1.0, 0.0):
            chosen = [e for e, label in known if label == same]
            evidence += chosen
            labels += [same] * len(chosen)
            weights += [(REAL_WEIGHT if clip.real else 1.0) / len(chosen)] * len(chosen) if chosen else []
    x, y, w = np.array(evidence), np.array(labels) * 2 - 1, np.array(weights)
    return round(float(minimize_scalar(lambda a: (w * np.logaddexp(0, -a * x * y)).sum(), bounds=(0, 12)).x), 2)


def fit_changes(clips: Sequence[Heard], network: CamPlus) -> tuple[float, float, float]:
    """The probabilities that a voice stays: where the segmentation hears it go on, where not, and over a pause."""
    from scipy.optimize import minimize

    rows = []
    for clip in clips:
        if len(clip.pieces) < 2:
            continue
        chips = changes.Chips(clip.pieces, clip.steady, network.embed)
        names = [
            speaker(clip, int(a), int(b))
            for piece in clip.pieces
            for a, b in zip(piece.edges[:-1], piece.edges[1:], strict=True)
        ]
        weight = REAL_WEIGHT if clip.real else 1.0
        known = [i for i, name in enumerate(names) if name]
        rows += [  # a chip in which the voice changes is nobody's: the next one that is somebody's counts
            (float(chips.gap[i:j].any()), float(chips.steady[i:j].min()), float(names[i] == names[j]), weight)
            for i, j in pairwise(known)
        ]
    gap, steady, same, weight = np.array(rows).T
    paused = (weight * same * gap).sum() / (weight * gap).sum()

    def loss(logits: np.ndarray) -> float:
        on, off = 1 / (1 + np.exp(-logits))
        stay = np.clip(on * steady + off * (1 - steady), 1e-6, 1 - 1e-6)
        return float(-(weight * (1 - gap) * (same * np.log(stay) + (1 - same) * np.log(1 - stay))).sum())

    on, off = 1 / (1 + np.exp(-minimize(loss, np.array([4.0, 0.0]), method="Nelder-Mead").x))
    return round(float(on), 4), round(float(off), 3), round(float(paused), 3)


# --- the whole --------------------------------------------------------------------------------------------------------


def answer(clip: Heard, network: CamPlus, model: Odds) -> list[Turn]:
    """The turns that the diarizer gives with these constants."""
    if not clip.pieces:
        return []
    labels, _ = cluster(clip.pieces, clip.same, clip.weight, network.embed, model=model)
    cut, labels = changes.refine(clip.pieces, labels, clip.steady, network.embed, model)
    found = turns.spans(turns.active(clip.local, turns.scores(clip.local, cut, labels, int(labels.max()) + 1)))
    return [(frame_time(first), frame_time(last), str(voice)) for first, last, voice in found]


def figures(clip: Heard, network: CamPlus, model: Odds) -> tuple[float, float, int, int]:
    """(DER with collar and without overlap, strict DER, voices, voices found)."""
    found = answer(clip, network, model)
    return (*both(clip.turns, found), len(clip.people), len({turn[2] for turn in found}))


def likelihoods(clips: Sequence[Heard], network: CamPlus) -> Odds:
    """All constants but the prior."""
    stays, changing, paused = fit_changes(clips, network)
    return Odds(fit_similarity(pairs(clips, network)), fit_heard(clips), 0.0, stays, changing, paused)


def errors(clips: Sequence[Heard], network: CamPlus, model: Odds) -> np.ndarray:
    """(clips, priors) what each prior costs on each clip."""
    found = np.empty((len(clips), len(PRIORS)))
    for row, clip in enumerate(clips):
        for column, prior in enumerate(PRIORS):
            _, strict, true, heard = figures(clip, network, replace(model, prior=prior))
            found[row, column] = strict + VOICE_COST * (true - heard) ** 2
    return found


def best_prior(errors: np.ndarray, clips: Sequence[Heard]) -> float:
    """The prior with the least mean error."""
    weights = np.array([REAL_WEIGHT if clip.real else 1.0 for clip in clips])
    return float(PRIORS[int((errors * weights[:, None]).sum(0).argmin())])


def gather(count: int, seed: int, extra: Path | None) -> tuple[list[Heard], CamPlus]:
    """Every real clip with known turns of more than one person, and `count` mixtures, through the networks."""
    from pipeline.models.sets import weights

    folder = finish(weights("segmentation", Settings.from_environment()))
    clips = []
    for file, known in conversations.truths():
        if len({turn[2] for turn in known}) > 1 and file.parent == conversations.SHARED:
            clips.append(
                hear(conversations.Conversation(file.stem, conversations.decode(file), tuple(known)), True, folder)
            )
            print(file.stem, flush=True)
    for mix in conversations.make(count, seed, extra):
        clips.append(hear(mix, False, folder))
        print(mix.name, flush=True)
    return [clip for clip, _ in clips], clips[0][1]


def report(clips: Sequence[Heard], network: CamPlus) -> Odds:
    """Print the figures of every real clip with constants fitted without its people, and return those fitted to all."""
    model = likelihoods(clips, network)
    costs = errors(clips, network, model)
    for clip in (clip for clip in clips if clip.real):
        rest = [other for other in clips if not other.people & clip.people]
        left_out = likelihoods(rest, network)
        # The valley of the prior hardly moves with the other constants, so its costs are not computed anew.
        keep = [i for i, other in enumerate(clips) if not other.people & clip.people]
        left_out = replace(left_out, prior=best_prior(costs[keep], rest))
        loose, strict, true, found = figures(clip, network, left_out)
        print(f"{clip.name:16}{loose:8.3f}{strict:8.3f}{true:4} voices, {found} found; prior {left_out.prior}")
    mixed = [figures(clip, network, replace(model, prior=best_prior(costs, clips))) for clip in clips if not clip.real]
    if mixed:
        wrong = np.mean([abs(row[2] - row[3]) > 1 for row in mixed])
        print(
            f"{len(mixed)} mixtures: DER {np.mean([row[0] for row in mixed]):.3f}, strict "
            f"{np.mean([row[1] for row in mixed]):.3f}, more than one voice off in {wrong:.0%}"
        )
    print("mean cost by prior:", dict(zip(PRIORS, costs.mean(0).round(3).tolist(), strict=True)))
    return replace(model, prior=best_prior(costs, clips))


def main(arguments: Iterable[str] | None = None) -> None:
    """Fit the parameters of the diarizer and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=36, help="conversations to mix")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--voices", type=Path, help="folder of WAV files of people who speak alone")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    print(report(*gather(chosen.count, chosen.seed, chosen.voices)))


if __name__ == "__main__":
    main()
