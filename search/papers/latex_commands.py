"""What LaTeX commands print: symbols, accents, and the arguments that are not text.

Symbols come from pylatexenc, which has the tables of LaTeX's packages and, in the other direction, those of
W3C's unicode.xml. What both lack is here. A command that is in none of the tables prints its arguments.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

Action = Callable[[str], str]
"""Converts the text of an argument to what the command prints."""


class Argument(NamedTuple):
    """An argument that a command takes.

    Attributes:
        actions: What is applied to its text, in this order.
        takes_character: Whether it may be a single character or command instead of a text in braces.
    """

    actions: tuple[Action, ...] = ()
    takes_character: bool = False


_COMBINING_MARKS = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "d": "\u0323", "b": "\u0331", "k": "\u0328",
    "r": "\u030a", "t": "\u0361", "G": "\u030f", "U": "\u030e", "f": "\u0311", "h": "\u0309",
}  # fmt: skip
"""Unicode's combining mark for each accent command of LaTeX."""
CHARACTERS = {
    **{character: character for character in "&%$#_{}~^"},
    **dict.fromkeys(" ,;:>\\\n\t", " "),
    **dict.fromkeys("!/-@()[]", ""),
    "|": "‖",
}
"""What a backslash before a character prints; before any other, the character."""
_GREEK = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon
phi chi psi omega"""
_LOGOS = "LaTeX TeX LaTeXe BibTeX XeTeX LuaTeX XeLaTeX LuaLaTeX PDFTeX pdfTeX pdfLaTeX MiKTeX AmS METAFONT"
_OWN_SYMBOLS = {
    **{name: name.replace("LaTeXe", "LaTeX2e") for name in _LOGOS.split()},
    "textless": "<", "textgreater": ">", "textunderscore": "_", "textasciicircum": "^", "textasciitilde": "~",
    "textbar": "|", "textbardbl": "‖", "slash": "/", "textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}",
    "lbrace": "{", "rbrace": "}", "textquotedbl": '"', "textquotesingle": "'", "textasciigrave": "`",
    "textellipsis": "…", "ldots": "…", "dots": "…", "textvisiblespace": " ", "textnumero": "№", "numero": "№",
    "copyright": "©", "pounds": "£", "S": "§", "P": "¶", "dag": "†", "ddag": "‡", "textdollar": "$",
    "textpercent": "%", "textampersand": "&", "texthash": "#", "textasteriskcentered": "*",
    "textprime": "′", "textminus": "−", "textsurd": "√", "sqrt": "√", "textlangle": "⟨", "textrangle": "⟩",
    "textleftarrow": "←", "textrightarrow": "→", "textuparrow": "↑", "textdownarrow": "↓",
    "degree": "°", "textcelsius": "℃", "celsius": "°C", "euro": "€", "EUR": "€",
    "Sun": "☉", "sun": "☉", "earth": "⊕", "greaterequivlnt": "≳", "ng": "ŋ", "NG": "Ŋ", "dj": "đ", "DJ": "Đ",
    "th": "þ", "TH": "Þ", "dh": "ð", "DH": "Ð", "SS": "ẞ", "hyp": "-", "dash": "-",
    "glqq": "„", "grqq": "“", "glq": "‚", "grq": "‘", "flqq": "«", "frqq": "»", "flq": "‹", "frq": "›", "lq": "‘",
    "rq": "’", "guillemotleft": "«", "guillemotright": "»",
    **dict.fromkeys(
        """space quad qquad enspace enskip thinspace medspace thickspace nobreakspace par newline linebreak newpage
        pagebreak break hfill hfil item and""".split(), " "),  # noqa: SIM905
}  # fmt: skip
"""Symbols that pylatexenc lacks or prints in another way."""
_JOURNALS = {
    "aj": "Astronomical Journal", "apj": "Astrophysical Journal", "apjl": "Astrophysical Journal Letters",
    "apjs": "Astrophysical Journal Supplement", "mnras": "Monthly Notices of the Royal Astronomical Society",
    "aap": "Astronomy & Astrophysics", "aapr": "Astronomy & Astrophysics Reviews",
    "aaps": "Astronomy & Astrophysics Supplement", "araa": "Annual Review of Astronomy and Astrophysics",
    "nat": "Nature", "pra": "Physical Review A", "prb": "Physical Review B", "prc": "Physical Review C",
    "prd": "Physical Review D", "pre": "Physical Review E", "prl": "Physical Review Letters",
    "pasp": "Publications of the Astronomical Society of the Pacific",
    "pasj": "Publications of the Astronomical Society of Japan", "icarus": "Icarus", "solphys": "Solar Physics",
    "jcap": "Journal of Cosmology and Astroparticle Physics", "ssr": "Space Science Reviews",
    "physrep": "Physics Reports", "planss": "Planetary and Space Science", "ao": "Applied Optics",
    "apss": "Astrophysics and Space Science", "grl": "Geophysical Research Letters",
    "jgr": "Journal of Geophysical Research", "gca": "Geochimica et Cosmochimica Acta", "na": "New Astronomy",
    "nar": "New Astronomy Review", "sovast": "Soviet Astronomy", "procspie": "Proceedings of the SPIE",
    "baas": "Bulletin of the American Astronomical Society", "nphysa": "Nuclear Physics A",
    "memsai": "Memorie della Societa Astronomica Italiana", "rmxaa": "Revista Mexicana de Astronomia y Astrofisica",
    "pasa": "Publications of the Astronomical Society of Australia", "physscr": "Physica Scripta",
}  # fmt: skip
"""Journals as NASA's Astrophysics Data System writes them, with the commands of AASTeX
(https://adsabs.harvard.edu/abs_doc/aas_macros.html)."""
_UNIT_PREFIXES = {
    "tera": "T", "giga": "G", "mega": "M", "kilo": "k", "hecto": "h", "centi": "c", "milli": "m", "micro": "µ",
    "nano": "n", "pico": "p", "femto": "f",
}  # fmt: skip
_UNITS = {
    "meter": "m", "metre": "m", "gram": "g", "kilogram": "kg", "second": "s", "minute": "min", "hour": "h", "day": "d",
    "ampere": "A", "kelvin": "K", "mole": "mol", "candela": "cd", "hertz": "Hz", "newton": "N", "pascal": "Pa",
    "joule": "J", "watt": "W", "volt": "V", "ohm": "Ω", "farad": "F", "tesla": "T", "weber": "Wb", "coulomb": "C",
    "siemens": "S", "henry": "H", "lumen": "lm", "lux": "lx", "becquerel": "Bq", "gray": "Gy", "sievert": "Sv",
    "liter": "l", "litre": "l", "electronvolt": "eV", "parsec": "pc", "bit": "bit", "byte": "B", "dalton": "Da",
    "per": "/", "squared": "²", "cubed": "³", "square": "", "percent": "%", "micron": "µm",
}  # fmt: skip
"""Units of the package siunitx, and their prefixes."""
_SILENT = frozenset(
    """
    em it bf sc sl tt rm sf cal mit up md normalfont itshape slshape scshape upshape bfseries mdseries rmfamily sffamily
    ttfamily tiny scriptsize footnotesize small normalsize large Large LARGE huge Huge boldmath unboldmath displaystyle
    textstyle scriptstyle limits nolimits left right middle big Big bigg Bigg bigl bigr Bigl Bigr protect relax noindent
    indent centering raggedright raggedleft sloppy fussy ignorespaces unskip xspace nobreak allowbreak nolinebreak
    nopagebreak smallskip medskip bigskip null strut input include title author date maketitle appendix clearpage
    cleardoublepage bgroup egroup begingroup endgroup expandafter noexpand csname endcsname string number long global
    footnotemark newblock natexlab verb unkern midsentence addspace addcomma isdot adddot
    emph textbf textit textsc textsl textsf texttt textrm textup textmd textnormal text mbox hbox makebox fbox
    framebox underline uline sout textsubscript ensuremath mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak
    mathscr mathnormal boldsymbol bm overline widehat widetilde hat tilde bar vec dot ddot acute grave check breve num
    ang si unit mkbibemph mkbibitalic mkbibbold mkbibparens textquote bibnamefont bibfnamefont
    """.split()  # noqa: SIM905
)
"""Commands that print nothing, or their only argument. An unknown command without arguments prints its name."""
_DROPPED_ARGUMENTS = {
    1: """textcolor color colorbox pagecolor href hyperlink hypertarget foreignlanguage selectlanguage textlatin begin
    end label ref pageref autoref cref Cref eqref nameref cite citet citep citealt citealp citeauthor citeyear Cite
    parencite textcite autocite footcite nocite hspace vspace hphantom vphantom phantom includegraphics raisebox parbox
    rotatebox scalebox noopsort sortnoop SortNoop NOOPSORT bibinfo bibfield texorpdfstring Eprint fontfamily fontseries
    fontshape usefont index glsadd pagestyle thispagestyle usepackage documentclass ding hyphenation addtocounter
    stepcounter""",
    2: """fcolorbox resizebox multicolumn multirow fontsize setlength addtolength setcounter rule newcommand
    renewcommand providecommand""",
}
"""By number, the commands whose first arguments are colours, addresses, lengths and the like."""


def _drop(_text: str) -> str:
    return ""


def _add_mark(command: str, text: str) -> str:
    """Puts an accent on the first letter; without a letter, an accent that is a symbol is printed as such."""
    text = text.strip()
    if not text:
        return command if not command.isalpha() else ""
    base = {"ı": "i", "ȷ": "j"}.get(text[0], text[0])
    return unicodedata.normalize("NFC", f"{base}{_COMBINING_MARKS[command]}{text[1:]}")


def _raise(text: str) -> str:
    """A superscript: ``10^2`` and ``Ca^2+``, but ``1st``."""
    return f"^{text}" if text[:1].isdigit() or text[:1] in ("+", "-", "−", "–") else text


_ACCENTS = {name: (Argument((partial(_add_mark, name),), takes_character=True),) for name in _COMBINING_MARKS}
_FRACTION = (Argument(takes_character=True), Argument(("/{}".format,), takes_character=True))
_NOTE = (Argument((" ({})".format,)),)
UNKNOWN_ARGUMENTS = (Argument(), *(Argument((" {}".format,)),) * 3)
"""The arguments of an unknown command are printed, with spaces between them."""
_QUANTITY = (Argument(), Argument((" {}".format,)))
_RANGE = (Argument(), Argument(("–{}".format,)), Argument((" {}".format,)))
_ARGUMENTS = {
    **_ACCENTS,
    **{name: (Argument((_drop,)),) * count for count, names in _DROPPED_ARGUMENTS.items() for name in names.split()},
    **dict.fromkeys(("frac", "dfrac", "tfrac", "nicefrac", "sfrac", "textfrac"), _FRACTION),
    **dict.fromkeys(("footnote", "thanks", "footnotetext"), _NOTE),
    **dict.fromkeys(("SI", "qty"), _QUANTITY),
    **dict.fromkeys(("SIrange", "qtyrange"), _RANGE),
    **dict.fromkeys(("textsuperscript", "textsu", "up", "mkbibsuperscript"), (Argument((_raise,)),)),
    **dict.fromkeys(("enquote", "mkbibquote"), (Argument(("“{}”".format,)),)),
    **dict.fromkeys(("MakeUppercase", "uppercase", "MakeTextUppercase"), (Argument((str.upper,)),)),
    **dict.fromkeys(("MakeLowercase", "lowercase", "MakeTextLowercase"), (Argument((str.lower,)),)),
}


class Command(NamedTuple):
    """What a command prints.

    Attributes:
        text: The symbol; empty if it has none.
        arguments: The arguments that are not printed as they are.
        is_known: Whether the command is in the tables. An unknown one without arguments prints its name.
    """

    text: str = ""
    arguments: tuple[Argument, ...] = ()
    is_known: bool = True


@lru_cache(maxsize=4_096)
def find_command(name: str) -> Command:
    """What the command with this name, without its backslash, prints."""
    if name in _ARGUMENTS:
        return Command(arguments=_ARGUMENTS[name])
    text = _load_symbols().get(name)
    return Command(text or "", is_known=text is not None or name in _SILENT)


@lru_cache(maxsize=1)
def _load_symbols() -> dict[str, str]:
    symbols = {name: unicodedata.normalize("NFC", text) for name, text in _read_pylatexenc()}  # Ω for the ohm sign
    greek = {f"text{name}": symbols[name] for name in _GREEK.split()}
    return greek | symbols | _JOURNALS | _UNIT_PREFIXES | _UNITS | _OWN_SYMBOLS


def _read_pylatexenc() -> Iterator[tuple[str, str]]:
    """Yields the names and characters of symbols; later ones take precedence."""
    from pylatexenc.latex2text import get_default_latex_context_db
    from pylatexenc.latexencode import get_builtin_conversion_rules

    for source in ("unicode-xml", "defaults"):
        for rule in get_builtin_conversion_rules(source):
            for code, latex in reversed(rule.rule.items()):  # of several characters, the first is the usual one
                if match := re.fullmatch(r"(?:\\ensuremath\{)?\\([A-Za-z]+)(?:\{\})?\}?", latex):
                    yield match[1], chr(code)
    for spec in get_default_latex_context_db().iter_macro_specs():
        if isinstance(spec.simplify_repl, str) and not re.search("[%<]", spec.simplify_repl):
            yield spec.macroname, spec.simplify_repl
