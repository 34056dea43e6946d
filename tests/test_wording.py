"""The wording of sources and documents: phrases that read as translated, and names that have changed.

``python tests/test_wording.py PATH…`` lists every place.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WHERE = ("src", "docs", "examples", "benchmarks", "README.md", "CONTRIBUTING.md")
ENDINGS = {".py", ".md", ".toml", ".js", ".html", ".css"}

PHRASES = {
    r"\btold\b": "reported, shown, message",
    r"\basked\b": "requested; request",
    r"\bsaid\b": "prediction, message; given",
    r"\bwhoever\b|\bsome(?:body|one)\b|\bnobody\b": "the user, the caller, another process",
    r"\bby which\b": "used for …",
    r"\bleft out\b|\bleave out\b|\bleaves out\b": "omitted, excluded, skipped, invalid",
    r"\b(?:gradients?|derivatives?) by\b": "with respect to",
    r"\bin one go\b|\bat one go\b": "at once",
    r"\bmade up\b|\bmakes? up\b": "generated",
    r"\bgo(?:es|ing)? on (?:with|from|as|to)\b|\bwent on\b": "continue, resume",
    r"\bof one's own\b|\bone's own\b|\bof the user's own\b": "your own, custom",
    r"\bby another hand\b|\bnone of them is not\b|\bTHE dispatch\b": "a plain sentence",
    r"\bwho should remember\b|\bwrites and answers no questions\b": "a plain sentence",
    r"\bmust be at least one\b": "must not be empty",
    r"\bwhere else the units are on\b": "a plain sentence",
    r"\bfor one in\b|\bone\.[a-z_]|\bone = ": "a name that says what it is",
    r"\bis there that\b|\bthere is no such\b": "does not exist",
    r"\bas they come\b|\bas it comes\b": "as they arrive",
}
RENAMED = {
    r"\bcell_search\b": "unit_search",
    r"\bdoubling\b": "associative_scan",
    r"\bTeller\b": "CommandReporter",
    r"\b(?:Parallel(?:Text|Sets|Layout)|open_parallel|parallel_(?:sets|names))\b": "bitext",
    r"\bAsked(?:Texts|Files)?\b": "Request, TextInputs, FileInputs",
}
DATA = ("src/unrolled/data/grammar.py", "benchmarks/tagging.py", "docs/tagging.md")  # their sentences are data
ALLOWED = {(name, word) for name in DATA for word in ("said", "told", "asked", "nobody")}
ALLOWED |= {("src/unrolled/training/synthetic.py", "said")}  # a tensor in the checkpoints of old runs


def files(paths=WHERE):
    """The tracked texts under these paths."""
    listed = subprocess.run(["git", "ls-files", *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split() if Path(name).suffix in ENDINGS and "docs/conformance" not in name]


def found(paths=WHERE):
    """Every place with such a phrase: ``file:line: phrase → what to write``."""
    places = []
    for name in files(paths):
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1):
            for pattern, instead in {**PHRASES, **RENAMED}.items():
                for match in re.finditer(pattern, line):
                    if (name, match[0]) not in ALLOWED:
                        places.append(f"{name}:{number}: {match[0]} → {instead}")
    return places


def test_no_phrase_that_reads_as_translated():
    places = found()
    assert not places, f"{len(places)} places\n" + "\n".join(places[:40])


if __name__ == "__main__":
    print(*found(sys.argv[1:] or WHERE), sep="\n")
