"""Nonsense for the server of the inspector's page, made by schemathesis from what its schema promises.

    python tests/inspector/web/nonsense.py [MINUTES]     # by default 10; through a port of this machine; `make fuzz`

Fails if an answer is the server's own error, has a status that is not promised, or another shape than is.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

import hypothesis
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
NAMES = {"recurrence": ["layers.0.0", "layers.1.0", "layers.0.1"], "gate": ["h", "c", "i"], "index": [0, 1, 2]}
NAMES |= {"hypothesis": ["vowel", "capital", "nothing"], "expression": ["at", "[A-Z]", "("]}
TEXTS = ["the cat", "Anna saw the cat.", "", "\n", "a" * 100]

Counts = dict[str, dict[int, int]]


def fuzz(address: str, seed: int, asked: int = 20) -> Counts:
    """Ask each operation so often; gives how often each answered with which status.

    Raises:
        AssertionError: an answer was wrong.
    """
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    counts: Counts = {}
    with requests.Session() as session:
        for found in schema.get_all_operations():
            operation = found.ok()
            row = counts.setdefault(f"{operation.method.upper()} {operation.path}", {})
            _ask(operation, session, seed, asked, row)
    return counts


def _ask(operation, session, seed, asked, row):
    fitting = operation.as_strategy()
    unfitting = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=asked, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )  # fmt: skip
    @hypothesis.given(st.one_of(fitting, fitting, unfitting), st.integers(0, 1 << 20))
    def ask(case, pick):
        if pick % 4:  # or else names that there are not would be all that comes
            for part in (case.query, case.body):
                _name(part, random.Random(pick))
        headers = {"content-type": "application/json"} if pick % 5 and case.method != "GET" else None
        answer = case.call(session=session, headers=headers)
        row[answer.status_code] = row.get(answer.status_code, 0) + 1
        case.validate_response(answer, checks=CHECKS)

    ask()


def _name(part, draw):
    """Put in names of units, texts and near places where there are any."""
    if isinstance(part, list):
        for one in part:
            _name(one, draw)
    if not isinstance(part, dict):
        return
    for name, value in part.items():
        if name in NAMES:
            part[name] = draw.choice(NAMES[name])
        elif name in ("text", "prompt"):
            part[name] = draw.choice(TEXTS)
        elif name in ("begin", "end"):
            part[name] = draw.randrange(300) + 300 * (name == "end")
        else:
            _name(value, draw)


def main() -> int:
    from served import inspected, listening

    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    end, seed = time.monotonic() + 60 * minutes, 0
    total: Counts = {}
    while time.monotonic() < end:
        for kind in ("lm", "translate", "bpe", "tag"):
            with listening(inspected(kind)) as (address, _):
                for name, row in fuzz(address, seed, 50).items():
                    for status, count in row.items():
                        total.setdefault(name, {})[status] = total.get(name, {}).get(status, 0) + count
        seed += 1
    for name, counts in total.items():
        print(f"{name:24}", *(f"{status}: {count:,}" for status, count in sorted(counts.items())), sep="  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
