"""Every exception that a user of the pipeline can meet.

    PipelineError                 the message is one finished sentence that ends with what to do
    ├── UsageError                the call itself is wrong (an option, a value); the command line exits with 2
    │   └── LanguageError         a language that is not on the list
    ├── InputError                the clip cannot be used as it is
    │   ├── NotAClipError         no such file, empty, damaged, or no format that we open
    │   ├── NoAudioError          a picture without a sound track
    │   └── LimitError            longer, larger or heavier than the settings allow
    ├── RecordError               a transcript.json that cannot be read back
    ├── FetchError                a URL that gives no clip
    ├── ModelError                model weights that could not be fetched, verified or loaded
    ├── GpuError                  no GPU was available, or it was taken away; says for how long if that is known
    ├── MediaError                ffmpeg failed on something it should be able to do
    └── TranslationError          the translation service refuses, and there is nothing to show instead
        ├── KeyMissingError       the language needs a key, and there is none
        ├── KeyRefusedError       the service does not know the key
        └── QuotaError            the key has no characters left, or too few for this clip

They cross process borders (a ZeroGPU worker pickles the exceptions it raises), so none has an `__init__` of its own:
the only argument is the sentence.
"""


class PipelineError(Exception):
    """The base of all errors, with a sentence for the user. Any other exception is a defect."""


class UsageError(PipelineError):
    """The call is wrong: an option or a value."""


class LanguageError(UsageError):
    """The language is not on the list."""


class InputError(PipelineError):
    """The clip cannot be used as it is."""


class NotAClipError(InputError):
    """The file is missing, empty, damaged or of a kind we do not open."""


class NoAudioError(InputError):
    """The clip has no sound to listen to."""


class LimitError(InputError):
    """The clip is longer, larger or heavier than the settings allow."""


class RecordError(PipelineError):
    """A transcript.json cannot be read back."""


class FetchError(PipelineError):
    """The URL does not lead to a clip."""


class ModelError(PipelineError):
    """Model weights could not be fetched, verified or loaded."""


class GpuError(PipelineError):
    """No GPU was available, or it was taken away."""


class MediaError(PipelineError):
    """ffmpeg failed on something it should be able to do."""


class TranslationError(PipelineError):
    """The translation service refused and there is nothing to show instead."""


class KeyMissingError(TranslationError):
    """The language needs a key for the service, and none is given."""


class KeyRefusedError(TranslationError):
    """The service does not accept the key."""


class QuotaError(TranslationError):
    """The key has no characters left, or too few for this clip."""
