"""Messages a second of processor time on one core: how texts are batched, and int8 against fp32.

    python benchmarks/inference.py BUNDLE TEXTS.csv [--fp32 MODEL.onnx] [--rows N]

Prints JSON.  Compare the ratios: all ways run on the same texts, in turn, the best of three.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tidings_models.bundle import find_bundle, load_bundle
from tidings_models.onnx_network import OnnxNetwork, run_batch
from tidings_models.onnx_runtime import open_session
from tidings_models.tokenization import TextTokenizer
from tidings_models.training.evaluate import describe_machine

TOGETHER = 128


def main() -> None:
    """Measure every way and print the speeds and their ratios to ours."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle")
    parser.add_argument("texts", type=Path)
    parser.add_argument("--fp32", type=Path)
    parser.add_argument("--rows", type=int, default=512)
    given = parser.parse_args()
    bundle = load_bundle(find_bundle(given.bundle))
    with given.texts.open(encoding="utf-8", newline="") as lines:
        texts = [row["text"] for row in csv.DictReader(lines)][: given.rows]
    tokenizer = TextTokenizer(bundle.tokenizer_file, max_tokens=bundle.manifest.max_tokens)

    def open_network(model: Path) -> OnnxNetwork:
        return OnnxNetwork(open_session(model), tokenizer)

    int8 = open_network(bundle.model_file)
    ways: dict[str, Callable[[], None]] = {
        "ours": lambda: ours(int8, texts),
        "one by one": lambda: in_order(int8, tokenizer, texts, size=1),
        "arrival order, 32": lambda: in_order(int8, tokenizer, texts, size=32),
    }
    if given.fp32:
        fp32 = open_network(given.fp32)
        ways["ours, fp32"] = lambda: ours(fp32, texts)
    speeds = dict.fromkeys(ways, 0.0)
    for _ in range(3):
        for name, way in ways.items():
            started = time.process_time()
            way()
            speeds[name] = max(speeds[name], len(texts) / (time.process_time() - started))
    print(
        json.dumps(
            {
                "bundle": bundle.reference,
                "rows": len(texts),
                "measured_on": describe_machine(),
                "messages_per_second": {name: round(speed, 1) for name, speed in speeds.items()},
                "ours_to_it": {
                    name: round(speeds["ours"] / speed, 2) for name, speed in speeds.items()
                },
            },
            indent=2,
        )
    )


def ours(network: OnnxNetwork, texts: Sequence[str]) -> None:
    """Classify as a worker does: 128 texts a call, grouped by padded length within."""
    for start in range(0, len(texts), TOGETHER):
        network.logits(texts[start : start + TOGETHER])


def in_order(
    network: OnnxNetwork, tokenizer: TextTokenizer, texts: Sequence[str], *, size: int
) -> None:
    """Classify in arrival order, each batch padded to its longest text."""
    for start in range(0, len(texts), size):
        tokens = tokenizer.encode(texts[start : start + size])
        run_batch(network.session, tokens, max(len(text) for text in tokens))


if __name__ == "__main__":
    main()
