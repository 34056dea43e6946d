"""Do explanations mark what matters?    python benchmarks/marked_pixels.py runs/image-cifar10-1 --pictures 200

The tenth of a picture's pixels that a map marks is filled with the picture's mean colour. How much does the
log-probability of the predicted class fall, compared with random pixels, and with a square anywhere? The last row is
the ratio to random pixels.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

import unrolled
from harness import table
from unrolled.analysis.picture_saliency import covered, gradient_by_input, occlusion, top_share

RANDOM = 10  # random tenths of each picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--data", help="labelled pictures (default: the test part of the run)")
    parser.add_argument("--pictures", type=int, default=200)
    options = parser.parse_args()
    model = unrolled.load(options.run)
    pictures, _ = model.find(options.data, "test")
    step = max(1, len(pictures) // options.pictures)
    chosen = list(range(0, len(pictures), step))[: options.pictures]
    network, draws = model.model, torch.Generator().manual_seed(0)
    falls: dict[str, list[float]] = {name: [] for name in ("occlusion", "gradient × input", "random", "random square")}
    for number in chosen:
        with torch.no_grad():
            x = network.normalised(torch.from_numpy(pictures.pixels[number].copy())[None])[0]
            whole = network.answer(x[None]).log_softmax(1)[0]
        best, other = whole.topk(2).indices.tolist()

        def margin(batch: Tensor, best: int = best, other: int = other) -> Tensor:
            logits = network.answer(batch)
            return logits[:, best] - logits[:, other]

        maps = {"occlusion": occlusion(margin, x), "gradient × input": gradient_by_input(margin, x)}
        marked = {name: [top_share(value)] for name, value in maps.items()}
        marked["random"] = [top_share(torch.rand(x.shape[1:], generator=draws)) for _ in range(RANDOM)]
        marked["random square"] = [square(x, draws) for _ in range(RANDOM)]
        for name, places in marked.items():
            with torch.no_grad():
                after = network.answer(torch.stack([covered(x, place) for place in places])).log_softmax(1)[:, best]
            falls[name].append(float(whole[best] - after.mean()))
    means = {name: sum(values) / len(values) for name, values in falls.items()}
    rows = [
        ["nats", *(f"{value:.3f}" for value in means.values())],
        ["ratio", *(f"{value / means['random']:.2f}" for value in means.values())],
    ]
    table([f"{len(chosen)} pictures", *means], rows)


def square(x: Tensor, draws: torch.Generator) -> Tensor:
    """Return a random square with a tenth of the pixels of a picture ``x (C, h, w)``: ``(h, w)`` bool."""
    h, w = x.shape[1:]
    side = round((h * w * 0.1) ** 0.5)
    top, left = (int(torch.randint(0, size - side + 1, (), generator=draws)) for size in (h, w))
    where = torch.zeros(h, w, dtype=torch.bool)
    where[top : top + side, left : left + side] = True
    return where


if __name__ == "__main__":
    main()
