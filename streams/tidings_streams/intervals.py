"""How sure a mean is."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

# Two-sided 95 % quantiles of Student's t for 1 to 10 degrees of freedom.
SMALL = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)


def t_quantile(degrees_of_freedom: int) -> float:
    """The two-sided 95 % quantile of Student's t for at least 1 degree of freedom.

    Tabulated up to 10, then the expansion of Abramowitz and Stegun (1964), 26.7.5, to four terms;
    its error is below 0.0005 there.
    """
    if degrees_of_freedom <= len(SMALL):
        return SMALL[degrees_of_freedom - 1]
    z = NormalDist().inv_cdf(0.975)
    n = degrees_of_freedom
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def mean_interval(
    *, count: int, total: float, total_squares: float, least: float = -1.0, most: float = 1.0
) -> tuple[float, float, float]:
    """Mean and 95 % interval (mean, low, high) of `count` >= 1 values within least..most.

    Student's t interval (Student 1908), cut to least..most, so it holds for few messages as well as
    for many; of a single value nothing is known, and the interval is the whole range.
    """
    mean = min(most, max(least, total / count))
    if count == 1:
        return mean, least, most
    variance = max(0.0, (total_squares - total * total / count) / (count - 1))
    half = t_quantile(count - 1) * sqrt(variance / count)
    return mean, max(least, mean - half), min(most, mean + half)
