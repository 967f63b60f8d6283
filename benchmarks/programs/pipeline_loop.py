"""What a user writes first: a kafka-python loop around `transformers.pipeline`.

    python pipeline_loop.py SERVERS GROUP MODEL BATCH

BATCH 1 classifies message by message, another number that many together.  Either way it waits for
its decisions and commits after every 32 messages or fewer.
"""

import json
import sys

import torch
from kafka import KafkaConsumer, KafkaProducer
from transformers import pipeline

servers, group, model, batch = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])

torch.set_num_threads(1)
classify = pipeline("text-classification", model=model, device="cpu")
consumer = KafkaConsumer(
    "customer-messages",
    bootstrap_servers=servers,
    group_id=group,
    auto_offset_reset="earliest",
    enable_auto_commit=False,
)
producer = KafkaProducer(bootstrap_servers=servers)

while True:
    polled = consumer.poll(timeout_ms=1000, max_records=32)
    records = [record for some in polled.values() for record in some]
    if not records:
        continue
    messages = [json.loads(record.value) for record in records]
    texts = [message["text"] for message in messages]
    if batch == 1:
        answers = [classify(text)[0] for text in texts]
    else:
        answers = classify(texts, batch_size=batch)
    for message, answer in zip(messages, answers, strict=True):
        decision = {
            "message_id": message["id"],
            "intent": answer["label"],
            "probability": answer["score"],
        }
        producer.send(
            "routed-messages",
            key=message["customer_id"].encode(),
            value=json.dumps(decision).encode(),
        )
    producer.flush()
    consumer.commit()
