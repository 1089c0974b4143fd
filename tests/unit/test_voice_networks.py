"""The networks that tell voices apart, with random weights, against their definitions."""

from typing import Any

import numpy as np
import pytest

from pipeline.speech.campplus import CamPlus
from pipeline.speech.fbank import BANDS, fbank
from pipeline.speech.segmentation import WINDOW, Segmentation, sinc_filters

pytestmark = pytest.mark.unit


def test_filter_banks_are_kaldis() -> None:
    t = np.arange(4000) / 16000
    sound = (0.3 * np.sin(2 * np.pi * (300 * t + 4000 * t * t))).astype(np.float32)
    found = fbank(sound)
    assert found.shape == (23, BANDS)
    # kaldi_native_fbank 1.22.1 on the same sound, without dither
    bands = [0, 10, 20, 40, 60, 79]
    np.testing.assert_allclose(
        found[3, bands], [-12.6516, -9.2983, 3.4989, -15.9424, -15.9424, -15.9424], rtol=1e-3, atol=2e-3
    )
    np.testing.assert_allclose(
        found[20, bands], [-15.9424, -15.9424, -15.4902, 1.6157, -15.9424, -15.9424], rtol=1e-3, atol=2e-3
    )


def test_sound_shorter_than_a_frame_has_no_filter_banks() -> None:
    assert fbank(np.zeros(399, np.float32)).shape == (0, BANDS)
    assert fbank(np.zeros(400, np.float32)).shape == (1, BANDS)


def _segmentation_weights(random: np.random.Generator) -> dict[str, np.ndarray]:
    def some(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) * 0.1).astype(np.float32)

    hertz = np.linspace(0, 7000, 41, dtype=np.float32)
    bank = "sincnet.conv1d.0.filterbank."
    weights = {
        bank + "low_hz_": hertz[:-1, None],
        bank + "band_hz_": np.diff(hertz)[:, None],
        bank + "window_": np.hamming(251)[:125].astype(np.float32),
        bank + "n_": (2 * np.pi * np.arange(-125.0, 0) / 16000).astype(np.float32)[None],
    }
    for name, size in (("wav_norm1d", 1), ("norm1d.0", 80), ("norm1d.1", 60), ("norm1d.2", 60)):
        weights |= {f"sincnet.{name}.weight": 1 + some(size), f"sincnet.{name}.bias": some(size)}
    for number, width in ((1, 80), (2, 60)):
        weights |= {f"sincnet.conv1d.{number}.weight": some(60, width, 5), f"sincnet.conv1d.{number}.bias": some(60)}
    for layer in range(4):
        for way in ("", "_reverse"):
            end = f"l{layer}{way}"
            weights |= {
                f"lstm.weight_ih_{end}": some(512, 60 if layer == 0 else 256),
                f"lstm.weight_hh_{end}": some(512, 128),
                f"lstm.bias_ih_{end}": some(512),
                f"lstm.bias_hh_{end}": some(512),
            }
    for name, rows, columns in (("linear.0", 128, 256), ("linear.1", 128, 128), ("classifier", 7, 128)):
        weights |= {f"{name}.weight": some(rows, columns) * 3, f"{name}.bias": some(rows)}
    return weights


def test_the_segmentation_is_the_published_network() -> None:
    torch = pytest.importorskip("torch")
    from torch.nn import functional

    random = np.random.default_rng(3)
    weights = _segmentation_weights(random)
    sound = (random.standard_normal((2, WINDOW)) * 0.1).astype(np.float32)
    tensors = {name: torch.tensor(value) for name, value in weights.items()}
    filters = sinc_filters(
        *(weights[f"sincnet.conv1d.0.filterbank.{n}"] for n in ("low_hz_", "band_hz_", "window_", "n_"))
    )

    def norm(x: Any, name: str) -> Any:
        return functional.instance_norm(x, weight=tensors[f"{name}.weight"], bias=tensors[f"{name}.bias"])

    with torch.no_grad():
        x = norm(torch.tensor(sound)[:, None], "sincnet.wav_norm1d")
        x = functional.conv1d(x, torch.tensor(filters), stride=10).abs()
        x = functional.leaky_relu(norm(functional.max_pool1d(x, 3), "sincnet.norm1d.0"))
        for number in (1, 2):
            name = f"sincnet.conv1d.{number}"
            x = functional.conv1d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])
            x = functional.leaky_relu(norm(functional.max_pool1d(x, 3), f"sincnet.norm1d.{number}"))
        lstm = torch.nn.LSTM(60, 128, 4, bidirectional=True, batch_first=True)
        lstm.load_state_dict({name[5:]: value for name, value in tensors.items() if name.startswith("lstm.")})
        x, _ = lstm(x.transpose(1, 2))
        for name in ("linear.0", "linear.1"):
            x = functional.leaky_relu(functional.linear(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"]))
        x = functional.linear(x, tensors["classifier.weight"], tensors["classifier.bias"]).softmax(-1)
    np.testing.assert_allclose(Segmentation(weights).classes(sound), x.numpy(), atol=2e-4)


def test_sinc_filters_pass_their_band_and_nothing_else() -> None:
    steps = (2 * np.pi * np.arange(-125.0, 0) / 16000)[None]
    filters = sinc_filters(np.array([[950.0]]), np.array([[450.0]]), np.hamming(251)[:125], steps)
    even, odd = filters[0, 0], filters[1, 0]
    np.testing.assert_allclose(even, even[::-1], atol=1e-6)
    np.testing.assert_allclose(odd, -odd[::-1], atol=1e-6)
    power = np.abs(np.fft.rfft(even, 16000))
    assert power[1100:1400].min() > 10 * power[2000:7000].max()  # 1000 to 1500 Hz


def test_an_embedding_comes_from_mean_and_deviation_over_time() -> None:
    random = np.random.default_rng(5)
    network = CamPlus.__new__(CamPlus)
    network._dense, network._offset = random.standard_normal((192, 1024)), random.standard_normal(192)
    frames = random.standard_normal((40, 512))
    wanted = network._dense @ np.concatenate([frames.mean(0), frames.std(0, ddof=1)]) + network._offset
    found = network.embed(frames.sum(0), (frames**2).sum(0), 40)
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-9)
    total, squares = (np.stack([x, x]) for x in (frames.sum(0), (frames**2).sum(0)))
    both = network.embed(total, squares, np.array([40.0, 40.0]))
    np.testing.assert_allclose(both, np.stack([found, found]), atol=1e-12)
