"""Every exception a user of the pipeline can meet.

    PipelineError                 the message is one finished sentence that ends in what to do
    ├── UsageError                the call itself is wrong (an option, a value); the command line exits with 2
    │   └── LanguageError         a language that is not on the list
    ├── InputError                the clip cannot be used as it is
    │   ├── NotAClipError         no such file, empty, damaged, or no format we open
    │   ├── NoAudioError          a picture without a sound track
    │   └── LimitError            longer, larger or heavier than the settings allow
    ├── RecordError               a transcript.json that cannot be read back
    ├── FetchError                a URL that gives no clip
    ├── ModelError                model weights that could not be fetched, verified or loaded
    ├── GpuError                  no GPU could be had, or it was taken away; says for how long where that is known
    ├── MediaError                ffmpeg failed on something it should be able to do
    └── TranslationError          the translation service refuses, and nothing can be shown instead
        ├── KeyRefusedError       the service does not know the key
        └── QuotaError            the key has no characters left, or too few for this clip

They cross process borders (a ZeroGPU worker pickles what it raises), so none has an `__init__` of its own: the
only argument is the sentence.
"""


class PipelineError(Exception):
    """A sentence for the user. Anything else that is raised is a defect."""


class UsageError(PipelineError):
    """The call is wrong."""


class LanguageError(UsageError):
    """The language is not one we know."""


class InputError(PipelineError):
    """The clip cannot be used as it is."""


class NotAClipError(InputError):
    """The file is missing, empty, damaged or of a kind we do not open."""


class NoAudioError(InputError):
    """There is no sound to listen to."""


class LimitError(InputError):
    """The clip is beyond the limits of the settings."""


class RecordError(PipelineError):
    """The transcript file cannot be read."""


class FetchError(PipelineError):
    """The URL does not lead to a clip."""


class ModelError(PipelineError):
    """Model weights could not be fetched, verified or loaded."""


class GpuError(PipelineError):
    """No GPU could be had, or it was taken away."""


class MediaError(PipelineError):
    """ffmpeg failed."""


class TranslationError(PipelineError):
    """The translation service refused and there is nothing to show instead."""


class KeyRefusedError(TranslationError):
    """The service does not accept the key."""


class QuotaError(TranslationError):
    """The key has no characters left, or too few for this clip."""
