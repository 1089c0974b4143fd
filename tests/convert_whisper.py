"""The light set's Whisper base, CTranslate2 fp16, as a transformers checkpoint.

CTranslate2's `model.bin` holds every tensor of OpenAI's model under names of its own; they map one to one onto
`WhisperForConditionalGeneration` (CTranslate2's `converters/transformers.py` maps the other way). This makes the full
set's code transcribe real speech on a machine that never reaches the Hub.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}  # ctranslate2 include/types.h, DataType


def read_model_bin(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, tensor) of each variable in a CTranslate2 `model.bin` (layout: ctranslate2/specs/model_spec.py,
    _serialize)."""
    data = path.read_bytes()
    at = 0

    def take(kind: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + kind, data, at)
        at += struct.calcsize("<" + kind)
        return value

    def take_text() -> str:
        nonlocal at
        length = take("H")
        text = data[at : at + length - 1].decode()  # null-terminated
        at += length
        return text

    take("I")  # binary version
    assert take_text() == "WhisperSpec"
    take("I")  # revision of the specification
    for _ in range(take("I")):
        name = take_text()
        shape = tuple(take("I") for _ in range(take("B")))
        kind = DTYPES[take("B")]
        size = take("I")
        yield name, np.frombuffer(data, kind, size // np.dtype(kind).itemsize, at).reshape(shape)
        at += size


def _linear(state: dict[str, Any], tensors: dict[str, Any], source: str, targets: tuple[str, ...]) -> None:
    """Splits one fused linear layer of CTranslate2 over the layers of transformers; the key projection has no bias."""
    weights = np.split(tensors[f"{source}/weight"], len(targets))
    biases = np.split(tensors[f"{source}/bias"], len(targets))
    for target, weight, bias in zip(targets, weights, biases, strict=True):
        state[f"{target}.weight"] = weight
        if not target.endswith("k_proj"):
            state[f"{target}.bias"] = bias


def _norm(state: dict[str, Any], tensors: dict[str, Any], source: str, target: str) -> None:
    state[f"{target}.weight"], state[f"{target}.bias"] = tensors[f"{source}/gamma"], tensors[f"{source}/beta"]


def convert(light: Path, to: Path) -> Path:
    """`to` holds a transformers checkpoint of the CTranslate2 Whisper in `light` (model.bin, config.json,
    tokenizer.json)."""
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    tensors = dict(read_model_bin(light / "model.bin"))
    light_config = json.loads((light / "config.json").read_text())
    state: dict[str, np.ndarray] = {}
    for side in ("encoder", "decoder"):
        layers = {name.split("/")[1] for name in tensors if name.startswith(f"{side}/layer_") and name.count("/") > 2}
        for layer in layers:
            source, target = f"{side}/{layer}", f"model.{side}.layers.{layer.removeprefix('layer_')}"
            qkv = tuple(f"{target}.self_attn.{part}_proj" for part in "qkv")
            _linear(state, tensors, f"{source}/self_attention/linear_0", qkv)
            _linear(state, tensors, f"{source}/self_attention/linear_1", (f"{target}.self_attn.out_proj",))
            _norm(state, tensors, f"{source}/self_attention/layer_norm", f"{target}.self_attn_layer_norm")
            if side == "decoder":
                _linear(state, tensors, f"{source}/attention/linear_0", (f"{target}.encoder_attn.q_proj",))
                kv = tuple(f"{target}.encoder_attn.{part}_proj" for part in "kv")
                _linear(state, tensors, f"{source}/attention/linear_1", kv)
                _linear(state, tensors, f"{source}/attention/linear_2", (f"{target}.encoder_attn.out_proj",))
                _norm(state, tensors, f"{source}/attention/layer_norm", f"{target}.encoder_attn_layer_norm")
            _linear(state, tensors, f"{source}/ffn/linear_0", (f"{target}.fc1",))
            _linear(state, tensors, f"{source}/ffn/linear_1", (f"{target}.fc2",))
            _norm(state, tensors, f"{source}/ffn/layer_norm", f"{target}.final_layer_norm")
        _norm(state, tensors, f"{side}/layer_norm", f"model.{side}.layer_norm")
        state[f"model.{side}.embed_positions.weight"] = tensors[f"{side}/position_encodings/encodings"]
    for conv in ("conv1", "conv2"):
        state[f"model.encoder.{conv}.weight"] = tensors[f"encoder/{conv}/weight"]
        state[f"model.encoder.{conv}.bias"] = tensors[f"encoder/{conv}/bias"]
    embedding = tensors["decoder/embeddings/weight"]
    state["model.decoder.embed_tokens.weight"] = state["proj_out.weight"] = embedding

    depth = {side: 1 + max(int(n.split("/")[1][6:]) for n in tensors if n.startswith(f"{side}/layer_") and n.count("/") > 2)
             for side in ("encoder", "decoder")}  # fmt: skip
    heads = int(tensors["encoder/num_heads"])
    config = WhisperConfig(
        vocab_size=embedding.shape[0], d_model=embedding.shape[1],
        encoder_layers=depth["encoder"], decoder_layers=depth["decoder"],
        encoder_attention_heads=heads, decoder_attention_heads=heads,
        encoder_ffn_dim=4 * embedding.shape[1], decoder_ffn_dim=4 * embedding.shape[1],
        num_mel_bins=tensors["encoder/conv1/weight"].shape[1],
        max_source_positions=state["model.encoder.embed_positions.weight"].shape[0],
        max_target_positions=state["model.decoder.embed_positions.weight"].shape[0],
        bos_token_id=50257, eos_token_id=50257, pad_token_id=50257, decoder_start_token_id=50258,
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    model.load_state_dict({name: torch.from_numpy(value.astype(np.float32)) for name, value in state.items()})

    return save(model, light, light_config["alignment_heads"], to)


def save(model: Any, light: Path, alignment_heads: list[list[int]], to: Path) -> Path:
    """`to` holds `model` as a checkpoint with Whisper's tokenizer, features and generation settings."""
    import transformers
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    light_config = json.loads((light / "config.json").read_text())
    tokenizer = transformers.WhisperTokenizerFast(  # type: ignore[attr-defined]  # a lazy name
        tokenizer_file=str(light / "tokenizer.json"),
        **dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), "<|endoftext|>"),
    )
    ids = {
        token: tokenizer.convert_tokens_to_ids(f"<|{token}|>") for token in ("transcribe", "translate", "notimestamps")
    }
    model.generation_config = transformers.GenerationConfig(
        alignment_heads=alignment_heads,
        suppress_tokens=light_config["suppress_ids"], begin_suppress_tokens=light_config["suppress_ids_begin"],
        bos_token_id=50257, eos_token_id=50257, pad_token_id=50257, decoder_start_token_id=50258,
        is_multilingual=True, max_initial_timestamp_index=50, max_length=448, return_timestamps=False,
        lang_to_id={f"<|{code}|>": token for code in LANGUAGES
                    if (token := tokenizer.convert_tokens_to_ids(f"<|{code}|>")) in light_config["lang_ids"]},
        task_to_id={"transcribe": ids["transcribe"], "translate": ids["translate"]},
        no_timestamps_token_id=ids["notimestamps"], prev_sot_token_id=tokenizer.convert_tokens_to_ids("<|startofprev|>"),
    )  # fmt: skip
    model.save_pretrained(to)
    tokenizer.save_pretrained(to)
    transformers.WhisperFeatureExtractor(feature_size=model.config.num_mel_bins).save_pretrained(to)
    return to
