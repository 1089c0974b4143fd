"""The full set: models for a GPU, from the Hugging Face Hub."""

from __future__ import annotations

from pipeline.models.entries import Hub, Model

WHISPER_FILES = (
    "config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
    "vocab.json", "merges.txt", "normalizer.json", "added_tokens.json", "special_tokens_map.json",
)  # fmt: skip

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
        ),
    ),
    Model(
        "whisper-large", "Whisper large-v3", "translation into English without a key", ("full",), "Apache-2.0",
        "https://huggingface.co/openai/whisper-large-v3",
        hub=Hub(
            "openai/whisper-large-v3", "06f233fe06e710322aca913c1bc4249a0d71fce1",
            (("model.safetensors", ""), *((name, "") for name in WHISPER_FILES)),
        ),
    ),
    Model(
        "m2m100", "M2M100 418M", "translation into other languages without a key", ("full",), "MIT",
        "https://huggingface.co/facebook/m2m100_418M",
        hub=Hub(
            "facebook/m2m100_418M", "55c2e61bbf05dfb8d7abccdc3fae6fc8512fd636",
            (
                ("pytorch_model.bin", ""), ("config.json", ""), ("generation_config.json", ""),
                ("sentencepiece.bpe.model", ""), ("vocab.json", ""), ("tokenizer_config.json", ""),
                ("special_tokens_map.json", ""),
            ),
        ),
    ),
    Model(
        "sortformer", "Sortformer streaming 4spk v2", "voices", ("full",), "CC-BY-4.0",
        "https://huggingface.co/nvidia/diar_streaming_sortformer_4spk-v2",
        hub=Hub(
            "nvidia/diar_streaming_sortformer_4spk-v2", "5240a64075176943f677d30fa2171c780229f341",
            (
                (
                    "diar_streaming_sortformer_4spk-v2.nemo",
                    "b371afce2c4958186469df33d939936b9746c89f38b10a69cfd2c61254e83329",
                ),
            ),
        ),
    ),
    Model(
        "marblenet", "Frame VAD MarbleNet 2.0", "voices (five and more)", ("full",), "NVIDIA Open Model License",
        "https://huggingface.co/nvidia/Frame_VAD_Multilingual_MarbleNet_v2.0",
        hub=Hub(
            "nvidia/Frame_VAD_Multilingual_MarbleNet_v2.0", None,
            (
                (
                    "frame_vad_multilingual_marblenet_v2.0.nemo",
                    "84bda37e925ac6fd740c2ced55642cb79f94f81348e1fa0db992ca50d4b09706",
                ),
            ),
        ),
    ),
    Model(
        "titanet", "TitaNet large", "voices (five and more), voiceprints", ("full",), "CC-BY-4.0",
        "https://huggingface.co/nvidia/speakerverification_en_titanet_large",
        hub=Hub(
            "nvidia/speakerverification_en_titanet_large", "0dc382f40121a5fbd34db10a2bb04d826c2be6a8",
            (
                (
                    "speakerverification_en_titanet_large.nemo",
                    "e838520693f269e7984f55bc8eb3c2d60ccf246bf4b896d4be9bcabe3e4b0fe3",
                ),
            ),
        ),
    ),
    Model(
        "retinaface-resnet50", "RetinaFace ResNet50", "faces", ("full",), "MIT",
        "https://github.com/serengil/retinaface, PyTorch weights, mirrored at https://huggingface.co/serengil/deepface",
        hub=Hub("serengil/deepface", None, (("retinaface.pth", ""),)),
        note="MIT is the licence of the package and of StanislasBertrand/RetinaFace-tf2, from which it has its weights. Those "
        "are by their layers' names and constants a conversion of RetinaFace-R50 of insightface, whose README gives its "
        "models for non-commercial research only. For other uses ask them, or use the light models.",
    ),
    Model(
        "facenet512", "FaceNet 512", "identity", ("full",), "MIT",
        "https://github.com/serengil/deepface, PyTorch weights, mirrored at https://huggingface.co/serengil/deepface",
        hub=Hub("serengil/deepface", None, (("facenet512_weights.pth", ""),)),
        note="A conversion of 20180402-114759 of davidsandberg/facenet (MIT), as DeepFace's author says "
        "(serengil/deepface #1252). Trained on VGGFace2, whose list is CC BY-SA 4.0 and whose pictures are other people's.",
    ),
)  # fmt: skip
