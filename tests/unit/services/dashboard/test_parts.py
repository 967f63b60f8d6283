"""Only what changed is sent."""

from __future__ import annotations

import json
from typing import Any

from harness.outputs import NOON, routed, scored, trend
from tidings_services.dashboard.parts import Parts
from tidings_services.dashboard.picture import Picture


class Clock:
    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        return self.now


def decoded(content: bytes | None) -> dict[str, Any]:
    assert content is not None
    parts: dict[str, Any] = json.loads(content)["parts"]
    return parts


def test_first_answer_is_everything() -> None:
    picture = Picture(clock=Clock())
    picture.fold(routed(3))
    picture.fold(trend("NGLB"))

    _, content = Parts(view=picture.view, clock=Clock()).changed_since(0)

    parts = decoded(content)
    assert parts["decisions"] == ["routed/customer-messages/0/3"]
    assert parts["decision.routed/customer-messages/0/3"]["label"] == "card_arrival"
    assert parts["tickers"]["shown"] == ["NGLB"]
    assert parts["trend.NGLB"]["points"][0]["mean"] == 0.3
    assert parts["intents"]["rows"][0]["label"] == "card_arrival"


def test_later_answer_has_only_what_changed() -> None:
    clock = Clock()
    picture = Picture(clock=clock)
    picture.fold(routed(0))
    parts = Parts(view=picture.view, clock=clock)
    version, _ = parts.changed_since(0)

    picture.fold(scored(0))
    clock.now += 0.5
    _, content = parts.changed_since(version)

    changed = decoded(content)
    assert "decision.scored/news-messages/0/0/NGLB" in changed
    assert "decision.routed/customer-messages/0/0" not in changed
    assert "intents" not in changed


def test_nothing_changed_is_no_content() -> None:
    clock = Clock()
    parts = Parts(view=Picture(clock=clock).view, clock=clock)
    version, _ = parts.changed_since(0)
    clock.now += 0.6

    assert parts.changed_since(version)[1] is None


def test_view_is_made_at_most_twice_a_second() -> None:
    clock = Clock()
    made = []
    picture = Picture(clock=clock)

    def view() -> dict[str, Any]:
        made.append(clock.now)
        return picture.view()

    parts = Parts(view=view, clock=clock)
    for _ in range(100):
        parts.changed_since(0)
        clock.now += 0.02

    assert len(made) <= 5


def test_page_that_missed_updates_gets_them_together() -> None:
    clock = Clock()
    picture = Picture(clock=clock)
    parts = Parts(view=picture.view, clock=clock)
    version, _ = parts.changed_since(0)
    for offset in range(4):
        picture.fold(routed(offset))
        clock.now += 0.5
        parts.changed_since(0)  # another page, which keeps up

    _, content = parts.changed_since(version)

    assert sum(name.startswith("decision.") for name in decoded(content)) == 4
