"""What goes wrong, said to the visitor: a title and one sentence, never a traceback, never a key."""

from __future__ import annotations

import logging
import re
import secrets as random
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape

import gradio as gr

from pipeline import errors

log = logging.getLogger(__name__)

TITLES: tuple[tuple[type[Exception], str], ...] = (
    (errors.LanguageError, "Unknown language"),
    (errors.UsageError, "Please check"),
    (errors.NoAudioError, "No sound"),
    (errors.LimitError, "Too large"),
    (errors.InputError, "Not a clip we can use"),
    (errors.RecordError, "The transcript cannot be read"),
    (errors.FetchError, "No clip at this address"),
    (errors.ModelError, "Models not available"),
    (errors.GpuError, "No GPU available right now"),
    (errors.MediaError, "The video could not be written"),
    (errors.KeyMissingError, "A DeepL key is needed"),
    (errors.KeyRefusedError, "DeepL refused the key"),
    (errors.QuotaError, "DeepL quota used up"),
    (errors.TranslationError, "The translation failed"),
)


def said(error: Exception, secrets: Iterable[str | None] = ()) -> tuple[str, str]:
    """Title and sentence for the visitor, as plain text. A defect goes to the log with a number the visitor sees
    too.
    """
    if isinstance(error, errors.PipelineError):
        title = next((title for kind, title in TITLES if isinstance(error, kind)), "Something went wrong")
        return title, redacted(str(error), secrets)
    if isinstance(error, gr.Error):  # ZeroGPU: quota, queue, a worker that died; the message may be HTML
        return redacted(error.title, secrets), redacted(re.sub(r"<[^>]*>", "", str(error.message)), secrets)
    number = random.token_hex(4)
    log.error("Defect %s\n%s", number, redacted("".join(traceback.format_exception(error)), secrets))
    return (
        "Our mistake",
        f"Something broke on our side; try again, and if it keeps happening, report it with the number {number}.",
    )


@contextmanager
def for_the_visitor(secrets: Iterable[str | None] = ()) -> Iterator[None]:
    """Whatever is raised inside leaves as a gr.Error with a title and a sentence, which Gradio shows and sends to
    scripts.

    Raises gr.Error.
    """
    try:
        yield
    except GeneratorExit:
        raise
    except Exception as error:
        title, sentence = said(error, secrets)
        raise gr.Error(escape(sentence, quote=False), title=title, duration=15, print_exception=False) from None


def redacted(text: str, secrets: Iterable[str | None]) -> str:
    """`text` without the secrets."""
    for secret in secrets:
        for part in str(secret or "").split(","):
            if len(part.strip()) >= 4:
                text = text.replace(part.strip(), "[key]")
    return text
