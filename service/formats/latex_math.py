"""Which mathematics an export may leave as LaTeX: a list of commands that only print.

An export is typeset on the machine of whoever cites a paper, and its texts come from strangers. No list of the commands
of TeX that read a file, write one or run a program can be complete: ``\\csname``, ``^^`` notation and environments
compose any name. So this is a list of what may stay, and mathematics with anything else is printed as its source.

BibTeX styles convert titles to lower case, commands included, so the lower-case form of a command must be harmless too.
"""

import re

_GREEK = """alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu nu xi
omicron pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega digamma Gamma Delta Theta Lambda Xi Pi
Sigma Upsilon Phi Psi Omega varGamma varDelta varTheta varLambda varXi varPi varSigma varUpsilon varPhi varPsi
varOmega upmu"""
_LETTERS = """aleph beth gimel daleth ell hbar hslash imath jmath wp Re Im partial nabla infty Bbbk eth complement mho
Finv Game AA aa AE ae OE oe O o L l ss textmu lambdabar"""
_OPERATORS = """times div pm mp cdot ast star circ bullet oplus ominus otimes oslash odot wedge vee cap cup uplus
sqcap sqcup setminus smallsetminus wr amalg dagger ddagger diamond bigtriangleup bigtriangledown triangleleft
triangleright triangle boxplus boxminus boxtimes boxdot ltimes rtimes leftthreetimes rightthreetimes dotplus
divideontimes Cap Cup barwedge veebar curlywedge curlyvee intercal centerdot circledast circledcirc circleddash
bigcirc land lor lnot neg not sum prod coprod int iint iiint oint bigcap bigcup bigsqcup bigvee bigwedge bigodot
bigotimes bigoplus biguplus sqrt surd arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker
lg lim liminf limsup ln log max min Pr sec sin sinh sup tan tanh injlim projlim varinjlim varprojlim varlimsup
varliminf mod bmod pmod pod operatorname prime backprime"""
_RELATIONS = """leq le geq ge neq ne ll gg lll ggg sim simeq approx cong equiv propto asymp doteq prec succ preceq
succeq subset supset subseteq supseteq subsetneq supsetneq varsubsetneq varsupsetneq subseteqq supseteqq subsetneqq
supsetneqq sqsubset sqsupset sqsubseteq sqsupseteq in ni owns notin mid nmid parallel nparallel perp vdash dashv
models vDash Vdash Vvdash bowtie Join smile frown leqslant geqslant leqq geqq lesssim gtrsim lessapprox gtrapprox
lessgtr gtrless lesseqgtr gtreqless eqsim thicksim thickapprox approxeq backsim backsimeq Subset Supset preccurlyeq
succcurlyeq precsim succsim triangleq trianglelefteq trianglerighteq vartriangleleft vartriangleright between
pitchfork bumpeq Bumpeq doteqdot risingdotseq fallingdotseq circeq eqcirc nless ngtr nleq ngeq nleqslant ngeqslant
lneq gneq lneqq gneqq nsim ncong nsubseteq nsupseteq nprec nsucc npreceq nsucceq nvdash nvDash ntriangleleft
ntriangleright multimap therefore because colon coloneqq eqqcolon vcentcolon"""
_ARROWS = """leftarrow gets rightarrow to leftrightarrow Leftarrow Rightarrow Leftrightarrow longleftarrow
longrightarrow longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow iff implies impliedby mapsto
longmapsto uparrow downarrow updownarrow Uparrow Downarrow Updownarrow nearrow searrow swarrow nwarrow hookrightarrow
hookleftarrow rightharpoonup rightharpoondown leftharpoonup leftharpoondown rightleftharpoons leftrightharpoons
leadsto rightsquigarrow leftrightsquigarrow twoheadrightarrow twoheadleftarrow rightarrowtail leftarrowtail
dashrightarrow dashleftarrow circlearrowleft circlearrowright curvearrowleft curvearrowright rightrightarrows
leftleftarrows leftrightarrows rightleftarrows nrightarrow nleftarrow nleftrightarrow nRightarrow nLeftarrow
nLeftrightarrow upharpoonright upharpoonleft xrightarrow xleftarrow xleftrightarrow xmapsto xhookrightarrow
overrightarrow overleftarrow"""
_SYMBOLS = """ldots cdots vdots ddots dots dotsb dotsc dotsi dotsm dotso forall exists nexists emptyset varnothing
angle measuredangle top bot flat natural sharp clubsuit diamondsuit heartsuit spadesuit Box Diamond square blacksquare
lozenge blacklozenge bigstar blacktriangle vartriangle triangledown checkmark maltese circledR circledS degree
textdegree backslash textbackslash slash S P copyright pounds euro textregistered texttrademark LaTeX TeX"""
_DELIMITERS = """left right middle big Big bigg Bigg bigl bigr bigm Bigl Bigr Bigm biggl biggr biggm Biggl Biggr Biggm
langle rangle lfloor rfloor lceil rceil lbrace rbrace lbrack rbrack lvert rvert lVert rVert vert Vert lgroup rgroup
lmoustache rmoustache ulcorner urcorner llcorner lrcorner llbracket rrbracket"""
_ACCENTS = """hat widehat check widecheck tilde widetilde acute grave dot ddot dddot ddddot breve bar vec mathring
overline underline overbrace underbrace Hat Check Tilde Acute Grave Dot Ddot Breve Bar Vec"""
_LAYOUT = """frac dfrac tfrac cfrac nicefrac sfrac binom dbinom tbinom over choose atop overset underset stackrel
substack sideset limits nolimits displaystyle textstyle scriptstyle scriptscriptstyle phantom hphantom vphantom smash
rlap llap mathrlap mathllap mathclap boxed mathop mathbin mathrel mathord mathopen mathclose mathpunct mathinner
ensuremath"""
_SPACES = """quad qquad thinspace medspace thickspace negthinspace negmedspace negthickspace enspace space hspace
mspace mkern"""
_FONTS = """mathrm mathbf mathit mathsf mathtt mathcal mathbb mathfrak mathscr mathds mathbbm mathnormal boldsymbol bm
pmb Bbb frak rm bf it sf tt cal mit sl sc boldmath unboldmath text textrm textbf textit textsf texttt textsc textsl
textup textnormal textmd emph mbox hbox tiny scriptsize small normalsize bra ket braket"""
COMMANDS = frozenset(
    " ".join(
        (_GREEK, _LETTERS, _OPERATORS, _RELATIONS, _ARROWS, _SYMBOLS, _DELIMITERS, _ACCENTS, _LAYOUT, _SPACES, _FONTS)
    ).split()
)
"""Names of commands of LaTeX, the AMS packages and common packages for symbols that print and do nothing else."""
ENVIRONMENTS = frozenset(
    "matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix cases aligned gathered split array".split()  # noqa: SIM905
)
"""Environments for mathematics. Others are commands by another name: ``\\begin{input}`` reads a file."""
_HARMLESS = re.compile(
    r"""(?:
      [^\\%\#\x00-\x08\x0b-\x1f\x7f]                   # a character that neither starts a command nor a comment
    | \\(?:begin|end)\{(?:ENVIRONMENTS)\}
    | \\(?:COMMANDS)(?![A-Za-z@])                            # the whole name
    | \\[ \n,;:!>{}|\\/%\#&_'"`=.~^-]                    # spaces, escaped characters, accents
    )*+""".replace("ENVIRONMENTS", "|".join(sorted(ENVIRONMENTS))).replace("COMMANDS", "|".join(sorted(COMMANDS))),
    re.VERBOSE,
)


def is_harmless(latex: str) -> bool:
    """Whether mathematics only prints.

    Args:
        latex: the LaTeX between the delimiters.
    """
    return "^^" not in latex and bool(_HARMLESS.fullmatch(latex))
