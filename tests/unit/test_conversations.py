"""Mixed conversations say truly who speaks when, and the fit finds the numbers that made its data."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from benchmarks import der
from benchmarks.conversations import LEVEL, RATE, Mixer
from benchmarks.fit_voices import PRIORS, best_prior, fit_similarity

pytestmark = pytest.mark.unit


def _people(count: int) -> dict[str, np.ndarray]:
    """Everyone hums a tone of their own."""
    t = np.arange(6 * RATE) / RATE
    return {
        f"p{i}": (LEVEL * np.sqrt(2) * np.sin(2 * np.pi * 200 * (i + 2) * t)).astype(np.float32) for i in range(count)
    }


def test_everyone_of_the_cast_is_heard_when_the_turns_say_so() -> None:
    mix = Mixer(_people(3), seed=4).conversation("mix", ["p0", "p1", "p2"])
    assert {who for _, _, who in mix.turns} == {"p0", "p1", "p2"}
    assert list(mix.turns) == sorted(mix.turns, key=lambda turn: turn[0])
    assert mix.turns[-1][1] <= len(mix.samples) / RATE
    for start, end, who in mix.turns:
        if end - start < 0.5:
            continue
        part = mix.samples[int(start * RATE) : int(end * RATE)]
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        hertz = np.fft.rfftfreq(len(part), 1 / RATE)
        tones = {f"p{i}": power[np.abs(hertz - 200 * (i + 2)) < 10].sum() for i in range(3)}
        others = [tones[other] for other in tones if other != who]
        assert tones[who] > 0.2 * max(others)  # somebody else may speak under it, but this person does speak


def test_the_same_seed_gives_the_same_conversation() -> None:
    one, other = (Mixer(_people(4), seed=7).conversation("mix") for _ in range(2))
    assert one.turns == other.turns
    np.testing.assert_array_equal(one.samples, other.samples)


def test_the_fit_finds_how_alike_voices_are() -> None:
    random = np.random.default_rng(1)
    seconds, others = random.uniform(0.3, 8, (2, 20000))
    same = (random.random(20000) < 0.5).astype(float)
    squared = 1 / ((1 + 1.2 / seconds) * (1 + 1.2 / others))
    spread = np.sqrt(np.where(same > 0, 0.1, 0.2) ** 2 * squared + (1 - squared) / 60)
    cosine = np.where(same > 0, 0.9, 0.25) * np.sqrt(squared) + spread * random.standard_normal(20000)
    found = fit_similarity(np.stack([cosine, seconds, others, same, np.ones(20000)], 1))
    assert found.noise_s == pytest.approx(1.2, rel=0.15)
    assert (found.same, found.other) == pytest.approx((0.9, 0.25), abs=0.05)
    long = np.array(10.0)
    assert found.log_odds(np.array(0.8), long, long) > 2 > -2 > found.log_odds(np.array(0.3), long, long)


def test_a_real_clip_counts_five_times_as_much_as_a_mixture_for_the_prior() -> None:
    @dataclasses.dataclass
    class Clip:
        real: bool

    costs = np.full((3, len(PRIORS)), 0.5)
    costs[0, 4] = 0.3
    costs[1:, 9] = 0.2
    clips = [Clip(True), Clip(False), Clip(False)]
    assert best_prior(costs, clips) == PRIORS[4]  # type: ignore[arg-type]
    assert best_prior(costs[1:], clips[1:]) == PRIORS[9]  # type: ignore[arg-type]


def test_both_figures_of_two_files_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, lines in (("truth", ((0, 4, "a"), (3, 3, "b"))), ("found", ((0, 3.2, "x"), (3.2, 2.8, "y")))):
        text = "".join(f"SPEAKER c 1 {a} {length} <NA> <NA> {who} <NA> <NA>\n" for a, length, who in lines)
        (tmp_path / f"{name}.rttm").write_text(text)
    der.main([str(tmp_path / "truth.rttm"), str(tmp_path / "found.rttm")])
    said = capsys.readouterr().out
    assert said.startswith("0.0000, strict 0.14")
    assert "2 speakers, found 2" in said
