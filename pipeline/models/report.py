"""Say what would run on this machine now, job by job, and what would be better."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.cores import usable
from pipeline.models import fetch, firefox, sets
from pipeline.models.catalogue import model
from pipeline.models.entries import Hub, Model
from pipeline.models.speech import CHOICES
from pipeline.settings import Settings


@dataclass(frozen=True, slots=True)
class Duty:
    """A job, the models that do it here, and what would do it better."""

    job: str
    keys: tuple[str, ...]  #: of the catalogue; () where a service does it
    better: str
    service: str = ""


def report(settings: Settings) -> str:
    """Return a text of a line or two for each job: the model, where it comes from, how large it is, what is better.

    Nothing is fetched or loaded; torch is imported only where an NVIDIA device is.
    """
    which = sets.chosen(settings)
    lines = [f"{_machine(which)} What runs here is the {which} set{_why(settings)}:"]
    for part in full_parts(settings) if which == "full" else light_parts(settings):
        lines.append(f"  {part.job}: {part.service or '; '.join(_described(key, settings) for key in part.keys)}")
        if part.better:
            lines.append(f"      better: {part.better}")
    return "\n".join(lines)


def light_parts(settings: Settings) -> list[Duty]:
    """Return the jobs of the light set with these settings."""
    larger = "--speech small (490 MB) or turbo (1.6 GB), fetched once from the Hugging Face Hub; or a GPU"
    turbo = "an NVIDIA GPU, which runs the same model without rounding it to 8 bits, and faster"
    speech = {"base": larger, "small": "--speech turbo (1.6 GB); or a GPU", "turbo": turbo}[settings.speech]
    hears = "whisper-small" if settings.speech == "small" else "whisper-base"
    return [
        Duty("words", (CHOICES[settings.speech][0],), speech),
        Duty("voices", ("silero-vad", "segmentation", "campplus"), ""),
        Duty("faces", ("retinaface-mobilenet",), "a GPU (RetinaFace ResNet50)"),
        _who_speaks(settings),
        Duty("whose face", ("dlib-resnet",), "a GPU (FaceNet 512)"),
        *([Duty("translation", (), "", _deepl())] if settings.deepl_keys else _key_free(hears, settings)),
    ]


def _key_free(hears: str, settings: Settings) -> list[Duty]:
    """Return how the light set translates without a key; `hears` is the model that translates sound."""
    every = firefox.directions()
    sizes = [entry.weights.bytes for entry in every.values() if entry.weights]
    here = [f"{source} to {target}" for (source, target), entry in every.items() if sets.has(entry.key, settings)]
    kept = f"here are {', '.join(here)}" if here else "none is here yet"
    host = next(entry.weights.host for entry in every.values() if entry.weights)
    said = (
        f"{firefox.NAME}, from English into {sum(source == 'en' for source, _ in every)} languages and from "
        f"{sum(target == 'en' for _, target in every)} into English, each fetched from {host} when first needed, "
        f"{min(sizes) / 1e6:.0f} to {max(sizes) / 1e6:.0f} MB; {kept}"
    )
    better = "a DeepL key (DEEPL_AUTH_KEY; the free one is enough); or a GPU"
    return [
        Duty("translation", (), better, said),
        Duty("translation of other languages into English", (hears,), ""),
    ]


def full_parts(settings: Settings) -> list[Duty]:
    """Return the jobs of the full set with these settings."""
    key = "a DeepL key (DEEPL_AUTH_KEY; the free one is enough)"
    return [
        Duty("words", ("whisper-turbo",), ""),
        Duty("voices, up to four", ("sortformer",), ""),
        Duty("voices, five and more", ("marblenet", "titanet"), ""),
        Duty("faces", ("retinaface-resnet50",), ""),
        _who_speaks(settings),
        Duty("whose face", ("facenet512",), ""),
        Duty("translation", (), "", _deepl()) if settings.deepl_keys else Duty("translation", ("lmt-60",), key),
    ]


def _who_speaks(settings: Settings) -> Duty:
    if sets.has("lr-asd", settings):
        return Duty("who of the faces speaks", ("lr-asd",), "")
    return Duty(
        "who of the faces speaks", ("lr-asd",), "", f"{_described('lr-asd', settings)}; without it the face mesh"
    )


def _deepl() -> str:
    return "DeepL, with the key that is set"


def _described(key: str, settings: Settings) -> str:
    """Return the name of a model, where it is or comes from, and its size."""
    entry = model(key)
    return f"{entry.name} ({_whereabouts(entry, settings)})"


def _whereabouts(entry: Model, settings: Settings) -> str:
    if entry.weights is not None:
        size = f"{entry.weights.bytes / 1e6:.0f} MB"
        if settings.weights_dir is not None and fetch.is_given(entry.weights, settings.weights_dir):
            return f"in {settings.weights_dir}"
        if fetch.is_cached(entry.weights, settings.cache_dir):
            return f"in the cache, {size}"
        return f"to be fetched from {entry.weights.host}, {size}"
    if entry.hub is not None:
        found = _in_hub_cache(entry.hub)
        size = f", {entry.hub.megabytes} MB" if entry.hub.megabytes else ""
        return f"{'in the cache of' if found else 'to be fetched from'} the Hugging Face Hub{size}"
    return "installed"


def _in_hub_cache(hub: Hub) -> bool:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return False
    return isinstance(try_to_load_from_cache(hub.repository, hub.files[0][0], revision=hub.revision), str)


def _why(settings: Settings) -> str:
    if settings.models != "auto":
        return ", as asked for"
    return ", since ZeroGPU lends a card" if settings.zero_gpu else ""


def _machine(which: str) -> str:
    """Return a sentence about the processor, the memory and the card."""
    count = len(usable())
    said = f"{count} {'core' if count == 1 else 'cores'}"
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        said += f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB of memory"
    return f"This machine has {said}, {_card(which)}."


def _card(which: str) -> str:
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        return "and no NVIDIA GPU"
    try:
        import torch

        if torch.cuda.is_available():
            card = torch.cuda.get_device_properties(0)
            return f"and one {card.name} with {card.total_memory / 2**30:.0f} GB"
    except ImportError:
        pass
    return "and an NVIDIA GPU that this Python cannot use"
