"""Lists of names separated by commas, in which a comma may also separate a family name from the given names."""

import re

from search.papers.surnames import is_suffix

_INITIAL = r"[^\W\d_a-z]"  # an upper-case letter, and lower-case ones beyond ASCII
_INITIALS = re.compile(rf"(?:{_INITIAL}\.?[ -]*){{1,4}}")
"""Initials of given names: ``J.``, ``J. A.``, ``JA``, ``J.-P.``"""
_GIVEN_NAME_FIRST = re.compile(rf"(?:{_INITIAL}\.[ -]*)+[^\W\d_]{{2}}")
"""The start of a whole name: ``J. A. Doe``."""
_HAN = re.compile(r"[\u3400-\u9fff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]+")
_MIN_HANGUL_NAME = 3
"""Letters of most Korean names; surnames have one, given names two."""
_MIN_HAN_NAME = 4
"""Letters that no surname and no given name has alone; Japanese ones have up to three."""
_CHINESE_SURNAMES = frozenset(
    "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡郭何林高罗羅郑鄭梁谢謝宋唐许許韩韓邓鄧冯馮曹彭曾肖萧蕭田董潘袁蔡蒋蔣余于杜叶葉程魏"
    "苏蘇吕呂丁任卢盧姚沈钟鐘姜崔谭譚陆陸范汪廖石金韦韋贾賈夏付方邹鄒熊白孟秦邱侯江尹薛闫閻段雷龙龍黎史陶贺賀毛郝顾顧龚龔邵万萬覃武钱"
    "錢戴严嚴莫孔向常"
)
"""The most frequent surnames of China, which also begin the names of people in Chinese script elsewhere."""


def split_comma_list(parts: list[str]) -> list[list[str]]:
    """Groups the texts between commas into names.

    ``Doe, J., Roe, R.`` are two names of two parts each, ``J. Doe, R. Roe`` are two names of one part. What may be a
    single name, as ``Doe, Jane`` and ``King, Jr., Martin``, is one.

    Args:
        parts: The texts, not empty.

    Returns:
        The parts of each name in the order of the list.
    """
    if len(parts) < 2 or (len(parts) == 3 and any(map(is_suffix, parts))):
        return [parts]
    if len(parts) == 2:
        return [[part] for part in parts] if are_whole_names(*parts) else [parts]
    if all(map(_is_whole_name, parts)):
        return [[part] for part in parts]
    if (
        len(parts) % 2 == 0
        and all("." in given for given in parts[1::2])
        and not any("." in name for name in parts[::2])
    ):
        return [parts[place : place + 2] for place in range(0, len(parts), 2)]
    if any(map(_is_initials, parts)):
        return _group_by_initials(parts)
    if all(" " in part for part in parts) or (len(parts) > 3 and len(parts) % 2):
        return [[part] for part in parts]
    if len(parts) == 3:  # Doe, Roe, Poe are three; in Doe, PhD, Jane, BibTeX reads a suffix
        return [[part] for part in parts] if all(map(_is_word, parts)) else [parts]
    return [parts[place : place + 2] for place in range(0, len(parts), 2)]


def are_whole_names(first: str, second: str) -> bool:
    """Whether two texts with a comma between them are certainly the names of two people.

    ``J. A. Doe, R. Roe`` are two, ``田中, 太郎`` and ``Doe, Jane`` are one. In Chinese, Japanese and Korean script,
    names are told from family and given names by their length and by frequent surnames.
    """
    return all(_GIVEN_NAME_FIRST.match(part) or _is_caseless_name(part) for part in (first, second))


def _is_caseless_name(part: str) -> bool:
    """Whether a text in a script without capital letters has a family and a given name."""
    if part.upper() != part.lower():
        return False
    if " " in part:
        return True
    if _HANGUL.fullmatch(part):
        return len(part) >= _MIN_HANGUL_NAME
    if not _HAN.search(part):
        return False
    return len(part) >= _MIN_HAN_NAME or (len(part) > 1 and part[0] in _CHINESE_SURNAMES)


def _group_by_initials(parts: list[str]) -> list[list[str]]:
    """Groups each family name with the initials and the suffix after it."""
    names = list[list[str]]()
    for part in parts:
        is_rest = names and (_is_initials(part) or is_suffix(part)) and not _is_complete(names[-1], part)
        if is_rest:
            names[-1].append(part)
        else:
            names.append([part])
    return names


def _is_complete(name: list[str], part: str) -> bool:
    """Whether a name has what a further part would be: initials, or a suffix."""
    return any(is_suffix(each) == is_suffix(part) for each in name[1:])


def _is_whole_name(part: str) -> bool:
    """Whether a text is certainly a name with given names: ``J. A. Doe``, or two characters of Chinese."""
    return bool(_GIVEN_NAME_FIRST.match(part)) or (len(part) > 1 and part.upper() == part.lower())


def _is_initials(part: str) -> bool:
    return part.isupper() and bool(_INITIALS.fullmatch(part)) and not is_suffix(part)


def _is_word(part: str) -> bool:
    return part.isalpha() and part.istitle()
