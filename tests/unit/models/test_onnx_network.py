from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidings_models.onnx_network import LIMITS, BatchLimits, plan_batches

SMALL = BatchLimits(padded_to=4, max_rows=5, max_padded_tokens=64)


@given(
    st.lists(st.integers(2, 512), max_size=200),
    st.sampled_from([SMALL, LIMITS["cpu"], LIMITS["cuda"]]),
)
def test_every_text_is_in_one_batch_of_its_own_padded_length(
    lengths: list[int], limits: BatchLimits
) -> None:
    planned = list(plan_batches(lengths, limits))
    multiple = limits.padded_to

    assert sorted(row for rows, _ in planned for row in rows) == list(range(len(lengths)))
    for rows, padded in planned:
        assert {-(-lengths[row] // multiple) * multiple for row in rows} == {padded}
        assert len(rows) <= limits.max_rows
        assert len(rows) == 1 or len(rows) * padded <= limits.max_padded_tokens


def test_no_text_is_no_batch() -> None:
    assert list(plan_batches([], SMALL)) == []


def test_batches_are_as_full_as_the_limits_allow() -> None:
    planned = list(plan_batches([3] * 12 + [29] * 4, SMALL))

    assert [(len(rows), padded) for rows, padded in planned] == [
        (5, 4),
        (5, 4),
        (2, 4),
        (2, 32),
        (2, 32),
    ]
