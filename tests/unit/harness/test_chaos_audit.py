"""The judge of the chaos tests sees every kind of fault: each is put in, and found."""

from __future__ import annotations

import json
from dataclasses import replace

from harness.chaos_audit import OUTCOMES, Verdict, judge
from harness.chaos_input import KIND_HEADER, WHOLESOME
from harness.kafka_topics import Record
from tidings_streams.topics import CUSTOMER_MESSAGES, DEAD_LETTERS, ROUTED_MESSAGES, TRIAGE_MESSAGES

CARDS = "queue-cards"


def an_input(offset: int, kind: str = WHOLESOME) -> Record:
    return Record(
        topic=CUSTOMER_MESSAGES,
        partition=0,
        offset=offset,
        key=b"c-1",
        value=b"{}",
        headers={KIND_HEADER: kind.encode()},
    )


class World:
    """Six inputs of one customer: four routed, one triaged, one dead; a test then spoils it."""

    def __init__(self) -> None:
        self.inputs = [an_input(offset) for offset in range(5)] + [an_input(5, kind="words")]
        self.topics: dict[str, list[Record]] = {topic: [] for topic in (*OUTCOMES, CARDS)}
        for offset in range(4):
            self.write(ROUTED_MESSAGES, offset)
            self.write(CARDS, offset)
        self.write(TRIAGE_MESSAGES, 4)
        self.write(DEAD_LETTERS, 5)

    def write(self, topic: str, offset: int, *, event: str | None = None, **fields: str) -> None:
        value = {
            "source": {"topic": CUSTOMER_MESSAGES, "partition": 0, "offset": offset},
            "queue": "cards",
            "reason": "not_json",
            **fields,
        }
        written = self.topics[topic]
        written.append(
            Record(
                topic=topic,
                partition=0,
                offset=len(written),
                key=b"c-1",
                value=json.dumps(value).encode(),
                headers={"ce_id": (event or f"0/{offset}/{topic}").encode()},
            )
        )

    def judged(self) -> Verdict:
        outcomes = {topic: self.topics[topic] for topic in OUTCOMES}
        return judge(self.inputs, outcomes, {CARDS: self.topics[CARDS]})


def test_world_in_order_has_no_fault() -> None:
    verdict = World().judged()

    assert verdict.faults() == {}
    assert (verdict.inputs, verdict.outputs, verdict.dead_letters) == (6, 6, 1)
    assert (verdict.repeated, verdict.queue_repeated) == (0, 0)


def test_output_that_is_deleted_is_missing_and_leaves_a_copy_nobody_routed() -> None:
    world = World()
    del world.topics[ROUTED_MESSAGES][2]

    verdict = world.judged()
    assert verdict.faults() == {"missing": 1, "misqueued": 1}
    assert verdict.examples["missing"] == [(0, 2)]


def test_dead_letter_that_is_deleted_is_missing() -> None:
    world = World()
    world.topics[DEAD_LETTERS].clear()

    assert world.judged().faults() == {"missing": 1}


def test_copy_for_a_queue_that_is_deleted_is_noticed() -> None:
    world = World()
    del world.topics[CARDS][0]

    assert world.judged().faults() == {"unqueued": 1}


def test_repeat_is_counted_and_is_no_fault() -> None:
    world = World()
    world.write(ROUTED_MESSAGES, 1)
    world.write(CARDS, 1)
    world.write(CARDS, 1)
    world.write(DEAD_LETTERS, 5)

    verdict = world.judged()
    assert (verdict.repeated, verdict.queue_repeated) == (2, 2)
    assert verdict.faults() == {}


def test_input_in_two_kinds_of_place_is_a_fault() -> None:
    world = World()
    world.write(TRIAGE_MESSAGES, 3)

    verdict = world.judged()
    assert verdict.faults()["in_several"] == 1
    assert verdict.repeated == 0


def test_output_of_no_input_is_a_fault() -> None:
    world = World()
    world.write(TRIAGE_MESSAGES, 99)

    assert world.judged().faults() == {"unknown": 1}


def test_poison_that_is_decided_is_a_fault() -> None:
    world = World()
    world.inputs[4] = an_input(4, kind="cut off")

    assert world.judged().faults() == {"misjudged": 1}


def test_wholesome_input_is_a_dead_letter_only_where_the_model_failed() -> None:
    world = World()
    world.inputs[5] = an_input(5)
    assert world.judged().faults() == {"misjudged": 1}

    world.topics[DEAD_LETTERS].clear()
    world.write(DEAD_LETTERS, 5, reason="inference_failed")
    assert world.judged().faults() == {}


def test_event_id_that_two_inputs_share_is_a_fault() -> None:
    world = World()
    shared = world.topics[ROUTED_MESSAGES][0].headers
    world.topics[ROUTED_MESSAGES][1] = replace(world.topics[ROUTED_MESSAGES][1], headers=shared)

    assert world.judged().faults() == {"misnamed": 1}


def test_input_with_two_event_ids_in_one_topic_is_a_fault() -> None:
    world = World()
    world.write(TRIAGE_MESSAGES, 4, event="another")

    assert world.judged().faults() == {"misnamed": 1}


def test_decision_before_that_of_an_earlier_input_of_its_key_is_a_fault() -> None:
    world = World()
    first, second, *rest = world.topics[ROUTED_MESSAGES]
    world.topics[ROUTED_MESSAGES] = [second, first, *rest]

    verdict = world.judged()
    assert verdict.faults() == {"disordered": 1}
    assert verdict.examples["disordered"] == [(ROUTED_MESSAGES, (0, 0))]


def test_repeats_of_earlier_inputs_leave_the_order_of_first_outputs_as_it_is() -> None:
    world = World()
    world.write(ROUTED_MESSAGES, 0)
    world.write(ROUTED_MESSAGES, 1)

    assert world.judged().faults() == {}


def test_order_is_kept_by_key_not_across_keys() -> None:
    world = World()
    first, second, *rest = world.topics[ROUTED_MESSAGES]
    world.topics[ROUTED_MESSAGES] = [replace(second, key=b"c-2"), first, *rest]

    assert world.judged().faults() == {}
