"""What Gradio keeps of a session: its states and changed components, and no value that was sent or shown.

For deep links, which are closed here, Gradio keeps in every session a description of every component, with the last
value that went in or came out of it. That is 100 kB for each session, and on top of it the last transcript and the key
that was typed, for as long as the session is known.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any


@cache
def keep_no_values() -> None:
    """Have Gradio make sessions that keep no values.

    Replaces a name of the pinned version in the four modules that use it.
    """
    from gradio import blocks, mcp, route_utils, state_holder

    class Session(state_holder.SessionState):
        """A session without the descriptions of its components."""

        def __init__(self, blocks: Any) -> None:
            # Without blocks there is nothing to describe.
            super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks={}))  # type: ignore[arg-type]

        def __setitem__(self, key: int, value: Any) -> None:
            super().__setitem__(key, value)
            self.config_values.clear()

        def _update_config(self, key: int) -> None:
            """Keep nothing: the component itself is kept where it was changed."""

        def _update_value_in_config(self, key: int, value: Any) -> None:
            """Keep nothing."""

    for module in (blocks, mcp, route_utils, state_holder):
        setattr(module, "SessionState", Session)  # noqa: B010  mypy knows no other way
