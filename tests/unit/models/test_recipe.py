from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tidings_models.training.recipe import RecipeError, find_recipe, parse_recipe, read_recipe

SMALL = """
name: small
task: intent
description: For tests.
encoder: package:tiny
encoder_licence: MIT
data:
  - {name: Letters, licence: CC0, source: tests, train: train.csv, test: test.csv}
gate:
  minimum_accuracy: {Letters: 0.5}
"""


def test_small_recipe_gets_the_defaults() -> None:
    recipe = parse_recipe(SMALL)

    assert recipe.training.learning_rate == 3e-4
    assert recipe.max_tokens == 128
    assert not recipe.pair_input


@pytest.mark.parametrize("name", ["intents-banking77", "sentiment-finance"])
def test_shipped_recipe_is_valid_and_bears_its_name(name: str) -> None:
    assert read_recipe(find_recipe(name)).name == name


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"epoch": 3}, "epoch"),
        ({"training": {"learning_rate": -1}}, r"training\.learning_rate"),
        ({"training": {"lr": 1}}, r"training\.lr"),
        ({"name": "No Spaces"}, "name"),
        ({"max_tokens": 1000}, "max_tokens"),
        ({"data": []}, "data"),
        ({"gate": {"minimum_accuracy": {"Other": 0.5}}}, "no test file for Other"),
        (
            {"data": [{"name": "L", "licence": "", "source": "", "test": "t.csv"}]},
            "no set has a training file",
        ),
        (
            {
                "data": [
                    {"name": "Letters", "licence": "", "source": "", "train": "t.csv",
                     "test": "t.csv", "entity_column": "company"}
                ]
            },
            "pair_input: true",
        ),
    ],
)  # fmt: skip
def test_fault_in_a_recipe_is_named(change: dict[str, object], fault: str) -> None:
    values = {**yaml.safe_load(SMALL), **change}

    with pytest.raises(RecipeError, match=fault):
        parse_recipe(yaml.safe_dump(values))


def test_recipe_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(RecipeError, match="not YAML"):
        parse_recipe("{")


def test_missing_recipe_lists_the_shipped_ones() -> None:
    with pytest.raises(RecipeError, match="intents-banking77, sentiment-finance"):
        find_recipe("no-such-recipe")


def test_unreadable_recipe_names_its_file(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"absent\.yaml"):
        read_recipe(tmp_path / "absent.yaml")


def test_digest_follows_the_values_not_the_text() -> None:
    assert parse_recipe(SMALL).digest == parse_recipe(SMALL + "\n# a comment\n").digest
    assert parse_recipe(SMALL).digest != parse_recipe(SMALL + "max_tokens: 64\n").digest


def test_other_gate_trains_alike_and_other_seed_does_not() -> None:
    recipe = parse_recipe(SMALL)

    assert recipe.trains_like(parse_recipe(SMALL.replace("0.5", "0.6")))
    assert not recipe.trains_like(parse_recipe(SMALL + "training: {seed: 99}\n"))
