"""The ceiling: ONNX Runtime alone on the bundle's network.  Only `session.run` is counted.

    python benchmarks/ceiling.py BUNDLE TEXTS.json --ways all --seconds 3 --texts 1024

Nothing of Tidings is in it: the tokenizer's file and the network's are read directly, every batch
is padded and laid out before the clock runs.  Prints JSON: for each way of batching its messages a
second by the clock and its processor time a message; for batches of one also how long each took.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

Batch = list[int]
ONE_BY_ONE = "one by one"
WARM_UP_BATCHES = 20


def equal_lengths(lengths: Sequence[int], *, window: int, rows: int = 16) -> Iterator[Batch]:
    """Within each window, texts of the same length rounded up to 4, as Tidings batches them."""
    for start in range(0, len(lengths), window):
        groups: dict[int, Batch] = {}
        for text in range(start, min(start + window, len(lengths))):
            groups.setdefault(-(-lengths[text] // 4) * 4, []).append(text)
        for length, group in sorted(groups.items()):
            size = max(1, min(rows, 1024 // length))
            yield from (group[at : at + size] for at in range(0, len(group), size))


def sorted_lengths(lengths: Sequence[int], *, window: int, rows: int) -> Iterator[Batch]:
    """Within each window, sorted by length, `rows` at a time."""
    for start in range(0, len(lengths), window):
        order = sorted(range(start, min(start + window, len(lengths))), key=lengths.__getitem__)
        yield from (order[at : at + rows] for at in range(0, len(order), rows))


def arrival_order(lengths: Sequence[int], *, rows: int) -> Iterator[Batch]:
    """As they come, `rows` at a time."""
    yield from (
        list(range(at, min(at + rows, len(lengths)))) for at in range(0, len(lengths), rows)
    )


WAYS: dict[str, Callable[[Sequence[int]], Iterator[Batch]]] = {
    ONE_BY_ONE: lambda lengths: arrival_order(lengths, rows=1),
    "arrival order, 32": lambda lengths: arrival_order(lengths, rows=32),
    "equal lengths in 128": lambda lengths: equal_lengths(lengths, window=128),
    "equal lengths in 512": lambda lengths: equal_lengths(lengths, window=512),
    "sorted in 256, 8": lambda lengths: sorted_lengths(lengths, window=256, rows=8),
    "sorted in 256, 16": lambda lengths: sorted_lengths(lengths, window=256, rows=16),
}


def lay_out(tokens: Sequence[Sequence[int]], batch: Batch, to: int) -> dict[str, Any]:
    """The network's inputs (rows, tokens) for a batch, padded to a multiple of `to` tokens."""
    length = -(-max(len(tokens[text]) for text in batch) // to) * to
    ids, mask, types = (np.zeros((len(batch), length), dtype=np.int64) for _ in range(3))
    for row, text in enumerate(batch):
        ids[row, : len(tokens[text])] = tokens[text]
        mask[row, : len(tokens[text])] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def measure(session: Any, inputs: Sequence[dict[str, Any]], *, texts: int, seconds: float) -> Any:
    """Run all batches over and over until `seconds` have passed, whole passes only."""
    for each in inputs[:WARM_UP_BATCHES]:
        session.run(None, each)
    took: list[float] = []
    clock = processor = 0.0
    passes = 0
    while passes == 0 or clock < seconds:
        passes += 1
        for each in inputs:
            started, busy = time.perf_counter(), time.process_time()
            session.run(None, each)
            processor += time.process_time() - busy
            took.append(time.perf_counter() - started)
            clock += took[-1]
    figures = {
        "messages_per_second": passes * texts / clock,
        "cpu_ms_per_message": 1000 * processor / (passes * texts),
    }
    if len(inputs) == texts:
        p50, p95, p99 = np.percentile(took, [50, 95, 99])
        figures |= {f"p{rank}_ms": 1000 * at for rank, at in ((50, p50), (95, p95), (99, p99))}
    return figures


def main() -> None:
    """Measure the ways that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("texts", type=Path, help="a JSON list of strings")
    parser.add_argument("--ways", default="all", help="`all`, or one of the ways' names")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--count", type=int, default=0, help="take the first texts only")
    given = parser.parse_args()

    manifest = json.loads((given.bundle / "manifest.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(given.bundle / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(manifest["max_tokens"])
    texts = json.loads(given.texts.read_text(encoding="utf-8"))
    tokens = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    lengths = [len(ids) for ids in tokens]
    measured = lengths[: given.count or len(lengths)]

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(given.bundle / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    figures = {}
    for name in WAYS if given.ways == "all" else [given.ways]:
        to = 4 if name.startswith("equal") else 1
        inputs = [lay_out(tokens, batch, to) for batch in WAYS[name](measured)]
        figures[name] = measure(session, inputs, texts=len(measured), seconds=given.seconds)
    print(json.dumps({"ways": figures, "token_lengths": lengths}))


if __name__ == "__main__":
    main()
