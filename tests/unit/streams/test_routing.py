from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tidings_streams.routing import Priority, RoutingTableError, load_routing_table

ROUTES = """
default: {queue: general, priority: low}
intents:
  lost_card: {queue: security, priority: urgent}
  top_up: {queue: top-ups}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "routing.yaml"
    path.write_text(text)
    return path


def test_listed_and_default_routes_are_found(tmp_path: Path) -> None:
    table = load_routing_table(write(tmp_path, ROUTES), intents=["lost_card", "top_up", "other"])

    assert table["lost_card"].priority is Priority.URGENT
    assert table["top_up"].priority is Priority.NORMAL
    assert table["other"].queue == "general"


def test_intent_without_a_route_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "intents: {top_up: {queue: a}}")

    with pytest.raises(RoutingTableError, match=r"'lost_card'.*default"):
        load_routing_table(path, intents=["lost_card", "top_up"])


def test_route_of_an_intent_that_the_model_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(RoutingTableError, match="no intent 'lost_card'"):
        load_routing_table(write(tmp_path, ROUTES), intents=["top_up"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "intents: [",
        "queues: {}",
        "intents: {a: {queue: 'Not A Topic'}}",
        "intents: {a: {}}",
        "intents: {a: {queue: a, priority: whenever}}",
    ],
)
def test_ill_formed_table_is_named(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)

    with pytest.raises(RoutingTableError, match=r"routing\.yaml"):
        load_routing_table(path, intents=["a"])


def test_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RoutingTableError, match="TIDINGS_ROUTING_TABLE"):
        load_routing_table(tmp_path / "none.yaml", intents=["a"])


@pytest.mark.data
def test_shipped_table_routes_every_intent_of_banking77() -> None:
    root = Path(__file__).parents[3]
    folder = Path(os.environ.get("TIDINGS_DATA", root / ".." / "shared" / "data"))
    labels_file = folder / "banking77" / "labels.json"
    if not labels_file.exists():
        pytest.skip(f"TIDINGS_DATA: there is no {labels_file}")
    labels = json.loads(labels_file.read_text())

    table = load_routing_table(None, intents=labels)

    assert set(table.routes) == set(labels)
