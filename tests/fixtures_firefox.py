"""Firefox Translations models: the real architecture and files, small and with random weights, on a server."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
from typing import Any

import numpy as np

from pipeline.models.entries import Address, File, Model, Part, Weights
from tests.index_server import Site

DIM, FFN, HEADS, ENCODERS, DECODERS = 32, 64, 2, 2, 2
#: The embeddings are small, and in the dimensions in which a position changes fast: so the next token depends on the
#: place and the sentence, and a text is seldom a loop.
SCALE, FAST = 0.3, 4
SENTENCES = (
    "Good evening, how are you today?", "Nobody has seen the green boat since Monday.",
    "We have to leave before the bridge closes.", "Dzień dobry, jak się pan dzisiaj czuje?",
    "Nikt nie widział zielonej łodzi od poniedziałku.", "Musimy wyjechać, zanim zamkną most.",
    "Guten Abend, wie geht es Ihnen heute?", "Seit Montag hat niemand das grüne Boot gesehen.",
)  # fmt: skip


def vocabulary() -> bytes:
    """Return a SentencePiece vocabulary with Marian's special tokens: 0 ends a sentence, 1 is unknown."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 3), model_writer=model, vocab_size=96, model_type="unigram",
        eos_id=0, unk_id=1, bos_id=-1, pad_id=-1, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    return model.getvalue()


def network(words: int, seed: int) -> bytes:
    """Return a network for a vocabulary of `words`, in Marian's binary format as `marian-conv --gemm-type intgemm8`
    writes it: weights as int8, transposed, each with its multiplier behind it and that of its input beside it.
    """
    random = np.random.default_rng(seed)
    items: list[tuple[str, int, tuple[int, ...], bytes]] = []

    def floats(name: str, *shape: int, around: float = 0.0, spread: float = 0.1) -> None:
        values = (around + spread * random.standard_normal(shape)).astype("<f4")
        items.append((name, 0x404, shape, values.tobytes()))

    def weights(name: str, *shape: int, alpha: str, spread: float) -> None:
        values = spread * random.standard_normal(shape)
        if name == "Wemb":
            values[:, np.arange(DIM) % (DIM // 2) >= FAST] = 0.0
        multiplier = 127.0 / np.abs(values).max()
        turned = values if name == "Wemb" else values.T
        data = np.round(turned * multiplier).astype(np.int8).tobytes() + struct.pack("<f", multiplier)
        items.append((name, 0x4101, shape, data + b"\0" * (-len(data) % 256)))
        items.append((alpha, 0x404, (1, 1), struct.pack("<f", 127.0 / 6.0)))

    def affine(name: str, rows: int, columns: int, bias: str = "") -> None:
        weights(name, rows, columns, alpha=f"{name}_QuantMultA", spread=rows**-0.5)
        if bias:
            floats(bias, 1, columns)

    def normal(name: str) -> None:
        floats(f"{name}_ln_scale", 1, DIM, around=1.0)
        floats(f"{name}_ln_bias", 1, DIM)

    def attention(name: str) -> None:
        for part in "qkvo":
            affine(f"{name}_W{part}", DIM, DIM, f"{name}_b{part}")
        normal(f"{name}_Wo")

    def forward(name: str) -> None:
        affine(f"{name}_W1", DIM, FFN, f"{name}_b1")
        affine(f"{name}_W2", FFN, DIM, f"{name}_b2")
        normal(f"{name}_ffn")

    for layer in range(1, ENCODERS + 1):
        attention(f"encoder_l{layer}_self")
        forward(f"encoder_l{layer}_ffn")
    for layer in range(1, DECODERS + 1):
        affine(f"decoder_l{layer}_rnn_W", DIM, DIM)
        affine(f"decoder_l{layer}_rnn_Wf", DIM, DIM, f"decoder_l{layer}_rnn_bf")
        normal(f"decoder_l{layer}_rnn_ffn")
        attention(f"decoder_l{layer}_context")
        forward(f"decoder_l{layer}_ffn")
    weights("Wemb", words, DIM, alpha="none_QuantMultA", spread=SCALE * DIM**-0.5)
    floats("decoder_ff_logit_out_b", 1, words, spread=0.0)
    settings = {
        "dim-emb": DIM, "transformer-dim-ffn": FFN, "transformer-heads": HEADS, "enc-depth": ENCODERS,
        "dec-depth": DECODERS, "dec-cell": "ssru", "transformer-decoder-autoreg": "rnn", "type": "transformer",
        "tied-embeddings-all": "true",
    }  # fmt: skip
    text = "".join(f"{key}: {value}\n" for key, value in settings.items()).encode() + b"\0"
    items.append(("special:model.yml", 0x101, (len(text),), text))
    return _binary(items)


def _binary(items: list[tuple[str, int, tuple[int, ...], bytes]]) -> bytes:
    out = struct.pack("<QQ", 1, len(items))
    for name, kind, shape, data in items:
        out += struct.pack("<QQQQ", len(name) + 1, kind, len(shape), len(data))
    out += b"".join(name.encode() + b"\0" for name, *_ in items)
    out += b"".join(struct.pack(f"<{len(shape)}i", *shape) for _, _, shape, _ in items)
    gap = -(len(out) + 8) % 256
    return out + struct.pack("<Q", gap) + b"\0" * gap + b"".join(data for *_, data in items)


def publish(site: Site, source: str, target: str, seed: int) -> tuple[Model, Any]:
    """Put the model of a direction on the server; return its entry in the catalogue, and the engine as the library
    makes it of the same bytes.
    """
    from fxtranslate import Translator

    words = vocabulary()
    net = network(_pieces(words), seed)
    pair = f"{source}{target}"
    files = {f"model.{pair}.intgemm.alphas.bin.gz": net, f"vocab.{pair}.spm.gz": words}
    addresses, kept = [], []
    for number, (name, data) in enumerate(files.items()):
        packed = gzip.compress(data)
        (site.folder / name).write_bytes(packed)
        sha256 = hashlib.sha256(packed).hexdigest()
        addresses.append(Address(f"{site.url}/files/{name}", sha256, len(packed)))
        kept.append(File(name, sha256, (Part(download=number),)))
    key = f"firefox-{source}-{target}"
    weights = Weights(key, tuple(addresses), tuple(kept))
    name = f"Firefox Translations, {source} to {target}"
    model = Model(key, name, "translation", ("light",), "MPL-2.0", site.url, weights, optional=True)
    return model, Translator(net, words, words)


def _pieces(words: bytes) -> int:
    import sentencepiece

    return int(sentencepiece.SentencePieceProcessor(model_proto=words).get_piece_size())
