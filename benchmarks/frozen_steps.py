"""One step of a frozen layer against torch.nn and onnxruntime, with the state passed from call to call.

    python benchmarks/frozen_steps.py [--cells RNN,GRU,LSTM] [--sizes 128,256,512,1024] [--batches 1,8,64] [--turns 5]

All take turns in one process with one thread. float32 is compared with the faster of torch and onnxruntime, int8 with
onnxruntime after `quantize_dynamic`. That replaces an LSTM by DynamicQuantizeLSTM, and leaves a GRU and a vanilla RNN
in float32, without saying so; for them the peer is its float32. Needs `pip install onnx onnxruntime`.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

import torch

from harness import table
from unrolled import nn as ours
from unrolled.lab.bench import interleave, peers
from unrolled.lab.bench.measure import Work

SIDES = ("torch", "onnxruntime", "onnxruntime int8", "float32", "bfloat16", "int8")
CELLS: dict[str, Any] = {"RNN": ours.RNN, "GRU": ours.GRU, "LSTM": ours.LSTM}


def works(name: str, H: int, B: int) -> dict[str, Work]:
    """Return one step of H units over B lanes by each side, from the same weights and state."""
    torch.manual_seed(0)
    theirs = peers.TORCH[name.lower()](H, H).eval()
    x, state = torch.randn(1, B, H), tuple(torch.tanh(torch.randn(1, B, H)) for _ in range(1 + (name == "LSTM")))
    found: dict[str, Work] = {"torch": peers.inference(theirs, x, state)}
    for precision in ("float32", "bfloat16", "int8"):
        mine = CELLS[name](H, H)
        mine.load_state_dict(theirs.state_dict())
        found[precision] = peers.inference(mine.freeze(precision), x, state)
    found["onnxruntime"] = peers.onnxruntime_inference(name.lower(), theirs, x, state)
    if name == "LSTM":
        found["onnxruntime int8"] = peers.onnxruntime_inference(name.lower(), theirs, x, state, int8=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", default="RNN,GRU,LSTM")
    parser.add_argument("--sizes", default="128,256,512,1024")
    parser.add_argument("--batches", default="1,8,64")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    if not peers.installed("onnxruntime"):
        raise SystemExit("benchmarks/frozen_steps.py needs a peer: pip install onnx onnxruntime")
    logging.disable(logging.WARNING)  # of quantize_dynamic
    torch.set_num_threads(1)
    rows = []
    for name in options.cells.split(","):
        for H in map(int, options.sizes.split(",")):
            for B in map(int, options.batches.split(",")):
                timings = interleave(works(name, H, B), options.turns)
                found = {side: 1e6 * timing.median for side, timing in timings.items()}
                best = min(found["torch"], found["onnxruntime"])
                int8 = found.get("onnxruntime int8", found["onnxruntime"])
                figures = [f"{found[side]:,.1f}" if side in found else "–" for side in SIDES]
                ratios = [f"{best / found['float32']:.2f}", f"{int8 / found['int8']:.2f}"]
                rows.append([name, f"1×{B}×{H}", *figures, *ratios])
    table(["cell", "T×B×H", *(f"{side}, µs" for side in SIDES), "float32: ratio", "int8: ratio"], rows)


if __name__ == "__main__":
    main()
