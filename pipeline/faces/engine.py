"""DeepFace and retina-face on PyTorch, and where their weights lie. Import either package through here.

Both decide on first use which engine they run on and keep to it; unless told, they take TensorFlow where it happens to
be installed, which ZeroGPU does not support.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pipeline import models
from pipeline.errors import ModelError


def use_pytorch() -> None:
    """DeepFace and retina-face run on PyTorch from now on.

    Raises ModelError when one of them has already chosen another engine in this process.
    """
    os.environ["DEEPFACE_BACKEND_ENGINE"] = "pytorch"
    from deepface.commons import backend_utils as deepface_engine
    from retinaface.commons import backend_utils as retinaface_engine

    for engine in (deepface_engine.get_backend_engine(), retinaface_engine.get_backend_engine()):
        if engine != "pytorch":
            raise ModelError(
                f"The face models already run on {engine} here; set DEEPFACE_BACKEND_ENGINE=pytorch and restart."
            )


def weights(key: str) -> Path:
    """Where DeepFace and retina-face look for the file of `models.CATALOGUE`'s model `key`; it is there afterwards, and is
    the pinned one.

    Both packages would fetch it themselves, unchecked; what they find here they take. Both read tensors only
    (`weights_only`), so a file that nobody pinned can be wrong but not run anything.

    Raises ModelError when it can be neither found nor fetched, or is another file than the pinned one.
    """
    name = models.hub(key).files[0][0]
    file = Path(os.environ.get("DEEPFACE_HOME") or Path.home()) / ".deepface" / "weights" / name
    if file.is_file():
        return models.insist(key, file)
    cached = models.hub_file(key)
    file.parent.mkdir(parents=True, exist_ok=True)
    # A copy, not a link: ZeroGPU removes files of the Hub's cache whose tensors it has packed.
    part = file.with_suffix(f".part-{os.getpid()}")
    shutil.copyfile(cached, part)
    part.replace(file)
    return file
