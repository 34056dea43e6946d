"""The weights α and β of a language model in the beam search, chosen on the validation part."""

from __future__ import annotations

from typing import Any

from ....results import Progress, Table
from .decoding import Reading
from .measures import rates
from .trained import TrainedReader

ALPHAS, BETAS = (0.0, 0.25, 0.5, 1.0), (0.0, 0.5, 1.0)
MOST = 50  # examples


def tuned(model: TrainedReader[Any], reading: Reading, progress: Progress) -> tuple[Reading, Table, dict[str, Any]]:
    """Return the reading with the best α and β, a table of the CER of all, and the values for JSON.

    Raises:
        DataError: there are no validation examples.
        RunError: the run's own data cannot be read, or have changed.
    """
    valid, _ = model.find(None, "valid")
    valid = valid.pick(range(min(MOST, len(valid))))
    batches = list(model.logits(valid, valid.widths))
    found: dict[tuple[float, float], float] = {}
    with progress(len(ALPHAS) * len(BETAS), "weights") as done:
        for alpha in ALPHAS:
            for beta in BETAS:
                other = reading.with_weights(alpha, beta)
                texts = [""] * len(valid)
                for numbers, logits, frames in batches:
                    for n, some in zip(numbers, other.transcripts(logits, frames), strict=True):
                        texts[n] = model.text(some[0])
                found[alpha, beta] = rates(texts, valid.texts)["cer"]
                done(len(found))
    best = min(found, key=lambda pair: (found[pair], pair))
    rows = [(f"{alpha:g}", *(f"{found[alpha, beta]:.2%}" for beta in BETAS)) for alpha in ALPHAS]
    header = ("α \\ β", *(f"{beta:g}" for beta in BETAS))
    values = {
        "lm_weight": best[0],
        "length_bonus": best[1],
        "cer": [{"lm_weight": a, "length_bonus": b, "cer": value} for (a, b), value in found.items()],
    }
    return reading.with_weights(*best), Table("tuning", header, rows, right=header[1:]), values
