"""Names of authors: spellings that match, similar names that do not, and an index of them."""

from collections.abc import Sequence

from search.columns.authors import AuthorNames, AuthorsBuilder

MATCHING_NAMES = {
    "Guorui Zhou": (
        "guorui zhou", "GUORUI ZHOU", "Zhou, Guorui", "Zhou Guorui", "G. Zhou", "Zhou, G.", "Zhou G", "Zhou",
    ),
    "Gabriel José García Márquez": (
        "García Márquez, Gabriel José", "García Márquez, G. J.", "García Márquez, G.", "Garcia Marquez, G",
        "Gabriel Garcia Marquez", "G. J. García Márquez", "García", "García, Gabriel", "García Márquez", "Márquez",
        "Garcia Marquez GJ", "García Márquez Gabriel", "garcia_marquez_g", "Garcia-Marquez, G.",
    ),
    "José García-Márquez": (
        "Jose Garcia Marquez", "J. García-Márquez", "Garcia-Marquez, Jose", r"Jos\'e Garc{\'\i}a-M{\'a}rquez",
        "García, J.", "Garcia", "GARCIA-MARQUEZ, J.",
    ),
    "Stephen M. de Bruyn Kops": (
        "de Bruyn Kops, Stephen", "de Bruyn Kops, S. M.", "S. de Bruyn Kops", "de Bruyn Kops", "Bruyn Kops", "Kops",
        "Kops, S.", "Bruyn Kops, Stephen", "De Bruyn Kops", "de Bruyn Kops SM", "debruynkops",
    ),
    "Jean-Baptiste Poquelin": (
        "Jean Baptiste Poquelin", "J.-B. Poquelin", "J. B. Poquelin", "JB Poquelin", "Poquelin", "Poquelin JB",
        "Jeanbaptiste Poquelin", "Jean-B. Poquelin", "J. Poquelin", "Poquelin, Jean", "Poquelin, JB", "poquelin_jb",
        "POQUELIN Jean-Baptiste", "Poquelin J.-B.",
    ),
    "Adrian Del Maestro": (
        "del_maestro", "del_maestro_a", "Del Maestro A", "Delmaestro, A.", "Maestro", "A. Del Maestro",
    ),
    "Simeon Warner": ("warner_s", "warner_s_1"),
    "Kim Min-Jung": ("Min-Jung Kim", "Minjung Kim", "M.-J. Kim", "Kim MJ", "Kim, Min Jung"),
    "Hyeong-U Kim": ("HyeongU Kim", "H.-U. Kim", "Kim HU"),
    "Alison Fang-Wei Wu": ("Alison Fangwei Wu", "A. F.-W. Wu"),
    "Zhou Guorui": ("G. Zhou", "Zhou, Guorui", "Guorui Zhou", "Zhou"),
    "Nguyễn Văn Minh": ("Minh Van Nguyen", "Nguyen, Minh", "Nguyen VM", "Nguyen", "Nguyen, Van Minh", "Minh Nguyen"),
    "Minh Van Nguyen": ("Nguyen Van Minh", "Nguyễn Văn Minh"),
    "Santiago Ramón y Cajal": ("Ramón y Cajal, S.", "ramon y cajal", "Cajal", "Ramón, S.", "Ramón-Cajal"),
    "José M. Martín del Río": ("Martín del Río", "Martin, J. M.", "del Río, J."),
    "Takako Miyabe-Nishiwaki": ("Miyabe-Nishiwaki Takako", "Miyabe, T.", "Miyabe Nishiwaki T"),
    "Alexandre d'Aspremont": ("Aspremont", "d Aspremont", "dAspremont", "D'ASPREMONT, A."),
    "Mohamad Al-Khalili": ("AlKhalili", "Al Khalili, M.", "Khalili"),
    "Sean MacDonald": ("Mac Donald", "MACDONALD, S."),
    "Paul O'Neil": ("O Neil", "ONEIL, P."),
    "José Ángel González": ("González JÁ", "Gonzalez, J. A."),
    "Wei Li": ("Wei LI", "LI, Wei", "Li, WEI", "LI W"),
    "ZHOU GX": ("Zhou, G.", "G. X. Zhou"),
    "Erik Weiß": ("Weiss", r"Wei{\\ss}", "WEISS"),
    "Thomas Müller": (
        "Thomas Mueller", "Thomas Muller", "Mueller, T.", "MUELLER", "Müller", r'Thomas M\"uller', "Mu\u0308ller",
        r'M{\"u}ller, Thomas',
    ),
    "Thomas Mueller": ("Müller", "Muller", "T. Müller", "Mueller"),
    "Thomas Muller": ("Müller", "Mueller, Thomas"),
    "Jürgen Jäger": ("Juergen Jaeger", "Jurgen Jager", "Jaeger, J.", r'J\"urgen J\"ager', "Jaeger", "Jager"),
    "Anders Ångström": ("Aangstroem", "Angstrom, Anders", "Angstroem", r"{\AA}ngstr{\"o}m"),
    "Mads Hustad Sandøy": ("Sandoey, M. H.", "Sandoy", r"Mads Sand{\o}y"),
    "Søren Sørensen": ("Soerensen", "Sorensen, Soeren", "S. Sørensen"),
    "Chao-Lin Liu": ("Chaolin Liu", "Chao Lin Liu", "C. Liu", "Liu, Chao-Lin", "C.-L. Liu", "CL Liu", "Liu Chao-Lin"),
    "Rens van de Schoot": (
        "van de Schoot, Rens", "R. van de Schoot", "Rens Schoot", "Schoot, R. van de",
        "van de Schoot", "van de Schoot R", "van de Schoot Rens", "vandeschoot",
    ),
    "Martin L. King Jr.": (
        "M. King", "King, Martin", "Martin Luther King", "Martin King Jr.", "King, Martin L., Jr.", "King Jr., Martin",
        "Martin L. King, Jr.", "Martin King III",
    ),
    "Łukasz Kaiser": ("Lukasz Kaiser", "L. Kaiser", "Kaiser, Ł.", r"{\L}ukasz Kaiser"),
    "Seán O'Brien": ("Sean OBrien", "S. O’Brien"),
    "Tomasz Nikšić": (r"T. Nik\v{s}i\'c", "Niksic"),
    "Nguyen Van Minh": ("Minh, Nguyen Van", "Nguyen Van Minh"),
    "Di Wu": ("Wu, Di", "Wu Di", "D. Wu"),
    "李明": ("李明", "李 明"),
    "李 明": ("李明", "李, 明", "李"),
    "Владимир Путин": ("Путин", "ПУТИН, В."),
}  # fmt: skip
DISTINCT_NAMES = {
    "B. García": ("Garcia-Bellido",),
    "Guorui Zhou": ("Gang Zhou", "Guorui Zhu", "Guorui Zhao", "R. Zhou", "Zho", "Zhou, Gang", "Guorui"),
    "Jie Zhang": ("Jing Zhang", "Jie Zheng", "Jie Zhan"),
    "Martin L. King": ("Martin K. King",),
    "Rens van de Schoot": ("Jan van de Schoot", "van der Schoot"),
    "Anna Bauer": ("Baur", "Anna Baur"),
    "Uri Samuel": ("Samul",),
    "Manuel Blum": ("Manul Blum",),
    "Ken Maeda": ("Mada",),
    "Rie Ueda": ("Uda",),
    "Xue Feng Li": ("Xu Feng Li",),
    "Xuefeng Li": ("Xufeng Li",),
    "Daehyun Kim": ("Dahyun Kim",),
    "Ming Li": ("Ming Lee", "Min Li"),
    "Hans de Boer": ("Bor",),
    "Ana Fuentes": ("Funtes",),
    "Marta Cuesta": ("Custa",),
    "Paulo Coelho": ("Colho",),
    "Paul Samuelson": ("Samulson",),
    "Johnson Koech": ("Koch", "J. Koch"),
    "Eva Hueber": ("Huber",),
    "Wim Van den Broeck": ("Brock",),
    "Jacky Kwok": ("Jack Y. L. Kwok",),
    "Kim Smith": ("Kim, S.",),
    "Yang Cai": ("Yang, C.",),
    "Mahesh Babu S": ("Sudarshan Babu",),
    "Andrew Ng": ("Andrew, N. G.",),
    "John Y. Smith": ("John",),
    "Mark Robert Lee": ("Robert Lee", "Lee, Robert"),
    "Di Wu": ("Dan Wu", "Wu, Ding"),
    "Ben Smith": ("Al Smith", "Dan Smith"),
    "Gabriel José García Márquez": ("García, Pedro", "Márquez, Pedro", "José"),
}


def build_author_names(written: Sequence[str], before: AuthorNames | None = None) -> AuthorNames:
    """Indexes names as an import does: one author per key."""
    builder = AuthorsBuilder(before or AuthorNames.empty())
    for name in written:
        builder.add(name)
    return builder.build()
