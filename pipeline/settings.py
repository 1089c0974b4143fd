"""Every setting, with unit and reason. The only module that reads the environment."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import UsageError

PREFIX = "SPEECHGLASS_"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can choose. `Settings.from_environment()` reads `SPEECHGLASS_<NAME>` for every field but the
    keys.
    """

    models: str = "auto"  #: "auto" (full where CUDA or ZeroGPU is), "full", "light"
    speech: str = "base"  #: of the light set: "base", "small" or "turbo", larger and slower, fetched from the Hub once
    speech_fixed: bool = False  #: the operator has chosen `speech`, so that visitors of a page cannot
    max_duration_s: float = 300.0  #: longest clip; five minutes is what a public page can serve on two cores
    max_file_bytes: int = 200 * 2**20  #: the page's upload limit too
    max_pixels: int = 4096 * 2304  #: per frame: 4K and a little more; above it a frame no longer decodes in real time
    cache_dir: Path = field(default_factory=lambda: _user_cache())
    weights_dir: Path | None = (
        None  #: looked into for weights before they are fetched, for machines that reach no server
    )
    cache_age_s: float = (
        math.inf
    )  #: longest life of an entry of either cache; a public page keeps nobody's faces for long
    cache_bytes: int = 2 * 2**30  #: bound of the stage cache, and of the translation cache; models are not counted
    deepl_keys: tuple[str, ...] = field(default=(), repr=False)  #: never printed
    deepl_server: str | None = None  #: None: DeepL's own free or Pro server, by the key
    on_spaces: bool = False  #: running as a Hugging Face Space
    zero_gpu: bool = False  #: running on ZeroGPU hardware
    space_id: str = ""  #: "user/name" on a Space, for the duplicate link
    hosts: tuple[str, ...] = ()  #: names this server is reached by; () where they are not known

    def __post_init__(self) -> None:
        if self.models not in ("auto", "full", "light"):
            raise UsageError(f"The model set must be auto, full or light, not {self.models[:40]!r}.")
        if self.speech not in ("base", "small", "turbo"):
            raise UsageError(f"The speech model must be base, small or turbo, not {self.speech[:40]!r}.")
        for name in ("max_duration_s", "max_file_bytes", "max_pixels"):
            if not 0 < getattr(self, name) < float("inf"):  # not a number is no limit at all
                raise UsageError(f"{PREFIX}{name.upper()} must be a number above zero, not {getattr(self, name)}.")
        if self.cache_bytes < 0:
            raise UsageError(f"{PREFIX}CACHE_BYTES must be zero or more, not {self.cache_bytes}.")

    @classmethod
    def from_environment(
        cls, environment: Mapping[str, str] | None = None, models: str | None = None, speech: str | None = None
    ) -> Settings:
        """The settings this process runs with; `models` and `speech`, where given, win over the environment.

        Raises UsageError for a value that is not of its kind.
        """
        env = os.environ if environment is None else environment
        values: dict[str, object] = {}
        kinds: dict[str, type] = {
            "models": str, "speech": str, "max_duration_s": float, "max_file_bytes": int, "max_pixels": int,
            "cache_dir": Path, "weights_dir": Path, "cache_bytes": int,
        }  # fmt: skip
        for name, kind in kinds.items():
            raw = env.get(PREFIX + name.upper(), "").strip()
            if raw:
                try:
                    values[name] = kind(raw)
                except ValueError:
                    raise UsageError(f"{PREFIX}{name.upper()} must be a {kind.__name__}, not {raw[:40]!r}.") from None
        if models is not None:
            values["models"] = models
        if speech is not None:
            values["speech"] = speech
        hosts = ",".join((env.get("SPACE_HOST", ""), env.get(f"{PREFIX}HOSTS", "")))
        raw_keys = env.get("DEEPL_AUTH_KEY") or env.get("DEEPL_KEY") or ""
        return cls(
            **values,  # type: ignore[arg-type]
            speech_fixed="speech" in values,
            deepl_keys=tuple(key.strip() for key in raw_keys.split(",") if key.strip()),
            deepl_server=env.get("DEEPL_SERVER_URL") or None,
            on_spaces=bool(env.get("SPACE_ID")),
            zero_gpu=env.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true"),
            space_id=env.get("SPACE_ID", ""),
            hosts=tuple(host.strip().lower() for host in hosts.split(",") if host.strip()),
        )


def weights_sha256(files: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of those of `files` for which the operator gives one: SPEECHGLASS_WEIGHTS_SHA256 is NAME=SHA-256,
    separated by commas. No field of `Settings`, which differ from call to call: weights are loaded once for the
    process.

    Raises UsageError for a value of another form, and for a name that is not in `files`, since it would pin nothing.
    """
    variable, files = f"{PREFIX}WEIGHTS_SHA256", tuple(files)
    raw = os.environ.get(variable, "").strip()
    pairs = [part.strip().partition("=") for part in raw.split(",")] if raw else []
    for name, _, sha256 in pairs:
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise UsageError(f"{variable} must be a list of NAME=SHA-256, not {raw[:40]!r}.")
        if name not in files:
            raise UsageError(f"{variable} can pin {' and '.join(files)}, not {name[:40]!r}.")
    return {name: sha256 for name, _, sha256 in pairs}


def _user_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "speechglass"
