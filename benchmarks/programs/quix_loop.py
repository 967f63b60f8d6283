"""Quix Streams calling the bundle's session, message by message.

python quix_loop.py SERVERS GROUP BUNDLE
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnxruntime
from quixstreams import Application
from tokenizers import Tokenizer

servers, group, bundle = sys.argv[1], sys.argv[2], Path(sys.argv[3])
manifest = json.loads((bundle / "manifest.json").read_text())
labels, temperature = manifest["labels"], manifest["temperature"]
tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(manifest["max_tokens"])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(
    str(bundle / "model.onnx"), options, providers=["CPUExecutionProvider"]
)


def decide(message: dict) -> dict:
    """The message's intent and its probability."""
    ids = np.array([tokenizer.encode(message["text"]).ids], dtype=np.int64)
    inputs = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids),
        "token_type_ids": np.zeros_like(ids),
    }
    logits = session.run(None, inputs)[0][0] / temperature
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    best = int(probabilities.argmax())
    return {
        "message_id": message["id"],
        "intent": labels[best],
        "probability": float(probabilities[best]),
    }


app = Application(
    broker_address=servers,
    consumer_group=group,
    auto_offset_reset="earliest",
    auto_create_topics=False,
    loglevel="WARNING",
)
messages = app.dataframe(app.topic("customer-messages", value_deserializer="json"))
messages.apply(decide).to_topic(app.topic("routed-messages", value_serializer="json"))
app.run()
