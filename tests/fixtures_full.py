"""Checkpoints of the full set's real architectures, small and with random weights, in the files the loaders expect."""

from __future__ import annotations

import copy
import dataclasses
import wave
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipeline.models.entries import Hub
from pipeline.records import Progress, Stage

T = TypeVar("T")

#: NeMo's conf/neural_diarizer/streaming_sortformer_diarizer_4spk-v2.yaml (model section, without training), fewer
#: layers.
SORTFORMER = {
    "sample_rate": 16000, "pil_weight": 0.5, "ats_weight": 0.5, "max_num_of_spks": 4, "streaming_mode": True,
    "model_defaults": {"fc_d_model": 512, "tf_d_model": 192},
    "preprocessor": {
        "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor", "normalize": "per_feature",
        "window_size": 0.025, "sample_rate": 16000, "window_stride": 0.01, "window": "hann", "features": 128,
        "n_fft": 512, "frame_splicing": 1, "dither": 0.00001,
    },
    "sortformer_modules": {
        "_target_": "nemo.collections.asr.modules.sortformer_modules.SortformerModules", "num_spks": 4,
        "dropout_rate": 0.5, "fc_d_model": 512, "tf_d_model": 192, "spkcache_len": 188, "fifo_len": 0, "chunk_len": 188,
        "spkcache_update_period": 1, "chunk_left_context": 1, "chunk_right_context": 1, "spkcache_sil_frames_per_spk": 3,
        "scores_add_rnd": 0, "pred_score_threshold": 0.25, "max_index": 99999, "scores_boost_latest": 0.05,
        "sil_threshold": 0.2, "strong_boost_rate": 0.75, "weak_boost_rate": 1.5, "min_pos_scores_rate": 0.5,
        "causal_attn_rate": 0.5, "causal_attn_rc": 7,
    },
    "encoder": {
        "_target_": "nemo.collections.asr.modules.ConformerEncoder", "feat_in": 128, "feat_out": -1, "n_layers": 1,
        "d_model": 512, "subsampling": "dw_striding", "subsampling_factor": 8, "subsampling_conv_channels": 256,
        "causal_downsampling": False, "ff_expansion_factor": 4, "self_attention_model": "rel_pos", "n_heads": 8,
        "att_context_size": [-1, -1], "att_context_style": "regular", "xscaling": True, "untie_biases": True,
        "pos_emb_max_len": 5000, "conv_kernel_size": 9, "conv_norm_type": "batch_norm", "conv_context_size": None,
        "dropout": 0.1, "dropout_pre_encoder": 0.1, "dropout_emb": 0.0, "dropout_att": 0.1,
        "stochastic_depth_drop_prob": 0.0, "stochastic_depth_mode": "linear", "stochastic_depth_start_layer": 1,
    },
    "transformer_encoder": {
        "_target_": "nemo.collections.asr.modules.transformer.transformer_encoders.TransformerEncoder", "num_layers": 1,
        "hidden_size": 192, "inner_size": 768, "num_attention_heads": 8, "attn_score_dropout": 0.5,
        "attn_layer_dropout": 0.5, "ffn_dropout": 0.5, "hidden_act": "relu", "pre_ln": False, "pre_ln_final_layer_norm": True,
    },
    "loss": {"_target_": "nemo.collections.asr.losses.bce_loss.BCELoss", "weight": None, "reduction": "mean"},
}  # fmt: skip

_FEATURES = {
    "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor", "window_size": 0.025,
    "sample_rate": 16000, "window_stride": 0.01, "window": "hann", "features": 80, "n_fft": 512, "frame_splicing": 1,
    "dither": 0.00001,
}  # fmt: skip


def _block(
    filters: int, kernel: int, repeat: int = 1, *, residual: bool = False, stride: int = 1, **more: Any
) -> dict[str, Any]:
    return {"filters": filters, "repeat": repeat, "kernel": [kernel], "stride": [stride], "dilation": [1], "dropout": 0.0,
            "residual": residual, "separable": True, **more}  # fmt: skip


#: NeMo's conf/titanet-large.yaml, a quarter as wide.
_SE: dict[str, Any] = {"se": True, "se_context_size": -1}
TITANET = {
    "sample_rate": 16000,
    "preprocessor": {**_FEATURES, "normalize": "per_feature"},
    "encoder": {
        "_target_": "nemo.collections.asr.modules.ConvASREncoder", "feat_in": 80, "activation": "relu", "conv_mask": True,
        "jasper": [
            _block(256, 3, **_SE), _block(256, 7, 3, residual=True, **_SE), _block(256, 11, 3, residual=True, **_SE),
            _block(256, 15, 3, residual=True, **_SE), _block(768, 1, **_SE),
        ],
    },
    "decoder": {
        "_target_": "nemo.collections.asr.modules.SpeakerDecoder", "feat_in": 768, "num_classes": 100,
        "pool_mode": "attention", "emb_sizes": 192,
    },
    "loss": {"_target_": "nemo.collections.asr.losses.angularloss.AngularSoftmaxLoss", "scale": 30, "margin": 0.2},
}  # fmt: skip

#: NeMo's conf/marblenet/marblenet_3x2x64_20ms.yaml, whole.
MARBLENET = {
    "sample_rate": 16000, "labels": ["0", "1"], "num_classes": 2,
    "preprocessor": {**_FEATURES, "normalize": "None", "pad_to": 2},
    "encoder": {
        "_target_": "nemo.collections.asr.modules.ConvASREncoder", "feat_in": 80, "activation": "relu", "conv_mask": True,
        "jasper": [
            _block(128, 11, stride=2), _block(64, 13, 2, residual=True), _block(64, 15, 2, residual=True),
            _block(64, 17, 2, residual=True), {**_block(128, 29), "dilation": [2]}, _block(128, 1),
        ],
    },
    "decoder": {
        "_target_": "nemo.collections.common.parts.MultiLayerPerceptron", "hidden_size": 128, "num_classes": 2,
        "num_layers": 1, "activation": "relu", "log_softmax": False,
    },
}  # fmt: skip


def sound(seconds: float = 30.0) -> np.ndarray:
    """float32 (samples,) at 16 kHz: buzzes of five pitches with the rhythm of syllables, taking turns with pauses."""
    random = np.random.default_rng(11)
    t = np.arange(int(seconds * 16000)) / 16000
    result = 0.001 * random.standard_normal(len(t))
    start = 0.4
    while start < seconds - 1.2:
        length, pitch = random.uniform(1.0, 4.0), random.choice([95, 130, 170, 210, 260])
        here = (t >= start) & (t < start + length)
        buzz = sum(np.sin(2 * np.pi * pitch * k * t[here]) / k for k in range(1, 12))
        result[here] += 0.1 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t[here]))
        start += length + random.uniform(0.3, 1.0)
    return result.astype(np.float32)


def write_sound(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes((samples * 32767).clip(-32768, 32767).astype("<i2").tobytes())
    return path


def _wake(model: Any, layer: Any, **inputs: Any) -> None:
    """Random networks answer alike to every frame. The last layer is scaled and shifted so that over `inputs` it says
    yes as often as no, and turns come and go."""
    import torch

    seen = []
    hook = layer.register_forward_hook(lambda module, args, output: seen.append(output.detach().flatten(0, -2)))
    with torch.no_grad():
        model.eval()(**inputs)
        hook.remove()
        values = torch.cat(seen)
        factor = 4 / values.std(0).clamp(min=1e-6)
        layer.weight *= factor[:, None]
        layer.bias.copy_((layer.bias - values.mean(0)) * factor)


def nemo_files(folder: Path) -> dict[str, Path]:
    """`sortformer`, `titanet` and `marblenet` as `.nemo` files in `folder`, with random weights (2 MB to 40 MB)."""
    import torch
    from nemo.collections.asr.models import (
        EncDecFrameClassificationModel,
        EncDecSpeakerLabelModel,
        SortformerEncLabelModel,
    )
    from omegaconf import DictConfig

    kinds = {
        "sortformer": (SortformerEncLabelModel, SORTFORMER),
        "titanet": (EncDecSpeakerLabelModel, TITANET),
        "marblenet": (EncDecFrameClassificationModel, MARBLENET),
    }
    files = {}
    for name, (kind, config) in kinds.items():
        torch.manual_seed(7)
        files[name] = folder / f"{name}.nemo"
        model = kind(cfg=DictConfig(copy.deepcopy(config)))
        signal = torch.from_numpy(sound())[None]
        length = torch.tensor([signal.shape[1]])
        if name == "sortformer":
            _wake(
                model, model.sortformer_modules.single_hidden_to_spks, audio_signal=signal, audio_signal_length=length
            )
        if name == "marblenet":
            last = [layer for layer in model.decoder.modules() if isinstance(layer, torch.nn.Linear)][-1]
            _wake(model, last, input_signal=signal, input_signal_length=length)
        model.save_to(str(files[name]))
    return files


def light_whisper() -> Path:
    """The folder of the light set's Whisper base, fetched if need be."""
    from pipeline.models import sets
    from pipeline.progress import finish
    from pipeline.settings import Settings

    return finish(sets.weights("whisper-base", Settings.from_environment()))


def tiny_whisper(to: Path) -> Path:
    """A Whisper of one layer and random weights, with the real tokenizer."""
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    from tests.convert_whisper import save

    torch.manual_seed(2)
    config = WhisperConfig(
        vocab_size=51865, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=64, decoder_ffn_dim=64, bos_token_id=50257, eos_token_id=50257, pad_token_id=50257,
        decoder_start_token_id=50258,
    )  # fmt: skip
    return save(WhisperForConditionalGeneration(config), light_whisper(), [[0, 0], [0, 1]], to)


CHAT = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_lmt(folder: Path, sentences: list[str], pieces: int = 400) -> Path:
    """A Qwen3 of two layers and random weights, saved as safetensors; its byte-level BPE is trained on `sentences`."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=pieces, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    bpe.train_from_iterator(sentences * 20, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<|endoftext|>", eos_token="<|im_end|>", chat_template=CHAT
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, head_dim=16, max_position_embeddings=1024, tie_word_embeddings=True,
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
        )
    ).save_pretrained(folder)  # fmt: skip
    return folder


#: Of the models of the full set that are one file: its name in the folder of `checkpoints`.
CHECKPOINTS = {
    "sortformer": "sortformer.nemo", "titanet": "titanet.nemo", "marblenet": "marblenet.nemo",
    "retinaface-resnet50": "retinaface.pth", "facenet512": "facenet512_weights.pth",
}  # fmt: skip


def face_files(folder: Path) -> Path:
    """Random weights for RetinaFace and FaceNet512 in `folder`."""
    import torch

    from pipeline.faces import engine

    engine.use_pytorch()
    from deepface.models.facial_recognition.pytorch.Facenet import InceptionResNetV1
    from retinaface.model.retinaface_pth_model import RetinaFace

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    torch.save(RetinaFace().state_dict(), folder / "retinaface.pth")
    torch.save(InceptionResNetV1(dimension=512).state_dict(), folder / "facenet512_weights.pth")
    return folder


def checkpoints(folder: Path, *, hears: bool = False) -> Path:
    """`folder` with a small checkpoint of every architecture of the full set, under the keys of `models.CATALOGUE`.

    With `hears` its Whisper is the light set's, which finds words; else one that is loaded and run in no time.
    """
    if hears:
        from tests.convert_whisper import convert

        convert(light_whisper(), folder / "whisper-turbo")
    else:
        tiny_whisper(folder / "whisper-turbo")
    tiny_lmt(folder / "lmt-60", ["One sentence is enough to train a tokenizer nobody reads from."])
    face_files(folder)
    nemo_files(folder)
    return folder


def use(folder: Path) -> None:
    """From now on the weights of the full set are those that `checkpoints` put into `folder`. Before `pipeline.gpu`."""
    from pipeline.models import hub

    known = hub.source

    def source(key: str) -> Hub:
        return dataclasses.replace(known(key), repository=str(folder / key), revision=None)

    def file(key: str) -> Path:
        return folder / CHECKPOINTS[key]

    vars(hub).update(source=source, file=file)


def run(stage: Stage[T]) -> tuple[T, list[Progress]]:
    """Return the result of a stage, and its steps."""
    steps = []
    while True:
        try:
            steps.append(next(stage))
        except StopIteration as stop:
            return stop.value, steps
