"""The routing table: which queue, and how urgently, for each intent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class RoutingTableError(Exception):
    """The routing table can not be used; the message names the file, the entry and the remedy."""


class Priority(StrEnum):
    """How soon a person should look, least urgent first."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


QueueName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,100}$")]


class Route(BaseModel):
    """Where an intent goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    queue: QueueName
    priority: Priority = Priority.NORMAL


class RoutingFile(BaseModel):
    """A routing table as it is written; `default` is the route of an intent that is not listed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: Route | None = None
    intents: dict[str, Route]

    @property
    def queues(self) -> frozenset[str]:
        """The queues that the file names."""
        routes = [*self.intents.values(), *([self.default] if self.default else [])]
        return frozenset(route.queue for route in routes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingTable:
    """Every intent of a model with its route."""

    routes: dict[str, Route]

    def __getitem__(self, intent: str) -> Route:
        return self.routes[intent]

    def most_urgent(self, intents: Sequence[str]) -> Priority:
        """The highest priority among some intents; at least one is given."""
        order = list(Priority)
        return max((self.routes[intent].priority for intent in intents), key=order.index)


def read_routing_file(path: Path | None) -> RoutingFile:
    """Read a routing table, the shipped one where `path` is None.

    Raises RoutingTableError for a file that is missing, unreadable or ill-formed.
    """
    where = _name(path)
    try:
        text = _shipped() if path is None else path.read_text(encoding="utf-8")
        return RoutingFile.model_validate(yaml.safe_load(text))
    except OSError as error:
        raise RoutingTableError(
            f"{where}: can not be read ({error.strerror}); set TIDINGS_ROUTING_TABLE to a YAML file"
        ) from None
    except (yaml.YAMLError, ValidationError) as error:
        raise RoutingTableError(f"{where}: {error}") from None


def load_routing_table(path: Path | None, *, intents: Sequence[str]) -> RoutingTable:
    """Read a routing table for a model's intents.

    Raises RoutingTableError as `read_routing_file`, and for an intent of the model that the table
    does not route, and for an entry that the model does not know.
    """
    where = _name(path)
    table = read_routing_file(path)
    unknown = sorted(set(table.intents) - set(intents))
    if unknown:
        raise RoutingTableError(
            f"{where}: the model has no intent {', '.join(map(repr, unknown))}; "
            "correct the name, or serve the bundle that has it"
        )
    missing = sorted(set(intents) - set(table.intents))
    if missing and table.default is None:
        raise RoutingTableError(
            f"{where}: no route for {', '.join(map(repr, missing))}; "
            "add each under `intents`, or a `default` route"
        )
    routes = dict(table.intents)
    if table.default is not None:
        routes.update(dict.fromkeys(missing, table.default))
    return RoutingTable(routes=routes)


def _name(path: Path | None) -> str:
    return "the shipped routing table" if path is None else str(path)


def _shipped() -> str:
    return files("tidings_streams").joinpath("data/routing.yaml").read_text(encoding="utf-8")
