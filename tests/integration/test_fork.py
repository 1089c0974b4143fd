"""After a drawing, a forked GPU worker still works: OpenCV's threads do not survive a fork, its locks do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]

#: What a Space does: the full set is imported, a clip is drawn in the main process, and a worker is forked. The face
#: stage in the worker uses the light models, which this machine has.
SPACE = """
import os, signal, sys
from pathlib import Path
from pipeline import gpu, media, run
from pipeline.models import sets
from pipeline.progress import finish
from pipeline.records import Analysis, Look, Media, Person, Phrase, Word
from pipeline.settings import Settings

clip, to = Path(sys.argv[1]), Path(sys.argv[2])
settings = Settings(models="light")
probed = media.probe(clip, settings)
words = (Word(0.1, 1.0, "Hello"), Word(1.0, 2.5, "there."))
phrase = Phrase(1, 0.1, 2.5, "p1", "Hello there.", words, translation="Guten Tag.")
person = Person("p1", "Speaker 1", "#f2e900", False, 1.0, 2.0)
size = Media(probed.duration, probed.width, probed.height, probed.frame_rate)
analysis = Analysis(size, "en", "DE", {}, (person,), (phrase,), (), (), (), {})
finish(run.render(clip, analysis, Look(), to, settings))
assert to.stat().st_size > 10_000
worker = os.fork()
if worker == 0:
    faces = finish(sets.load(settings).find_faces(probed, None))
    os._exit(0 if len(faces.shots) == 1 else 3)
_, status = os.waitpid(worker, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_the_face_stage_finishes_in_a_worker_forked_after_a_1080p_drawing(tmp_path: Path) -> None:
    from pipeline.media import ffmpeg_binary

    clip = tmp_path / "clip.mp4"
    subprocess.run(
        [ffmpeg_binary(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1920x1080:r=30:d=3", "-f", "lavfi", "-i",
         "sine=d=3", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-shortest", clip],
        check=True,
    )  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-c", SPACE, clip, tmp_path / "out.mp4"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, said = child.communicate(timeout=400)
    except subprocess.TimeoutExpired:
        import os
        import signal

        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        pytest.fail("the worker hangs")
    assert child.returncode == 0, said.decode()[-2000:]
