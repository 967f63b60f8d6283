"""A tiny BERT with random weights and data made here: all stages in seconds."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from tidings_models.training.recipe import Recipe, parse_recipe

WORDS = {
    "negative": ("falls", "loss", "cut", "weak", "warning"),
    "neutral": ("meets", "names", "plans", "opens", "reports"),
    "positive": ("rises", "profit", "raised", "strong", "record"),
}
COMPANIES = ("Nokia", "Acme", "Globex")
FILLERS = ("the", "company", "today", "said", "in", "a", "quarter")


def make_rows(count: int, *, seed: int) -> list[tuple[str, str, str]]:
    """(text, entity, label): the label is in the words."""
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        label, company = chance.choice(sorted(WORDS)), chance.choice(COMPANIES)
        words = chance.sample(WORDS[label], 3) + chance.sample(FILLERS, chance.randint(1, 6))
        chance.shuffle(words)
        rows.append((f"{company} {' '.join(words)}", company, label))
    return rows


@pytest.fixture(scope="session")
def data_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("data")
    for file, count, seed in (("train.csv", 400, 1), ("test.csv", 60, 2)):
        with (directory / file).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(
                [("text", "entity", "label"), *make_rows(count, seed=seed)]
            )
    outside = ["text,domain", "boil the pasta,kitchen", "sing a song,music", "my card,bank"]
    (directory / "outside.csv").write_text("\n".join(outside), encoding="utf-8")
    return directory


@pytest.fixture(scope="session")
def encoder_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch  # noqa: PLC0415 - collecting these tests must not need the [train] extra
    from transformers import BertConfig, BertModel  # noqa: PLC0415

    directory = tmp_path_factory.mktemp("encoder")
    words = sorted({w.lower() for group in (*WORDS.values(), COMPANIES, FILLERS) for w in group})
    vocabulary = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(directory / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def recipe(encoder_directory: Path) -> Recipe:
    return parse_recipe(f"""
name: tiny
task: sentiment
description: A model for tests.
encoder: {encoder_directory}
encoder_licence: none
max_tokens: 32
pair_input: true
data:
  - name: Made
    licence: CC0
    source: made by the tests
    train: train.csv
    test: test.csv
    entity_column: entity
out_of_scope:
  name: Outside
  licence: CC0
  source: made by the tests
  file: outside.csv
  exclude_domains: [bank]
training: {{epochs: 3, batch_size: 16, learning_rate: 0.005, precision: fp32, patience: 3}}
quantization: {{calibration_texts: 40}}
abstention: {{max_error_when_routed: 0.05, in_scope_kept: 0.95}}
gate:
  minimum_accuracy: {{Made: 0.8}}
  maximum_quantization_loss: 0.05
  maximum_calibration_error: 0.5
""")
