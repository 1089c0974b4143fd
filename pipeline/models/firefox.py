"""The Firefox Translations models: which directions there are, and the files of each.

Mozilla trains them between English and one other language; between two others the way goes through English. The table
`firefox.tsv` has a line a file: architecture, COMET on FLORES as Mozilla measured it ("-" where it did not), direction,
file name, bytes and SHA-256. It is made of the metadata and the Git LFS pointers of `REPOSITORY` at `COMMIT`. Where
there are several architectures it has "base-memory": by their COMET at most 0.005 worse than "base", which is a third
larger, and 0.001 to 0.11 better than "tiny".
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pipeline import languages
from pipeline.models.entries import Model, Weights

REPOSITORY = "https://github.com/mozilla/firefox-translations-models"
COMMIT = "e7957fc407441a5e3e35bbcbf9d60d9b35764618"
NAME = "Firefox Translations"


@cache
def directions() -> dict[tuple[str, str], Model]:
    """Return every model by its direction, ("pl", "en")."""
    files: dict[tuple[str, str], list[tuple[str, int, str]]] = {}
    for line in Path(__file__).with_name("firefox.tsv").read_text("utf-8").splitlines():
        architecture, _, pair, name, size, sha256 = line.split("\t")
        files.setdefault((pair[:2], pair[2:]), []).append((f"{architecture}/{pair}/{name}", int(size), sha256))
    return {pair: _model(*pair, tuple(parts)) for pair, parts in files.items()}


def _model(source: str, target: str, files: tuple[tuple[str, int, str], ...]) -> Model:
    # The files stay gzip files: a fifth of a second unpacks one, and not all hashes of the unpacked are published.
    weights = Weights.at(f"{REPOSITORY}/raw/{COMMIT}/models", f"firefox-{source}-{target}", files)
    name = f"{NAME}, {_named(source)} to {_named(target)}"
    return Model(
        weights.key, name, "translation without a key", ("light",), "MPL-2.0", REPOSITORY, weights, optional=True
    )


def _named(code: str) -> str:
    found = languages.known(code)
    return found.name if found else code
