"""Framing: the words of a question that ask for papers or people, around those that name the subject.

The patterns are English, as those of ``search.language.prose_filters``.
"""

import re

_ON = r"(?:on|about|regarding|concerning|in)"
_WHO = (
    rf"who (?:else )?(?:(?:is |are |has |have )?(?:current(?:ly)? )?(?:works?|working|worked|publish(?:es|ing)?) {_ON}"
    rf"|does research {_ON}|(?:stud(?:ies|y)|researches|investigates))"
)
_EXPERTS = r"(?:experts?|specialists?|authorit(?:y|ies)) (?:on|in)"
_RESEARCHERS = (
    r"(?:researchers?|scientists?|people|authors?|groups?|labs?|teams?) "
    rf"(?:(?:who |that )?(?:works?|working|publish|publishing|are working) {_ON}|(?:who )?study(?:ing)?|researching)"
)
_LEAD = r"(?:(?:find|show|list|which|what|me|the|some|any|are|leading|top|best|main|key|other) )*"
_PEOPLE_QUESTION = re.compile(
    rf"\s*(?:{_WHO}|{_LEAD}(?:{_EXPERTS}|{_RESEARCHERS}|researchers? on)) (?P<topic>\S.*)", re.IGNORECASE
)
_WORK = r"(?:papers?|articles?|publications?|preprints?|works?|stud(?:y|ies)|research|literature)"
_REQUEST = re.compile(
    rf"\b{_WORK} (?=(?:about|on|regarding|concerning|that|which|where|dealing|describing|discussing)\b)"
    rf"|\b(?:is|are|been|has|have|who|people|researchers?|that|which) work(?:s|ed|ing)? (?=on\b)"
    r"|(?<=\S) (?:papers?|articles?|publications?|preprints?|literature)[\s?.]*$",
    re.IGNORECASE,
)


def find_people_topic(text: str) -> str | None:
    """Returns the topic of a question for people, such as "who works on TOPIC" and "experts in TOPIC"; else None."""
    match = _PEOPLE_QUESTION.fullmatch(text.rstrip(" ?"))
    return match["topic"] if match else None


def drop_request(text: str) -> str:
    """Returns a question without the words that ask for papers or people, as in "papers about" and "who works on"."""
    return _REQUEST.sub(" ", find_people_topic(text) or text)
