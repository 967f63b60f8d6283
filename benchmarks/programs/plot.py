"""The picture of a run: throughput, latency and the texts' lengths.

    python plot.py RESULTS.json PICTURE.svg

Runs in the environment that has matplotlib.
"""

import json
import sys
from pathlib import Path
from statistics import median

import matplotlib as mpl
import matplotlib.pyplot as plt

PEERS = ("quixstreams", "mlserver", "infinity")
OURS, THEIRS, LIMIT = "#2563eb", "#94a3b8", "#0f172a"

mpl.rcParams.update(
    {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.hashsalt": "tidings",
        "svg.fonttype": "none",
    }
)


def main() -> None:
    """Draw what was measured."""
    content = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    parts = {name: part["figures"] for name, part in content["parts"].items()}
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), width_ratios=(3, 2, 2), layout="constrained")
    draw_throughput(axes[0], parts)
    draw_latency(axes[1], parts.get("latency", {}))
    draw_lengths(axes[2], content["texts"]["histogram"])
    figure.savefig(sys.argv[2], metadata={"Date": None})


def draw_throughput(axes, parts: dict) -> None:
    """A bar for each contestant, its messages a second on it, and the ceiling as a line."""
    bars = []
    for name, rounds in parts.get("tidings", {}).get("rounds", {}).items():
        bars.append((name, median(each["messages_per_second"] for each in rounds), OURS))
    others = {
        **{name: parts[name] for name in PEERS if name in parts},
        **{f"pipeline, {name}": found for name, found in parts.get("loops", {}).items()},
    }
    measured = [
        (name, found["messages_per_second"], THEIRS)
        for name, found in others.items()
        if "failed" not in found
    ]
    bars += sorted(measured, key=lambda bar: -bar[1])
    drawn = axes.barh([bar[0] for bar in bars], [bar[1] for bar in bars])
    for bar, (_, _, colour) in zip(drawn, bars, strict=True):
        bar.set_color(colour)
    axes.bar_label(drawn, fmt=" {:.0f}")
    axes.invert_yaxis()
    axes.set_title("Messages a second on one core, saturated", loc="left")
    if "tidings" in parts:
        ceiling = median(each["messages_per_second"] for each in parts["tidings"]["ceilings"])
        axes.axvline(ceiling, color=LIMIT, linestyle="--", linewidth=1)
        axes.annotate(
            f"ONNX Runtime alone: {ceiling:.0f}",
            (ceiling, 0.02),
            xycoords=("data", "axes fraction"),
            xytext=(-4, 0),
            textcoords="offset points",
            ha="right",
            va="bottom",
        )
        axes.set_xlim(right=1.15 * max([ceiling, *(bar[1] for bar in bars)]))


def draw_latency(axes, latency: dict) -> None:
    """Percentiles against the share of the saturation."""
    for found, line in zip(latency.values(), ("-", "--", ":", "-."), strict=False):
        shares = [100 * row["share"] for row in found["rows"]]
        for rank, colour in ((50, "#93c5fd"), (95, OURS), (99, LIMIT)):
            values = [row[f"p{rank}_ms"] for row in found["rows"]]
            axes.plot(shares, values, line, marker="o", color=colour, label=f"p{rank}")
    axes.set_yscale("log")
    axes.set_title("Produce to decision, ms", loc="left")
    axes.set_xlabel("% of saturation")
    if latency:
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[:3], labels[:3], frameon=False)
        axes.set_title(f"Produce to decision, ms ({', '.join(latency)})", loc="left")


def draw_lengths(axes, histogram: dict) -> None:
    """How many texts have how many tokens."""
    axes.bar(list(histogram), list(histogram.values()), color=THEIRS)
    axes.tick_params(axis="x", rotation=60)
    axes.set_title("Texts by tokens", loc="left")


if __name__ == "__main__":
    main()
