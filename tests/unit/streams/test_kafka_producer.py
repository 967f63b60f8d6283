from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError, ProducerClosed

from harness.fake_broker import FakeBroker
from harness.fake_group_client import CONNECTION
from tidings_streams.kafka_producer import Producer


async def test_renewal_that_fails_leaves_no_client_and_the_next_one_makes_one() -> None:
    broker = FakeBroker()
    producer = Producer(CONNECTION, connect=broker.producer)
    await producer.start()
    failed = producer.current
    broker.down = 1

    with pytest.raises(KafkaConnectionError):
        await producer.renew(failed)
    assert producer.current is None
    with pytest.raises(ProducerClosed):
        producer.require()

    await producer.renew(producer.current)
    assert producer.require() is broker.clients[-1]


async def test_client_that_failed_is_renewed_once_for_all_who_saw_it_fail() -> None:
    broker = FakeBroker()
    producer = Producer(CONNECTION, connect=broker.producer)
    await producer.start()
    failed = producer.current

    await asyncio.gather(*(producer.renew(failed) for _ in range(5)))

    assert len(broker.clients) == 2
    assert failed.stopped
    assert not producer.current.stopped


async def test_stopped_producer_makes_no_client_any_more() -> None:
    broker = FakeBroker()
    producer = Producer(CONNECTION, connect=broker.producer)
    await producer.start()
    await producer.stop()

    with pytest.raises(ProducerClosed):
        await producer.renew(None)

    assert [client.stopped for client in broker.clients] == [True]


async def test_client_whose_start_fails_is_closed() -> None:
    broker = FakeBroker(down=1)
    producer = Producer(CONNECTION, connect=broker.producer)

    with pytest.raises(KafkaConnectionError):
        await producer.start()

    assert [client.stopped for client in broker.clients] == [True]


async def test_all_in_sync_replicas_must_acknowledge() -> None:
    options: dict[str, object] = {}
    broker = FakeBroker()

    def connect(**some: object) -> object:
        options.update(some)
        return broker.producer(**some)

    await Producer(CONNECTION, transactional_id="group-in-0", connect=connect).start()

    assert (options["acks"], options["transactional_id"]) == ("all", "group-in-0")
