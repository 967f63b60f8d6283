"""The demo's threads: the ones that replay, and the one that reads what came out.

They only put what they saw into a queue; the main thread alone keeps the ledger.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from tidings_services.demo_input import BROKEN, BROKEN_EVERY, customer_rows, news_rows
from tidings_services.demo_ledger import OUTCOME_TOPICS, Ledger
from tidings_services.replay import TARGETS, Row, pace_by_rate, send_row
from tidings_streams.topics import CUSTOMER_MESSAGES, NEWS_MESSAGES

BACKFILL_RATE = 60.0

Entry = Callable[[Ledger], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStreams:
    """Replays into the input topics and reads the output topics, each in a thread of its own."""

    producer: KafkaProducer
    new_consumer: Callable[[], KafkaConsumer]
    rate: float
    entries: SimpleQueue[Entry] = field(default_factory=SimpleQueue)
    no_more_input: threading.Event = field(default_factory=threading.Event)
    no_more_output: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin to replay and to read."""
        for work in (self._replay_customers, self._replay_news, self._read_outputs):
            thread = threading.Thread(target=self._guard, args=(work,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop_input(self) -> None:
        """Stop to replay; every record that was sent is acknowledged afterwards."""
        self.no_more_input.set()
        for thread in self._threads[:2]:
            thread.join()
        self.producer.flush(timeout=30)

    def stop_output(self) -> None:
        """Stop to read."""
        self.no_more_output.set()
        self._threads[2].join()

    def settle(self, ledger: Ledger) -> None:
        """Enter into the ledger what the threads saw; raises what made one of them fail."""
        for _ in range(self.entries.qsize()):
            self.entries.get()(ledger)
        if self.failures:
            raise self.failures[0]

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the main thread, which raises it
            self.failures.append(error)

    def _replay_customers(self) -> None:
        broken = itertools.cycle(BROKEN)
        schedule = pace_by_rate(customer_rows(), rate=self.rate)
        for number, row in enumerate(self._due(schedule), start=1):
            self._send(CUSTOMER_MESSAGES, row)
            if number % BROKEN_EVERY == 0:
                self._note(self.producer.send(CUSTOMER_MESSAGES, value=next(broken)))

    def _replay_news(self) -> None:
        past, coming = news_rows(begin=datetime.now(UTC))
        for schedule in (
            pace_by_rate(past, rate=BACKFILL_RATE),
            pace_by_rate(coming, rate=self.rate / 2),
        ):
            for row in self._due(schedule):
                self._send(NEWS_MESSAGES, row)

    def _due(self, schedule: Iterable[tuple[float, Row]]) -> Iterator[Row]:
        begin = time.monotonic()
        for due, row in schedule:
            if self.no_more_input.wait(max(0.0, begin + due - time.monotonic())):
                return
            yield row

    def _send(self, topic: str, row: Row) -> None:
        fields = dict(row)
        label = fields.pop("label")
        self.entries.put(lambda ledger: ledger.expect(row["id"], label))
        self._note(send_row(self.producer, TARGETS[topic], fields).acknowledgement)

    def _note(self, acknowledgement: Any) -> None:
        def taken(place: Any) -> None:
            where = (place.topic, place.partition, place.offset)
            self.entries.put(lambda ledger: ledger.take_in(where))

        acknowledgement.add_callback(taken)
        acknowledgement.add_errback(self.failures.append)

    def _read_outputs(self) -> None:
        consumer = self.new_consumer()
        try:
            places = [
                TopicPartition(topic, partition)
                for topic in OUTCOME_TOPICS
                for partition in consumer.partitions_for_topic(topic) or ()
            ]
            consumer.assign(places)
            consumer.seek_to_beginning()
            while not self.no_more_output.is_set():
                for place, records in consumer.poll(timeout_ms=200).items():
                    for record in records:
                        self._enter(place.topic, json.loads(record.value))
        finally:
            consumer.close()

    def _enter(self, topic: str, value: dict[str, Any]) -> None:
        self.entries.put(lambda ledger: ledger.take_out(topic, value))
