from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidings_models.onnx_network import MAX_PADDED_TOKENS, MAX_ROWS, PADDED_TO, plan_batches


@given(st.lists(st.integers(2, 512), max_size=200))
def test_every_text_is_in_one_batch_of_its_own_padded_length(lengths: list[int]) -> None:
    planned = list(plan_batches(lengths))

    assert sorted(row for rows, _ in planned for row in rows) == list(range(len(lengths)))
    for rows, padded in planned:
        assert {-(-lengths[row] // PADDED_TO) * PADDED_TO for row in rows} == {padded}
        assert len(rows) <= MAX_ROWS
        assert len(rows) == 1 or len(rows) * padded <= MAX_PADDED_TOKENS


def test_no_text_is_no_batch() -> None:
    assert list(plan_batches([])) == []
