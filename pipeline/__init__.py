"""Turn a clip in which people talk into one with subtitles that change language over the speaker's head.

    from pipeline import Look, Options, Settings, analyse, load_models, render

Importing this package loads no model and no heavy library. Those are imported when they are used.
"""

import os

# What people say in a clip is nobody else's business, and neither is that there was one: onnxruntime >= 1.29 reports
# every session to Microsoft and writes an identifier into the temporary folder unless this is set before its first
# import (microsoft/onnxruntime#27379); the others are for huggingface_hub and whoever keeps to the convention.
for _name in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_name, "1")

from pipeline.errors import PipelineError  # noqa: E402
from pipeline.options import Options  # noqa: E402
from pipeline.records import Analysis, Look, Notice, Progress, Stage  # noqa: E402
from pipeline.run import analyse, render  # noqa: E402
from pipeline.settings import Settings  # noqa: E402
from pipeline.stages import Models  # noqa: E402

__all__ = [
    "Analysis",
    "Look",
    "Models",
    "Notice",
    "Options",
    "PipelineError",
    "Progress",
    "Settings",
    "Stage",
    "analyse",
    "load_models",
    "render",
]


def load_models(settings: Settings) -> Models:
    """Return the callables of the model set that `settings` names. Weights load when they are first used."""
    from pipeline.models.sets import load

    return load(settings)
