"""Nonsense for the server of the inspector's page, made by schemathesis from what its schema promises.

    python tests/inspector/web/nonsense.py [MINUTES]     # by default 10; through a port of this machine; `make fuzz`

Fails if an answer is the server's own error, has a status that is not promised, or another shape than is.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import hypothesis
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


def fuzz(address: str, seconds: float, seed: int, examples: int = 1 << 30) -> dict[str, dict[int, int]]:
    """Ask for so long, each operation for its share; gives how often each answered with which status.

    Raises:
        AssertionError: an answer was wrong.
    """
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    operations = [one.ok() for one in schema.get_all_operations()]
    seen: dict[str, dict[int, int]] = {}
    for operation in operations:
        counts = seen.setdefault(f"{operation.method.upper()} {operation.path}", {})
        end = time.monotonic() + seconds / len(operations)

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        )  # fmt: skip
        @hypothesis.given(case=operation.as_strategy(generation_mode=None) if False else _cases(operation))
        def ask(case, counts=counts, end=end):
            if time.monotonic() > end:
                return
            if case.body is not None and case.method != "GET":
                case.headers = {**(case.headers or {}), "content-type": "application/json"}
            answer = case.call()
            counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
            case.validate_response(answer, checks=CHECKS)

        ask()
    return seen


def _cases(operation):
    """Requests that fit the schema, and some that do not."""
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    return hypothesis.strategies.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))


def main() -> int:
    from served import inspected, listening

    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    end, seed = time.monotonic() + 60 * minutes, 0
    total: dict[str, dict[int, int]] = {}
    while time.monotonic() < end:
        for kind in ("lm", "translate", "bpe", "tag"):
            with listening(inspected(kind)) as (address, _):
                for name, counts in fuzz(address, min(30, max(2, (end - time.monotonic()) / 4)), seed).items():
                    for status, count in counts.items():
                        row = total.setdefault(name, {})
                        row[status] = row.get(status, 0) + count
            seed += 1
    for name, counts in total.items():
        print(f"{name:24}", *(f"{status}: {count:,}" for status, count in sorted(counts.items())), sep="  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
