"""A clip in which people talk comes back with words that turn into another language over the head of who speaks.

    from pipeline import Look, Options, Settings, analyse, load_models, render

Importing this takes no model and no heavy library; what is needed is imported when it is called.
"""

import os

# What people say in a clip is nobody else's business, and neither is that there was one: onnxruntime >= 1.29 reports every
# session to Microsoft and writes an identifier into the temporary folder unless this is set before its first import
# (microsoft/onnxruntime#27379); the others are for huggingface_hub and whoever keeps to the convention.
for _name in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_name, "1")

from pipeline.errors import PipelineError  # noqa: E402
from pipeline.options import Options  # noqa: E402
from pipeline.records import Analysis, Look, Models, Notice, Progress, Stage  # noqa: E402
from pipeline.run import analyse, render  # noqa: E402
from pipeline.settings import Settings  # noqa: E402

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
    """The callables of the model set that `settings` names; weights load when they are first used."""
    from pipeline.models.sets import load

    return load(settings)
