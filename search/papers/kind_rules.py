"""Kind rules: finds the kinds of a paper in its title, abstract and comment.

A rule is a pattern that one of these texts has to match. The rules prefer precision: a paper that says nothing of its
kind has none. ``benchmarks/kinds.py`` measures them on labelled papers.
"""

import re
from dataclasses import dataclass
from typing import Literal

from search.papers.kinds import KINDS, Kind
from search.papers.paper import Paper


@dataclass(frozen=True, slots=True)
class Rule:
    """One sign of a kind.

    Attributes:
        kind: the kind of the papers that match.
        place: the text that is searched, in lower case.
        cues: every text that matches contains one of them; looking for them is quick.
        pattern: what the text has to contain.
        unless: what neither the title nor the abstract may contain; None if anything may be there.
        starts: every match of the pattern starts with one of them, so that it is looked for there only: a regular
            expression that starts with a boundary takes long to search for. Empty if a match may start elsewhere.
    """

    kind: Kind
    place: Literal["title", "abstract", "comment"]
    cues: tuple[str, ...]
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None = None
    starts: tuple[str, ...] = ()

    def matches(self, text: str) -> bool:
        """Whether a text in lower case has a cue and matches the pattern."""
        for cue in self.cues:
            if cue in text:
                break
        else:
            return False
        return self._matches_at_start(text) if self.starts else self.pattern.search(text) is not None

    def _matches_at_start(self, text: str) -> bool:
        match = self.pattern.match
        for start in self.starts:
            position = text.find(start)
            while position >= 0:
                if match(text, position):
                    return True
                position = text.find(start, position + 1)
        return False


_WE = (
    r"(?:\b(?:we|this (?:paper|work|article|study|research)|the paper|i)\b"
    r"(?: (?!(?:our|the|evaluate|us|use|using|compare|test)\b)[\w-]+){0,3}?|\band(?: (?:then|further|also))?)"
)
_WE_STARTS = ("we ", "and ", "this ", "the paper ", "i ")
"""What every match of ``_WE`` and a verb starts with."""
_OTHER_PHRASE = (
    r"\b(?:for|on|with|using|from|of|in|that|by|to|as|over|based|which|via|through|is|are|the|regarding|about|"
    r"experiments?|analys[ei]s|results?|evaluations?|comparisons?|concepts?)\b"
)
"""Words after which a noun belongs to another phrase than the verb before."""
_NAME = rf"(?:(?!{_OTHER_PHRASE}(?<!the))\S+(?: \([^)]*\))?,? ){{0,7}}?"
"""The name that a paper gives to what it introduces: up to seven words."""
_OURS = r"(?:an?|the|the first|the largest|two|three|several|new|novel|our|large-scale)"
_ADJECTIVES = rf"(?:(?!{_OTHER_PHRASE})[\w'’/+\\{{}}$^~().-]+,? ){{0,8}}?"
"""Up to eight words that qualify the noun after them."""
_FEW_ADJECTIVES = _ADJECTIVES.replace("(?!", r"(?!and\b|", 1).replace("{0,8}", "{0,6}")
"""Up to six, without "and": "curate and summarize datasets"."""
_IS = (
    r" (?:is|are|has been|have been|were|was)"
    r"(?: (?!only|readily|rarely|widely|currently|typically|usually)(?:all|both|also|now|made|being|here|\w+ly))* "
)
_OPEN = r"(?:available|released|accessible|provided|published|shared|open[ -]sourced?)\b"
_OPEN_HERE = (
    r"(?:(?:publicly|freely|openly|made) (?:\w+ )?(?:available|accessible|released)\b|released\b|open-sourced\b"
    r"|available (?:at|on|from|via|through|here|online|in|under)\b(?! request)|available:)"
)
_RELEASE = (
    r"\b(?:we|and)(?: (?:also|further|have|publicly|openly|\w+ly))* (?:released?|open-sourced?|publish|share|provide)"
)


_COMPOUND = (
    r" (?:splits?|cards?|study|recovery|distillation|condensation|pruning|selection|size|shifts?|analysis|comparison|"
    r"review|experiments?|survey|data)\b"
)
"""Words that make the noun before them a part of a compound, as in "dataset distillation"."""


def _introduction(verbs: str, nouns: str, adjectives: str) -> re.Pattern[str]:
    """Returns the pattern of sentences that introduce something: ``we present Foo, a large dataset``."""
    return re.compile(rf"{_WE} (?:{verbs})\w* (?:{_NAME}{_OURS} )?{adjectives}(?:{nouns})\b(?!{_COMPOUND})")


_METHODS = (
    r"methods?|frameworks?|algorithms?|approach|approaches|models?|architectures?|networks?|techniques?|schemes?|"
    r"systems?|mechanisms?|strategy|strategies|pipelines?|procedures?|paradigms?|estimators?|solvers?|modules?|"
    r"methodology|workflows?|simulators?|toolkits?|heuristics?|protocols?"
)
_RESOURCE_VERBS = (
    "introduc|present|propos|releas|construct|creat|curat|build|built|develop|contribut|publish|compil|assembl"
)
_TITLE_END = r"\b(?=\W*\Z|\s*[:,.;?!(\u2013\u2014]|\s-|\s(?:of|on|and|for|in|from|with|across|over|about|towards?)\b)"
"""The end of a title or of its first part: "a literature review table" is none."""
_PEOPLE = (
    r"(?:\w*people|persons|developers|programmers|practitioners|professionals|experts|students|users|researchers|scientists"
    r"|teachers|educators|citizens|adults|engineers|clinicians|physicians|patients|participants|respondents|workers"
    r"|individuals|voters|companies|organi[sz]ations|households)\b"
)
_ASKED_PEOPLE = (
    r"\bsurvey(?:s|ed)? (?:data|respon|participant|question|instrument|experiment)|questionnaire|respondents"
    rf"|\bsurveyed (?:[\w,+-]+ ){{0,5}}?{_PEOPLE}|\bsurveys? (?:of|with|among) (?:[\w,+-]+ ){{0,4}}?{_PEOPLE}"
    r"|public opinion|(?:developer|practitioner|expert|community|opinion) survey|demographics\b"
)
"""Words of papers whose surveys ask people; "the surveyed papers" are literature, "a survey of 6G" asks nobody."""
_SURVEYED_PEOPLE = re.compile(_ASKED_PEOPLE)
_OTHER_SURVEYS = re.compile(
    _ASKED_PEOPLE
    + r"|galax|galactic|milky way|redshift|telescope|stellar|\bstars?\b|\bsky\b|deg\^|square degree|pulsar"
    r"|photometr|spectroscop|cosmolog"
)
"""Words of papers whose surveys ask people or look at the sky."""


def _survey_title(nouns: str) -> re.Pattern[str]:
    """Returns the pattern of titles that call the paper a survey, or another of some nouns."""
    return re.compile(
        rf"\b(?<!within )(?:an?|this) (?:[\w-]+,? (?:and )?){{0,4}}?(?:{nouns}){_TITLE_END}"
        rf"|(?:\A|[:.?!\u2013\u2014]\s*|-(?:cum-|\s))(?:[\w-]+ ){{0,4}}?(?:{nouns}) (?:of|on|and)\b"
        r"|\b(?:literature|systematic|scoping|comprehensive|critical|mapping|mini|brief|short|historical)[ -]"
        rf"(?:literature |mapping )?(?:{nouns}){_TITLE_END}"
    )


RULES: tuple[Rule, ...] = (
    Rule("survey", "title", ("review", "survey on"), _survey_title(r"review|survey(?= on\b)"), _SURVEYED_PEOPLE),
    Rule("survey", "title", ("survey",), _survey_title("survey"), _OTHER_SURVEYS),
    Rule("survey", "title", ("survey",), re.compile(r"(?<!\d )\bsurvey\W*\Z"), _OTHER_SURVEYS),
    Rule(
        "survey",
        "title",
        ("overview",),
        re.compile(
            rf"\b(?:an?|this) (?:[\w-]+,? (?:and )?){{0,4}}?overview{_TITLE_END}"
            r"|(?:\A|[:.?!\u2013\u2014-]\s*)overview of\b"
        ),
        _OTHER_SURVEYS,
    ),
    Rule(
        "survey",
        "abstract",
        ("survey", "review"),
        re.compile(
            r"\b(?:this|the present|our|in this) (?:[\w-]+,? ){0,3}?(?:survey|review)(?: paper| article)?,? (?:\w+ )?"
            r"(?:we|covers?|examin|provid|presents?|summari|discuss|explor|synthesi|aims?|focus|offers?|analy|organi|"
            r"categori|highlights?|concludes?|address|traces?|outlines?|describes?|introduces?|begins?|starts?|"
            r"systemati|consolidat|investigat)"
        ),
        _OTHER_SURVEYS,
    ),
    Rule(
        "dataset",
        "title",
        ("dataset", "data set", "corpus"),
        re.compile(
            r":\s*(?:an?|the) (?:[\w-]+,? (?:and )?){0,7}?(?:dataset|data set|corpus)\b"
            r"|\A(?:an?|the) (?:[\w-]+,? (?:and )?){0,7}?(?:dataset|data set|corpus) (?:of|for|on|with)\b"
            r"|\A(?!.*\b(?:using|on|from|with|in|of|via|for|to)\b).*\b(?:dataset|corpus)\W*\Z"
            r"|\A(?:[\w$^+-]+ ){0,8}?(?:dataset|corpus) \([\w$^+-]+\)\W*(?:[:,\u2013\u2014]|and\b|\Z)"
            r"|:\s*(?:(?!\w+ing\b|your\b|our\b)[\w-]+,? (?:and )?){0,5}?(?:dataset|data set|corpus) for\b"
            r"|:\s*(?:dataset,|datasets? and benchmarks? for\b)"
        ),
    ),
    Rule(
        "dataset",
        "abstract",
        ("dataset", "data set", "corpus", "corpora"),
        _introduction(_RESOURCE_VERBS, "datasets?|data sets?|corpus|corpora", _FEW_ADJECTIVES),
        starts=_WE_STARTS,
    ),
    Rule(
        "benchmark",
        "title",
        ("bench",),
        re.compile(
            r"\A(?:\S+ ){0,2}?\S*(?<!work)bench(?!mark)[\w+}$-]*(?: \d[\w.]*)?(?:\s*[:\u2013\u2014]|\Z)"
            r"|:\s*(?:an?|the) (?:[\w-]+,? (?:and )?){0,7}?benchmark\b(?! (?:study|analysis))"
            r"|\A(?:an?|the) (?:[\w-]+,? (?:and )?){0,7}?benchmark (?:of|for|on)\b"
            r"|:\s*(?:(?!of\b|expanding\b|\w+zing\b)[\w-]+,? (?:and )?){0,7}?benchmark for\b"
            r"|\A[^\s:]+:\s*benchmarking\b(?!.*\b(?:with|via|using|algorithms?|methods?)\b)"
        ),
    ),
    Rule(
        "benchmark",
        "abstract",
        ("benchmark",),
        _introduction(_RESOURCE_VERBS, "benchmarks?(?: suites?)?", _FEW_ADJECTIVES),
        starts=_WE_STARTS,
    ),
    Rule(
        "method",
        "abstract",
        ("propos", "introduc", "present", "develop", "design", "devis"),
        _introduction("introduc|present|propos|develop|design|devis", _METHODS, _ADJECTIVES),
        starts=_WE_STARTS,
    ),
    Rule(
        "method",
        "abstract",
        ("is proposed", "is introduced", "is presented", "is developed"),
        re.compile(
            rf"\b(?:an?|this) {_ADJECTIVES}(?:{_METHODS})(?: \([^)]*\))? is "
            r"(?:proposed|introduced|presented|developed)\b"
        ),
    ),
    Rule(
        "theory",
        "abstract",
        (" prove ", " proved ", "proof", "theorem", "bound", "guarantee"),
        re.compile(
            r"\bwe (?:(?!expect|hope|plan|aim|try|conjecture)[\w-]+ ){0,3}?(?:prove|proved)\b|\bit is proved\b"
            r"|\b(?:provide|give|present|with) an? (?:[\w-]+ )?proof (?:of(?! concept)|that)\b"
            r"|\bproof of the conjecture\b|\bour (?:main |central )?theorems?\b"
            r"|\bwe (?:[\w-]+ ){0,2}?(?:establish|derive|obtain|show|provide|present) (?:[\w-]+,? ){0,5}?"
            r"(?:regret|generali[sz]ation|convergence|approximation|query complexity|sample complexity|complexity|"
            r"concentration|minimax|non-asymptotic|finite-sample|excess risk|matching lower|tight lower)"
            r"(?: [\w-]+){0,2}? (?:bounds?|guarantees?|theorems?)\b"
        ),
        starts=("we ", "our ", "with ", "give ", "present ", "provide ", "it is proved", "proof of the conjecture"),
    ),
    Rule(
        "negative",
        "title",
        ("negative result", "null result", "fail", "no evidence", "do not", "does not"),
        re.compile(
            r"\b(?:negative|null) results?\b|\bno evidence (?:of|for|that)\b"
            r"|\A(?:(?!when\b|where\b|if\b)\S+ )+?(?:fails? to\b|fail\W*\Z)"
            r"|\b(?:does|do) not (?:necessarily |always )?(?:improve|help|guarantee|generali[sz]e|transfer|imply|learn|"
            r"reason|understand|outperform|explain|work|scale)\b"
        ),
    ),
    Rule(
        "negative",
        "abstract",
        ("negative ", "null "),
        re.compile(
            r"\b(?:an?|this|our|report|reports|important|informative|two|three|several) (?:[\w-]+ ){0,2}?"
            r"(?:negative|null) (?:results?|findings?)\b(?! (?:at|from|of|in) )"
        ),
    ),
    Rule("code", "abstract", ("github.com/",), re.compile(r"github\.com/")),
    Rule(
        "code",
        "abstract",
        ("availab", "releas", "source", "http", "github", "accessib"),
        re.compile(
            rf"\bcodes?(?:base)?\b[^.;]{{0,60}}?{_IS}{_OPEN}|\bcodes?\b[^.;]{{0,40}}(?:https?:|github)"
            rf"|\bcodes? (?:\w+ )?available\b|{_RELEASE} (?:[\w-]+,? ){{0,6}}?(?:code|codebase|implementation)\b"
        ),
        starts=("code", "we ", "and "),
    ),
    Rule(
        "code",
        "comment",
        ("code", "github"),
        re.compile(r"github\.com/|\bcodes?\b[^.;]{0,60}(?:https?:|available)"),
    ),
    Rule(
        "data",
        "abstract",
        ("availab", "releas", "accessib", "open-source", "zenodo", "huggingface"),
        re.compile(
            rf"\b(?:data|datasets?|corpus|corpora|benchmarks?)\b(?! results)[^.;]{{0,60}}?{_IS}{_OPEN_HERE}"
            r"|\b(?:data|datasets?|corpus)\b[^.;]{0,20} available (?:at|on|from|via|through)\b"
            rf"|{_RELEASE} (?:the|our|all|this|these|both|code|[\w-]+,)(?: [\w-]+,?){{0,5}}? "
            r"(?:data|datasets?|corpus)\b(?! splits?)|huggingface\.co/datasets"
        ),
        starts=("data", "corpus", "corpora", "benchmark", "we ", "and ", "huggingface"),
    ),
)
"""All rules; a paper is of a kind if it matches one of its rules."""


def find_kinds(paper: Paper) -> tuple[Kind, ...]:
    """Returns the kinds of a paper, in the order of ``KINDS``."""
    comment = paper.extra.get("comment")
    found = kinds_of_text(paper.title or "", paper.abstract or "", comment if isinstance(comment, str) else "")
    if paper.retraction == "withdrawn":
        found.add("withdrawn")
    return tuple(kind for kind in KINDS if kind in found)


def kinds_of_text(title: str, abstract: str, comment: str) -> set[Kind]:
    """Returns the kinds that the rules find in the texts of a paper."""
    texts = {"title": title.lower(), "abstract": abstract.lower(), "comment": comment.lower()}
    found: set[Kind] = set()
    for rule in RULES:
        if rule.kind in found or not rule.matches(texts[rule.place]):
            continue
        if rule.unless is None or not (rule.unless.search(texts["title"]) or rule.unless.search(texts["abstract"])):
            found.add(rule.kind)
    return found
