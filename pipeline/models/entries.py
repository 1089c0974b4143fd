"""The records the catalogue of models is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Archive:
    """A file of the package index, for whatever platform it was built: it is only a box of files here."""

    requirement: str  #: name==version
    file: str  #: its name in the index
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Address:
    """A file at an address whose content never changes: a commit or a release."""

    url: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one download gives to a file."""

    member: str = ""  #: path inside the archive; "" for the whole download
    download: int = 0  #: index into `Weights.downloads`


@dataclass(frozen=True, slots=True)
class File:
    """A file as it lies in the cache: its parts one after the other, converted where the format has to be another."""

    name: str
    sha256: str
    parts: tuple[Part, ...] = (Part(),)
    convert: Callable[[bytes], bytes] | None = None  #: a function of `unpack`


@dataclass(frozen=True, slots=True)
class Weights:
    """Files that are fetched together, by `fetch`."""

    key: str  #: of the folder in the cache
    downloads: tuple[Archive | Address, ...]
    files: tuple[File, ...]

    @classmethod
    def at(cls, base: str, key: str, files: tuple[tuple[str, int, str], ...]) -> Weights:
        """Return files (path below the address `base`, bytes, SHA-256) that are kept as they come."""
        return cls(
            key,
            tuple(Address(f"{base}/{path}", sha256, size) for path, size, sha256 in files),
            tuple(
                File(path.rpartition("/")[2], sha256, (Part(download=n),)) for n, (path, _, sha256) in enumerate(files)
            ),
        )

    @property
    def bytes(self) -> int:
        """Size of all downloads."""
        return sum(download.bytes for download in self.downloads)

    @property
    def host(self) -> str:
        """Where they come from: the name of a server, or "the package index", which the machine is set up with."""
        first = self.downloads[0]
        return "the package index" if isinstance(first, Archive) else urlsplit(first.url).netloc


@dataclass(frozen=True, slots=True)
class Hub:
    """Files of a repository on the Hugging Face Hub, fetched by `hub` or by the library that loads them.

    `revision` is a commit; None says that none is known, and then only a SHA-256 pins: the catalogue's or the
    operator's (`settings.weights_sha256`).
    """

    repository: str
    revision: str | None
    files: tuple[tuple[str, str], ...]  #: (name, sha256); "" where only the revision pins
    megabytes: int = 0  #: of all files, about; 0 where it is not known


@dataclass(frozen=True, slots=True)
class Model:
    """One model. One without `weights` and `hub` lies in this package or in one that is installed with it."""

    key: str  #: its name in code
    name: str
    job: str
    sets: tuple[str, ...]  #: of "light", "full"
    licence: str
    source: str
    weights: Weights | None = None
    hub: Hub | None = None
    optional: bool = False  #: another model does its work, less well, where it cannot be had
    note: str = ""  #: what the licence's name does not say
