"""Plot the results of `lab.truncation`."""

from __future__ import annotations

from pathlib import Path

from .truncation import Truncated


def draw(results: list[Truncated], path: Path) -> None:
    """Save a picture of bias and noise over the mean window length, with the memory footprint below."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below) = plt.subplots(2, 1, figsize=(7, 6), sharex=True, layout="constrained")
    whole, truncated = results[0], results[1:]
    kinds = {"equal": [result for result in truncated if result.name.isdigit()]}
    for result in truncated:
        if not result.name.isdigit():
            kinds.setdefault(result.name.split()[0], []).append(result)
    for (kind, members), mark in zip(kinds.items(), "osv^", strict=False):
        steps = [member.steps for member in members]
        line = above.errorbar(
            steps,
            [member.bias for member in members],
            [member.error for member in members],
            marker=mark,
            label=f"bias, {kind}",
        )
        colour = line[0].get_color()
        above.plot(steps, [member.noise for member in members], mark, ls=":", color=colour, label=f"noise, {kind}")
        below.plot(steps, [member.memory / 1024 for member in members], marker=mark, color=colour, label=kind)
    above.axhline(whole.noise, color="grey", lw=1, label="noise, whole stream")
    above.set(xscale="log", yscale="log", ylabel="relative to the full gradient's norm")
    below.axhline(whole.memory / 1024, color="grey", lw=1, label="whole stream")
    below.set(xscale="log", yscale="log", xlabel="mean window length, steps", ylabel="memory of longest window, KiB")
    for axes in (above, below):
        axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)
