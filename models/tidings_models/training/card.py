"""The model card: the manifest, as a person reads it (Mitchell et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterable

from tidings_models.manifest import DataUsed, Manifest
from tidings_models.training.gate import describe

_USES = {"train": "training and validation", "test": "test", "out_of_scope": "out-of-scope test"}


def write_card(manifest: Manifest) -> str:
    """Return CARD.md: use, data and licences, figures, gate, limits."""
    sections = (
        _use(manifest),
        _data(manifest),
        _figures(manifest),
        _abstention(manifest),
        _gate(manifest),
        _limits(manifest),
    )
    return "\n\n".join((f"# {manifest.name}", manifest.description, *sections)) + "\n"


def _use(manifest: Manifest) -> str:
    asks = "a text, or a text and a company named in it" if manifest.pair_input else "a text"
    return (
        "## Use\n\n"
        f"Task: {manifest.task}.  Input: {asks}, English, up to {manifest.max_tokens} word pieces "
        f"(longer texts are cut).  Output: {len(manifest.labels)} labels with calibrated "
        f"probabilities (temperature {manifest.temperature:.3f}) and an energy.\n\n"
        f"Encoder: {manifest.encoder.name} ({manifest.encoder.licence}), weights "
        f"`{manifest.encoder.digest[:12]}`; mean pooling, one linear layer; static int8.  "
        f"Recipe `{manifest.recipe.digest[:12]}`, built {manifest.created_at:%Y-%m-%d}."
    )


def _data(manifest: Manifest) -> str:
    header = ("set", "used for", "rows", "licence", "source")
    rows = [
        (data.name, _USES[data.use], f"{data.rows:,}", data.licence, data.source)
        for data in manifest.data
    ]
    notes = [f"- {name}: {note}" for name, note in _notes(manifest.data).items()]
    return "## Data\n\n" + _table(header, rows) + ("\n\n" + "\n".join(notes) if notes else "")


def _notes(data: Iterable[DataUsed]) -> dict[str, str]:
    return {used.name: used.note for used in data if used.note}


def _figures(manifest: Manifest) -> str:
    figures = manifest.figures
    header = ("test set", "rows", "network", "accuracy", "macro-F1", "ECE, T = 1", "ECE")
    rows = [
        (
            test.name,
            f"{test.rows:,}",
            kind,
            f"{network.accuracy:.4f}",
            f"{network.macro_f1:.4f}",
            f"{network.calibration_error_before:.4f}",
            f"{network.calibration_error_after:.4f}",
        )
        for test in figures.tests
        for kind, network in (("fp32", test.fp32), ("int8", test.int8))
    ]
    changed = ", ".join(f"{t.labels_changed} of {t.rows:,} ({t.name})" for t in figures.tests)
    training = figures.training
    return (
        f"## Figures\n\n{_table(header, rows)}\n\n"
        "ECE: expected calibration error, 15 bins, before and after the temperature.  "
        f"Labels that quantization changed: {changed}.  Speed: "
        f"{figures.messages_per_second:.0f} messages a second in int8, "
        f"{figures.messages_per_second_fp32:.0f} in fp32 ({figures.measured_on}).\n\n"
        f"Fine-tuned on {training.train_rows:,} rows in {training.precision}; epoch "
        f"{training.epoch:.0f} chosen on {training.validation_rows:,} validation rows (accuracy "
        f"{training.accuracy:.4f}).  {training.dropped_rows} training rows were left out because "
        "a test file has the same text.  Test files chose nothing."
    )


def _abstention(manifest: Manifest) -> str:
    if manifest.abstain_below is None and manifest.out_of_scope_above is None:
        return "## Abstention\n\nThis model always answers."
    lines = ["## Abstention", ""]
    if manifest.abstain_below is not None:
        lines.append(f"- unsure: probability below {manifest.abstain_below:.4f}")
    if manifest.out_of_scope_above is not None:
        lines.append(f"- out of scope: energy above {manifest.out_of_scope_above:.4f}")
    lines += [
        f"- {test.name}: {test.coverage:.1%} of rows decided, {test.error_when_decided:.1%} of "
        "those wrong"
        for test in manifest.figures.tests
        if test.coverage is not None and test.error_when_decided is not None
    ]
    if (strange := manifest.figures.out_of_scope) is not None:
        lines.append(
            f"- {strange.name} ({strange.rows:,} out-of-scope texts): energy AUROC "
            f"{strange.auroc:.3f}; {strange.false_positives_at_95:.1%} pass where 95 % of the test "
            f"rows do; at the bound above {strange.in_scope_kept:.1%} of the test rows pass, "
            f"{strange.caught:.1%} of the out-of-scope texts are caught, and "
            f"{strange.caught_or_unsure:.1%} by either bound"
        )
    return "\n".join(lines)


def _gate(manifest: Manifest) -> str:
    checks = [f"- {describe(check)}" for check in manifest.gate.checks]
    return f"## Gate: {'passed' if manifest.gate.passed else 'not passed'}\n\n" + "\n".join(checks)


def _limits(manifest: Manifest) -> str:
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in manifest.limits or ("none known",))


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (header, ("---",) * len(header), *rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
