"""Papers of two people with one common name."""

NAME = "Ada Byron"
TOPICS = {
    "cache": ("attention memory tokens kernel latency", "cs.CL", ["Kun Gai", "Eve Stone"]),
    "galaxy": ("redshift dust halo quasar survey", "astro-ph.GA", ["Tom Hale", "Mia Frost"]),
}


def make_records() -> list[dict[str, object]]:
    """Papers of two people named Ada Byron, a common name, of Zoltan Q, a rare one, and of others."""
    records: list[dict[str, object]] = []
    for topic, (words, category, coauthors) in TOPICS.items():
        for number in range(4):
            rest = f"{topic} {words} {topic} {words}"
            records.append(make_record(f"{topic}.{number}", f"{topic} {number}", rest, [NAME, *coauthors], category))
    for number, topic in enumerate(TOPICS):
        words, category, _ = TOPICS[topic]
        records.append(make_record(f"rare.{number}", f"{topic} theory", words, ["Zoltan Quirke"], category))
    records.append(make_record("joint.0", "bees", "hive honey", ["Adam Byron", "Kun Gai", "Eve Stone"], "cs.CL"))
    for number in range(30):
        names = [f"Ada Person{number}", f"Given{chr(97 + number % 26)}{number} Byron"]
        records.append(make_record(f"other.{number}", f"comet {number}", "tail ice orbit", names, "astro-ph.EP"))
    return records


def make_record(number: str, title: str, abstract: str, authors: list[str], category: str) -> dict[str, object]:
    year = 2020 + len(title) % 5
    fields = {"id": f"10.1000/{number}", "title": title, "abstract": abstract, "authors": authors}
    return {**fields, "categories": [category], "published": f"{year}-01"}
