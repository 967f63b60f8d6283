"""One chaos scenario: a stream goes in, things happen, and at the end everything is counted.

1. Feed the stream in the background.
2. Let the scenario happen, every choice drawn from its seed.
3. Stop the stream, heal the cluster, and wait until everything is committed.
4. Let the workers go, read all topics, judge, and write one line of the report.
"""

from __future__ import annotations

import json
import random
import time
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

from harness.chaos_audit import OUTCOMES, Verdict, judge
from harness.chaos_input import Feeder
from harness.chaos_model import SOUND, ModelFaults
from harness.chaos_workers import ChaosWorkers
from harness.committed_reader import read_committed, wait_until_no_transaction_is_open
from harness.kafka_cluster import KafkaCluster
from harness.kafka_topics import Topics
from harness.tidings_audit import differences, has_audit, run_audit
from harness.waiting import wait_for
from tidings_streams.topics import CUSTOMER_MESSAGES

STALL_SECONDS = 90.0
OPEN_TRANSACTION_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosPlan:
    """What a session of chaos was asked for.

    `seed` decides every scenario's schedule and stream; `settings` are the workers', by their names
    in `Settings`; `report` is a file to which each scenario adds a line of JSON.
    """

    seed: int
    long: bool
    settings: Mapping[str, str]
    report: Path | None

    def pick(self, short: float, long: float) -> float:
        """A size for the short form, or for the long one."""
        return long if self.long else short

    @property
    def exactly_once(self) -> bool:
        """Whether the workers were asked to write in transactions."""
        return self.settings.get("delivery") == "exactly_once"


@dataclass(slots=True, kw_only=True)
class ChaosRun:
    """A scenario on a healthy cluster and empty topics; use it as a context, then `settle`."""

    scenario: str
    plan: ChaosPlan
    cluster: KafkaCluster
    topics: Topics
    folder: Path
    rate: float
    faults: ModelFaults = SOUND
    chance: random.Random = field(init=False)
    workers: ChaosWorkers = field(init=False)
    journal: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    _feeder: Feeder = field(init=False)
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        seed = self.plan.seed ^ zlib.crc32(self.scenario.encode())
        self.chance = random.Random(seed)
        self.workers = ChaosWorkers(
            topics=self.topics,
            folder=self.folder,
            settings=self.plan.settings,
            seed=seed,
            faults=self.faults,
        )
        self._feeder = Feeder(self.topics.bootstrap_servers, seed=seed, rate=self.rate)

    def __enter__(self) -> ChaosRun:
        self._feeder.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        settings = dict(self.plan.settings)
        print(f"chaos {self.scenario}, CHAOS_SEED={self.plan.seed}, settings {settings}")  # noqa: T201
        print("\n".join(self.journal))  # noqa: T201 - pytest shows it where the test fails
        if error is not None:
            print(self.workers.log_tails())  # noqa: T201
        self.workers.kill_all()
        for node in self.cluster.nodes:
            self.cluster.resume(node)
        self._feeder.__exit__(kind, error, trace)

    def note(self, what: str) -> None:
        """Write down what was done, and when."""
        self.journal.append(f"  {time.monotonic() - self._began:6.1f} s  {what}")

    def pause(self, least: float, most: float) -> None:
        """Let things run for a time between two bounds, in seconds."""
        time.sleep(self.chance.uniform(least, most))

    def wait_for_progress(self) -> None:
        """Wait until more outputs are written than are now."""
        before = self._outputs()
        wait_for(self._outputs, lambda count: count > before, what="outputs to be written")

    def _outputs(self) -> int:
        return sum(sum(self.topics.end_offsets(topic).values()) for topic in OUTCOMES)

    def settle(self) -> Verdict:
        """End the stream, wait until it is processed, and judge; raises what was not in time."""
        self.cluster.heal()
        self._feeder.stop()
        self.note("the stream ended")
        self._wait_until_committed()
        self.note("everything is committed")
        self.workers.leave_all()
        wait_until_no_transaction_is_open(
            self.topics.bootstrap_servers, OUTCOMES, timeout=OPEN_TRANSACTION_SECONDS
        )
        read = read_committed(self.topics.bootstrap_servers, self.topics.names())
        queues = {name: records for name, records in read.items() if name.startswith("queue-")}
        self.verdict = judge(read[CUSTOMER_MESSAGES], read, queues)
        self.note(f"the verdict: {self.verdict}")
        self._report()
        if has_audit():
            differing = differences(self.verdict, run_audit(self.topics))
            assert differing == {}, f"(judge, tidings audit) disagree: {differing}"
            self.note("tidings audit agrees")
        return self.verdict

    def _wait_until_committed(self) -> None:
        """Wait for as long as commits go on; raises where none comes for `STALL_SECONDS`."""
        ends = self.topics.end_offsets(CUSTOMER_MESSAGES)
        committed = self._committed()
        while not committed.items() >= ends.items():
            committed = wait_for(
                self._committed,
                lambda now, before=committed: now != before,
                what=f"a commit beyond {committed}, up to {ends}",
                timeout=STALL_SECONDS,
                interval=0.5,
            )

    def _committed(self) -> dict[int, int]:
        self.workers.replace_crashed()
        return self.topics.committed_offsets("intents", CUSTOMER_MESSAGES)

    def line(self) -> dict[str, object]:
        """The scenario's line of the report; without a verdict's counts before there is one."""
        counts = {} if self.verdict is None else asdict(self.verdict)
        return {
            "scenario": self.scenario,
            "form": "long" if self.plan.long else "short",
            "settings": dict(self.plan.settings),
            "seed": self.plan.seed,
            "seconds": round(time.monotonic() - self._began, 1),
            "kills": self.workers.kills,
            "leaves": self.workers.leaves,
            "slowest_leave_seconds": round(self.workers.slowest_leave_seconds, 2),
            "crashes": len(self.workers.crashes),
            **{name: count for name, count in counts.items() if name != "examples"},
        }

    def _report(self) -> None:
        if self.plan.report is not None:
            with self.plan.report.open("a", encoding="utf-8") as report:
                report.write(json.dumps(self.line()) + "\n")
