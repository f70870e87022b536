"""Parts of names that show where a family name starts: particles, suffixes, and surnames known by their language."""

import re

from search.papers.normalization import compose

SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv", "2nd", "3rd", "4th", "5th"))
PARTICLES = frozenset(
    ("al", "ap", "ben", "bin", "da", "dal", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "la",
     "le", "st", "ten", "ter", "van", "von", "zu", "zur")
)  # fmt: skip
IBERIAN = frozenset(
    """
    acosta aguilar alfonso alonso alvarez alves andrade araujo arias arroyo avila barbosa batista beltran benitez
    blanco borges cabrera calvo campos cardenas carrasco carvalho castillo castro chavez contreras correa cortes
    costa cruz delgado diaz diez dominguez escobar espinosa estrada fernandes fernandez ferreira flores fonseca
    freitas fuentes gallego garcia garrido gomes gomez goncalves gonzalez guerrero gutierrez guzman hernandez
    herrera hidalgo iglesias jimenez leon lima lopes lopez lozano machado marin marques marquez martin martinez
    martins medeiros medina melo mendez mendoza molina monteiro montero morales moreno munoz navarro nunes nunez
    oliveira ortega ortiz padilla pena pereira perez pinto prieto quintana ramirez ramon ramos reyes ribeiro rios
    rivera rocha rodrigues rodriguez rojas romero rubio ruiz saez salazar sanchez santos sanz serra serrano silva
    soares soto sousa souza suarez torres trujillo valencia vargas vasquez vazquez vega velasco vidal vieira zuniga
    """.split()  # noqa: SIM905
)
"""Frequent surnames of Spain, Portugal and Latin America: before another surname they are the first of two."""
CHINESE = frozenset(
    """
    bai bian cai cao cen chen cheng chu cui dai deng ding dong dou du duan fan fang feng fu gao ge geng gong gu guan guo
    han hao he hou hu hua huang huo ji jia jiang jiao jin kang kong lai lei li lian liang liao lin ling liu long lou lu
    luo lv lyu ma mao mei meng miao mo mu ni nie niu ning ou ouyang pan pang pei peng qi qian qiao qin qiu qu ren ruan
    shang shao shen shi si song su sui sun tan tang tao teng tian tong tu wan wang wei wen weng wu xi xia xiang xiao xie
    xin xing xiong xu xue yan yang yao ye yi yin you yu yuan yue yun zeng zha zhai zhan zhang zhao zheng zhong zhou zhu
    zhuang zhuo zou zuo
    """.split()  # noqa: SIM905
)
VIETNAMESE = frozenset("bui dang dinh duong hoang huynh ngo nguyen pham phan tran trinh truong vo vu".split())  # noqa: SIM905
KOREAN = frozenset("bae choi jang jeong jung kim kwon lee oh park shin yoon".split())  # noqa: SIM905
FAMILY_NAME_FIRST = CHINESE | VIETNAMESE
EASTERN = FAMILY_NAME_FIRST | KOREAN
"""Frequent surnames of China, Vietnam and Korea; the Korean ones are given names elsewhere, as in Kim Smith."""


_CJK_LETTERS = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_CJK_NAME = rf"[{_CJK_LETTERS}]+(?:\s+[{_CJK_LETTERS}]+)*"
"""Pattern of a name, not compiled: that takes 2 ms, which most commands do not need."""
_CJK_SEPARATOR = rf"(?<=[{_CJK_LETTERS}])[·•‧](?=[{_CJK_LETTERS}])"
"""Pattern of the dot between the given and the family name of a foreigner, as in 克里斯托弗·曼宁."""
_CJK_SURNAME_LENGTHS = {2: (1,), 3: (1, 2)}
"""Letters of a surname in Chinese, Japanese or Korean script, by the length of the name without a space. Chinese and
Korean names have three letters, or two, unless the surname is one of the few that have two."""
_LONG_NAME_SURNAME_LENGTHS = (2, 3)
"""Letters of a surname in longer names, most of which are Japanese."""
_JAPANESE_ONE_LETTER_SURNAMES = frozenset("林森原堀関辻菅東谷")
"""Frequent Japanese surnames of one letter, which also precede given names of three."""


def is_cjk_name(text: str) -> bool:
    """Whether a name is in Chinese, Japanese or Korean script, with or without spaces."""
    return not text.isascii() and bool(re.fullmatch(_CJK_NAME, compose(text)))


def separate_cjk_names(text: str) -> str:
    """The name with a space in place of the dot that separates names in Chinese script."""
    return text if text.isascii() else re.sub(_CJK_SEPARATOR, " ", text)


def cjk_surname_lengths(name: str) -> list[int]:
    """Returns the possible lengths of the surname of a name in Chinese, Japanese or Korean script without a space."""
    lengths = _CJK_SURNAME_LENGTHS.get(len(name), _LONG_NAME_SURNAME_LENGTHS)
    if name[0] in _JAPANESE_ONE_LETTER_SURNAMES:
        lengths = (1, *lengths)
    return [length for length in dict.fromkeys(lengths) if length < len(name)]


def is_suffix(word: str) -> bool:
    """Whether a word is a suffix such as Jr. or III, in any case, with or without a point."""
    return word.lower().removesuffix(".") in SUFFIXES
