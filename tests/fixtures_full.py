"""Checkpoints of the full set's real architectures, small and with random weights, in the files the loaders expect."""

from __future__ import annotations

import copy
from pathlib import Path

#: NeMo's conf/neural_diarizer/streaming_sortformer_diarizer_4spk-v2.yaml (model section, without training), fewer layers.
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


def _block(filters: int, kernel: int, repeat: int = 1, *, residual: bool = False, stride: int = 1, **more: object) -> dict:
    return {"filters": filters, "repeat": repeat, "kernel": [kernel], "stride": [stride], "dilation": [1], "dropout": 0.0,
            "residual": residual, "separable": True, **more}  # fmt: skip


#: NeMo's conf/titanet-large.yaml, a quarter as wide.
_SE = {"se": True, "se_context_size": -1}
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
        kind(cfg=DictConfig(copy.deepcopy(config))).save_to(str(files[name]))
    return files
