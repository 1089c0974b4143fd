"""The full set: models for a GPU, from the Hugging Face Hub."""

from __future__ import annotations

from pipeline.models.entries import Hub, Model

WHISPER_FILES = (
    "config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
    "vocab.json", "merges.txt", "normalizer.json", "added_tokens.json", "special_tokens_map.json",
)  # fmt: skip


def _nemo(name: str, commit: str | None, file: str, sha256: str, megabytes: int = 0) -> Hub:
    """Return a repository of NVIDIA's, of which one file is needed."""
    return Hub(f"nvidia/{name}", commit, ((file, sha256),), megabytes)


FULL: tuple[Model, ...] = (
    # Commits of the Hub as many public projects have pinned them; sha256 where those projects published one too.
    Model(
        "whisper-turbo", "Whisper large-v3-turbo", "speech", ("full",), "MIT",
        "https://huggingface.co/openai/whisper-large-v3-turbo",
        hub=Hub(
            "openai/whisper-large-v3-turbo", "41f01f3fe87f28c78e2fbf8b568835947dd65ed9",
            (
                ("model.safetensors", "542566a422ae4f3fd23f1ba11add198fca01bbf82e66e6a2857b3f608b1eb9d1"),
                *((name, "") for name in WHISPER_FILES),
            ),
            1620,
        ),
    ),
    Model(
        "lmt-60", "LMT-60 1.7B", "translation without a key", ("full",), "Apache-2.0",
        "https://huggingface.co/NiuTrans/LMT-60-1.7B",
        hub=Hub(
            "NiuTrans/LMT-60-1.7B", "2ff175e2a450d2f2458b33234bfb74953468b3a2",
            (
                ("model.safetensors", ""), ("config.json", ""), ("generation_config.json", ""), ("tokenizer.json", ""),
                ("tokenizer_config.json", ""), ("vocab.json", ""), ("merges.txt", ""), ("added_tokens.json", ""),
                ("special_tokens_map.json", ""),
            ),
            4000,
        ),
        note="Trained from Qwen3 1.7B (Apache-2.0). Part of what it was tuned on is not licensed for every use: the "
        "authors list it as NiuTrans/LMT-60-sft-data.",
    ),
    Model(
        "sortformer", "Sortformer streaming 4spk v2.1", "voices", ("full",), "NVIDIA Open Model License",
        "https://huggingface.co/nvidia/diar_streaming_sortformer_4spk-v2.1",
        hub=_nemo(
            "diar_streaming_sortformer_4spk-v2.1", "fafaab5faa1617a0ca52d38dd3dc4bd636800d3d",
            "diar_streaming_sortformer_4spk-v2.1.nemo",
            "8abd32832159c6ac1148c926b7276f35ba34582c444e559dce1f1253fea42ef8", 471,
        ),
    ),
    Model(
        "marblenet", "Frame VAD MarbleNet 2.0", "voices (five and more)", ("full",), "NVIDIA Open Model License",
        "https://huggingface.co/nvidia/Frame_VAD_Multilingual_MarbleNet_v2.0",
        hub=_nemo(
            "Frame_VAD_Multilingual_MarbleNet_v2.0", None,
            "frame_vad_multilingual_marblenet_v2.0.nemo",
            "84bda37e925ac6fd740c2ced55642cb79f94f81348e1fa0db992ca50d4b09706",
        ),
    ),
    Model(
        "titanet", "TitaNet large", "voices (five and more), voiceprints", ("full",), "CC-BY-4.0",
        "https://huggingface.co/nvidia/speakerverification_en_titanet_large",
        hub=_nemo(
            "speakerverification_en_titanet_large", "0dc382f40121a5fbd34db10a2bb04d826c2be6a8",
            "speakerverification_en_titanet_large.nemo",
            "e838520693f269e7984f55bc8eb3c2d60ccf246bf4b896d4be9bcabe3e4b0fe3",
        ),
    ),
    Model(
        "retinaface-resnet50", "RetinaFace ResNet50", "faces", ("full",), "MIT",
        "https://github.com/serengil/retinaface, PyTorch weights, mirrored at https://huggingface.co/serengil/deepface",
        hub=Hub("serengil/deepface", None, (("retinaface.pth", ""),)),
        note="MIT is the licence of the package and of StanislasBertrand/RetinaFace-tf2, from which it has its "
        "weights. Those are by their layers' names and constants a conversion of RetinaFace-R50 of insightface, whose "
        "README gives its models for non-commercial research only. For other uses ask them, or use the light models.",
    ),
    Model(
        "facenet512", "FaceNet 512", "identity", ("full",), "MIT",
        "https://github.com/serengil/deepface, PyTorch weights, mirrored at https://huggingface.co/serengil/deepface",
        hub=Hub("serengil/deepface", None, (("facenet512_weights.pth", ""),)),
        note="A conversion of 20180402-114759 of davidsandberg/facenet (MIT), as DeepFace's author says "
        "(serengil/deepface #1252). Trained on VGGFace2, whose list is CC BY-SA 4.0 and whose pictures are other "
        "people's.",
    ),
)  # fmt: skip
