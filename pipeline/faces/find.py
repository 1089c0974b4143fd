"""The face stage: one pass over the clip's frames finds shots, tracks, speaking faces and identities.

Frames come from the decoder at up to 30 a second and at most 720p, and are kept for one block (some 40 frames). Shots
need a thumbnail of each frame, the face detector every fifth frame, and the detector of speaking faces all frames in
which a voice is heard. Little is kept after a block, so memory does not grow with the clip.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.faces import crops, detect, identify, shots, speaking, track
from pipeline.records import Clip, Faces, FaceTrack, Notice, Preview, Progress, Shot, Stage

if TYPE_CHECKING:
    import numpy as np

#: Pixels of a frame at most: 720p. The eyes of a face 1/8 as high as the picture are then still 14 px apart.
PIXELS = 1280 * 720
#: Frames a second at most; a clip with more is thinned out, to half of them or fewer. Audio-visual models are trained
#: on 25 (Light-ASD #9).
RATE = 30
#: s between detections; motion between two is nearly straight.
STEP = 0.2
#: Every third detection is made at 640 px even where all known faces are large, and every eighth also looks for small
#: faces in the enlarged picture (every third while there are some).
NEAR, FAR = 3, 8
#: Pictures given to the detector at once.
BATCH = 8


def find_faces(
    clip: Clip,
    detector: detect.Detector,
    embedder: identify.Embedder,
    speaks: speaking.Detector | None,
) -> Stage[Faces]:
    """Return the shots of `clip` and the faces in them, as tracks with evidence of speaking, identity and portrait.

    detector: finds faces in pictures.
    embedder: turns faces into vectors that tell people apart.
    speaks: finds the speaking faces; it is made for the clip's sound and is closed at the end. None for a clip without
    sound.

    Yields Progress with a preview of what is known so far (tracks without clusters), after every shot.

    Raises MediaError when the clip cannot be decoded.
    """
    from pipeline import media

    width, height = _working_size(clip)
    rate = _working_rate(clip)
    frames = media.frames(clip, width=width, height=height, rate=rate, pixels="yuv420p")
    work = _Work(clip, width, height, rate, detector, embedder, speaks)
    reported = 0.0
    known = 0
    try:
        for t, frame in frames:
            work.push(t, frame)
            if t - reported >= 0.5:
                reported = t
                found = Preview(faces=work.faces()) if len(work.finished) != known else None
                known = len(work.finished)
                count = len(work.finished) + len(work.tracker.live)
                said = f"{count} track{'s' if count != 1 else ''} so far"
                yield Progress("faces", min(0.99, t / max(clip.duration, 1e-3)), said, found)
        work.close()
    finally:
        frames.close()  # ends the decoder
        if speaks is not None:
            speaks.close()
    return work.result()


class _Work:
    """The state of the pass: call `push` for every frame, then `close`, then `result`."""

    def __init__(
        self,
        clip: Clip,
        width: int,
        height: int,
        rate: Fraction,
        detector: detect.Detector,
        embedder: identify.Embedder,
        speaks: speaking.Detector | None,
    ) -> None:
        self.speaks = speaks
        self.unseen: deque[tuple[float, np.ndarray]] = deque()  # frames not yet searched for speaking faces
        self.clip, self.width, self.height = clip, width, height
        self.rate = rate
        self.detector, self.embedder = detector, embedder
        self.step = max(1, round(float(rate) * STEP))
        self.cutter = shots.Cutter(rate)
        self.tracker = track.Tracker()
        self.waiting: deque[tuple[float, np.ndarray]] = deque()  # the cutter has not decided yet
        self.block: list[tuple[float, np.ndarray]] = []  # of one shot, the first frame already detected if `seen`
        self.seen = False
        self.samples = 0  # of this shot
        self.small = False  # the last enlarged scan found small faces in this shot
        self.count = 0
        self.cuts: set[int] = set()
        self.starts: list[float] = []
        self.last = 0.0
        self.finished: list[FaceTrack] = []

    def push(self, t: float, frame: np.ndarray) -> None:
        self.cuts.update(self.cutter.push(shots.shrink(frame, self.height)))
        self.waiting.append((t, frame))
        if len(self.waiting) > self.cutter.lag:
            self._settle()

    def close(self) -> None:
        while self.waiting:
            self._settle()
        self._process(final=True)
        self._finish(self.tracker.cut())

    def _settle(self) -> None:
        """Add the oldest waiting frame to its shot."""
        t, frame = self.waiting.popleft()
        if self.count in self.cuts or not self.starts:
            if self.starts:
                self._process(final=True)
                self._finish(self.tracker.cut())
            self.block, self.seen, self.samples, self.small = [], False, 0, False
            self.starts.append(t)
        self.count += 1
        self.last = t
        self.block.append((t, frame))
        if len(self.block) > self.step * BATCH:
            self._process(final=False)

    def _process(self, final: bool) -> None:
        """Detect faces in the block, link them and look for speaking ones; the last sample starts the next block."""
        import cv2

        if not self.block:
            return
        picks = list(range(0, len(self.block), self.step))
        if final and picks[-1] != len(self.block) - 1:
            picks.append(len(self.block) - 1)
        images = {i: cv2.cvtColor(self.block[i][1], cv2.COLOR_YUV2RGB_I420) for i in picks}
        fresh = picks[1:] if self.seen else picks
        if fresh:
            found = self._detect([images[i] for i in fresh])
            for i, faces in zip(fresh, found, strict=True):
                t = self.block[i][0]
                self._finish(self.tracker.step(t, faces, track.chips_of(images[i], faces)))
                for live in self.tracker.live:
                    if live.times[-1] == t:
                        identify.consider(live, t, images[i], live.faces[-1])
        for i in range(1 if self.seen else 0, picks[-1] + 1):
            self.unseen.append(self.block[i])
        self._look(self.block[picks[-1]][0] - (0.0 if final else crops.REACH))
        self.block = self.block[picks[-1] :]
        self.seen = True

    def _detect(self, images: list[np.ndarray]) -> list[np.ndarray]:
        """Return the faces (k, 15) in each of the next samples of this shot, searched at the sizes they need."""
        import numpy as np

        known = [min(face[2] - face[0], face[3] - face[1]) for live in self.tracker.live for face in live.faces[-1:]]
        smallest = float(min(known, default=0.0))
        count = range(self.samples, self.samples + len(images))
        self.samples += len(images)
        found = detect.detect(self.detector, images, np.array([k % NEAR == 0 for k in count]), smallest)
        for n, k in enumerate(count):
            if k % (NEAR if self.small else FAR) == 0:
                small = detect.small_faces(self.detector, images[n], found[n])
                self.small = len(small) > 0
                found[n] = np.concatenate([found[n], small])
        return found

    def _look(self, end: float) -> None:
        """Look for speaking faces in the frames up to `end` s.

        It is not known yet where the faces will go in later frames.
        """
        while self.unseen and self.unseen[0][0] <= end:
            t, frame = self.unseen.popleft()
            if self.speaks is not None:
                self.speaks.see(t, t + 1 / float(self.rate), frame, self.tracker.live)

    def _finish(self, ended: list[track.Live]) -> None:
        """Turn tracks that ended into records: embedded, without pictures, split where one joins two people."""
        for live in ended:
            if max(face[4] for face in live.faces) < track.SURE or (len(live.times) < 2 and len(ended) > 1):
                continue
            if self.speaks is not None:
                self.speaks.finish(live)
            self._record(live)

    def _record(self, live: track.Live) -> None:
        import numpy as np

        candidates: list[identify.Candidate] = [c for c in live.candidates if c.quality > 0]
        good = [c for c in candidates if c.quality >= identify.MIN_QUALITY]
        vectors = self.embedder([(c.image, c.face) for c in good]) if good else np.empty((0, self.embedder.dim))
        at = identify.change_of_face(vectors, self.embedder.threshold)
        if at is not None:
            inside = [i for i, t in enumerate(live.times) if good[at - 1].t < t <= good[at].t]
            first = min(inside, key=lambda i: live.likeness[i])
            for piece in (slice(0, first), slice(first, None)):
                when = live.times[piece]
                part = track.Live(
                    live.shot, when, live.faces[piece], live.likeness[piece],
                    candidates=[c for c in candidates if when[0] <= c.t <= when[-1]],
                    scores=live.scores,
                )  # fmt: skip
                self._record(part)
            return
        scale = self.clip.width / self.width
        boxes = np.stack([face[:4] for face in live.faces]) * scale
        best = max(candidates, key=lambda c: c.quality, default=None)
        weights = [c.quality for c in good]
        first, evidence = self.speaks.evidence(live) if self.speaks is not None else (0, ())
        self.finished.append(
            FaceTrack(
                id=len(self.finished) + 1,
                shot=live.shot,
                boxes=track.smooth(live.times, boxes, live.times[0], live.times[-1]),
                embedding=tuple(round(float(v), 5) for v in identify.mean(vectors, weights)) if good else (),
                quality=round(best.quality, 3) if best else 0.0,
                portrait=identify.portrait(best) if best else b"",
                speaking=evidence,
                speaking_from=first,
            )
        )

    def faces(self) -> Faces:
        """Return the shots and tracks that are known so far."""
        ends = [*self.starts[1:], max(self.last, 0.0)]
        return Faces(tuple(Shot(a, b) for a, b in zip(self.starts, ends, strict=True)), tuple(self.finished))

    def result(self) -> Faces:
        import numpy as np

        found = sorted(self.finished, key=lambda one: (one.boxes[0].t, one.id))
        known = [i for i, one in enumerate(found) if one.embedding]
        labels: dict[int, int] = {}
        if known:
            together = np.array([[found[a].is_beside(found[b]) for b in known] for a in known])
            vectors = np.array([found[i].embedding for i in known])
            weights = np.array([found[i].quality * min(5.0, _seconds(found[i]) + 0.2) for i in known])
            labels = dict(
                zip(known, identify.cluster(vectors, weights, together, self.embedder.threshold), strict=True)
            )
        tracks = tuple(replace(one, id=i + 1, cluster=labels.get(i)) for i, one in enumerate(found))
        ends = [*self.starts[1:], max(self.clip.duration, self.last)]
        notices: tuple[Notice, ...] = () if tracks else (Notice("no_faces", "No face was found in the picture."),)
        if tracks and self.speaks is not None and self.speaks.notice is not None:
            notices += (self.speaks.notice,)
        found_shots = tuple(Shot(a, b) for a, b in zip(self.starts, ends, strict=True))
        return Faces(found_shots, tracks, notices, self.embedder.threshold, self.embedder.likeness)


def _seconds(one: FaceTrack) -> float:
    return one.boxes[-1].t - one.boxes[0].t


def _working_size(clip: Clip) -> tuple[int, int]:
    factor = min(1.0, (PIXELS / (clip.width * clip.height)) ** 0.5)
    return max(2, round(clip.width * factor / 2) * 2), max(2, round(clip.height * factor / 2) * 2)


def _working_rate(clip: Clip) -> Fraction:
    rate = clip.frame_rate or Fraction(25)
    return rate / -(-rate // RATE)
