"""The picture of `unrolled lab truncation`."""

from __future__ import annotations

from pathlib import Path

from .truncation import Truncated


def draw(every: list[Truncated], path: Path) -> None:
    """Bias and noise by the mean length of a window, with the memory of the longest window below."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below) = plt.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    whole, rest = every[0], every[1:]
    kinds = {"equal": [one for one in rest if one.name.isdigit()]}
    for one in rest:
        if not one.name.isdigit():
            kinds.setdefault(one.name.split()[0], []).append(one)
    for (kind, some), mark in zip(kinds.items(), "osv^", strict=False):
        steps = [one.steps for one in some]
        line = above.errorbar(
            steps, [one.bias for one in some], [one.error for one in some], marker=mark, label=f"bias, {kind}"
        )
        colour = line[0].get_color()
        above.plot(steps, [one.noise for one in some], mark, ls=":", color=colour, label=f"noise, {kind}")
        below.plot(steps, [one.memory / 1024 for one in some], marker=mark, color=colour, label=kind)
    above.axhline(whole.noise, color="grey", lw=1, label="noise, whole stream")
    above.set(xscale="log", yscale="log", ylabel="in units of the whole gradient's norm")
    below.axhline(whole.memory / 1024, color="grey", lw=1, label="whole stream")
    below.set(xscale="log", yscale="log", xlabel="steps of a window, in the mean", ylabel="longest window kept, KiB")
    for axes in (above, below):
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)
