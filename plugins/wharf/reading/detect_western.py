"""Whether a few bytes above ASCII are what western Europe writes in cp1252.

Statistics need letters to count. One accent, a copyright sign or a space that does not break is
too little for them, and then the encoding in widest use is the best reading.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_FEW: Final = 5
"""Letters up to which the place of each counts for more than statistics."""
_ALPHABETS: Final = tuple(
    frozenset(letters + letters.upper())
    for letters in (
        "áéíóúüñ", "àâçéèêëîïôœùûü", "áâãàçéêíóôõúü", "äöüßéèàç", "àèéìòù", "åäöé", "æøåéè",
        "éëïóöüè", "àçèéíïóòúü",
    )
)  # fmt: skip
_LOWER: Final = "àáâäåæçèéêëìíîïòóôöùúûü"
_UPPER: Final = _LOWER.upper()
_WIDE: Final = f"{_LOWER}{_UPPER}ãõñøœßÃÕÑØŒ"
_LETTER: Final = f"[A-Za-z{_WIDE}]"
_ALONE: Final = rf"(?<![{_WIDE}])(?![{_WIDE}][{_WIDE}])"
_IN_PLACE: Final = re.compile(
    "|".join(
        (
            "éé", "[çÇ][ãõÃÕ]", "[äöü]ß", "(?<=[A-Za-z])ß",
            rf"{_ALONE}(?:[{_LOWER}]|(?<![a-z])[{_UPPER}]|[ñÑ](?=[aeiouAEIOU]))",
            rf"{_ALONE}[øØ](?![aeiouAEIOU])",
            rf"{_ALONE}(?:[ãÃ](?=[oeOE]|\b)|[õÕ](?=[eE])|[œŒ](?=[uiUI]))",
            "(?<![a-z])\u00a0|\u00a0(?![a-z])",
            rf"(?<!{_LETTER})[«“‘„‹]", rf"[»”›](?!{_LETTER})", "[–—’…]",
            rf"(?<!{_LETTER})[©€§•·×¢¥±](?!{_LETTER})", rf"[®™](?!{_LETTER})",
            rf"(?<!{_LETTER})°|°(?!{_LETTER})", r"£(?=\s?\d)", rf"(?<!{_LETTER})£(?!{_LETTER})",
            rf"(?<=[\dm])[²³](?!{_LETTER})", rf"(?<!{_LETTER})[½¼¾](?!{_LETTER})",
            rf"(?<=[nN\d])[ºª](?!{_LETTER})", rf"¿(?={_LETTER}[^?]*\?)", rf"¡(?={_LETTER}[^!]*!)",
        )
    )
)  # fmt: skip
_SIGNS_TOGETHER: Final = re.compile("[©€§•·×¢¥±®™°£²³½¼¾ºª]{2}")
# Without the bytes that draw lines on old terminals.
_RUNS: Final = re.compile(rb"([\x80-\xc3\xc5-\xcc\xce-\xff])\1{4,}")
_TOGETHER: Final = re.compile(rb"[\x80-\xff]{2}")
_ABOVE_ASCII: Final = re.compile(r"[^\x00-\x7f]")


def is_no_language(sample: bytes) -> bool:
    """Whether bytes above ASCII form no words: one repeated, or each alone, once or twice."""
    times = Counter(byte for byte in sample if byte > 127)
    repeated = sum(len(run[0]) for run in _RUNS.finditer(sample))
    listed = len(times) > 64 and max(times.values()) < 3 and not _TOGETHER.search(sample)
    return listed or repeated * 2 > times.total()


def western_letters(sample: bytes) -> int | None:
    """How many letters above ASCII a text has, where it reads well as cp1252.

    Returns:
        Their number, 0 where there are only signs; None where one stands as no western language
        has it, or where there are so many that statistics tell.
    """
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return None
    letters = [char for char in _ABOVE_ASCII.findall(text) if char.isalpha() and char not in "ªº"]
    if len(letters) > _FEW or not any(each.issuperset(letters) for each in _ALPHABETS):
        return None
    odd = _SIGNS_TOGETHER.search(text) or _ABOVE_ASCII.search(_IN_PLACE.sub("", text))
    return None if odd else len(letters)
