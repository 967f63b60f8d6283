"""The stream that a chaos test sends in: customer messages, five in a hundred of them poison."""

from __future__ import annotations

import csv
import gc
import random
import threading
from collections.abc import Iterator
from importlib.resources import files
from types import TracebackType

from kafka import KafkaProducer

from harness.messages import bad_values, customer_message, encode
from tidings_streams.topics import CUSTOMER_MESSAGES

KIND_HEADER = "chaos-kind"
WHOLESOME = "wholesome"
POISON_SHARE = 0.05
LARGE_SHARE = 0.01
LARGE_CHARACTERS = 9_000
LARGE_EXTRA_CHARACTERS = 100_000
PATIENCE_SECONDS = 600

Sent = tuple[bytes, bytes | None, str]


def chaos_messages(chance: random.Random) -> Iterator[Sent]:
    """Key, value and kind (`wholesome`, or the poison's name) of one message after another."""
    demo = files("tidings_services").joinpath("demo_data/customer_messages.csv")
    texts = [row["text"] for row in csv.DictReader(demo.read_text("utf-8").splitlines())]
    poison = bad_values(customer_message(0, ""), time_field="sent_at")
    poison = [bad for bad in poison if bad.name != "oversized text"]  # large ones are wholesome
    number = 0
    while True:
        number += 1
        message = customer_message(number, chance.choice(texts))
        key = message["customer_id"].encode()
        drawn = chance.random()
        if drawn < POISON_SHARE:
            bad = chance.choice(poison)
            yield key, bad.value, bad.name
            continue
        if drawn < POISON_SHARE + LARGE_SHARE:
            long = " ".join(chance.choices(texts, k=LARGE_CHARACTERS // 20))
            message["text"] = long[:LARGE_CHARACTERS].strip()
            message["extra"] = "x" * chance.randrange(LARGE_EXTRA_CHARACTERS)
        yield key, encode(message), WHOLESOME


class Feeder:
    """Writes the stream in the background, so many messages a second, until it is stopped."""

    def __init__(self, bootstrap_servers: str, *, seed: int, rate: float) -> None:
        self._messages = chaos_messages(random.Random(seed))
        self._rate = rate
        self._enough = threading.Event()
        self._complete = False
        self._faults: list[BaseException] = []
        self._bootstrap_servers = bootstrap_servers
        self._thread = threading.Thread(target=self._run, name="chaos feeder")

    def __enter__(self) -> Feeder:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join()

    def stop(self) -> None:
        """Stop, and wait until the cluster has everything; raises what could not be written."""
        self._complete = True
        self.__exit__(None, None, None)
        if self._faults:
            raise AssertionError(f"the test's own input was not written: {self._faults[:3]}")

    def _run(self) -> None:
        try:
            self._feed()
        except BaseException as error:  # noqa: BLE001 - told by `stop`, in the test's thread
            self._faults.append(error)
        gc.collect()  # sockets that kafka-python leaks where a node is away: here, not at the end

    def _feed(self) -> None:
        producer = KafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            acks="all",
            linger_ms=10,
            delivery_timeout_ms=PATIENCE_SECONDS * 1000,
            max_block_ms=PATIENCE_SECONDS * 1000,
        )
        pending = []
        try:
            while not self._enough.wait(0.1):
                for _ in range(max(1, round(self._rate / 10))):
                    key, value, kind = next(self._messages)
                    headers = [(KIND_HEADER, kind.encode())]
                    pending.append(producer.send(CUSTOMER_MESSAGES, value, key, headers))
            for future in pending if self._complete else ():
                future.get(timeout=PATIENCE_SECONDS)
        finally:
            producer.close(timeout=5)
