"""Lend an environment's PyTorch to another one: PyTorch with CUDA is 5 GB, and each peer wants it.

    python benchmarks/share_torch.py LOCK LENDER BORROWER

LENDER and BORROWER are site-packages folders.  Where the lender has exactly the versions of PyTorch
and its libraries that LOCK names, they are linked; prints LOCK without what was linked.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

FAMILY = re.compile(r"^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==([^ ;\\]+)")


def main() -> None:
    """Link what can be shared and print what is left to install."""
    lock, lender, borrower = map(Path, sys.argv[1:])
    blocks = re.split(r"^(?=[a-z0-9])", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    wanted = {found[1]: found[2] for block in blocks if (found := FAMILY.match(block))}
    there = {
        each.name.lower().replace("_", "-"): each for each in distributions(path=[str(lender)])
    }
    if all(name in there and there[name].version == version for name, version in wanted.items()):
        for name in wanted:
            _link(there[name], lender, borrower)
        blocks = [block for block in blocks if not FAMILY.match(block)]
    print("".join(blocks), end="")


def _link(distribution: Distribution, lender: Path, borrower: Path) -> None:
    for name in sorted(
        {file.parts[0] for file in distribution.files or () if ".." not in file.parts}
    ):
        link = borrower / name
        if name != "__pycache__" and not link.exists():
            link.symlink_to((lender / name).resolve())


if __name__ == "__main__":
    main()
