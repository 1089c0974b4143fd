"""Files of the full set from the Hugging Face Hub, through its own library and into its own cache."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.errors import ModelError
from pipeline.models.catalogue import CATALOGUE, model
from pipeline.models.entries import Hub
from pipeline.models.fetch import sha256_of
from pipeline.settings import weights_sha256

log = logging.getLogger(__name__)


def source(key: str) -> Hub:
    """Return where the full set's model `key` lies on the Hub."""
    found = model(key).hub
    assert found is not None, f"{key} does not come from the Hub"
    return found


def file(key: str) -> Path:
    """Fetch the first file of a full model into the Hub's cache, check that it is the pinned one, and return its path.

    Raises ModelError when it can be neither found nor fetched, or is another file than the pinned one.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    where = source(key)
    name = where.files[0][0]
    try:
        found = Path(hf_hub_download(where.repository, name, revision=where.revision))
    except (HfHubHTTPError, OSError) as error:
        raise ModelError(
            f"{name} could not be fetched from {where.repository} on the Hugging Face Hub; check the network and "
            f"start again."
        ) from error
    return checked(key, found)


def checked(key: str, found: Path) -> Path:
    """Return `found`, which must be the first file of the full model `key`, as the catalogue or the operator
    (SPEECHGLASS_WEIGHTS_SHA256) pins it.

    Where neither knows it, its SHA-256 is logged, to be pinned. Writing it down here on first use would protect nobody:
    a Space is built anew with whatever the Hub then has, and elsewhere the file is fetched once.

    Raises ModelError for another file than the pinned one.
    """
    name, sha256 = source(key).files[0]
    wanted, actual = sha256 or operators_pins().get(name), sha256_of(found)
    if not wanted:
        log.warning("%s is not pinned; to insist on this file set SPEECHGLASS_WEIGHTS_SHA256=%s=%s", name, name, actual)
    elif actual != wanted:
        raise ModelError(f"{name} is not the pinned file (its SHA-256 is {actual}); remove {found} and start again.")
    return found


def operators_pins() -> dict[str, str]:
    """Return the SHA-256 that the operator gives, by name, for files that nothing in the catalogue pins.

    Raises UsageError for a SPEECHGLASS_WEIGHTS_SHA256 that pins nothing.
    """
    unpinned = [entry.hub.files for entry in CATALOGUE if entry.hub and not entry.hub.revision]
    return weights_sha256(name for files in unpinned for name, sha256 in files if not sha256)
