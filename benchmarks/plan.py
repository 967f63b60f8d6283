"""What a run is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cores import Cores
from benchmarks.throughput import Period

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = ROOT / "models" / "bundles" / "intents-banking77"
PEERS = ("quixstreams", "mlserver", "infinity")
PARTS = ("ceiling", "tidings", "latency", "two", "loops", *PEERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Tidings with some settings, named as in `Settings`; without any it is as shipped."""

    name: str
    settings: Mapping[str, str]


AS_SHIPPED = Variant(name="Tidings", settings={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long each measurement takes and how often it is repeated."""

    period: Period
    rounds: int
    pairs: int
    way_seconds: float
    ceiling_seconds: float
    latency_seconds: float


FULL = Durations(
    period=Period(warm_up_seconds=3, seconds=15),
    rounds=4,
    pairs=2,
    way_seconds=2,
    ceiling_seconds=5,
    latency_seconds=20,
)
QUICK = Durations(
    period=Period(warm_up_seconds=1, seconds=4),
    rounds=1,
    pairs=1,
    way_seconds=0.5,
    ceiling_seconds=1,
    latency_seconds=4,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run: its seed, length and parts, where things are, and which cores do what."""

    seed: int
    durations: Durations
    variants: tuple[Variant, ...]
    parts: tuple[str, ...]
    cores: Cores
    tidings_python: Path
    user_python: Path
    work: Path

    @property
    def logs(self) -> Path:
        """Where the logs of what is measured go."""
        return self.work / "logs"

    @property
    def texts_file(self) -> Path:
        """The shuffled texts as JSON, for programs in other environments."""
        return self.work / "texts.json"


def parse_variant(text: str) -> Variant:
    """Read `NAME:KEY=VALUE,...`; a KEY is a setting's name, with or without TIDINGS_.

    Raises ValueError for anything else.
    """
    name, separator, rest = text.partition(":")
    settings = {}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"{pair!r} in the variant {text!r} is not KEY=VALUE")
        settings[key.strip().lower().removeprefix("tidings_")] = value.strip()
    if not name.strip() or not separator or not settings:
        raise ValueError(f"the variant {text!r} is not NAME:KEY=VALUE,...")
    return Variant(name=name.strip(), settings=settings)
