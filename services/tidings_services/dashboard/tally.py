"""Counts by label in bounded memory, and which records were seen."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable

OTHER = "other"


class Tally:
    """Counts by label; once `most_labels` are known, a further one counts as `other`."""

    def __init__(self, *, most_labels: int = 1000) -> None:
        self._most_labels = most_labels
        self._counts: Counter[str] = Counter()

    def add(self, label: str) -> None:
        """Count one."""
        known = label in self._counts or len(self._counts) < self._most_labels
        self._counts[label if known else OTHER] += 1

    def __getitem__(self, label: str) -> int:
        return self._counts[label]

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def total(self) -> int:
        """The sum of all counts."""
        return self._counts.total()

    def most_common(self, most: int | None = None) -> list[tuple[str, int]]:
        """Labels with their counts, largest first, equal ones by name."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return ordered[:most]


class Seen:
    """The newest `most` identities, to tell a repeat."""

    def __init__(self, *, most: int = 100_000) -> None:
        self._most = most
        self._identities: OrderedDict[Hashable, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._identities)

    def is_new(self, identity: Hashable) -> bool:
        """Remember an identity; False where it is remembered already."""
        if identity in self._identities:
            return False
        self._identities[identity] = None
        if len(self._identities) > self._most:
            self._identities.popitem(last=False)
        return True
