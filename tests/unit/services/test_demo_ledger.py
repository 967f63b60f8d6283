from __future__ import annotations

from typing import Any

from tidings_services.demo_ledger import Ledger
from tidings_streams.outcomes import OutcomeKind


def output(offset: int, topic: str = "customer-messages", **fields: Any) -> dict[str, Any]:
    return {
        "message_id": f"m-{offset}",
        "source": {"topic": topic, "partition": 0, "offset": offset},
        **fields,
    }


def ledger(inputs: int) -> Ledger:
    made = Ledger()
    for offset in range(inputs):
        made.take_in(("customer-messages", 0, offset))
    return made


def test_record_of_which_nothing_came_out_is_missing() -> None:
    kept = ledger(2)
    kept.take_out("routed-messages", output(0, intent="a"))

    assert (kept.inputs, kept.missing, kept.ended(OutcomeKind.ROUTED)) == (2, 1, 1)


def test_repeat_counts_once() -> None:
    kept = ledger(1)
    for _ in range(3):
        kept.take_out("routed-messages", output(0, intent="a"))

    assert (kept.ended(OutcomeKind.ROUTED), kept.contradictions) == (1, 0)


def test_record_in_two_places_is_a_contradiction() -> None:
    kept = ledger(1)
    kept.take_out("routed-messages", output(0, intent="a"))
    kept.take_out("triage-messages", output(0, intent="a"))

    assert kept.contradictions == 1


def test_dead_letter_accounts_for_its_record() -> None:
    kept = ledger(1)
    letter = output(0)
    del letter["message_id"]
    kept.take_out("dead-letters", letter)

    assert (kept.missing, kept.ended(OutcomeKind.DEAD_LETTERED)) == (0, 1)


def test_message_about_two_companies_is_one_message_and_two_decisions() -> None:
    kept = Ledger()
    kept.take_in(("news-messages", 0, 0))
    kept.expect("m-0", "A:positive|B:negative")
    for ticker, label in (("A", "positive"), ("B", "positive")):
        value = output(0, topic="news-messages", ticker=ticker, label=label)
        kept.take_out("scored-messages", value)

    assert (kept.ended(OutcomeKind.SCORED), kept.missing) == (1, 0)
    assert (kept.accuracy("sentiment").right, kept.accuracy("sentiment").of) == (1, 2)


def test_accuracy_of_intents_counts_what_was_routed_and_of_the_rest_what_was_handed_over() -> None:
    kept = ledger(3)
    for number, label in enumerate(("card_arrival", "card_arrival", "out_of_scope")):
        kept.expect(f"m-{number}", label)
    kept.take_out("routed-messages", output(0, intent="card_arrival"))
    kept.take_out("routed-messages", output(1, intent="lost_card"))
    kept.take_out("triage-messages", output(2, intent="lost_card"))

    assert kept.accuracy("intent").share == 0.5
    assert kept.accuracy("out_of_scope").share == 1.0
    assert kept.accuracy("sentiment").share is None
