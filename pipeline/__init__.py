"""A clip in which people talk comes back with words that turn into another language over the head of who speaks.

    from pipeline import Look, Options, Settings, analyse, load_models, render

Importing this takes no model and no heavy library; what is needed is imported when it is called.
"""

from pipeline.errors import PipelineError
from pipeline.options import Options
from pipeline.records import Analysis, Look, Models, Notice, Progress, Stage
from pipeline.run import analyse, render
from pipeline.settings import Settings

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
    from pipeline.models import load

    return load(settings)
