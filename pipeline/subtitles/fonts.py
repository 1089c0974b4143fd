"""The shipped fonts: which face draws which grapheme, so that nothing is ever drawn as a box.

Faces are shaped and rasterised by HarfBuzz (uharfbuzz), not by Pillow: without a system FriBiDi Pillow has no Raqm and
then no Arabic, no Devanagari, not even kerning; HarfBuzz comes whole in its wheel, says which glyph belongs to which
character, and draws the same pixels on every machine.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import regex

from pipeline.assets import assets
from pipeline.text import graphemes, script

if TYPE_CHECKING:
    import uharfbuzz

FOLDER = assets("fonts")
X_HEIGHT = 0.54  #: em, of Noto Sans


@dataclass(frozen=True, slots=True)
class Face:
    """One font file. `scale` makes its letters as tall as Noto Sans's (x-height 0.54 em)."""

    family: str
    file: str
    bold: str = ""  #: file of the bold weight; without one the strokes are emboldened by 3 % of the em
    scale: float = 1.0

    @property
    def full_name(self) -> str:
        """The font's own full name, by which libass finds it ("Noto Sans Arabic Medium")."""
        return f"{self.family} {self.file.removesuffix('.ttf').rpartition('-')[2]}"


RAJDHANI = Face("Rajdhani", "Rajdhani-SemiBold.ttf", "Rajdhani-Bold.ttf", 1.08)
NOTO_SANS = Face("Noto Sans", "NotoSans-Medium.ttf", "NotoSans-Bold.ttf")
_SCRIPT_FACES = tuple(
    Face(f"Noto Sans {name}", f"NotoSans{name}-Medium.ttf")
    for name in (
        "Arabic", "Hebrew", "Devanagari", "Bengali", "Gujarati", "Gurmukhi", "Tamil", "Telugu", "Malayalam", "Kannada",
        "Sinhala",
        "Thai", "Lao", "Khmer", "Myanmar", "Georgian", "Armenian", "Ethiopic",
    )
)  # fmt: skip
_TIBETAN = Face("Noto Serif Tibetan", "NotoSerifTibetan-Medium.ttf")
_HAN = {code: Face(f"Noto Sans {code}", f"NotoSans{code}-Medium.ttf") for code in ("JP", "KR", "SC", "TC")}
_EMOJI = Face("Noto Emoji", "NotoEmoji-Medium.ttf", scale=0.9)
_SYMBOLS = (
    Face("Noto Sans Symbols", "NotoSansSymbols-Medium.ttf"),
    Face("Noto Sans Symbols 2", "NotoSansSymbols2-Regular.ttf"),
    Face("Noto Sans Math", "NotoSansMath-Regular.ttf"),
)
FAMILIES = ("technical", "sans")

#: ISO 15924 of the reader's language -> whose shapes Han characters take, then the others for what it lacks.
_HAN_ORDER = {"Jpan": "JP", "Kore": "KR", "Hant": "TC"}

# Latin alphabets (CLDR main exemplars) that Rajdhani has not whole: all in Noto Sans, rather than changing from phrase
# to phrase.
NOT_RAJDHANI = frozenset(["AZ", "BR", "EO", "GN", "HA", "HAW", "IG", "LN", "QU", "RO", "SCN", "UZ", "VI", "YO"])


def faces(family: str, language_script: str = "", language: str = "") -> tuple[Face, ...]:
    """The faces in the order in which they are asked for a grapheme.

    `family` is one of `FAMILIES`, a name that `installed` has, or the path of a font file.
    """
    if family not in FAMILIES:
        first: tuple[Face, ...] = (installed().get(family) or own_face(family),)
    else:
        technical = family == "technical" and language.split("-")[0].upper() not in NOT_RAJDHANI
        first = (RAJDHANI,) if technical else ()
    own = _HAN[_HAN_ORDER.get(language_script, "SC")]
    han = (own, *(face for face in _HAN.values() if face is not own))
    return (*first, NOTO_SANS, *_SCRIPT_FACES, _TIBETAN, *_SYMBOLS, *han, _EMOJI)


@lru_cache(maxsize=1)
def installed() -> dict[str, Face]:
    """Return the families of the font folder by the first part of their files' names ("NotoSans", "Rajdhani")."""
    found: dict[str, Face] = {}
    known = {face.file.split("-")[0]: face for face in (RAJDHANI, NOTO_SANS)}
    for file in sorted((*FOLDER.glob("*.ttf"), *FOLDER.glob("*.otf"))):
        family = file.stem.split("-")[0]
        bold = FOLDER / f"{family}-Bold{file.suffix}"
        face = known.get(family) or Face(family, file.name, bold.name if bold.exists() else "")
        if file.name != face.bold or family not in found:
            found.setdefault(family, face)
    return found


@lru_cache(maxsize=8)
def own_face(file: str) -> Face:
    """Return the face of a font file of the viewer's own, with letters as tall as those of the shipped fonts."""
    face = Face(Path(file).stem, file)
    font = hb_font(face, "medium")
    glyph = font.get_nominal_glyph(ord("x"))
    extents = font.get_glyph_extents(glyph) if glyph else None
    height = abs(extents.height) / font.face.upem if extents else 0.0
    return replace(face, scale=min(1.6, max(0.6, X_HEIGHT / height))) if height else face


@contextmanager
def opened_for(family: str) -> Iterator[None]:
    """Keep the fonts that are opened inside in memory, but forget a viewer's own `family` (see `faces`) at the end."""
    try:
        yield
    finally:
        if family not in FAMILIES and family not in installed():
            for cache in (own_face, hb_face, hb_font, _characters, _covers):
                cache.cache_clear()


@lru_cache(maxsize=64)
def hb_face(file: str) -> uharfbuzz.Face:
    """The font file, opened once."""
    import uharfbuzz

    return uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(FOLDER / file)))


@lru_cache(maxsize=128)
def hb_font(face: Face, weight: str) -> uharfbuzz.Font:
    """The face in "medium" or "bold", in its own units (`face.upem` to the em)."""
    import uharfbuzz

    bold = weight == "bold"
    font = uharfbuzz.Font(hb_face(face.bold if bold and face.bold else face.file))
    if bold and not face.bold:
        font.synthetic_bold = (0.03, 0.03, False)
    return font


@lru_cache(maxsize=64)
def _characters(file: str) -> frozenset[int]:
    return frozenset(hb_face(file).unicodes)


# Drawn as nothing when a font lacks them: joiners, variation selectors.
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")


def covers(face: Face, grapheme: str) -> bool:
    """Whether the face has a glyph for every visible character of the grapheme."""
    characters = _characters(face.file)
    if all(ord(character) in characters or _IGNORABLE.match(character) for character in grapheme):
        return True
    # HarfBuzz composes and decomposes by itself.
    return any(
        all(
            ord(character) in characters or _IGNORABLE.match(character)
            for character in unicodedata.normalize(form, grapheme)
        )
        for form in ("NFC", "NFD")
    )


def choose(parts: tuple[str, ...], chain: tuple[Face, ...]) -> list[Face | None]:
    """The face of every grapheme, None where no face has it.

    Every script of the text gets the first face that has all its graphemes, so that a word is never set in two faces;
    only where none has all are they looked up one by one. What belongs to no script (digits, punctuation, spaces)
    follows the text before it, else after it.
    """
    scripts = [script(part) for part in parts]
    by_script: dict[str, Face | None] = {}
    for code in dict.fromkeys(scripts):
        if code in ("Zyyy", "Zsye"):
            continue
        own = {part for part, its in zip(parts, scripts, strict=True) if its == code}
        by_script[code] = next((face for face in chain if all(_covers(face, part) for part in own)), None)
    if "Hira" in by_script or "Kana" in by_script:  # kana and kanji in one hand
        japanese = by_script.get("Hira") or by_script.get("Kana")
        for code in ("Hira", "Kana", "Hani"):
            if (
                japanese
                and code in by_script
                and all(_covers(japanese, part) for part, its in zip(parts, scripts, strict=True) if its == code)
            ):
                by_script[code] = japanese
    chosen: list[Face | None] = []
    for part, code in zip(parts, scripts, strict=True):
        if code == "Zsye":
            order: tuple[Face, ...] = (_EMOJI, *chain)
        elif code == "Zyyy":
            near = next((face for face in reversed(chosen) if face and face is not _EMOJI), None) or next(
                (by_script[its] for its in scripts[len(chosen) :] if by_script.get(its)), None
            )
            order = (near, *chain) if near else chain
        else:
            face = by_script[code]
            order = (face,) if face else chain
        chosen.append(next((face for face in order if _covers(face, part)), None))
    return chosen


@lru_cache(maxsize=65536)
def _covers(face: Face, grapheme: str) -> bool:
    return covers(face, grapheme)


def supported(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` with only what the fonts can draw, and the graphemes that had to go.

    A grapheme without a glyph is first tried in its compatibility form (NFKC: "𝓐" is A, "㎏" is kg).
    """
    chain = faces("sans")
    kept: list[str] = []
    missing: list[str] = []
    for part in graphemes(text):
        if _drawable(part, chain):
            kept.append(part)
            continue
        plain = unicodedata.normalize("NFKC", part)
        if plain != part and all(_drawable(piece, chain) for piece in graphemes(plain)):
            kept.append(plain)
        else:
            missing.append(part)
    return "".join(kept), tuple(dict.fromkeys(missing))


def _drawable(part: str, chain: tuple[Face, ...]) -> bool:
    return any(_covers(face, part) for face in chain)


def coverage(text: str) -> tuple[str, ...]:
    """The graphemes of `text` that no shipped font can draw, each once, in order."""
    return supported(text)[1]


# Glyphs a character flickers through before it settles, by the script of the reader: letters everybody of that script
# has seen.
_POOLS = {
    "Latn": "ABCDEFGHKLMNPRSTUVXYZ0123456789#%&/<>=+*",
    "Cyrl": "БГДЖЗИЛПФЦЧШЩЪЫЭЮЯАВЕК0123456789#%&/<>=+",
    "Grek": "ΓΔΘΛΞΠΣΦΨΩαβγδεζθλμξπσφψω0123456789#%/",
    "Arab": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "Hebr": "אבגדהוזחטיכלמנסעפצקרשת",
    "Deva": "अआइउएकखगघचछजझटठडढतथदधनपफबभमयरलवशषसह",
    "Beng": "অআইউএকখগঘচছজঝটঠডঢতথদধনপফবভমযরলশষসহ",
    "Gujr": "અઆઇઉએકખગઘચછજઝટઠડઢતથદધનપફબભમયરલવશષસહ",
    "Guru": "ਅਆਇਉਏਕਖਗਘਚਛਜਝਟਠਡਢਤਥਦਧਨਪਫਬਭਮਯਰਲਵਸਹ",
    "Taml": "அஆஇஉஎகஙசஞடணதநபமயரலவழளறன",
    "Telu": "అఆఇఉఎకఖగఘచఛజటఠడఢతథదధనపఫబభమయరలవశషసహ",
    "Mlym": "അആഇഉഎകഖഗഘചഛജടഠഡഢതഥദധനപഫബഭമയരലവശഷസഹ",
    "Knda": "ಅಆಇಉಎಕಖಗಘಚಛಜಟಠಡಢತಥದಧನಪಫಬಭಮಯರಲವಶಷಸಹ",
    "Sinh": "අආඉඋඑකඛගඝචජටඩතථදධනපඵබභමයරලවශෂසහ",
    "Thai": "กขคฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮ",
    "Laoo": "ກຂຄງຈສຊຍດຕຖທນບປຜຝພຟມຢຣລວຫອຮ",
    "Khmr": "កខគឃងចឆជឈញដឋឌឍណតថទធនបផពភមយរលវសហឡអ",
    "Mymr": "ကခဂဃငစဆဇညဋဌဍဎဏတထဒဓနပဖဗဘမယရလဝသဟဠအ",
    "Geor": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "Armn": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
    "Ethi": "ሀለሐመሠረሰሸቀበተቸነኘአከኸወዐዘዠየደጀገጠጨጰጸፀፈፐ",
    "Tibt": "ཀཁགངཅཆཇཉཏཐདནཔཕབམཙཚཛཝཞཟའཡརལཤསཧཨ",
    "Jpan": "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"
    "日月火水木金土人口目手足",
    "Kore": "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호",
    "Hans": "日月火水木金土人口目手足山川田力女子心门马鸟鱼车电风云雨光声言语时空",
    "Hant": "日月火水木金土人口目手足山川田力女子心門馬鳥魚車電風雲雨光聲言語時空",
}  # fmt: skip


def glyph_pool(script_code: str) -> str:
    """Characters to flicker through on the way to a text in that script (ISO 15924), all in the shipped fonts."""
    return _POOLS.get(script_code, _POOLS["Latn"])
