"""Feeds a model server from Kafka: customer-messages in, requests to the server, decisions out.

    python feeder.py SERVERS GROUP PROTOCOL URL ROWS CONCURRENCY

PROTOCOL is `infinity` (/classify) or `v2` (the Open Inference Protocol, for MLServer).  Every
request carries ROWS texts, and CONCURRENCY requests are under way at a time.  Offsets are committed
by the clock, so this loses messages where it ends in between: it is as cheap as a feeder can be.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

Message = dict[str, Any]
Answer = tuple[str, float]


def infinity_request(texts: list[str]) -> Any:
    """The body of a request to /classify."""
    return {"model": "intents", "input": texts}


def infinity_answers(body: Any) -> list[Answer]:
    """The likeliest label of each text."""
    return [(text[0]["label"], text[0]["score"]) for text in body["data"]]


def v2_request(texts: list[str]) -> Any:
    """The body of an inference request with one input of `texts`."""
    tensor = {
        "name": "array_inputs",
        "shape": [len(texts)],
        "datatype": "BYTES",
        "data": texts,
        "parameters": {"content_type": "str"},
    }
    return {"inputs": [tensor]}


def v2_answers(body: Any) -> list[Answer]:
    """The likeliest label of each text."""
    found = [json.loads(each) for each in body["outputs"][0]["data"]]
    return [(each["label"], each["score"]) for each in found]


PROTOCOLS = {
    "infinity": (infinity_request, infinity_answers),
    "v2": (v2_request, v2_answers),
}


async def main() -> None:
    """Feed until ended."""
    servers, group, protocol, url = sys.argv[1:5]
    rows, concurrency = int(sys.argv[5]), int(sys.argv[6])
    make, read = PROTOCOLS[protocol]
    consumer = AIOKafkaConsumer(
        "customer-messages",
        bootstrap_servers=servers,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=True,
    )
    producer = AIOKafkaProducer(bootstrap_servers=servers, linger_ms=5)
    waiting: asyncio.Queue[list[Message]] = asyncio.Queue(2 * concurrency)
    await consumer.start()
    await producer.start()

    async def ask(client: aiohttp.ClientSession) -> None:
        while True:
            messages = await waiting.get()
            request = make([message["text"] for message in messages])
            async with client.post(url, json=request) as response:
                body = await response.json()
                if response.status != 200:
                    raise RuntimeError(f"{url} answered {response.status}: {body}")
            for message, (label, probability) in zip(messages, read(body), strict=True):
                decision = {
                    "message_id": message["id"],
                    "intent": label,
                    "probability": probability,
                }
                await producer.send(
                    "routed-messages",
                    json.dumps(decision).encode(),
                    key=message["customer_id"].encode(),
                )

    async def consume() -> None:
        while True:
            polled = await consumer.getmany(timeout_ms=500, max_records=rows * concurrency)
            records = [record for some in polled.values() for record in some]
            messages = [json.loads(record.value) for record in records]
            for start in range(0, len(messages), rows):
                await waiting.put(messages[start : start + rows])

    async with aiohttp.ClientSession() as client:
        await asyncio.gather(consume(), *(ask(client) for _ in range(concurrency)))


if __name__ == "__main__":
    asyncio.run(main())
