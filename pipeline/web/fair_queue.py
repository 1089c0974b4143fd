"""Gradio's queue, made fair: nobody holds more than a share of it, and visitors take turns.

Built on `gradio.queueing.Queue` of the pinned version. Jobs are the events that run a model, draw, or make edits over
the API; every other event (checks, /languages, /health) passes beside them and is never refused because jobs are
waiting.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fastapi
from gradio.queueing import Event, Queue

from pipeline.web import limits

JOBS = frozenset(("models", "drawing", "stills", "edits"))  #: concurrency ids
UNFETCHED_S = 600.0  #: how long a result is kept that its caller does not fetch
UNHEARD_S = 30.0  #: after which a job that nobody listens to is dropped; clients listen at once


class FairQueue(Queue):
    """A queue with a share for every visitor.

    `given` is the queue that Gradio made, whose place this one takes; with `forwarded` the platform tells the
    addresses. A visitor is an address. Of a kind of job one visitor runs one at a time, so that the other slots are for
    others.
    """

    def __init__(self, given: Queue, *, forwarded: bool) -> None:
        super().__init__(
            live_updates=given.live_updates,
            concurrency_count=given.max_thread_count,
            update_intervals=given.update_intervals,
            max_size=None,  # counted here, jobs and checks apart
            blocks=given.blocks,
            default_concurrency_limit=given.default_concurrency_limit,
        )
        self._forwarded = forwarded
        self._coming: Counter[str] = Counter()  #: jobs that are being checked, by visitor and session
        self._checking = 0  #: jobs that are being checked
        self._checks = limits.Turns(1)
        self._listeners: Counter[str] = Counter()  #: open streams, by event or session
        self._ended: dict[str, float] = {}  #: calls without a session whose result nobody has fetched, and since when

    @contextmanager
    def listening(self, to: str) -> Iterator[None]:
        """Note that somebody follows an event or a session, until the block ends. A job starts only while its caller
        listens: to send one costs nothing, to run one does.
        """
        self._listeners[to] += 1
        try:
            yield
        finally:
            self._listeners -= Counter((to,))
            if to in self._ended:
                self._forget_fetched(to)

    async def push(self, body: Any, request: fastapi.Request, username: str | None) -> Any:
        """Take an event in, after its checks.

        Raises HTTPException 429 for a visitor who has their share already, 503 where the queue is full.
        """
        function = self.blocks.fns.get(body.fn_index)
        if function is None or function.concurrency_id not in JOBS:
            if sum(len(q.queue) for name, q in self.event_queue_per_concurrency_id.items() if name not in JOBS) >= (
                limits.WAITING_CHECKS
            ):
                return False, "Too many requests are waiting; try again in a moment.", "queue_full"
            return await super().push(body, request, username)
        visitor, session = self._visitor(request), self._session(body, request)
        self._check_share(visitor, session)
        queue = self.event_queue_per_concurrency_id.get(function.concurrency_id)
        if (len(queue.queue) if queue else 0) + self._checking >= limits.WAITING_JOBS:
            return (
                False,
                "The queue is full: many people are waiting just now; try again in a few minutes.",
                "queue_full",
            )
        held = [visitor, *([session] if session else ())]
        self._coming.update(held)
        self._checking += 1
        try:
            # One after another: reading a stranger's file keeps a processor busy.
            async with self._checks.turn(visitor):
                answer = await super().push(body, request, username)
        finally:
            self._coming -= Counter(held)
            self._checking -= 1
        if function.concurrency_id in self.event_queue_per_concurrency_id:
            self._take_turns(function.concurrency_id)
        return answer

    async def process_events(self, events: list[Event], *args: Any, **kwargs: Any) -> None:
        """Run events to their end. A call without a session ends with them: Gradio gives it a session of its own, named
        after the event, and would keep it.
        """
        try:
            await super().process_events(events, *args, **kwargs)
        finally:
            for event in events:
                if event.session_hash == event._id:
                    self._ended[event._id] = time.monotonic()
                    self._forget_session(event._id)
                    self._forget_fetched(event._id)
            self.forget_unfetched()

    def forget_unfetched(self) -> None:
        """Forget results that have waited for their callers for too long."""
        oldest = time.monotonic() - UNFETCHED_S
        for name in [name for name, at in list(self._ended.items()) if at < oldest]:
            self._forget_result(name)

    def is_unfetched(self, session: str) -> bool:
        """Return whether the call has ended, and its result waits for its caller."""
        return session in self._ended

    def is_known(self, event: str) -> bool:
        """Return whether the event waits, runs, or has a result that its caller has not fetched."""
        return event in self.event_ids_to_events or any(
            event in ids for ids in list(self.pending_event_ids_session.values())
        )

    def _forget_session(self, name: str) -> None:
        holder = self.blocks.state_holder
        with holder.lock:
            holder.session_data.pop(name, None)
            holder.time_last_used.pop(name, None)

    def _forget_fetched(self, name: str) -> None:
        """Forget the result where the last of it was sent and nobody listens."""
        if not self._listeners[name] and not self.pending_event_ids_session.get(name):
            self._forget_result(name)

    def _forget_result(self, name: str) -> None:
        self._ended.pop(name, None)
        self.pending_event_ids_session.pop(name, None)
        self.pending_messages_per_session.pop(name, None)

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """Return the event to run next, None where none can."""
        names = list(self.event_queue_per_concurrency_id)
        random.shuffle(names)
        for name in names:
            queue = self.event_queue_per_concurrency_id[name]
            if queue.concurrency_limit is not None and queue.current_concurrency >= queue.concurrency_limit:
                continue
            event = self._next_job(name) if name in JOBS else next(iter(queue.queue), None)
            if event is not None:
                queue.queue.remove(event)
                return [event], False, name
        return None

    def _next_job(self, name: str) -> Event | None:
        """Return the first job whose caller listens and whose visitor runs none; drop those that nobody listened to."""
        queue, now = self.event_queue_per_concurrency_id[name].queue, time.monotonic()
        running = {self._visitor(event.request) for event in self._running(name)}
        for event in list(queue):
            if not self._listeners[event._id] and not self._listeners[event.session_hash]:
                if now - event.enqueue_time > UNHEARD_S:
                    queue.remove(event)
                    self.event_ids_to_events.pop(event._id, None)
                    self.pending_event_ids_session.get(event.session_hash, set()).discard(event._id)
            elif self._visitor(event.request) not in running:
                return event
        return None

    def _check_share(self, visitor: str, session: str) -> None:
        events = [event for name in self._job_queues() for event in self._all(name)]
        of_visitor = sum(self._visitor(event.request) == visitor for event in events) + self._coming[visitor]
        of_session = sum(f"session {event.session_hash}" == session for event in events) + self._coming[session]
        if of_visitor >= limits.JOBS_PER_ADDRESS or (session and of_session >= limits.JOBS_PER_SESSION):
            raise fastapi.HTTPException(
                429, "You have several clips in the queue already; wait until one is done, then send the next."
            )

    def _take_turns(self, name: str) -> None:
        """Put the waiting in order: the first of every visitor, then the second of every visitor, and so on."""
        queue = self.event_queue_per_concurrency_id[name].queue
        seen = Counter(self._visitor(event.request) for event in self._running(name))
        turn: dict[int, int] = {}
        for event in queue:
            visitor = self._visitor(event.request)
            turn[id(event)] = seen[visitor]
            seen[visitor] += 1
        queue.sort(key=lambda event: turn[id(event)])

    def _job_queues(self) -> list[str]:
        return [name for name in self.event_queue_per_concurrency_id if name in JOBS]

    def _running(self, name: str) -> list[Event]:
        return [event for job in self.active_jobs if job for event in job if event.concurrency_id == name]

    def _all(self, name: str) -> list[Event]:
        return [*self.event_queue_per_concurrency_id[name].queue, *self._running(name)]

    def _visitor(self, request: fastapi.Request) -> str:
        return limits.address(request.scope, forwarded=self._forwarded)

    @staticmethod
    def _session(body: Any, request: fastapi.Request) -> str:
        """Return what marks the session; "" for a call without one, and for agents, who share Gradio's own."""
        if not body.session_hash or request.headers.get("x-gradio-user") == "mcp":
            return ""
        return f"session {body.session_hash}"
