"""Fine-tuning: a recipe and its rows in, PyTorch weights of the best epoch out."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import (
    BertConfig,
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from tidings_models.prediction import TokenIds
from tidings_models.tokenization import TextTokenizer
from tidings_models.training.dataset import Example, Split
from tidings_models.training.encoder import Encoder, encoder_name
from tidings_models.training.mean_pooling import MeanPoolingClassifier
from tidings_models.training.measures import accuracy, macro_f1
from tidings_models.training.recipe import Recipe, Training
from tidings_models.training.stages import EpochFigures, FineTuned, WorkingDirectory

Progress = Callable[[str, float], None]
"""Told what is going on and the share of it that is done, 0..1."""

_PADDED_TO = 8


def finetune(
    recipe: Recipe,
    split: Split,
    encoder: Encoder,
    work: WorkingDirectory,
    *,
    on_progress: Progress = lambda _what, _share: None,
) -> FineTuned:
    """Fine-tune the encoder on `split.train`; keep the epoch that is best on `split.validation`."""
    work.directory.mkdir(parents=True, exist_ok=True)
    work.record.unlink(missing_ok=True)
    shutil.copyfile(encoder.directory / "tokenizer.json", work.tokenizer)
    tokenizer = TextTokenizer(work.tokenizer, max_tokens=recipe.max_tokens)
    started = time.monotonic()
    precision = choose_precision(recipe.training.precision)
    checkpoints = work.directory / "checkpoints"
    torch.manual_seed(recipe.training.seed)
    model = MeanPoolingClassifier.from_pretrained(
        encoder.directory, config=_configuration(recipe, split.labels, encoder.directory)
    )
    trainer = Trainer(
        model=model,
        args=_arguments(recipe.training, checkpoints, precision),
        data_collator=pad,
        train_dataset=Rows(split.train, split.labels, tokenizer),
        eval_dataset=Rows(split.validation, split.labels, tokenizer),
        compute_metrics=_measure,
        callbacks=[
            EarlyStoppingCallback(early_stopping_patience=recipe.training.patience),
            _Reporter(on_progress),
        ],
    )
    trainer.remove_callback(PrinterCallback)  # it writes to standard output
    with warnings.catch_warnings():
        # Epochs of less than a second: the Trainer then sorts its checkpoints by number.
        warnings.filterwarnings("ignore", message="mtime may not be reliable")
        trainer.train()
    model.eval().save_pretrained(work.weights)  # load_best_model_at_end filled the same object
    shutil.rmtree(checkpoints)
    record = FineTuned(
        recipe=recipe,
        labels=split.labels,
        encoder_digest=encoder.digest,
        precision=precision,
        seconds=round(time.monotonic() - started, 1),
        train_rows=len(split.train),
        validation_rows=len(split.validation),
        dropped_rows=split.dropped,
        epochs=tuple(
            EpochFigures(
                epoch=entry["epoch"],
                accuracy=entry["eval_accuracy"],
                macro_f1=entry["eval_macro_f1"],
                loss=entry["eval_loss"],
            )
            for entry in trainer.state.log_history
            if "eval_loss" in entry
        ),
    )
    work.record.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return record


def choose_precision(wanted: str) -> str:
    """Return `bf16` or `fp32`; `auto` takes bf16 where it is multiplied natively.

    Without such instructions bfloat16 is emulated: measured 3.7 times slower than fp32.
    """
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    native = torch.cpu._is_avx512_bf16_supported()  # noqa: SLF001 - there is no public one
    return "bf16" if native else "fp32"


def _arguments(settings: Training, checkpoints: Path, precision: str) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=2 * settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_ratio=settings.warmup_share,
        lr_scheduler_type="linear",
        weight_decay=settings.weight_decay,
        label_smoothing_factor=settings.label_smoothing,
        group_by_length=True,
        bf16=precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        save_only_model=True,
        load_best_model_at_end=True,
        metric_for_best_model=settings.choose_epoch_by,
        greater_is_better=True,
        seed=settings.seed,
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
    )


def _configuration(recipe: Recipe, labels: Sequence[str], directory: Path) -> BertConfig:
    config = BertConfig.from_pretrained(directory)
    config.num_labels = len(labels)
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: index for index, label in enumerate(labels)}
    config.classifier_dropout = recipe.training.dropout
    config._name_or_path = encoder_name(recipe.encoder)  # noqa: SLF001 - else the local path is saved
    return config


class Rows(Dataset[dict[str, Any]]):
    """Tokenized examples, as the Trainer wants them."""

    def __init__(
        self, examples: Sequence[Example], labels: Sequence[str], tokenizer: TextTokenizer
    ) -> None:
        index = {label: i for i, label in enumerate(labels)}
        self._tokens: list[TokenIds] = tokenizer.encode(
            [example.text for example in examples], [example.entity for example in examples]
        )
        self._labels = [index[example.label] for example in examples]

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, row: int) -> dict[str, Any]:
        tokens = self._tokens[row]
        return {
            "input_ids": tokens.ids,
            "token_type_ids": tokens.type_ids,
            "labels": self._labels[row],
        }


def pad(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Make a batch: ids, mask and segments (rows, tokens), padded to a multiple of 8; labels."""
    longest = max(len(row["input_ids"]) for row in rows)
    shape = (len(rows), -(-longest // _PADDED_TO) * _PADDED_TO)
    batch = {
        name: torch.zeros(shape, dtype=torch.long)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    for i, row in enumerate(rows):
        length = len(row["input_ids"])
        batch["input_ids"][i, :length] = torch.tensor(row["input_ids"])
        batch["token_type_ids"][i, :length] = torch.tensor(row["token_type_ids"])
        batch["attention_mask"][i, :length] = 1
    batch["labels"] = torch.tensor([row["labels"] for row in rows])
    return batch


def _measure(evaluation: Any) -> dict[str, float]:
    chosen = np.argmax(evaluation.predictions, axis=-1)
    return {
        "accuracy": accuracy(evaluation.label_ids, chosen),
        "macro_f1": macro_f1(evaluation.label_ids, chosen),
    }


class _Reporter(TrainerCallback):
    def __init__(self, on_progress: Progress) -> None:
        self._on_progress = on_progress
        self._latest = "fine-tuning"

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._on_progress(self._latest, state.global_step / state.max_steps)

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        metrics = kwargs.get("metrics", {})
        self._latest = (
            f"fine-tuning (epoch {state.epoch:.0f}: {metrics.get('eval_accuracy', 0):.4f} accuracy)"
        )
