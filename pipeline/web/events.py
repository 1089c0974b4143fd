"""The call of an event, checked before Gradio reads it: an event that is malformed gets one sentence and no
traceback.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

import gradio as gr
import orjson

MAX_VALUES = (
    300_000  #: numbers, texts, lists and objects of one body; a five-minute transcript with six faces has 120,000
)
MAX_TEXT = 20_000  #: characters of one text of the page
SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Refused(Exception):
    """A request that is not let in: an HTTP status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def read(body: bytes) -> dict[str, Any]:
    """Return the object that `body` holds.

    Raises Refused where it is no JSON object, holds more values than a transcript could, or an address in place of a
    file.
    """
    given = parse(body)
    if not isinstance(given, dict):
        raise Refused(422, "The request must be a JSON object.")
    # Without "://" or an escape in it, the body can hold no address, and ordinary calls are spared the search.
    if (b"://" in body or b"\\" in body) and _names_an_address(given):
        raise Refused(422, "A file cannot be an address; upload the clip and name what the upload returned.")
    return given


def parse(body: bytes) -> Any:
    """Return what `body` holds.

    Raises Refused where it is no JSON, or holds more values than a transcript could.
    """
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        raise Refused(413, "The request holds too many values; send the transcript of one clip.")
    try:
        return orjson.loads(body)
    except ValueError:
        raise Refused(400, "The request is not valid JSON.") from None


def _names_an_address(given: Any) -> bool:
    """Return whether a file in `given` is an http(s) address, which Gradio would download without any limit."""
    rest = [given]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if "meta" in value and isinstance(path, str) and _is_foreign(path):
                return True
            rest += [item for item in value.values() if isinstance(item, dict | list)]
        else:
            rest += [item for item in value if isinstance(item, dict | list)]
    return False


def _is_foreign(path: str) -> bool:
    return re.match(r"\s*[A-Za-z][A-Za-z0-9+.-]*://", path) is not None


def check(path: str, given: dict[str, Any], blocks: gr.Blocks) -> None:
    """Check the call of an event that was sent to `path`.

    Raises Refused for an event that does not exist or is the page's own and called by name (404), and for data that do
    not fit the event (422).
    """
    *_, route, name = path.rstrip("/").split("/")
    if path.endswith("/queue/join"):
        _check_numbered(_numbered(given, blocks), given, blocks)
    elif route == "run":
        function = _numbered(given, blocks) if given.get("fn_index") is not None else _named(name, blocks)
        if function.queue:
            raise Refused(404, "This event goes through the queue; use /gradio_api/call.")
        _check_numbered(function, given, blocks)
    elif route == "v2":
        _check_parameters(name, _named(name, blocks), given, blocks)
    else:
        _check_count(_named(name, blocks), given)
    session = given.get("session_hash")
    if route != "v2" and session is not None and not (isinstance(session, str) and SESSION.fullmatch(session)):
        raise Refused(422, "The session hash must be letters and digits, at most 64.")


def _named(name: str, blocks: gr.Blocks) -> Any:
    for function in blocks.fns.values():
        if function.api_name == name and function.api_visibility == "public":
            return function
    raise Refused(404, "There is no such endpoint; /gradio_api/info lists them.")


def _numbered(given: dict[str, Any], blocks: gr.Blocks) -> Any:
    number = given.get("fn_index")
    if isinstance(number, bool) or not isinstance(number, int) or number not in blocks.fns:
        raise Refused(404, "There is no such event; reload the page.")
    if not isinstance(given.get("session_hash"), str):
        raise Refused(422, "The session hash is missing.")
    return blocks.fns[number]


def _check_numbered(function: Any, given: dict[str, Any], blocks: gr.Blocks) -> None:
    """Check an event that is called as the page calls it."""
    _check_count(function, given)
    told = given.get("event_data")
    if len(orjson.dumps(told)) > MAX_TEXT:
        raise Refused(422, f"An event carries at most {MAX_TEXT} characters of its own; shorten the text.")
    if not isinstance(told, dict | None) and any(name == "edit" for _, name in function.targets):
        raise Refused(422, "What an edit tells is an object; reload the page.")
    trigger = given.get("trigger_id")
    if trigger is not None and (
        isinstance(trigger, bool) or not isinstance(trigger, int) or trigger not in (*blocks.blocks, blocks._id)
    ):
        raise Refused(422, "The event has no such trigger; reload the page.")
    if function.api_visibility == "public":
        return  # its own checks say what is wrong in a sentence
    for number, (component, value) in enumerate(zip(function.inputs, given["data"], strict=True)):
        if not _fits(component, value):
            raise Refused(422, f"Value {number} does not fit what the event expects; reload the page.")


def _check_count(function: Any, given: dict[str, Any]) -> None:
    data = given.get("data")
    if function.cancels:
        given["data"] = data if isinstance(data, list) else []
        return
    if not isinstance(data, list) or len(data) != len(function.inputs):
        raise Refused(422, f"The event takes a list of {len(function.inputs)} values as its data.")


@lru_cache(maxsize=100)
def _parameters(blocks: gr.Blocks, name: str) -> dict[str, bool]:
    """Return the parameters of an endpoint, and whether each has a default. Gradio takes 10 ms to find them."""
    known = blocks.get_api_info()["named_endpoints"][f"/{name}"]["parameters"]
    return {p["parameter_name"]: p["parameter_has_default"] for p in known}


def _check_parameters(name: str, function: Any, given: dict[str, Any], blocks: gr.Blocks) -> None:
    """Check an endpoint that is called with named parameters."""
    known = _parameters(blocks, name)
    if missing := sorted({name for name, has_default in known.items() if not has_default} - given.keys()):
        raise Refused(422, f"{', '.join(missing)} must be given.")
    if unknown := sorted(given.keys() - known.keys()):
        raise Refused(422, f"There is no parameter {unknown[0][:40]!r}; /gradio_api/info lists them.")


def _fits(component: Any, value: Any) -> bool:
    """Return whether the page could have sent `value` for `component`."""
    if value is None or isinstance(component, gr.State):  # a state's value is never taken from outside
        return True
    if isinstance(component, gr.Checkbox):
        return isinstance(value, bool)
    if isinstance(component, gr.Slider):
        return _is_number(value) and component.minimum <= value <= component.maximum
    if isinstance(component, gr.Number):
        return _is_number(value)
    if isinstance(component, gr.Dropdown) and component.allow_custom_value:
        return isinstance(value, str) and len(value) <= 200
    if isinstance(component, gr.Radio | gr.Dropdown):
        return isinstance(value, str) and value in [choice for _, choice in component.choices]
    if isinstance(component, gr.Video | gr.File):
        return isinstance(value, dict) and isinstance(value.get("path"), str) and len(value["path"]) <= 1000
    if isinstance(component, gr.Textbox):
        return isinstance(value, str) and len(value) <= min(MAX_TEXT, component.max_length or MAX_TEXT)
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
