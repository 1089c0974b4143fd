"""DeepFace and retina-face on PyTorch, with weights from files that we name. Import either package through here.

Both choose their engine when they are first used and keep it; unless told otherwise they take TensorFlow where it is
installed, which ZeroGPU does not support. Both would download their weights themselves, without checking them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import ModelError
from pipeline.workspace import workspace


def use_pytorch() -> None:
    """Make DeepFace and retina-face run on PyTorch.

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


def deepface_model(name: str, weights: Path) -> Any:
    """Return DeepFace's face recognition model `name` with the weights in the file `weights`.

    The file must have the name that DeepFace gives it.
    """
    # DeepFace reads its home folder once per model and looks for the weights in it by file name.
    with workspace() as home:
        folder = home / ".deepface" / "weights"
        folder.mkdir(parents=True)
        (folder / weights.name).symlink_to(weights.resolve())
        with _environment(DEEPFACE_HOME=str(home), DEEPFACE_BACKEND_ENGINE="pytorch"):
            from deepface.modules import modeling

            return modeling.build_model(task="facial_recognition", model_name=name)


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {key: os.environ.get(key) for key in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value
