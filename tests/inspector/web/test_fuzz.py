"""Nonsense and sense: never an error of the server's own, never an answer that its schema does not promise."""

from __future__ import annotations

import httpx
import pytest
from nonsense import fuzz
from served import inspected, listening

NEVER = {"lm": {"/api/translate", "/api/training", "/api/predict"},
         "translate": {"/api/training", "/api/guesses", "/api/surprise", "/api/type", "/api/unrolled", "/api/write",
                       "/api/predict"}}  # fmt: skip


@pytest.mark.parametrize("kind", ["lm", "translate"])
def test_nonsense(kind):
    with listening(inspected(kind)) as (address, _):
        paths = httpx.get(f"{address}/openapi.json", timeout=30).json()["paths"]
        counts = fuzz(address, 0, asked=8)
        for seed in (1, 2):  # what comes depends on more than the seed, and eight may all be nonsense
            never = {"/api/compare", "/api/similar", *NEVER[kind]}
            if all(200 in row or never & set(name.split()) for name, row in counts.items()):
                break
            for name, row in fuzz(address, seed, asked=8).items():
                counts[name] = {
                    status: row.get(status, 0) + counts[name].get(status, 0) for status in {*row, *counts[name]}
                }
    assert len(counts) == sum(len(methods) for methods in paths.values())
    assert {status for row in counts.values() for status in row if status >= 500} <= {503}
    for name, row in counts.items():
        if name.split()[1] in NEVER[kind]:
            assert 409 in row, name
            assert 200 not in row, name
        elif name not in ("POST /api/compare", "POST /api/similar"):  # it was asked, and not with nonsense only
            assert 200 in row, name
