"""DeepL, through its official client: several keys, bounded faults, n texts in and n out.

What goes wrong ends in one of four ways: the key is not known (`KeyRefusedError`), it has nothing left (`QuotaError`),
the service does not answer (`Unavailable`), or it answers with something that is no translation (`None` for that text).
The key is in no message: the client's own messages are never passed on, since a malformed key makes `requests` quote
the whole header.

Protocol: https://developers.deepl.com/docs, client deepl 1.32.0.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import KeyRefusedError, PipelineError, QuotaError, TranslationError

if TYPE_CHECKING:
    import deepl

T = TypeVar("T")

MAX_TEXTS = 50  #: of one request, by the documentation
MAX_BYTES = 120 * 1024  #: of one request's body; the documentation says 128 KiB
MAX_CONTEXT = 6000  #: characters; not billed, but it counts towards the body
NETWORK_RETRIES = 3  #: by the client, with its exponential backoff from 1 s: about 5 s of waiting in all
TIMEOUT_S = 10.0  #: the client's shortest wait for an answer

_KEY = re.compile(r"[A-Za-z0-9:_-]{8,128}")
_GLOSSARY_ID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")


#: In place of a glossary's id: the one made of the table that `Service.glossary` was given.
TABLE = "table"


class Unavailable(TranslationError):
    """The service did not answer, or not with what it promises."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Characters of one key this month; None where the service does not say."""

    used: int | None
    limit: int | None

    @property
    def left(self) -> int | None:
        return None if self.used is None or self.limit is None else max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class Request:
    """Texts of one source language for one target language."""

    target: str
    source: str | None  #: DeepL source code; None: DeepL detects it
    context: str = ""
    formality: str = "default"  #: "default", "more", "less"
    glossary: str = ""  #: id, or `TABLE`
    xml: bool = False  #: the texts are XML with markers


@dataclass(frozen=True, slots=True)
class _Terms:
    """A table of terms for a pair of languages."""

    entries: dict[str, str]
    source: str | None
    target: str


class Service:
    """DeepL with one or more keys; when one has used up its month, the next one serves."""

    def __init__(self, keys: Sequence[str], server: str | None = None) -> None:
        self._keys, self._server = list(keys), server
        self._clients: dict[str, deepl.DeepLClient] = {}
        self.billed = 0  #: characters, as the service counted them
        self.glossary_refused = False  #: whether DeepL did not take a table of terms
        self._terms: _Terms | None = None  # of the glossary that is in use
        self._made: dict[str, str] = {}  # the id of that glossary in the account of each key, "" where it was refused

    def close(self) -> None:
        """Every connection is closed."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def check(self, needed: int) -> tuple[str, ...]:
        """The keys that are known and have about `needed` characters left, at least one; others are dropped.

        Raises KeyRefusedError, QuotaError, Unavailable.
        """
        refused, most_left, usable = 0, 0, []
        for key in self._keys:
            try:
                left = self._allowance(key).left
            except KeyRefusedError:
                refused += 1
                continue
            if left is None or left >= needed:
                usable.append(key)
            most_left = max(most_left, left or 0)
        if usable:
            self._keys = usable
            return tuple(usable)
        if refused == len(self._keys):
            raise KeyRefusedError("DeepL does not accept the key; copy it again from your DeepL account.")
        elif most_left == 0:
            raise QuotaError(
                "The DeepL key has no characters left this month; use another key or wait for the next month."
            )
        else:
            raise QuotaError(
                f"The DeepL key has {most_left:,} characters left this month and this clip needs about {needed:,}; "
                "use another key or a shorter clip."
            )

    def allowance(self) -> Allowance:
        """Of the key that serves now. Raises KeyRefusedError, Unavailable."""
        return self._allowance(self._keys[0])

    def targets(self) -> tuple[tuple[str, str, bool], ...]:
        """(code, English name, has formality) of every language the service writes. Raises KeyRefusedError,
        Unavailable.
        """
        with _plain_errors():
            found = self._client(self._keys[0]).get_target_languages()
        return tuple((language.code.upper(), language.name, bool(language.supports_formality)) for language in found)

    def translate(self, texts: Sequence[str], request: Request) -> Iterator[tuple[int, str | None]]:
        """(index, translation) of every text, each batch as soon as it is there; None where the service gave nothing
        usable.

        A batch whose answer has another number of texts is asked again text by text, so that times never slide.

        Raises KeyRefusedError, QuotaError, Unavailable; what was yielded before stays valid.
        """
        for batch in batches(texts, len(request.context.encode())):
            answers = self._serve(partial(self._ask, [texts[i] for i in batch], request))
            if answers is None and len(batch) == 1:
                yield batch[0], None
                continue
            for position, index in enumerate(batch):
                answer = answers[position] if answers is not None else None
                if not answer:
                    alone = self._serve(partial(self._ask, [texts[index]], request))
                    answer = alone[0] if alone else None
                yield index, answer or None

    @contextmanager
    def glossary(self, given: str, source: str | None, target: str) -> Iterator[str]:
        """Yield what `Request.glossary` is to be for `given`: an id, or a table of lines "term = translation".

        A glossary lies in the account of one key. That of a table is made for each key that serves, and removed after
        this use. "" for none, and where DeepL does not take it (`glossary_refused`).

        Raises TranslationError for text that is not a table.
        """
        if not given.strip():
            yield ""
            return
        if _GLOSSARY_ID.fullmatch(given.strip()):
            yield given.strip()
            return
        self._terms, self.glossary_refused = _Terms(read_terms(given), source, target), False
        try:
            yield TABLE if self._serve(lambda _: self._glossary_of(self._keys[0])) else ""
        finally:
            for key, made in self._made.items():
                with suppress(PipelineError), _plain_errors():  # an orphaned glossary is listed in the account
                    if made:
                        self._client(key).delete_glossary(made)
            self._terms, self._made = None, {}

    def _glossary_of(self, key: str) -> str:
        """Return the id of the table's glossary in the account of `key`, which is made at the first call; "" without.

        Raises KeyRefusedError.
        """
        terms = self._terms
        if terms is None:
            return ""
        if key not in self._made:
            self._made[key] = self._make(terms, key) if terms.source is not None else ""
            self.glossary_refused |= not self._made[key]
        return self._made[key]

    def _make(self, terms: _Terms, key: str) -> str:
        """Return the id of a new glossary, "" where the account may have no more of them or none for the pair."""
        name, target = f"speechglass {uuid.uuid4()}", terms.target.split("-")[0]
        try:
            with _plain_errors():
                return self._client(key).create_glossary(name, terms.source or "", target, terms.entries).glossary_id
        except KeyRefusedError:
            raise
        except TranslationError:  # a translation without it is better than none
            return ""

    def _allowance(self, key: str) -> Allowance:
        with _plain_errors():
            usage = self._client(key).get_usage()
        return Allowance(usage.character.count, usage.character.limit)

    def _serve(self, call: Callable[[deepl.DeepLClient], T]) -> T:
        """What `call` returns with the first key that has something left."""
        while True:
            try:
                with _plain_errors():
                    return call(self._client(self._keys[0]))
            except (QuotaError, KeyRefusedError):
                if len(self._keys) == 1:
                    raise
                self._keys.pop(0)

    def _ask(self, texts: list[str], request: Request, client: deepl.DeepLClient) -> list[str] | None:
        """As many translations as texts, or None when the answer is of another number."""
        import deepl

        options: dict[str, object] = {}
        if request.formality != "default":
            options["formality"] = f"prefer_{request.formality}"
        glossary = self._glossary_of(self._keys[0]) if request.glossary == TABLE else request.glossary
        if glossary:
            options["glossary"] = glossary
        if request.xml:
            options |= {"tag_handling": "xml", "outline_detection": False, "non_splitting_tags": ["x"]}
        if request.context:
            options["context"] = request.context
        results = client.translate_text(
            texts,
            source_lang=request.source,
            target_lang=request.target,
            model_type=deepl.api_data.ModelType.PREFER_QUALITY_OPTIMIZED,
            **options,  # type: ignore[arg-type]
        )
        if not isinstance(results, list) or len(results) != len(texts):
            return None
        self.billed += sum(result.billed_characters or 0 for result in results)
        return [result.text if isinstance(result.text, str) else "" for result in results]

    def _client(self, key: str) -> deepl.DeepLClient:
        if not _KEY.fullmatch(key):
            raise KeyRefusedError("This is not a DeepL key; copy it again from your DeepL account.")
        if key not in self._clients:
            import deepl
            from deepl import http_client

            http_client.max_network_retries, http_client.min_connection_timeout = NETWORK_RETRIES, TIMEOUT_S
            client = deepl.DeepLClient(key, server_url=self._server, send_platform_info=False)
            self._clients[key] = client.set_app_info("speechglass", "1")
        return self._clients[key]


def batches(texts: Sequence[str], context_bytes: int) -> Iterator[list[int]]:
    """Indices of texts that fit into one request each."""
    batch: list[int] = []
    size = 0
    for i, text in enumerate(texts):
        own = len(json.dumps(text))  # as the client sends it: non-ASCII characters escaped
        if batch and (len(batch) == MAX_TEXTS or size + own + context_bytes * 6 > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(i)
        size += own
    if batch:
        yield batch


def read_terms(table: str) -> dict[str, str]:
    """The terms of a table of lines "term = translation".

    Raises TranslationError for anything else.
    """
    terms = {}
    for line in table.splitlines():
        term, equals, translation = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not (term and equals and translation):
            raise TranslationError(f"The glossary line {line.strip()[:60]!r} must be 'term = translation'.")
        terms[term] = translation
    if not terms:
        raise TranslationError("The glossary is empty; give lines of 'term = translation' or leave it out.")
    return terms


@contextmanager
def _plain_errors() -> Iterator[None]:
    """The client's exceptions become ours, without their texts."""
    import deepl
    import requests

    try:
        yield
    except deepl.AuthorizationException:
        raise KeyRefusedError("DeepL does not accept the key; copy it again from your DeepL account.") from None
    except deepl.QuotaExceededException:
        raise QuotaError(
            "The DeepL key has no characters left this month; use another key or wait for the next month."
        ) from None
    except deepl.TooManyRequestsException:
        raise Unavailable("DeepL has too many requests at the moment; try again in a minute.") from None
    except deepl.GlossaryNotFoundException:
        raise TranslationError("DeepL does not know this glossary; check its id and the key it belongs to.") from None
    except (deepl.DeepLException, requests.RequestException) as error:
        status = getattr(error, "http_status_code", None)
        if status == 400:
            raise TranslationError(
                "DeepL does not offer this combination of languages and options; choose others."
            ) from None
        raise Unavailable(
            f"DeepL answered with an error ({status}); try again later."
            if status
            else "DeepL does not answer; try again later."
        ) from None
    except (TypeError, ValueError, KeyError, AttributeError):  # the client reads the answer without checking its shape
        raise Unavailable("DeepL gave an answer that could not be read; try again later.") from None
