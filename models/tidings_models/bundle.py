"""A model bundle on disk: finding it, checking every file of it, refusing it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tidings_models.manifest import FP16_FILE, MODEL_FILE, TOKENIZER_FILE, Manifest

MANIFEST_FILE = "manifest.json"


class BundleError(Exception):
    """The bundle is missing, damaged or not allowed to serve; the message names the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A bundle whose every file is what its manifest says; `digest` is SHA-256 of the manifest."""

    directory: Path
    manifest: Manifest
    digest: str

    @property
    def reference(self) -> str:
        """`name@` and the first 12 hex digits of the digest: what every decision carries."""
        return f"{self.manifest.name}@{self.digest[:12]}"

    @property
    def model_file(self) -> Path:
        """The int8 network."""
        return self.directory / MODEL_FILE

    @property
    def fp16_file(self) -> Path | None:
        """The network in half precision, where the manifest lists one."""
        return self.directory / FP16_FILE if FP16_FILE in self.manifest.files else None

    @property
    def tokenizer_file(self) -> Path:
        """The tokenizer."""
        return self.directory / TOKENIZER_FILE


def load_bundle(path: Path) -> Bundle:
    """Check a bundle and return it.

    Raises BundleError where the manifest is missing or wrong, where a file is missing or its
    SHA-256 differs, or where the gate was not passed.
    """
    try:
        content = (path / MANIFEST_FILE).read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path} is no bundle: {MANIFEST_FILE} cannot be read ({type(error).__name__}).  "
            "Name a shipped bundle or a directory that `tidings models build` wrote."
        ) from error
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'file'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise BundleError(
            f"{path / MANIFEST_FILE} is not valid: {faults}.  Restore the bundle or build it again."
        ) from error
    for name, expected in sorted(manifest.files.items()):
        _check_file(path / name, expected)
    if not manifest.gate.passed:
        failed = ", ".join(
            f"{check.name} is {check.measured:g}, bound {check.bound:g}"
            for check in manifest.gate.checks
            if not check.passed
        )
        raise BundleError(
            f"{path}: only a gated model serves, and this one did not pass "
            f"({failed or 'no check was made'}).  Improve it and build it again."
        )
    return Bundle(directory=path, manifest=manifest, digest=hashlib.sha256(content).hexdigest())


def find_bundle(name_or_path: str | Path) -> Path:
    """Return the directory of a bundle: an existing path, or the name of a shipped one.

    Raises BundleError listing the shipped ones where it is neither.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return path
    shipped = shipped_bundles()
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    raise BundleError(
        f"There is no bundle {str(name_or_path)!r}: neither a directory nor a shipped bundle "
        f"({', '.join(shipped) or 'none is installed'})."
    )


def shipped_bundles() -> dict[str, Path]:
    """Return the bundles that came with this installation, by name, sorted."""
    package = Path(__file__).resolve().parent
    # A wheel carries them inside the package; an editable install has them beside it.
    roots = (package / "bundles", package.parent / "bundles")
    found = {
        manifest.parent.name: manifest.parent
        for root in reversed(roots)
        for manifest in root.glob(f"*/{MANIFEST_FILE}")
    }
    return dict(sorted(found.items()))


def _check_file(file: Path, expected: str) -> None:
    try:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(
            f"{file} cannot be read ({type(error).__name__}), the manifest lists it.  "
            "Restore the bundle or build it again."
        ) from error
    if found != expected:
        raise BundleError(
            f"{file} is not the file that the manifest lists: its SHA-256 is {found}, "
            f"expected {expected}.  Restore the bundle or build it again."
        )
