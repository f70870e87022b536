"""Frequent given names, which tell ``García Márquez, Gabriel José``, one person, from ``Ada Byron, Rick Roe``, two.

The names are those of languages in which people have two surnames or two given names, and the most frequent ones of
English, French, German and Italian.
"""

from search.papers.folding import fold

_NAMES = frozenset(
    """
    ada adam adrian agnes agustin alain alan albert alberto alejandra alejandro alessandra alessandro alex alexander
    alexandra alexandre alexis alfonso alfred alfredo alice alicia alvaro amalia amelia amparo ana anders andre
    andrea andreas andres andrew angel angela angeles anita ann anna anne annette anthony antoine anton antonia
    antonio arturo astrid augusto aurora beatrice beatriz belen benjamin bernard bernardo bernd birgit blanca brian
    bruno camila camille carla carlo carlos carmen carolina caroline catalina catherine cecilia cesar charles
    charlotte christian christina christine christoph christophe christopher claire clara claudia claudio concepcion
    consuelo cristina daniel daniela daniele david diana diego dieter dietrich dolores domingo dominik edgar eduardo
    edward elena elisa elisabeth elizabeth ellen emil emilia emilio emma emmanuel enrique eric erik ernesto esteban
    esther eugenia eugenio eva evelyn fabian fabio fatima federico felipe felix fernanda fernando filippo florian
    francesca francesco francis francisca francisco franck francois frank franz frederic friedrich gabriel gabriela
    gabriele gaston georg george georges gerard gerardo gerhard gilbert gilberto giovanni giulia giuseppe gloria
    gonzalo gregorio guadalupe guido guillermo gustavo hannah hans harald hector heinrich helen helena henri henry
    hermann hubert hugo ignacio ines ingrid irene isabel isabella ismael ivan jack jacob jacques jaime james jan
    jane javier jean jennifer jens jeronimo jesus joachim joan joao joaquin johan johann johannes john jonathan
    jorge jose josefa josefina joseph juan juana julia julian juliana julien julio jurgen karin karl katharina klaus
    laura laurent leonardo leonor lisa lorenzo louis louise lourdes lucas lucia luciano luigi luis luisa luiz lukas
    manuel manuela marc marcela marcelo marco marcos margarita maria mariana mariano marie mario mark markus marta
    martha martin martina mary mateo mathias matteo matthias mauricio max maximilian mercedes michael michel michele
    michelle miguel monica monika montserrat natalia nicola nicolas nikolaus norma nuria olga oliver olivia orlando
    oscar otto pablo paola paolo pascal patricia patrick paul paula paulo pedro peter philip philipp philippe pierre
    pietro pilar rafael rainer ralf ramiro raquel raul rebecca renata renate rene ricardo richard robert roberta
    roberto rocio rodolfo rodrigo roger roland rolf rosa rosario rudolf ruth samuel sandra santiago sara sarah
    sebastian sergio silvia simon simone sofia sonia stefan stefania stefano stephan stephanie stephen steven susan
    susana susanne sven teresa theodor thomas tomas ulrich ulrike ursula valentina valeria vanessa veronica vicente
    victor victoria vincent vincenzo viviana walter werner wilhelm william wolfgang xavier ximena yolanda yves
    """.split()  # noqa: SIM905
)


def is_given_name(word: str) -> bool:
    """Whether a word is a frequent given name, or several of them with hyphens."""
    parts = fold(word).split()
    return bool(parts) and all(part in _NAMES for part in parts)
