"""Which character encoding a text is in, where neither a mark nor UTF-8 says so.

A library ranks what the bytes could be by statistics of many languages. Tables are short and full
of names and numbers, so the ranking is weighed with what any reader sees: whether letters stand in
words as one alphabet has them, and which encodings are in use.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

import chardet

from wharf.reading.detect_western import is_no_language, western_letters

# The nearer to zero, the more files are written so.
_PRIOR: Final = {
    "cp1252": 0.0, "iso8859-1": -0.02, "iso8859-15": -0.05, "cp1250": -0.06, "cp1251": -0.05,
    "cp1253": -0.1, "cp1254": -0.1, "cp1255": -0.1, "cp1256": -0.1, "cp1257": -0.1, "cp874": -0.1,
    "cp1258": -0.3, "iso8859-2": -0.08, "iso8859-5": -0.2, "iso8859-6": -0.2, "iso8859-7": -0.12,
    "iso8859-8": -0.12, "iso8859-9": -0.12, "iso8859-13": -0.4, "iso8859-16": -0.5,
    "koi8-r": -0.08, "koi8-u": -0.1, "cp866": -0.1, "cp855": -0.5, "mac-cyrillic": -0.12,
    "mac-roman": -0.5, "mac-latin2": -0.8, "mac-greek": -0.8, "mac-turkish": -0.8,
    "cp437": -0.5, "cp850": -0.45, "cp852": -0.5, "cp737": -0.4, "cp775": -0.6, "cp857": -0.5,
    "cp862": -0.4, "cp932": -0.01, "euc_jis_2004": 0.0, "gb18030": 0.0,
    "big5hkscs": 0.0, "euc_kr": 0.0, "cp949": 0.0, "johab": -0.8,
}  # fmt: skip
_ALPHABETS: Final = tuple(
    frozenset(letters + letters.upper())
    for letters in (
        "áéíóúüñ", "àâæçéèêëîïôœùûüÿ", "áâãàçéêíóôõúü", "äöüß", "àèéìíîòóùú", "åäöé", "æøåé",
        "áðéíóúýþæö", "éëïóöüè", "äöåšž", "äöõüšž", "āčēģīķļņšūž", "ąčęėįšųūž", "ąćęłńóśźż",
        "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž", "çğıiöşüâîû",
        "çë", "àçèéíïóòúü",
        "àảãáạăằẳẵắặâầẩẫấậđèẻẽéẹêềểễếệìỉĩíịòỏõóọôồổỗốộơờởỡớợùủũúụưừửữứựỳỷỹýỵ"
        "\u0300\u0301\u0303\u0309\u0323",
    )
)  # fmt: skip
_BESIDE_WORDS: Final = frozenset("–—’‘“”…•€£°§«»№\u00a0®©™²³µ½¼")
_DOUBT: Final = 0.7
"""By how much another reading must be ahead of one that is likely for western Europe."""
_READ: Final = 20_000
"""Characters after which the neighbours of letters say nothing new."""
_STATISTICS: Final = 1.5
"""Weight of the library's ranking against 3 for what the letters look like."""


@dataclass(frozen=True)
class Detected:
    """What a text seems to be written in."""

    encoding: str
    is_sure: bool
    """Whether no other reading came near."""


def detect(sample: bytes) -> Detected | None:
    """Tell the encoding of lines that hold bytes above ASCII; None when nothing fits."""
    for encoding in ("euc_jp", "cp932"):
        if _is_kana(sample, encoding):
            return Detected(_narrowest(sample, encoding), True)
    if is_no_language(sample):
        return Detected("cp1252", False)
    weighed = sorted(_weigh(sample), reverse=True)
    if _is_western(sample, weighed):
        text = sample.decode("cp1252")
        return Detected("cp1252", bool(weighed) and weighed[0][2] == text)
    if not weighed:
        return None
    best, _, text = weighed[0]
    same = [encoding for _, encoding, other in weighed if other == text]
    encoding = max(same, key=lambda each: _PRIOR.get(each, -0.5))
    rival = next((score for score, _, other in weighed if other != text), best - 9)
    return Detected(_narrowest(sample, encoding), best - rival > 0.4)


def _weigh(sample: bytes) -> list[tuple[float, str, str]]:
    few = 1 + 10 / sum(byte > 127 for byte in sample)
    ranked = chardet.detect_all(
        sample,
        ignore_threshold=True,
        include_encodings=_PRIOR,
        compat_names=False,
        no_match_encoding="cp1252",
    )
    top = max((each["confidence"] for each in ranked), default=0.0) or 1.0
    weighed = []
    for each in ranked:
        encoding = str(each["encoding"]).lower()
        try:
            text = sample.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
        looks = _in_words(text[:_READ]) + 2 * _in_one_alphabet(text)
        prior = _PRIOR.get(encoding, -0.5) * few
        weighed.append((_STATISTICS * each["confidence"] / top + looks + prior, encoding, text))
    return weighed


def _is_western(sample: bytes, weighed: list[tuple[float, str, str]]) -> bool:
    """Whether a few western letters or signs are the likeliest reading of few bytes."""
    letters = western_letters(sample)
    if not letters or not weighed:
        return letters is not None
    score = next((score for score, encoding, _ in weighed if encoding == "cp1252"), None)
    return letters == 1 if score is None else weighed[0][0] - score < _DOUBT


def _is_kana(sample: bytes, encoding: str) -> bool:
    """Whether a text makes sense as Japanese: a fifth of it is kana."""
    try:
        wide = [char for char in sample.decode(encoding) if char > "\x7f"]
    except UnicodeDecodeError:
        return False
    return sum("\u3041" <= char <= "\u30fe" for char in wide) * 5 > len(wide)


_NARROWER: Final = {
    "euc_jis_2004": "euc_jp", "cp932": "shift_jis", "cp949": "euc_kr", "cp950": "big5",
    "big5hkscs": "big5",
}  # fmt: skip
WIDER: Final = {
    "shift_jis": "cp932", "euc_kr": "cp949", "big5": "cp950", "gb2312": "gb18030", "gbk": "gb18030",
    "iso8859_1": "cp1252",
}  # fmt: skip
"""What Windows writes under these names."""


def _narrowest(sample: bytes, encoding: str) -> str:
    narrow = _NARROWER.get(encoding, encoding)
    try:
        sample.decode(narrow)
    except UnicodeDecodeError:
        return encoding
    return narrow


@cache
def _kind(char: str) -> str:
    category = unicodedata.category(char)
    if category in {"Cc", "Cn", "Co", "Cs"}:
        return "no character"
    if category in {"Lu", "Ll"}:
        return category
    return "letter" if category[0] in "LM" else "sign"


@cache
def _script(char: str) -> str:
    return unicodedata.name(char, "?").partition(" ")[0]


def _in_words(text: str) -> float:
    """How well the characters above ASCII fit to their neighbours: 1 well, below 0 badly."""
    padded = f"  {text} "
    scores = [
        _fits(padded[i - 2 : i], char, padded[i + 1])
        for i, char in enumerate(padded[:-1])
        if char > "\x7f"
    ]
    return sum(scores) / max(len(scores), 1)


def _fits(before: str, char: str, after: str) -> float:
    kind, last = _kind(char), before[-1]
    if kind == "no character":
        return -6.0
    if kind == "sign":
        return _sign_fits(char, last.isalpha(), after.isalpha())
    if kind == "letter":
        return 1.0
    score = 1.0
    beside = [each for each in (last, after) if _kind(each) in {"Lu", "Ll"}]
    if any(_script(each) != _script(char) for each in beside):
        score -= 2.5
    if kind == "Lu" and _kind(last) == "Ll":
        score -= 2.0
    elif kind == "Lu" and last.isalpha() and _kind(after) == "Ll":
        score -= 0.5
    if kind == "Ll" and [_kind(each) for each in before] == ["Lu", "Lu"]:
        score -= 1.2
    return score


def _sign_fits(char: str, after_letter: bool, before_letter: bool) -> float:
    if char == "¦":
        return 0.9  # a delimiter, hardly anything else
    within = after_letter and before_letter
    score = -2.0 if within else -1.0 if after_letter or before_letter else -0.3
    if char in _BESIDE_WORDS:
        score += 0.4 if within and char != "’" else 0.9
    return score


def _in_one_alphabet(text: str) -> float:
    """The share of Latin letters above ASCII that the language which has most of them has."""
    letters = [char for char in text if char > "\x7f" and unicodedata.category(char)[0] in "LM"]
    latin = [char for char in letters if _script(char) in {"LATIN", "COMBINING"}]
    if not latin or len(latin) * 2 < len(letters):
        return 0.5
    return max(sum(char in each for char in latin) for each in _ALPHABETS) / len(latin)
