"""ffmpeg cuts the picture in one pass; the sound is laid out sample by sample."""

from __future__ import annotations

import itertools
import json
import subprocess
import tempfile
import wave
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compose.footage import Take
from benchmarks.compose.scene import Composition, Shot, View
from benchmarks.compose.variants import BELOW, PLAIN, Variant
from pipeline.media import ffmpeg_binary

RATE = 25  #: frames a second of the cutting
SOUND_RATE = 48000  #: Hz
LOUDNESS = 0.08  #: root mean square of every voice, full scale 1
#: Share of a recording that may be cut off to fill a cell; one that fits worse stands before its own blur.
CUT_OFF = 0.16


def _ffmpeg(*arguments: str) -> bytes:
    command = [ffmpeg_binary(), "-nostdin", "-v", "error", "-y", *arguments]
    done = subprocess.run(command, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"ffmpeg: {done.stderr.decode(errors='replace').strip()[-800:]}\n{' '.join(command)}")
    return done.stdout


# --- picture ----------------------------------------------------------------------------------------------------------


def _fitted(width: int, height: int, crop: tuple[int, int, int, int]) -> str:
    """Filters that make a recording's `crop` fill a cell of `width` x `height`, with its blur around it where it is too
    narrow.
    """
    aspect, cell = crop[0] / crop[1], width / height
    if min(aspect, cell) / max(aspect, cell) >= 1 - CUT_OFF:
        return f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},setsar=1"
    return (
        f"split[whole{{0}}][back{{0}}];[back{{0}}]scale=64:36,gblur=4,scale={width}:{height},eq=brightness=-0.15[blur{{0}}];"
        f"[whole{{0}}]scale={width}:{height}:force_original_aspect_ratio=decrease:force_divisible_by=2[front{{0}}];"
        f"[blur{{0}}][front{{0}}]overlay=(W-w)/2:(H-h)/2,setsar=1"
    )


def _view(view: View, label: str, number: int, width: int, height: int, frames: int) -> str:
    """The graph from input `number` to [label]: exactly `frames` frames of `width` x `height` at RATE."""
    w, h, x, y = view.talker.crop or (0, 0, 0, 0)
    steps = [f"crop={w}:{h}:{x}:{y}", "setpts=PTS-STARTPTS"]
    if view.speed != 1.0:
        steps.append(f"setpts=PTS/{view.speed}")
    steps += [f"fps={RATE}", "hflip" if view.mirrored else ""]
    own = max(1, int((view.end - view.start) / view.speed * RATE + 1e-6))
    graph = f"[{number}:v]" + ",".join(step for step in steps if step)
    if view.still:
        graph += f",trim=end_frame=1,loop=loop={frames}:size=1,setpts=N/{RATE}/TB"
    elif own < frames:  # to and fro
        graph += f",trim=end_frame={own},split[to{label}][turn{label}];[turn{label}]reverse[fro{label}];"
        graph += f"[to{label}][fro{label}]concat=n=2,loop=loop={frames // own + 1}:size={2 * own},setpts=N/{RATE}/TB"
    graph += "," + _fitted(width, height, view.talker.crop or (w, h, x, y)).format(label)
    if view.nods:
        graph += (
            f",scale={round(width * 1.1 / 2) * 2}:{round(height * 1.1 / 2) * 2},"
            f"crop={width}:{height}:(iw-ow)/2:'(ih-oh)/2*(1+0.9*sin(2*PI*1.3*t))'"
        )
    return graph + f",tpad=stop_mode=clone:stop_duration=1,trim=end_frame={frames},format=yuv420p[{label}]"


def _shot(shot: Shot, size: tuple[int, int], first: int, label: str, frames: int) -> tuple[list[str], str]:
    """ffmpeg's inputs of one shot and the graph to [label]; its inputs are numbered from `first`."""
    width, height = size
    count = len(shot.views)
    columns, rows = (1, 1) if shot.pan else (2, 2) if count == 4 else (count, 1)
    cell = width // columns // 2 * 2, height // rows // 2 * 2
    inputs, graph, cells = [], [], []
    for i, view in enumerate(shot.views):
        inputs += ["-ss", f"{view.start:.3f}", "-t", f"{view.end - view.start + 0.2:.3f}", "-i", str(view.talker.clip)]
        cells.append(f"{label}x{i}")
        graph.append(_view(view, cells[-1], first + i, *cell, frames))
    together = "".join(f"[{name}]" for name in cells)
    if count == 4 and not shot.pan:
        together += "xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0"
    else:
        together += f"hstack={count}" if count > 1 else "null"
    if shot.pan:
        starts = frames / RATE / 2 - 0.5
        together += f",crop={width}:{height}:'{width}*clip(t-{starts:.3f},0,1)':0"
    return inputs, ";".join([*graph, f"{together},scale={width}:{height},setsar=1[{label}]"])


def _picture(composition: Composition, variant: Variant) -> tuple[list[str], str]:
    """ffmpeg's inputs and the graph to [v] of the whole clip."""
    width, height = composition.size
    inputs: list[str] = []
    graph: list[str] = []
    edges = [0.0]
    for shot in composition.shots:
        edges.append(edges[-1] + shot.seconds)
    frames = [round(end * RATE) - round(start * RATE) for start, end in itertools.pairwise(edges)]
    for i, (shot, count) in enumerate(zip(composition.shots, frames, strict=True)):
        more, part = _shot(shot, composition.size, inputs.count("-i"), f"s{i}", count)
        inputs += more
        graph.append(part)
    whole = "".join(f"[s{i}]" for i in range(len(graph))) + f"concat=n={len(graph)}"
    if variant.mirrored:
        whole += ",hflip"
    shrink = variant.shrink(composition)
    if shrink < 1:
        w, h = round(width * shrink / 2) * 2, round(height * shrink / 2) * 2
        whole += (
            f",split[front][back];[back]scale=64:36,gblur=6,scale={width}:{height},eq=brightness=-0.2[blur];"
            f"[front]scale={w}:{h}:flags=area[less];[blur][less]overlay=(W-w)/2:(H-h)/2"
        )
    if variant.picture:
        whole += f",{variant.picture}"
    return inputs, ";".join([*graph, f"{whole},fps={variant.rate},format=yuv420p[v]"])


# --- sound ------------------------------------------------------------------------------------------------------------


@cache
def _recording(clip: Path) -> np.ndarray:
    """The sound of a recording: float32 in -1..1 at SOUND_RATE, mono."""
    raw = _ffmpeg("-i", str(clip), "-vn", "-ac", "1", "-ar", str(SOUND_RATE), "-f", "f32le", "-")
    return np.frombuffer(raw, np.float32)


def _level(sound: np.ndarray) -> float:
    """Root mean square of the louder half of pieces of 20 ms: of the speech, not of its pauses."""
    pieces = sound[: len(sound) // 960 * 960].reshape(-1, 960)
    energy = np.sort((pieces**2).mean(1))
    return float(np.sqrt(energy[len(energy) // 2 :].mean())) if len(energy) else 0.0


def _take(take: Take) -> np.ndarray:
    """A take at the common loudness, with its first and last 10 ms faded."""
    whole = _recording(take.clip)
    sound = whole[round(take.start * SOUND_RATE) : round(take.end * SOUND_RATE)].copy()
    sound *= LOUDNESS / max(1e-4, _level(sound))
    fade = np.linspace(0, 1, SOUND_RATE // 100, dtype=np.float32)
    sound[: len(fade)] *= fade
    sound[-len(fade) :] *= fade[::-1]
    return sound


def _under(variant: Variant, length: int, seed: int) -> np.ndarray:
    """`length` samples of what is heard under the speech, `BELOW` dB quieter."""
    mix = np.zeros(length, np.float32)
    for clip in variant.under:
        sound = np.resize(_recording(clip), length)
        mix += sound / max(1e-4, _level(sound))
    if variant.hiss:
        white = np.random.default_rng(seed).standard_normal(length)
        mix += np.convolve(white, np.ones(8) / 8, "same").astype(np.float32)  # darker than white
    level = _level(mix)
    return mix * (LOUDNESS * 10 ** (-BELOW / 20) / level) if level else mix


def _sound(composition: Composition, variant: Variant, to: Path) -> None:
    """The sound of the whole clip as WAV."""
    mix = np.zeros(round((composition.seconds + variant.late) * SOUND_RATE), np.float32)
    for at, take in composition.sounds:
        start = round((at + variant.late) * SOUND_RATE)
        sound = _take(take)[: len(mix) - start]
        mix[start : start + len(sound)] += sound
    mix += _under(variant, len(mix), zlib.crc32(composition.name.encode()))
    with wave.open(str(to), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SOUND_RATE)
        file.writeframes((np.clip(mix, -1, 1) * 32767).astype("<i2").tobytes())


# --- the clip and its truth -------------------------------------------------------------------------------------------


def truth(composition: Composition, variant: Variant) -> dict[str, Any]:
    """What the truth file holds."""
    shrink = variant.shrink(composition)
    starts = [round(sum(shot.seconds for shot in composition.shots[:i]), 3) for i in range(len(composition.shots))]
    turns = [
        {
            "start": round(said.start + variant.late, 3),
            "end": round(said.end + variant.late, 3),
            "speaker": said.who,
            "face": variant.place(said.place, shrink),
            "text": said.text,
        }
        for said in composition.turns()
    ]
    record: dict[str, object] = {
        "language": composition.language,
        "faces": len({view.talker.who for shot in composition.shots for view in shot.views} - {""}),
        "people": composition.people,
        "shots": starts,
        "turns": turns,
        "variant": variant.name,
    }
    return record | ({"hard": composition.reason} if composition.reason else {})


def write(composition: Composition, folder: Path, variant: Variant = PLAIN) -> Path:
    """NAME.mp4, NAME.truth.json and NAME.rttm are in `folder`; returns the clip.

    Raises RuntimeError with ffmpeg's words where it fails.
    """
    name = composition.name if variant is PLAIN else f"{composition.name}-{variant.name}"
    clip = folder / f"{name}.mp4"
    inputs, graph = _picture(composition, variant)
    with tempfile.TemporaryDirectory() as work:
        sound = Path(work, "sound.wav")
        _sound(composition, variant, sound)
        _ffmpeg(
            *inputs, "-i", str(sound), "-filter_complex", graph, "-map", "[v]", "-map", f"{inputs.count('-i')}:a",
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p",
            "-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", str(clip),
        )  # fmt: skip
    clip.with_suffix(".truth.json").write_text(
        json.dumps(truth(composition, variant), ensure_ascii=False, indent=1) + "\n", "utf-8"
    )
    rows = [
        f"SPEAKER {name} 1 {said.start + variant.late:.3f} {said.end - said.start:.3f} <NA> <NA> "
        f"{said.who.replace(' ', '_')} <NA> <NA>\n"
        for said in composition.said
    ]
    clip.with_suffix(".rttm").write_text("".join(rows), "utf-8")
    return clip
