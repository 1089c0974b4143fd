"""Clustering on made-up voiceprints, the envelope on made-up sound, the encoder's input against its definition."""

import numpy as np
import pytest

from benchmarks.der import der
from pipeline.records import ENVELOPE_HZ
from pipeline.speech import voiceprint
from pipeline.speech.activity import voiced
from pipeline.speech.diarize import alike, cluster, envelope, viterbi, window_centres, window_shares

pytestmark = pytest.mark.unit


def _prints(sequence: list[int], noise: float = 0.04, seed: int = 0) -> np.ndarray:
    """Windows of voices that lie 90 degrees apart, with noise: (n, 256) of unit length."""
    random = np.random.default_rng(seed)
    voices = np.linalg.qr(random.standard_normal((256, 8)))[0].T
    raw = voices[sequence] + noise * random.standard_normal((len(sequence), 256))
    return (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)


def _grid(count: int) -> tuple[np.ndarray, np.ndarray]:
    centres = np.arange(count) * 0.2 + 0.1
    return centres, np.stack([centres - 0.1, centres + 0.1], axis=1)


@pytest.mark.parametrize("sequence", [[0] * 40, [0] * 20 + [1] * 20, ([0] * 12 + [1] * 9 + [2] * 15) * 2])
def test_the_voices_are_found_and_numbered_as_they_appear(sequence: list[int]) -> None:
    labels, voices = cluster(*_grid(len(sequence)), _prints(sequence))
    assert len(voices) == max(sequence) + 1
    assert labels.tolist() == sequence


def test_one_odd_window_is_not_a_turn() -> None:
    sequence = [0] * 20 + [1] * 20
    prints = _prints(sequence)
    prints[8] = 0.75 * prints[8] + 0.66 * prints[30]  # leans to the other voice
    labels, _ = cluster(*_grid(40), prints)
    assert labels.tolist() == sequence


def test_a_given_number_of_voices_is_kept_to() -> None:
    sequence = [0] * 15 + [1] * 15 + [2] * 15
    assert len(cluster(*_grid(45), _prints(sequence), speakers=2)[1]) == 2
    near = _prints([0] * 30)
    near[15:] += 0.03 * _prints([1] * 15, 0)  # too alike to be told apart unasked
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    assert len(cluster(*_grid(30), near)[1]) == 1


def test_who_says_little_must_differ_more() -> None:
    assert alike(1) < alike(3) < alike(6) <= alike(60) < 1


def test_viterbi_changes_only_for_more_than_it_costs() -> None:
    similarity = np.array([[1, 0], [1, 0], [0, 0.3], [1, 0], [0, 1], [0, 1.0]])
    assert viterbi(similarity, np.full(6, 0.5)).tolist() == [0, 0, 0, 0, 1, 1]
    assert viterbi(similarity, np.zeros(6)).tolist() == [0, 0, 1, 0, 1, 1]


def test_windows_share_the_voiced_time_without_gaps() -> None:
    spans = [(1.0, 1.4), (2.0, 5.0)]
    shares = window_shares(spans, window_centres(spans))
    assert shares[:, 1].sum() - shares[:, 0].sum() == pytest.approx(3.4)
    assert shares[0].tolist() == [1.0, 1.4]
    assert (shares[2:, 0] == shares[1:-1, 1]).all()


def test_the_envelope_follows_the_voice_on_the_clips_clock() -> None:
    t = np.arange(4 * 16000) / 16000
    sound = np.sin(2 * np.pi * 800 * t) * ((t >= 1) & (t < 2)) * 0.3
    loud = np.array(envelope(sound.astype(np.float32)))
    assert len(loud) == 4 * ENVELOPE_HZ
    assert loud[ENVELOPE_HZ + 2 : 2 * ENVELOPE_HZ - 2].min() > 0.9
    assert loud[: ENVELOPE_HZ - 2].max() < 0.05
    assert loud[2 * ENVELOPE_HZ + 2 :].max() < 0.05


def test_the_envelope_hears_neither_rumble_nor_silence() -> None:
    t = np.arange(2 * 16000) / 16000
    both = (np.sin(2 * np.pi * 60 * t) * 0.5 * (t < 1) + np.sin(2 * np.pi * 800 * t) * 0.1 * (t >= 1)).astype(
        np.float32
    )
    loud = np.array(envelope(both))
    assert loud[5:20].max() < 0.3 < loud[30:45].min()
    assert set(envelope(np.zeros(16000, np.float32))) == {0.0}
    assert envelope(np.zeros(0, np.float32)) == ()


def test_voiced_stretches_have_hysteresis_and_a_shortest_length() -> None:
    frames = np.array(
        [0, 0.6, 0.9, 0.4, 0.4, 0.8, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.7, 0.9, 0.9, 0.9]
    )
    (start, end), (second, last) = voiced(frames)  # the single frame at 0.352 is too short
    assert (start, end, second, last) == pytest.approx((0.032, 0.192, 0.544, 0.672))


def test_mel_bands_are_those_of_the_encoder() -> None:
    librosa = pytest.importorskip("librosa")
    sound = np.random.default_rng(3).standard_normal(16000).astype(np.float32) * 0.1
    theirs = librosa.feature.melspectrogram(y=sound, sr=16000, n_fft=400, hop_length=160, n_mels=40).T
    ours = voiceprint.mel_frames(sound)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_encoder_is_the_published_lstm() -> None:
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(5)
    from pipeline.models.unpack import GE2E_TENSORS

    tensors = {name: (random.standard_normal(shape) * 0.08).astype(np.float32) for name, shape in GE2E_TENSORS}
    windows = random.random((3, 30, 40)).astype(np.float32)
    lstm = torch.nn.LSTM(40, 256, 3, batch_first=True)
    lstm.load_state_dict({k[5:]: torch.tensor(v) for k, v in tensors.items() if k.startswith("lstm")})
    with torch.no_grad():
        _, (hidden, _) = lstm(torch.tensor(windows))
        raw = torch.relu(hidden[-1] @ torch.tensor(tensors["linear.weight"]).T + torch.tensor(tensors["linear.bias"]))
        theirs = (raw / raw.norm(dim=1, keepdim=True)).numpy()
    np.testing.assert_allclose(voiceprint.embed(windows, tensors), theirs, atol=1e-5)


def test_der_counts_misses_false_alarms_and_confusion() -> None:
    truth = [(0.0, 4.0, "a"), (4.0, 10.0, "b")]
    assert der(truth, [(0.0, 4.0, "x"), (4.0, 10.0, "y")]) == 0
    assert der(truth, [(0.0, 10.0, "x")], collar=0) == pytest.approx(0.4, abs=0.005)
    assert der(truth, [(0.0, 4.0, "x")], collar=0) == pytest.approx(0.6, abs=0.005)
    assert der(truth, [(0.0, 4.0, "x"), (4.0, 12.0, "y")], collar=0) == pytest.approx(0.2, abs=0.005)
    assert der(truth, [(0.0, 4.2, "x"), (4.2, 10.0, "y")]) == 0  # inside the collar
    overlapped = [(0.0, 4.0, "a"), (2.0, 4.0, "b")]
    assert der(overlapped, [(0.0, 4.0, "x")], collar=0) == 0
    assert der(overlapped, [(0.0, 4.0, "x")], collar=0, overlap=True) == pytest.approx(1 / 3, abs=0.005)
