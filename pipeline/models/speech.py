"""Larger speech models for a CPU, from the Hugging Face Hub, for those who ask for one."""

from __future__ import annotations

from pipeline.models.entries import Model, Weights


def _weights(key: str, repository: str, commit: str, files: tuple[tuple[str, int, str], ...]) -> Weights:
    """Return files (name, bytes, SHA-256) of a repository at a commit."""
    return Weights.at(f"https://huggingface.co/{repository}/resolve/{commit}", key, files)


SPEECH: tuple[Model, ...] = (
    Model(
        "whisper-small", "Whisper small", "speech (--speech small)", (), "MIT",
        "https://huggingface.co/Systran/faster-whisper-small",
        _weights(
            "whisper-small", "Systran/faster-whisper-small", "536b0662742c02347bc0e980a01041f333bce120",
            (
                ("model.bin", 483_546_902, "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671"),
                ("config.json", 2_370, "b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828"),
                ("tokenizer.json", 2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
                ("vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
            ),
        ),
    ),
    Model(
        "whisper-turbo-int8", "Whisper large-v3-turbo (CPU)", "speech (--speech turbo)", (), "MIT",
        "https://huggingface.co/dropbox-dash/faster-whisper-large-v3-turbo",
        _weights(
            "whisper-turbo-int8", "dropbox-dash/faster-whisper-large-v3-turbo",
            "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
            (
                ("model.bin", 1_617_884_929, "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da"),
                ("config.json", 2_263, "b0253ea6c0d3bea6b1e19e91a02acfd3b53f4467362efcb5a3e6b16c9b3a9b7e"),
                ("preprocessor_config.json", 340, "7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711"),
                ("tokenizer.json", 2_710_337, "297b13372ac43916285644fb9687add3cc62ee2a1adb60da3dc25cc94c1871fd"),
                ("vocabulary.json", 1_068_114, "c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1"),
            ),
        ),
    ),
)  # fmt: skip

#: What `Settings.speech` names: the model's key, and its name for a transcript.
CHOICES = {
    "base": ("whisper-base", "Whisper base (faster-whisper, int8)"),
    "small": ("whisper-small", "Whisper small (faster-whisper, int8)"),
    "turbo": ("whisper-turbo-int8", "Whisper large-v3-turbo (faster-whisper, int8)"),
}
