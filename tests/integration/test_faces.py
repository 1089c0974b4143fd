"""The face stage with the real light models on real frames."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import media
from pipeline.faces import detect, find_faces, identify
from pipeline.models import sets
from pipeline.progress import finish
from pipeline.records import Faces, FaceTrack, Likeness, Notice
from pipeline.settings import Settings

pytestmark = pytest.mark.integration

LIGHT = sets.load(Settings(models="light"))


def faces_of(path: Path) -> Faces:
    return finish(LIGHT.find_faces(media.probe(path, Settings()), None))


def write(path: Path, frames: list[np.ndarray], rate: int = 25) -> Path:
    """An H.264 file of RGB `frames`."""
    height, width = frames[0].shape[:2]
    command = [media.ffmpeg_binary(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
    command += ["-r", str(rate), "-i", "-", "-pix_fmt", "yuv420p", "-crf", "18", "-y", str(path)]
    subprocess.run(command, input=b"".join(f.tobytes() for f in frames), check=True)
    return path


@pytest.fixture(scope="module")
def talkers(request: pytest.FixtureRequest) -> tuple[Path, list[np.ndarray]]:
    """The example clip with two people in one picture, and its first frames (h, w, 3) RGB."""
    clips = sorted((Path(__file__).parents[2] / "examples").glob("*.mp4"))
    if not clips:
        pytest.fail("examples/ holds no clip; run examples/make.py")
    clip = media.probe(clips[0], Settings())
    return clips[0], [frame for _, frame in media.frames(clip, width=1280, height=720, rate=25, end=2.0)]


def crop(frames: list[np.ndarray], track: FaceTrack, factor: float) -> list[np.ndarray]:
    """`frames` cut to `factor` faces around the face, square."""
    box = track.boxes[0]
    side = int(factor * (box.bottom - box.top)) // 2 * 2
    left = int(np.clip((box.left + box.right) / 2 - side / 2, 0, 1280 - side))
    top = int(np.clip((box.top + box.bottom) / 2 - side / 2, 0, 720 - side))
    return [np.ascontiguousarray(frame[top : top + side, left : left + side]) for frame in frames]


@pytest.fixture(scope="module")
def two(talkers: tuple[Path, list[np.ndarray]], tmp_path_factory: pytest.TempPathFactory) -> Faces:
    return faces_of(write(tmp_path_factory.mktemp("faces") / "two.mp4", talkers[1]))


def test_two_people_in_one_picture_are_two_tracks_with_portraits(two: Faces) -> None:
    assert len(two.shots) == 1
    assert len(two.tracks) == 2
    assert {track.cluster for track in two.tracks} == {0, 1}
    for track in two.tracks:
        assert track.boxes[0].t == 0
        assert track.boxes[-1].t == pytest.approx(2.0, abs=0.1)
        assert np.linalg.norm(track.embedding) == pytest.approx(1, abs=1e-3)
        assert track.portrait.startswith(b"\xff\xd8")
        middle = track.boxes[len(track.boxes) // 2]
        assert 0 <= middle.left < middle.right <= 1280
    left, right = sorted(track.boxes[0].left for track in two.tracks)
    assert left < 640 < right


def test_markers_do_not_tremble(two: Faces) -> None:
    for track in two.tracks:
        centres = np.array([(b.left + b.right, b.top + b.bottom) for b in track.boxes]) / 2
        jerk = np.abs(np.diff(centres, n=2, axis=0)).mean()
        assert jerk < 0.02 * (track.boxes[0].right - track.boxes[0].left)


def test_shots_cut_tracks_and_a_mirrored_return_is_the_same_person(
    talkers: tuple[Path, list[np.ndarray]], two: Faces, tmp_path: Path
) -> None:
    import cv2

    frames = talkers[1]
    size = (480, 480)
    left, right = ([cv2.resize(f, size) for f in crop(frames, track, 1.9)] for track in two.tracks[:2])
    mirrored = [np.ascontiguousarray(f[:, ::-1]) for f in left]
    found = faces_of(write(tmp_path / "cuts.mp4", [*left[:30], *right[:30], *mirrored[:30]]))
    assert [shot.start for shot in found.shots] == pytest.approx([0, 1.2, 2.4], abs=0.05)
    assert [track.shot for track in found.tracks] == [0, 1, 2]
    for track, shot in zip(found.tracks, found.shots, strict=True):
        assert shot.start <= track.boxes[0].t
        assert track.boxes[-1].t <= shot.end
    first, second, third = (track.cluster for track in found.tracks)
    assert first == third != second


def test_a_close_up_that_fills_the_picture_and_a_face_of_24_px_are_found(
    talkers: tuple[Path, list[np.ndarray]], two: Faces, tmp_path: Path
) -> None:
    import cv2

    frames, track = talkers[1], two.tracks[0]
    close = [cv2.resize(f, (720, 720)) for f in crop(frames, track, 1.15)]
    found = faces_of(write(tmp_path / "close.mp4", close[:20]))
    assert len(found.tracks) == 1
    box = found.tracks[0].boxes[0]
    assert box.bottom - box.top > 0.6 * 720

    height = track.boxes[0].bottom - track.boxes[0].top
    face = crop(frames, track, 1.6)[0]
    side = round(face.shape[0] * 24 / height)
    tiny = np.full((720, 1280, 3), 90, np.uint8)
    tiny[300 : 300 + side, 900 : 900 + side] = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    found = faces_of(write(tmp_path / "tiny.mp4", [tiny] * 40))
    assert len(found.tracks) == 1
    box = found.tracks[0].boxes[0]
    assert 900 - 5 < (box.left + box.right) / 2 < 900 + side + 5
    assert 16 <= box.bottom - box.top <= 34
    assert found.tracks[0].boxes[-1].t >= 1.2


def test_a_picture_without_faces_is_a_result(tmp_path: Path) -> None:
    ground = np.random.default_rng(0).integers(60, 120, (240, 320, 3), dtype=np.uint8)
    found = faces_of(write(tmp_path / "none.mp4", [ground] * 20))
    assert found.tracks == ()
    assert [notice.code for notice in found.notices] == ["no_faces"]
    assert len(found.shots) == 1


def test_closing_the_stage_ends_its_decoder(talkers: tuple[Path, list[np.ndarray]]) -> None:
    stage = LIGHT.find_faces(media.probe(talkers[0], Settings()), None)
    first = next(stage)
    assert first.stage in ("faces", "fetch")
    stage.close()  # the fixture of the whole suite sees that no ffmpeg is left


def test_progress_grows_and_brings_what_is_known(talkers: tuple[Path, list[np.ndarray]]) -> None:
    steps = [p for p in LIGHT.find_faces(media.probe(talkers[0], Settings()), None) if p.stage == "faces"]
    fractions = [p.fraction for p in steps]
    assert fractions == sorted(fractions)
    assert len(fractions) > 20
    assert fractions[-1] < 1
    counts = [int(p.message.split()[0]) for p in steps]
    assert counts[len(counts) // 4] == 2, "they are counted while they are followed"
    assert 0 not in counts[len(counts) // 4 :]


def test_a_detector_and_an_embedder_of_ones_own_are_used(
    talkers: tuple[Path, list[np.ndarray]], tmp_path: Path
) -> None:
    seen: list[tuple[int, ...]] = []

    def detector(images: np.ndarray) -> list[np.ndarray]:
        seen.append(images.shape)
        h, w = images.shape[1:3]
        points = [0.45, 0.45, 0.55, 0.45, 0.5, 0.5, 0.46, 0.55, 0.54, 0.55]
        row = [0.4 * w, 0.35 * h, 0.6 * w, 0.65 * h, 0.99, *(p * (h if i % 2 else w) for i, p in enumerate(points))]
        return [np.array([row], np.float32) for _ in images]

    class Embedder:
        name, threshold, dim = "mine", 0.3, 4
        likeness: Likeness | None = None

        def __call__(self, faces: list[Any]) -> np.ndarray:
            return np.tile(np.array([[0, 1, 0, 0]], np.float32), (len(faces), 1))

    clip = media.probe(write(tmp_path / "own.mp4", talkers[1][:30]), Settings())
    (track,) = finish(find_faces(clip, detector, Embedder(), None)).tracks
    assert track.embedding == (0, 1, 0, 0)
    assert track.boxes[0].left == pytest.approx(0.4 * 1280, abs=2)
    assert len(seen) >= 2


def test_detections_do_not_depend_on_the_batch(talkers: tuple[Path, list[np.ndarray]]) -> None:
    detector = detect.RetinaFaceOnnx(finish(sets.weights("retinaface-mobilenet", Settings())))
    frames = np.stack(talkers[1][:6:2])
    together = detector(frames)
    for frame, batch in zip(frames, together, strict=True):
        (alone,) = detector(frame[None])
        assert np.allclose(alone, batch, atol=0.05)
        assert len(alone) == 2
        for face in alone:  # landmarks lie inside, eyes above mouth, right eye left of left eye
            points = face[5:].reshape(5, 2)
            assert (points > face[:2]).all()
            assert (points < face[2:4]).all()
            assert points[:2, 1].max() < points[3:, 1].min()
            assert points[0, 0] < points[1, 0]


def test_mirrored_faces_embed_alike_and_other_people_do_not(talkers: tuple[Path, list[np.ndarray]], two: Faces) -> None:
    embedder = identify.dlib_faces(finish(sets.weights("dlib-resnet", Settings())))
    detector = detect.RetinaFaceOnnx(finish(sets.weights("retinaface-mobilenet", Settings())))
    frame = talkers[1][0]
    mirrored = np.ascontiguousarray(frame[:, ::-1])
    looks = []
    for image in (frame, mirrored):
        faces = sorted(detector(image[None])[0], key=lambda f: f[0])
        looks += [(image, face) for face in faces]
    a, b, b_mirrored, a_mirrored = embedder(looks)
    assert 1 - a @ a_mirrored < embedder.threshold
    assert 1 - b @ b_mirrored < embedder.threshold
    assert 1 - a @ b > embedder.threshold
    assert np.allclose(np.linalg.norm([a, b], axis=1), 1, atol=1e-5)


class Watcher:
    """A detector of speaking faces that notes when it looked, and how many faces there were."""

    name = "watcher"
    notice: Notice | None = None

    def __init__(self) -> None:
        self.looks: list[tuple[float, float, int]] = []
        self.closed = False

    def see(self, t: float, until: float, frame: np.ndarray, tracks: Any) -> None:
        assert frame.shape == (720 * 3 // 2, 1280)
        self.looks.append((t, until, sum(track.at(t) is not None for track in tracks)))

    def finish(self, track: Any) -> None: ...

    def evidence(self, track: Any) -> tuple[int, tuple[float | None, ...]]:
        return 3, (1.0, None)

    def close(self) -> None:
        self.closed = True


def test_every_frame_is_looked_at_once_and_rates_above_30_are_halved(
    talkers: tuple[Path, list[np.ndarray]], tmp_path: Path
) -> None:
    clip = write(tmp_path / "sixty.mp4", [f for f in talkers[1][:45] for _ in range(2)], rate=60)
    watcher = Watcher()
    detector = detect.retinaface_onnx(finish(sets.weights("retinaface-mobilenet", Settings())))
    embedder = identify.dlib_faces(finish(sets.weights("dlib-resnet", Settings())))
    found = finish(find_faces(media.probe(clip, Settings()), detector, embedder, watcher))
    assert [t for t, _, _ in watcher.looks] == pytest.approx([k / 30 for k in range(45)], abs=1e-3)
    assert all(until - t == pytest.approx(1 / 30) for t, until, _ in watcher.looks)
    assert {faces for _, _, faces in watcher.looks} == {2}  # also in the last frames of a block
    assert [(track.speaking_from, track.speaking) for track in found.tracks] == [(3, (1.0, None))] * 2
    assert watcher.closed


@pytest.mark.parametrize(
    ("name", "starts"), [("cuts", [0, 8.0, 13.016, 21.016]), ("crowd_music", [0, 1.502, 3.57, 7.875])]
)
def test_no_track_crosses_a_cut_of_a_real_clip(shared_clips: Path, name: str, starts: Any) -> None:
    found = faces_of(shared_clips / f"{name}.mp4")
    assert [shot.start for shot in found.shots] == pytest.approx(starts, abs=0.045)
    for track in found.tracks:
        shot = found.shots[track.shot]
        assert shot.start - 1e-3 <= track.boxes[0].t
        assert track.boxes[-1].t <= shot.end + 1e-3
    if name == "cuts":
        assert [track.cluster for track in found.tracks] == [0, 1, 0, 1]
    else:  # the man with the microphone of the first shot is the one of the third, and nobody else is
        big = next(t for t in found.tracks if t.shot == 2)
        assert [t.shot for t in found.tracks if t.cluster == big.cluster] == [0, 2]
