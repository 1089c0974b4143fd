"""The languages that Whisper hears and DeepL writes, and the script of each.

DeepL's list is that of its own client (deepl 1.32.0, `deepl.Language`) and of
https://developers.deepl.com/docs/getting-started/supported-languages; formality is from
https://developers.deepl.com/api-reference/translate. With a key, the service's own list takes precedence: `translate`
asks for it. Whisper's list is `faster_whisper.tokenizer._LANGUAGE_CODES`. A script is the ISO 15924 code of the one in
which the language is mostly printed.
"""

from __future__ import annotations

import difflib
import unicodedata
from dataclasses import dataclass
from functools import cache

from pipeline.errors import LanguageError

RTL_SCRIPTS = frozenset({"Arab", "Hebr", "Thaa", "Syrc", "Nkoo"})


@dataclass(frozen=True, slots=True)
class Language:
    """A language somebody speaks or reads."""

    code: str  #: DeepL's if DeepL knows the language ("PL", "PT-BR"); else Whisper's in upper case
    name: str  #: in English
    own_name: str  #: as its readers write it
    script: str  #: ISO 15924
    whisper: str | None  #: Whisper's code, None if Whisper does not hear the language
    formality: bool = False  #: DeepL can be told to be formal or informal
    deepl: str | None = None  #: DeepL's source code, None to let DeepL detect it

    @property
    def direction(self) -> str:
        """Return the direction of writing, "ltr" or "rtl"."""
        return "rtl" if self.script in RTL_SCRIPTS else "ltr"

    @property
    def tag(self) -> str:
        """Return the BCP 47 tag: "pl", "pt-br", "zh-Hans", "yue-Hant"."""
        base = self.code.lower().split("-")[0]
        return f"{base}-{self.script}" if self.script in ("Hans", "Hant") else self.code.lower()


# code, name, own name, script, Whisper's code ("" none; "=" the lower-cased code)
_BOTH = """
ACE|Acehnese|Bahsa Acèh|Latn|
AF|Afrikaans|Afrikaans|Latn|=
AN|Aragonese|Aragonés|Latn|
AR|Arabic|العربية|Arab|=
AS|Assamese|অসমীয়া|Beng|=
AY|Aymara|Aymar aru|Latn|
AZ|Azerbaijani|Azərbaycan dili|Latn|=
BA|Bashkir|Башҡортса|Cyrl|=
BE|Belarusian|Беларуская|Cyrl|=
BG|Bulgarian|Български|Cyrl|=
BHO|Bhojpuri|भोजपुरी|Deva|
BN|Bengali|বাংলা|Beng|=
BR|Breton|Brezhoneg|Latn|=
BS|Bosnian|Bosanski|Latn|=
CA|Catalan|Català|Latn|=
CEB|Cebuano|Cebuano|Latn|
CKB|Kurdish (Sorani)|کوردیی ناوەندی|Arab|
CS|Czech|Čeština|Latn|=
CY|Welsh|Cymraeg|Latn|=
DA|Danish|Dansk|Latn|=
DE|German|Deutsch|Latn|=
EL|Greek|Ελληνικά|Grek|=
EO|Esperanto|Esperanto|Latn|
ES|Spanish|Español|Latn|=
ET|Estonian|Eesti|Latn|=
EU|Basque|Euskara|Latn|=
FA|Persian|فارسی|Arab|=
FI|Finnish|Suomi|Latn|=
FR|French|Français|Latn|=
GA|Irish|Gaeilge|Latn|
GL|Galician|Galego|Latn|=
GN|Guarani|Avañeʼẽ|Latn|
GOM|Konkani|कोंकणी|Deva|
GU|Gujarati|ગુજરાતી|Gujr|=
HA|Hausa|Hausa|Latn|=
HE|Hebrew|עברית|Hebr|=
HI|Hindi|हिन्दी|Deva|=
HR|Croatian|Hrvatski|Latn|=
HT|Haitian Creole|Kreyòl ayisyen|Latn|=
HU|Hungarian|Magyar|Latn|=
HY|Armenian|Հայերեն|Armn|=
ID|Indonesian|Bahasa Indonesia|Latn|=
IG|Igbo|Igbo|Latn|
IS|Icelandic|Íslenska|Latn|=
IT|Italian|Italiano|Latn|=
JA|Japanese|日本語|Jpan|=
JV|Javanese|Basa Jawa|Latn|jw
KA|Georgian|ქართული|Geor|=
KK|Kazakh|Қазақ тілі|Cyrl|=
KMR|Kurdish (Kurmanji)|Kurmancî|Latn|
KO|Korean|한국어|Kore|=
KY|Kyrgyz|Кыргызча|Cyrl|
LA|Latin|Latina|Latn|=
LB|Luxembourgish|Lëtzebuergesch|Latn|=
LMO|Lombard|Lombard|Latn|
LN|Lingala|Lingála|Latn|=
LT|Lithuanian|Lietuvių|Latn|=
LV|Latvian|Latviešu|Latn|=
MAI|Maithili|मैथिली|Deva|
MG|Malagasy|Malagasy|Latn|=
MI|Maori|Te reo Māori|Latn|=
MK|Macedonian|Македонски|Cyrl|=
ML|Malayalam|മലയാളം|Mlym|=
MN|Mongolian|Монгол|Cyrl|=
MR|Marathi|मराठी|Deva|=
MS|Malay|Bahasa Melayu|Latn|=
MT|Maltese|Malti|Latn|=
MY|Burmese|မြန်မာဘာသာ|Mymr|=
NB|Norwegian (Bokmål)|Norsk bokmål|Latn|no
NE|Nepali|नेपाली|Deva|=
NL|Dutch|Nederlands|Latn|=
OC|Occitan|Occitan|Latn|=
OM|Oromo|Afaan Oromoo|Latn|
PA|Punjabi|ਪੰਜਾਬੀ|Guru|=
PAG|Pangasinan|Pangasinan|Latn|
PAM|Kapampangan|Kapampangan|Latn|
PL|Polish|Polski|Latn|=
PRS|Dari|دری|Arab|
PS|Pashto|پښتو|Arab|=
QU|Quechua|Runa Simi|Latn|
RO|Romanian|Română|Latn|=
RU|Russian|Русский|Cyrl|=
SA|Sanskrit|संस्कृतम्|Deva|=
SCN|Sicilian|Sicilianu|Latn|
SK|Slovak|Slovenčina|Latn|=
SL|Slovenian|Slovenščina|Latn|=
SQ|Albanian|Shqip|Latn|=
SR|Serbian|Српски|Cyrl|=
ST|Sesotho|Sesotho|Latn|
SU|Sundanese|Basa Sunda|Latn|=
SV|Swedish|Svenska|Latn|=
SW|Swahili|Kiswahili|Latn|=
TA|Tamil|தமிழ்|Taml|=
TE|Telugu|తెలుగు|Telu|=
TG|Tajik|Тоҷикӣ|Cyrl|=
TH|Thai|ไทย|Thai|=
TK|Turkmen|Türkmençe|Latn|=
TL|Tagalog|Tagalog|Latn|=
TN|Tswana|Setswana|Latn|
TR|Turkish|Türkçe|Latn|=
TS|Tsonga|Xitsonga|Latn|
TT|Tatar|Татарча|Cyrl|=
UK|Ukrainian|Українська|Cyrl|=
UR|Urdu|اردو|Arab|=
UZ|Uzbek|Oʻzbekcha|Latn|=
VI|Vietnamese|Tiếng Việt|Latn|=
WO|Wolof|Wolof|Latn|
XH|Xhosa|isiXhosa|Latn|
YI|Yiddish|ייִדיש|Hebr|=
YUE|Cantonese|粵語|Hant|=
ZU|Zulu|isiZulu|Latn|
"""
_TARGETS_ONLY = """
EN-GB|English (British)|English (UK)|Latn|en
EN-US|English (American)|English (US)|Latn|en
ES-419|Spanish (Latin American)|Español (Latinoamérica)|Latn|es
PT-BR|Portuguese (Brazilian)|Português (Brasil)|Latn|pt
PT-PT|Portuguese (European)|Português (Portugal)|Latn|pt
ZH-HANS|Chinese (simplified)|简体中文|Hans|zh
ZH-HANT|Chinese (traditional)|繁體中文|Hant|zh
"""
_SOURCES_ONLY = """
EN|English|English|Latn|=
PT|Portuguese|Português|Latn|=
ZH|Chinese|中文|Hans|=
"""
# Languages that Whisper hears and DeepL does not name.
_WHISPER_ONLY = """
AM|Amharic|አማርኛ|Ethi|=
BO|Tibetan|བོད་སྐད་|Tibt|=
FO|Faroese|Føroyskt|Latn|=
HAW|Hawaiian|ʻŌlelo Hawaiʻi|Latn|=
KM|Khmer|ភាសាខ្មែរ|Khmr|=
KN|Kannada|ಕನ್ನಡ|Knda|=
LO|Lao|ລາວ|Laoo|=
NN|Norwegian (Nynorsk)|Norsk nynorsk|Latn|=
SD|Sindhi|سنڌي|Arab|=
SI|Sinhala|සිංහල|Sinh|=
SN|Shona|chiShona|Latn|=
SO|Somali|Soomaali|Latn|=
YO|Yoruba|Yorùbá|Latn|=
"""
_FORMALITY = frozenset(["DE", "ES", "ES-419", "FR", "IT", "JA", "NL", "PL", "PT-BR", "PT-PT", "RU"])

# Names that people type and no list holds. English and Portuguese without a variant mean the one with more speakers.
_TARGET_ALIASES = {
    "en": "EN-US", "english": "EN-US", "american": "EN-US", "american english": "EN-US", "british": "EN-GB",
    "british english": "EN-GB", "en-uk": "EN-GB", "english (us)": "EN-US", "english (uk)": "EN-GB",
    "pt": "PT-BR", "portuguese": "PT-BR", "portugues": "PT-BR", "brazilian": "PT-BR", "brazilian portuguese": "PT-BR",
    "portuguese (brazil)": "PT-BR", "portuguese (portugal)": "PT-PT", "european portuguese": "PT-PT",
    "zh": "ZH-HANS", "chinese": "ZH-HANS", "zh-cn": "ZH-HANS", "zh-sg": "ZH-HANS", "zh-tw": "ZH-HANT",
    "zh-hk": "ZH-HANT",
    "mandarin": "ZH-HANS", "simplified chinese": "ZH-HANS", "traditional chinese": "ZH-HANT", "中文": "ZH-HANS",
    "latin american spanish": "ES-419", "es-mx": "ES-419", "es-es": "ES",
}  # fmt: skip
_SOURCE_ALIASES = {
    "en-us": "EN", "en-gb": "EN", "pt-br": "PT", "pt-pt": "PT", "es-419": "ES", "zh-hans": "ZH", "zh-hant": "ZH",
    "zh-cn": "ZH", "zh-tw": "ZH", "mandarin": "ZH", "american english": "EN", "british english": "EN",
    "simplified chinese": "ZH", "traditional chinese": "ZH",
    "english (american)": "EN", "english (british)": "EN", "spanish (latin american)": "ES",
    "portuguese (brazilian)": "PT", "portuguese (european)": "PT",
    "chinese (simplified)": "ZH", "chinese (traditional)": "ZH",
}  # fmt: skip
_ALIASES = {
    "no": "NB", "norwegian": "NB", "norsk": "NB", "iw": "HE", "in": "ID", "jw": "JV", "fil": "TL", "filipino": "TL",
    "farsi": "FA", "myanmar": "MY", "kurdish": "KMR", "sorani": "CKB", "kurmanji": "KMR", "bokmal": "NB",
    "nynorsk": "NN",
    "bangla": "BN", "castilian": "ES", "flemish": "NL", "moldovan": "RO", "panjabi": "PA", "sinhalese": "SI",
    "letzeburgesch": "LB", "valencian": "CA", "haitian": "HT", "pushto": "PS", "southern sotho": "ST",
}  # fmt: skip


def _read(table: str, *, deepl: bool = True) -> tuple[Language, ...]:
    languages = []
    for line in table.strip().splitlines():
        code, name, own_name, script, heard = line.split("|")
        whisper = code.lower() if heard == "=" else heard or None
        source = code.split("-")[0] if deepl else None
        languages.append(Language(code, name, own_name, script, whisper, code in _FORMALITY, source))
    return tuple(languages)


#: Every language DeepL writes, by English name.
TARGETS: tuple[Language, ...] = tuple(sorted(_read(_BOTH) + _read(_TARGETS_ONLY), key=lambda item: item.name))

#: Every language Whisper hears, by English name.
SOURCES: tuple[Language, ...] = tuple(
    sorted(
        (
            language
            for language in _read(_BOTH) + _read(_SOURCES_ONLY) + _read(_WHISPER_ONLY, deepl=False)
            if language.whisper
        ),
        key=lambda item: item.name,
    )
)


def parse_target(text: str) -> Language:
    """Return the language to translate into that `text` names: a DeepL code, an English or own name, in any case.

    Raises LanguageError, with the closest names, if there is none.
    """
    return _parse(text, TARGETS, tuple(_TARGET_ALIASES.items()), "translate into")


def parse_source(text: str) -> Language:
    """Return the spoken language that `text` names: a Whisper or DeepL code, an English or own name, in any case.

    Raises LanguageError, with the closest names, if there is none.
    """
    return _parse(text, SOURCES, tuple(_SOURCE_ALIASES.items()), "recognise")


def spoken(whisper_code: str) -> Language | None:
    """Return the language of a code that Whisper gave; None for a code that we do not know."""
    return _by_whisper().get(whisper_code.lower())


def known(code: str) -> Language | None:
    """Return the language of any code of ours, DeepL's ("PT-BR", "EN") or Whisper's ("jw"); None for any other."""
    return _by_code().get(code.upper()) or spoken(code)


def deepl_source(whisper_code: str) -> str | None:
    """Return DeepL's source code for a Whisper code ("no" -> "NB"); None if DeepL must detect the language itself."""
    language = spoken(whisper_code)
    return language.deepl if language else None


def same_language(source: str, target: str) -> bool:
    """Return whether text in `source` needs no translation for readers of `target`.

    Variants of one language are the same; Chinese is converted to the target's characters (`pipeline.text.chinese`).

    source: Whisper or DeepL code.
    target: DeepL code.
    """
    heard = spoken(source)
    source_code = (heard.code if heard else source).upper()
    target_code = target.upper()
    return source_code.split("-")[0] == target_code.split("-")[0]


@cache
def _by_code() -> dict[str, Language]:
    return {language.code: language for language in (*SOURCES, *TARGETS)}


@cache
def _by_whisper() -> dict[str, Language]:
    return {language.whisper: language for language in SOURCES if language.whisper}


@cache
def _names(languages: tuple[Language, ...], aliases: tuple[tuple[str, str], ...]) -> dict[str, Language]:
    by_code = {language.code: language for language in languages}
    names = {}
    for alias, code in (*_ALIASES.items(), *aliases):
        if code in by_code:
            names[_fold(alias)] = by_code[code]
    for language in languages:
        names[_fold(language.name)] = names[_fold(language.own_name)] = language
    for language in languages:
        names[_fold(language.code)] = language
    return names


def _parse(text: str, languages: tuple[Language, ...], aliases: tuple[tuple[str, str], ...], verb: str) -> Language:
    names = _names(languages, aliases)
    key = _fold(text)
    if key in names:
        return names[key]
    close = difflib.get_close_matches(key, names, n=6, cutoff=0.6)
    suggestions = list(dict.fromkeys(f"{names[match].name} ({names[match].code})" for match in close))[:3]
    shown = text.strip()[:40]
    hint = f"did you mean {' or '.join(suggestions)}?" if suggestions else "give a name like Polish or a code like PL."
    raise LanguageError(f"{shown!r} is not a language we can {verb}; {hint}")


def _fold(text: str) -> str:
    """Return `text` without differences of case, accents of Latin letters, underscores and outer space."""
    words = " ".join(text.replace("_", "-").casefold().split())
    bare = "".join(c for c in unicodedata.normalize("NFD", words) if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", bare)
