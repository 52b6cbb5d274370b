"""Which of two encodings bytes are in: UTF-8 or GB18030.

Three or four bytes that are right in UTF-8 are hardly ever anything else. Two are many a Chinese
character of GB18030, so that alone they tell little: 卤 is the same as ±, 联 as no right UTF-8.

Spec: https://encoding.spec.whatwg.org/#gb18030-decoder (GB 18030-2022), RFC 3629
"""

import re
from collections.abc import Iterable
from itertools import islice

UTF_8, GB18030 = "utf-8", "gb18030"
OTHER = {UTF_8: GB18030, GB18030: UTF_8}
_ENOUGH = 100
"""So many lines that tell their encoding tell that of the file."""
_CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef\x00-\x7f·—‘’“”…℃]*").fullmatch
"""What Chinese text consists of, but for rare characters."""
_has_long = re.compile("[\u0800-\U0010ffff]").search
_SIGNS = "\u00a0-\u00bf×÷"
_LATIN, _GREEK, _CYRILLIC = "\u00c0-\u017f\u01cd-\u01dc", "\u0391-\u03c9", "\u0410-\u044fЁё"
_WRITTEN = re.compile(
    rf"(?:[\0-\x7f{_SIGNS}]|[{_LATIN}]+(?![{_GREEK}{_CYRILLIC}])|"
    rf"[{_GREEK}]+(?![{_LATIN}{_CYRILLIC}])|[{_CYRILLIC}]+(?![{_LATIN}{_GREEK}]))*"
).fullmatch
"""What somebody writes who writes two bytes for a character: words of one alphabet, and signs."""
_USUAL = re.compile("[\0-\x7f±°×²µαβγμ]*").fullmatch
"""What is found of that in Chinese texts, and is no frequent Chinese character in GB18030."""


def text(content: bytes, encoding: str) -> str | None:
    """Return the text that `content` is in `encoding`, None if it is none."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


def of_line(content: bytes) -> str | None:
    """Return the encoding that `content`, which is not all ASCII, is surely in; None if in any."""
    found = text(content, UTF_8)
    if found is not None:
        return UTF_8 if _has_long(found) else None
    return None if text(content, GB18030) is None else GB18030


def likely(content: bytes) -> str | None:
    """Return the encoding that `content` is most likely in; None if in none of them."""
    sure = of_line(content)
    found = text(content, UTF_8)
    if sure is not None or found is None:
        return sure
    chinese = text(content, GB18030)
    is_chinese = chinese is not None and _CHINESE(chinese) is not None
    return GB18030 if is_chinese and not _USUAL(found) else UTF_8


def is_other(content: bytes, encoding: str) -> bool:
    """Tell whether `content`, one line of a file in `encoding`, is rather in the other one.

    It is a text in `encoding`, but may be one that nobody would write.
    """
    if encoding == GB18030:
        return of_line(content) == UTF_8
    found, chinese = text(content, UTF_8) or "", text(content, "gb2312") or ""
    if _has_long(found) or not chinese:
        return False
    return _CHINESE(chinese) is not None and not _WRITTEN(found)


def of_lines(lines: Iterable[bytes]) -> str | None:
    """Return the encoding that most of `lines` are surely in, of two the first; None if none is."""
    sure = (of_line(line) for line in lines if not line.isascii())
    told = list(islice((one for one in sure if one is not None), _ENOUGH))
    return max(told, key=told.count, default=None)
