"""DeepFace and retina-face on PyTorch, and where their weights lie. Import either package through here.

Both decide on first use which engine they run on and keep to it; unless told, they take TensorFlow where it happens to
be installed, which ZeroGPU does not support.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pipeline.errors import ModelError

#: Mirror of the weights that both packages name beside their GitHub release; preloaded at build time on a Space.
HUB = "serengil/deepface"


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


def weights(name: str, revision: str | None = None) -> Path:
    """Where DeepFace and retina-face look for the weight file `name`; it is there afterwards if the Hub has it or had it
    at build time. If not, the package fetches it itself, from its GitHub release, when the model is built."""
    file = Path(os.environ.get("DEEPFACE_HOME") or Path.home()) / ".deepface" / "weights" / name
    if file.is_file():
        return file
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        cached = hf_hub_download(HUB, name, revision=revision)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError):
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    # A copy, not a link: ZeroGPU removes files of the Hub's cache whose tensors it has packed.
    part = file.with_suffix(f".part-{os.getpid()}")
    shutil.copyfile(cached, part)
    part.replace(file)
    return file
