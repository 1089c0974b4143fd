"""The full set's diarizer: who spoke when, with NVIDIA NeMo.

Sortformer hears up to four voices at once, end to end, overlaps included. If more are asked for, or if it finds four
and clustering finds more, NeMo's ClusteringDiarizer answers: MarbleNet finds where a voice is, TitaNet describes
windows of three lengths, spectral clustering counts and groups them. Manifests, RTTM files and NeMo's own types stay in
this module; its results are turns in seconds.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import media
from pipeline.records import Diarization, Notice, Progress, Stage, Turn, Voice
from pipeline.workspace import workspace

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

RATE = 16_000
#: Voices that Sortformer's output layer has.
SORTFORMER_VOICES = 4
#: Streaming Sortformer with as much delay as the model card allows, in 80 ms frames: 27 s a chunk. A clip is not live,
#: and this is the setting with the lowest published error rates.
STREAMING = {
    "chunk_len": 340,
    "chunk_right_context": 40,
    "fifo_len": 40,
    "spkcache_update_period": 300,
    "spkcache_len": 188,
}
#: From probabilities to turns, as NVIDIA tuned it for version 2 of this model on DIHARD3, the corpus with most kinds of
#: sound (NeMo, conf/post_processing/diar_streaming_sortformer_4spk-v2_dihard3-dev.yaml).
POSTPROCESSING = {
    "onset": 0.56, "offset": 1.0, "pad_onset": 0.063, "pad_offset": 0.002,
    "min_duration_on": 0.007, "min_duration_off": 0.151,
}  # fmt: skip
#: From MarbleNet's 20 ms frames to speech (NeMo, conf/inference/diar_infer_general.yaml; edges tightened to 0.1 s
#: because words are attributed by these turns).
FRAME_S = 0.02
ON, OFF, PAD_S, SHORTEST_S, GAP_S = 0.5, 0.3, 0.1, 0.2, 0.3
#: TitaNet's windows in s, their steps, and the most voices looked for (diar_infer_general.yaml, except the last: 8
#: there).
WINDOWS, STEPS, WEIGHTS = (1.9, 1.2, 0.5), (0.95, 0.6, 0.25), (1, 1, 1)
MOST_VOICES = 12
#: A voice is described by the longest stretches it speaks alone: at most this many, each of at most and at least this
#: many s.
SAMPLES, LONGEST_SAMPLE_S, SHORTEST_SAMPLE_S = 8, 4.0, 0.4
BATCH = 32
#: s, gaps shorter than this inside one voice are breath.
BREATH_S = 0.15


@dataclass(frozen=True, slots=True)
class Diarizer:
    """The three networks, on one device."""

    sortformer: Any
    titanet: Any
    marblenet: Any


def load(sortformer: Path, titanet: Path, marblenet: Path, *, device: str) -> Diarizer:
    """Return the networks of three `.nemo` files, on `device`.

    They are restored on the CPU and then moved: by itself NeMo asks `torch.cuda.is_available()`, which on ZeroGPU is
    True before there is a GPU.
    """
    quieten()
    from nemo.collections.asr.models import (
        EncDecFrameClassificationModel,
        EncDecSpeakerLabelModel,
        SortformerEncLabelModel,
    )

    first = _restored(SortformerEncLabelModel, sortformer).to(device).eval()
    if first.streaming_mode:
        for name, value in STREAMING.items():
            setattr(first.sortformer_modules, name, value)
        first.sortformer_modules._check_streaming_parameters()
    # The published MarbleNet carries the weights of its training loss, for which this class has no place.
    third = EncDecFrameClassificationModel.restore_from(str(marblenet), map_location="cpu", strict=False)
    second = EncDecSpeakerLabelModel.restore_from(str(titanet), map_location="cpu")
    return Diarizer(first, second.to(device).eval(), third.to(device).eval())


def _restored(kind: Any, file: Path) -> Any:
    """Restore a model from a `.nemo` file with every weight in its place, if possible; weights left over are logged."""
    try:
        return kind.restore_from(str(file), map_location="cpu", strict=True)
    except RuntimeError as error:
        if "state_dict" not in str(error):
            raise
        log.warning("%s does not fit its class in every weight: %s", file.name, error)
        return kind.restore_from(str(file), map_location="cpu", strict=False)


def quieten() -> None:
    """Keep NeMo's training advice and progress bars out of the log."""
    from nemo.utils import logging

    logging.setLevel(logging.ERROR)


def diarize(sound: Path, speakers: int | None, *, diarizer: Diarizer) -> Stage[Diarization]:
    """Return the turns and voices of a 16 kHz mono WAV; if nobody speaks, `turns` is ().

    `speakers` is the number of voices, or None to find it. Up to four come from Sortformer, whose turns may overlap;
    more come from the clustering, whose turns do not.
    """
    from pipeline.speech.envelope import envelope

    yield Progress("voices", 0.0, "Telling voices apart")
    samples = media.read_sound(sound)
    notices: tuple[Notice, ...] = ()
    found: list[tuple[float, float, str]] = []
    if speakers is None or speakers <= SORTFORMER_VOICES:
        found = hear(sound, diarizer)
        count = len({name for *_, name in found})
        yield Progress("voices", 0.6, f"{count} voices")
        if speakers is not None and count > speakers:
            found = merge(found, samples, speakers, diarizer)
    else:
        count = speakers
    if (speakers is None and count == SORTFORMER_VOICES) or (speakers is not None and found != [] and count < speakers):
        more = cluster(sound, samples, speakers, diarizer)
        if len({name for *_, name in more}) > count:
            found = more
    elif speakers is not None and speakers > SORTFORMER_VOICES:
        found = cluster(sound, samples, speakers, diarizer)
        notices = (
            Notice("no_overlap", "With more than four voices, words spoken at the same time go to one of them."),
        )
    yield Progress("voices", 0.9, "Describing the voices")
    turns, voices = describe(named(found), samples, diarizer)
    return Diarization(turns, voices, envelope(samples), notices)


# --- up to four voices ------------------------------------------------------------------------------------------------


def hear(sound: Path, diarizer: Diarizer) -> list[tuple[float, float, str]]:
    """Return (start, end, label) of every turn by Sortformer; turns overlap where voices do."""
    from nemo.collections.asr.parts.mixins.diarization import DiarizeConfig
    from nemo.collections.asr.parts.utils.vad_utils import PostProcessingParams
    from omegaconf import OmegaConf

    config = DiarizeConfig(
        batch_size=1,
        num_workers=0,  # a ZeroGPU worker may have no children
        verbose=False,
        postprocessing_params=OmegaConf.structured(PostProcessingParams(**POSTPROCESSING)),
    )
    (lines,) = diarizer.sortformer.diarize(
        audio=[str(sound)], batch_size=1, num_workers=0, verbose=False, override_config=config
    )
    return [(float(start), float(end), label) for start, end, label in (line.split() for line in lines)]


def merge(
    found: list[tuple[float, float, str]], samples: np.ndarray, speakers: int, diarizer: Diarizer
) -> list[tuple[float, float, str]]:
    """Return the turns with the most similar voices merged, until there are only `speakers`."""
    while len(labels := sorted({name for *_, name in found})) > speakers:
        vectors = {name: voice_of(found, name, samples, diarizer) for name in labels}
        pairs = [(a, b) for i, a in enumerate(labels) for b in labels[:i]]
        one, other = max(pairs, key=lambda pair: _alike(vectors[pair[0]], vectors[pair[1]]))
        found = [(start, end, other if name == one else name) for start, end, name in found]
    return found


def _alike(one: Any, other: Any) -> float:
    """Return the cosine of two embeddings, 1 if a voice is too short to have one (None), so that it is merged first."""
    return 1.0 if one is None or other is None else float(one @ other)


# --- more voices ------------------------------------------------------------------------------------------------------


def cluster(
    sound: Path, samples: np.ndarray, speakers: int | None, diarizer: Diarizer
) -> list[tuple[float, float, str]]:
    """Return (start, end, label) of every turn by MarbleNet, TitaNet and NeMo's clustering; [] if there is no voice."""
    return cluster_regions(sound, speech_regions(samples, diarizer), speakers, diarizer.titanet)


def speech_regions(samples: np.ndarray, diarizer: Diarizer) -> list[tuple[float, float]]:
    """Return (start, end) in s of the stretches in which MarbleNet hears a voice."""
    import torch

    device = diarizer.marblenet.device
    signal = torch.from_numpy(samples).to(device)[None]
    with torch.inference_mode():
        logits = diarizer.marblenet(
            input_signal=signal, input_signal_length=torch.tensor([signal.shape[1]], device=device)
        )
    probability = logits[0].float().softmax(-1)[:, 1].cpu().numpy()
    return list(regions(probability, len(samples) / RATE))


def regions(probability: Iterable[float], duration: float) -> Iterator[tuple[float, float]]:
    """Yield the stretches of 20 ms frames that go above `ON` and stay above `OFF`, padded, joined over short gaps."""
    stretches: list[tuple[float, float]] = []
    start = None
    for index, value in enumerate([*probability, 0.0]):
        if start is None and value >= ON:
            start = index * FRAME_S
        elif start is not None and value < OFF:
            end = index * FRAME_S
            if end - start >= SHORTEST_S:
                stretches.append((max(0.0, start - PAD_S), min(duration, end + PAD_S)))
            start = None
    yield from _joined(stretches, GAP_S)


def cluster_regions(
    sound: Path, speech: Sequence[tuple[float, float]], speakers: int | None, titanet: Any
) -> list[tuple[float, float, str]]:
    """Return (start, end, label) of the voices in the given stretches of `sound`, by NeMo's ClusteringDiarizer.

    Its files are in a private folder that is removed afterwards.
    """
    from nemo.collections.asr.models import ClusteringDiarizer

    if not speech:
        return []
    with workspace() as folder:
        sound = _linked(sound, folder / "clip.wav")  # NeMo names everything after the file
        clip = {"audio_filepath": str(sound), "uniq_id": "clip", "offset": 0, "duration": None, "label": "infer",
                "text": "-", "num_speakers": speakers, "rttm_filepath": None, "uem_filepath": None}  # fmt: skip
        (folder / "clip.json").write_text(json.dumps(clip) + "\n")
        (folder / "speech.json").write_text(
            "".join(
                json.dumps({"audio_filepath": str(sound), "uniq_id": "clip", "offset": start, "duration": end - start,
                            "label": "UNK"}) + "\n"
                for start, end in speech
            )
        )  # fmt: skip
        config = clustering_config(folder, str(titanet.device), known=speakers is not None)
        ClusteringDiarizer(config, speaker_model=titanet).diarize()
        return list(_read_rttm(folder / "pred_rttms" / "clip.rttm"))


def _linked(sound: Path, to: Path) -> Path:
    to.symlink_to(sound.resolve())
    return to


def clustering_config(folder: Path, device: str, *, known: bool) -> Any:
    """Return NeMo's diar_infer_general.yaml, as of version 3.0.0, with the numbers of this module.

    `known`: the manifest says how many voices there are.
    """
    from omegaconf import OmegaConf

    return OmegaConf.create(
        {
            "name": "ClusterDiarizer", "num_workers": 0, "sample_rate": RATE, "batch_size": 64, "device": device,
            "verbose": False,
            "diarizer": {
                "manifest_filepath": str(folder / "clip.json"), "out_dir": str(folder), "oracle_vad": False,
                "collar": 0.25, "ignore_overlap": True,
                "vad": {"model_path": None, "external_vad_manifest": str(folder / "speech.json"), "parameters": {}},
                "speaker_embeddings": {
                    "model_path": None,
                    "parameters": {
                        "window_length_in_sec": list(WINDOWS), "shift_length_in_sec": list(STEPS),
                        "multiscale_weights": list(WEIGHTS), "save_embeddings": False,
                    },
                },
                "clustering": {
                    "parameters": {
                        "oracle_num_speakers": known, "max_num_speakers": MOST_VOICES, "enhanced_count_thres": 80,
                        "max_rp_threshold": 0.25, "sparse_search_volume": 10, "maj_vote_spk_count": False,
                    }
                },
            },
        }
    )  # fmt: skip


def _read_rttm(file: Path) -> Iterator[tuple[float, float, str]]:
    for line in file.read_text().splitlines():
        fields = line.split()
        yield float(fields[3]), float(fields[3]) + float(fields[4]), fields[7]


# --- turns and voices -------------------------------------------------------------------------------------------------


def named(found: Iterable[tuple[float, float, str]]) -> tuple[Turn, ...]:
    """Return the turns in order, with the voices named "v1", "v2" ... by first appearance.

    The pieces of one voice are joined over breaths.
    """
    names: dict[str, str] = {}
    by_voice: dict[str, list[tuple[float, float]]] = {}
    for start, end, label in sorted(found):
        by_voice.setdefault(names.setdefault(label, f"v{len(names) + 1}"), []).append((start, end))
    turns = [
        Turn(round(start, 3), round(end, 3), name)
        for name, pieces in by_voice.items()
        for start, end in _joined(pieces, BREATH_S)
        if end > start
    ]
    return tuple(sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker)))


def _joined(pieces: Iterable[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    whole: list[tuple[float, float]] = []
    for start, end in sorted(pieces):
        if whole and start - whole[-1][1] < gap:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


def describe(
    turns: tuple[Turn, ...], samples: np.ndarray, diarizer: Diarizer
) -> tuple[tuple[Turn, ...], tuple[Voice, ...]]:
    """Return the turns and the voices with their voiceprints.

    A turn that is too short for a voiceprint has none. The confidence of a voice is how far it stands from the nearest
    other, 0..1.
    """
    long = [turn for turn in turns if turn.end - turn.start >= SHORTEST_SAMPLE_S]
    prints = voiceprints([(turn.start, turn.end) for turn in long], samples, diarizer.titanet)
    known = dict(zip(long, prints, strict=True))
    spans = [(turn.start, turn.end, turn.speaker) for turn in turns]
    vectors = {name: voice_of(spans, name, samples, diarizer) for name in dict.fromkeys(turn.speaker for turn in turns)}
    voices = []
    for name, vector in vectors.items():
        others = [
            float(vector @ other)
            for key, other in vectors.items()
            if key != name and vector is not None and other is not None
        ]
        confidence = 0.0 if vector is None else min(1.0, max(0.0, 1 - max(others, default=0.0)))
        voices.append(Voice(name, _plain(vector), round(confidence, 3)))
    return tuple(replace(turn, embedding=_plain(known.get(turn))) for turn in turns), tuple(voices)


def _plain(vector: np.ndarray | None) -> tuple[float, ...]:
    return () if vector is None else tuple(round(float(value), 5) for value in vector)


def voice_of(
    found: Sequence[tuple[float, float, str]], name: str, samples: np.ndarray, diarizer: Diarizer
) -> np.ndarray | None:
    """Return the embedding of the voice `name`, (192,) of unit length; None if it speaks too briefly.

    It is computed where the voice speaks alone, or from all of its turns if it never does.
    """
    import numpy as np

    own = [(start, end) for start, end, label in found if label == name]
    alone = [piece for span in own for piece in _without(span, [(s, e) for s, e, label in found if label != name])]
    pieces = [p for p in alone if p[1] - p[0] >= SHORTEST_SAMPLE_S] or [
        p for p in own if p[1] - p[0] >= SHORTEST_SAMPLE_S
    ]
    if not pieces:
        return None
    pieces = sorted(pieces, key=lambda piece: piece[0] - piece[1])[:SAMPLES]
    weights = np.array([min(end - start, LONGEST_SAMPLE_S) for start, end in pieces])
    mean = (voiceprints(pieces, samples, diarizer.titanet) * weights[:, None]).sum(0)
    return mean / max(float(np.linalg.norm(mean)), 1e-9)


def voiceprints(spans: Sequence[tuple[float, float]], samples: np.ndarray, titanet: Any) -> np.ndarray:
    """Return TitaNet's embedding of each span, (n, 192) float32 of unit length.

    Of each span the first `LONGEST_SAMPLE_S` are used, in batches of similar length.
    """
    import numpy as np
    import torch

    parts = [samples[int(start * RATE) : int(min(end, start + LONGEST_SAMPLE_S) * RATE)] for start, end in spans]
    order = sorted(range(len(parts)), key=lambda index: len(parts[index]))
    found = np.zeros((len(parts), 192), np.float32)
    for first in range(0, len(order), BATCH):
        batch = order[first : first + BATCH]
        lengths = [len(parts[index]) for index in batch]
        signal = torch.zeros(len(batch), max(lengths))
        for row, index in zip(signal, batch, strict=True):
            row[: len(parts[index])] = torch.from_numpy(parts[index])
        with torch.inference_mode():
            _, vectors = titanet.forward(
                input_signal=signal.to(titanet.device), input_signal_length=torch.tensor(lengths, device=titanet.device)
            )
        found[batch] = vectors.float().cpu().numpy()
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)


def _without(span: tuple[float, float], others: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the parts of `span` that none of `others` touches."""
    left = [span]
    for start, end in others:
        left = [part for a, b in left for part in ((a, min(b, start)), (max(a, end), b)) if part[1] > part[0]]
    return left
