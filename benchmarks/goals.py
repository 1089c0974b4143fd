"""What the project promises to reach, and what was measured of it.

Clips marked hard count in no average. "Lips only" figures come from a run without the learned detector and are not in
this table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

REAL = ("real_talkshow", "real_interview", "real_meeting")
MEETINGS = ("meeting_dev00", "meeting_dev01", "meeting_trn03", "meeting_trn04", "meeting_trn05")
#: The recorded clips; every other clip with faces is composed.
RECORDED = (*REAL, "two_shot", "two_shot_2", "cuts", "off_screen_voice", "orbit_en", "europa_pl")


@dataclass(frozen=True)
class Goal:
    """One promise."""

    figure: str
    measured: float
    goal: float
    at_least: bool = True  #: else at most

    @property
    def reached(self) -> bool:
        return self.measured >= self.goal if self.at_least else self.measured <= self.goal


def goals(rows: Mapping[str, Mapping[str, Any]], evidence: Mapping[str, Any]) -> list[Goal]:
    """The promises for which there are figures: `rows` by clip from the command line, `evidence` from `judge_all`."""
    found: list[Goal] = []

    def add(
        figure: str, values: Iterable[float | None], goal: float, at_least: bool = True, worst: bool = False
    ) -> None:
        known = [value for value in values if value is not None]
        if known:
            pick = (min if at_least else max)(known) if worst else sum(known) / len(known)
            found.append(Goal(figure, pick, goal, at_least))

    def of(names: Iterable[str], key: str) -> list[float | None]:
        return [rows[name].get(key) for name in names if name in rows]

    for clip in REAL:
        add(f"face accuracy, {clip}", of([clip], "face_accuracy"), 0.95)
        add(f"speaker accuracy, {clip}", of([clip], "speaker_accuracy"), 0.95)
        add(f"people counted wrong, {clip}", map(_size, of([clip], "speaker_count_error")), 0, at_least=False)
    add("face accuracy, two_shot_2", of(["two_shot_2"], "face_accuracy"), 0.97)
    known = ("two_shot", "cuts", "off_screen_voice")
    add("face accuracy, two_shot, cuts, off_screen_voice, worst", of(known, "face_accuracy"), 0.98, worst=True)
    add("speaker accuracy, the same, worst", of(known, "speaker_accuracy"), 0.98, worst=True)

    clips, hard = evidence.get("by_clip", {}), evidence.get("hard_clips", {})
    composed = [modes["all"] for name, modes in clips.items() if name not in RECORDED and name not in hard]
    for key in ("face", "speaker"):
        add(f"{key} accuracy, composed clips, mean", [row[key] for row in composed], 0.95)
        add(f"{key} accuracy, composed clips, worst", [row[key] for row in composed], 0.85, worst=True)
    if "worse_with_all" in evidence:
        add(
            "clips on which all evidence is worse than voices",
            [float(len(evidence["worse_with_all"]))],
            0,
            at_least=False,
        )
    if "all" in evidence and evidence["all"]["sure"]:
        add("right person and face at a confidence of 0.9 and more", [evidence["all"]["sure_right"]], 0.95)

    add("DER of five meetings, collar 0.25, no overlap", of(MEETINGS, "der"), 0.12, at_least=False)
    add("the same strict: no collar, with overlap", of(MEETINGS, "der_strict"), 0.25, at_least=False)
    add(
        "voices missed or too many there, worst",
        map(_size, of(MEETINGS, "voices_error")),
        1,
        at_least=False,
        worst=True,
    )
    add("DER of phone_call", of(["phone_call"], "der"), 0.03, at_least=False)
    add("face stage over clip length, orbit_en", _share(rows, "orbit_en", "faces"), 0.25, at_least=False)
    add("voices over clip length, orbit_en", _share(rows, "orbit_en", "voices"), 0.08, at_least=False)
    return found


def _size(value: float | None) -> float | None:
    return None if value is None else abs(value)


def _share(rows: Mapping[str, Mapping[str, Any]], clip: str, stage: str) -> list[float | None]:
    row = rows.get(clip, {})
    return [row["timings"][stage] / row["duration"]] if stage in row.get("timings", {}) else []


def table(rows: Mapping[str, Mapping[str, Any]], evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Print the promises with what was measured; returns them for the last line."""
    found = goals(rows, evidence)
    if found:
        print(f"\n{'what it must reach':58} {'measured':>8}  {'goal':>7}")
    for goal in found:
        sign = ">=" if goal.at_least else "<="
        print(
            f"{goal.figure:58} {goal.measured:8.3f}  {sign} {goal.goal:4.2f}  {'reached' if goal.reached else 'MISSED'}"
        )
    return [{**asdict(goal), "reached": goal.reached} for goal in found]
