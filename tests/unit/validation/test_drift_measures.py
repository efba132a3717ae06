"""PSI, Kolmogorov-Smirnov, AUC and Spearman against their definitions, and what chance excuses."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ckpt_ops.validation.custom.drift import CHANCE, bin_categories, bin_numbers, ks, psi
from ckpt_ops.validation.custom.findings import NotEvaluated
from ckpt_ops.validation.custom.leakage import Label, auc, score, spearman

COUNTS = hnp.arrays(np.int64, st.shared(st.integers(2, 12), key="bins"), elements=st.integers(0, 10_000))
SAMPLE = hnp.arrays(np.float64, st.integers(1, 60), elements=st.integers(-5, 5).map(float))
NAN = float("nan")


def normal(rows: int, *, shift: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, size=rows)


@given(COUNTS, COUNTS)
def test_psi_is_symmetric_never_negative_and_zero_for_the_same_counts(a: np.ndarray, b: np.ndarray) -> None:
    assert psi(a, b) == pytest.approx(psi(b, a))
    assert psi(a, b) >= 0
    assert psi(a, a) == 0


@pytest.mark.filterwarnings("ignore:divide by zero")  # scipy's p-value of one row
@given(SAMPLE, SAMPLE)
def test_ks_is_scipys_statistic_symmetric_and_zero_for_the_same_sample(a: np.ndarray, b: np.ndarray) -> None:
    gap = ks(a, b)
    assert gap.d == pytest.approx(scipy.stats.ks_2samp(a, b, method="asymp").statistic)
    assert gap.d == pytest.approx(ks(b, a).d)
    assert ks(a, a).d == 0


@pytest.mark.parametrize("rows", [3, 10, 30, 300])
def test_the_p_value_is_not_below_the_exact_one_and_near_it_for_many_rows(rows: int) -> None:
    before, after = normal(2 * rows), normal(rows, shift=0.3, seed=1)
    exact = scipy.stats.ks_2samp(before, after, method="exact").pvalue
    assert exact <= ks(before, after).p <= 1
    if rows >= 300:
        assert ks(before, after).p == pytest.approx(exact, rel=0.25)


@pytest.mark.parametrize(("rows", "proves"), [(1, False), (5, False), (20, True)])
def test_a_few_rows_that_lie_all_apart_prove_nothing(rows: int, proves: bool) -> None:
    assert (ks(np.zeros(rows), np.ones(rows)).p < CHANCE) == proves


@given(SAMPLE, SAMPLE)
def test_ks_says_where_the_two_distributions_are_farthest_apart(a: np.ndarray, b: np.ndarray) -> None:
    gap = ks(a, b)
    farthest = max(abs(np.mean(a <= at) - np.mean(b <= at)) for at in np.concatenate([a, b]))
    assert gap.d == pytest.approx(farthest)
    assert abs(gap.expected - gap.found) == pytest.approx(gap.d)


def test_a_shift_that_no_model_notices_is_certain_and_small() -> None:
    """336,000 rows, 0.05 standard deviations: p alone would call this drift."""
    before, after = normal(336_000), normal(336_000, shift=0.05, seed=1)
    gap = ks(before, after)
    assert gap.p < 1e-50
    assert gap.d < 0.03
    assert bin_numbers(before, after, bins=10).psi() < 0.004


@pytest.mark.parametrize(("shift", "d", "index"), [(0.2, 0.08, 0.04), (0.5, 0.20, 0.25), (0.8, 0.31, 0.64)])
def test_the_table_of_effect_sizes(shift: float, d: float, index: float) -> None:
    """Ten bins lose a little of the index, so it stays below the value of the whole distribution."""
    before, after = normal(200_000), normal(200_000, shift=shift, seed=1)
    assert ks(before, after).d == pytest.approx(d, abs=0.007)
    assert 0.85 * index < bin_numbers(before, after, bins=10).psi() < 1.02 * index


def test_an_unchanged_column_exceeds_its_noise_about_one_time_in_a_thousand() -> None:
    def over(seed: int) -> bool:
        binned = bin_numbers(normal(400, seed=2 * seed), normal(300, seed=2 * seed + 1), bins=10)
        return binned.psi() > binned.noise()

    assert sum(over(seed) for seed in range(3000)) <= 3000 * CHANCE * 4


@pytest.mark.parametrize("now", [-1.0, 6.999, 7.001, 1e9, float("inf"), NAN])
def test_a_constant_column_that_changes_is_seen_whichever_way(now: float) -> None:
    before = np.full(1000, 7.0)
    assert bin_numbers(before, before.copy(), bins=10).psi() == 0
    assert bin_numbers(before, np.full(500, now), bins=10).psi() > 5


def test_nulls_are_a_bin_and_the_largest_change_is_named() -> None:
    before = np.repeat([1.0, 2.0, 3.0, 4.0], 250)
    after = np.where(np.arange(1000) % 5 == 0, NAN, before)
    assert bin_numbers(before, after, bins=4).largest_change() == ("null", 0.0, 0.2)


def test_every_row_is_in_one_bin() -> None:
    before, after = np.array([1, 1, 1, 2, 5, NAN]), np.array([-9, 1, 1.5, 5, 77, np.inf, NAN])
    binned = bin_numbers(before, after, bins=3)
    assert (binned.expected.sum(), binned.found.sum()) == (6, 7)


def test_rare_categories_are_one_bin_and_a_new_large_one_is_named() -> None:
    before = {"UA": 500, "AA": 300, None: 20, **{f"rare {at}": 1 for at in range(180)}}
    after = {"UA": 300, "ZZ": 200, "AA": 300}
    binned = bin_categories(before, after, bins=3)
    assert binned.names == ("UA", "AA", "ZZ", "other values")
    assert list(binned.expected) == [500, 300, 0, 200]
    assert list(binned.found) == [300, 300, 200, 0]
    assert bin_categories(before, dict(before), bins=3).psi() == 0


def test_one_bin_is_no_drift() -> None:
    binned = bin_categories({"UA": 5}, {"UA": 9}, bins=10)
    assert (binned.psi(), binned.noise()) == (0, 0)


@given(SAMPLE, SAMPLE)
def test_auc_is_the_share_of_pairs_in_the_right_order(positive: np.ndarray, negative: np.ndarray) -> None:
    pairs = positive[:, None] - negative[None, :]
    share = np.mean((pairs > 0) + 0.5 * (pairs == 0))
    found = auc(
        np.concatenate([negative, positive]), np.repeat([False, True], [len(negative), len(positive)])
    )
    assert found == pytest.approx(max(share, 1 - share))


def test_spearman_is_scipys_without_its_sign_and_zero_for_a_constant() -> None:
    a, b = normal(500), normal(500, seed=1)
    assert spearman(a, a - 0.5 * b) == pytest.approx(scipy.stats.spearmanr(a, a - 0.5 * b).statistic)
    assert spearman(a, -np.exp(a)) == pytest.approx(1)
    assert spearman(np.ones(5), np.arange(5.0)) == 0


def test_a_category_of_one_row_does_not_tell_its_own_label() -> None:
    label = np.random.default_rng(0).integers(0, 2, 4000).astype(float)
    names = pa.array([f"row {at}" for at in range(len(label))])
    assert auc(score(names, label, "name"), label > 0) < 0.53
    telling = pa.array(np.where(label > 0, "late", "on time"))
    assert auc(score(telling, label, "status"), label > 0) == 1


def test_what_is_a_label() -> None:
    assert Label.of(pa.array(["no", "yes"]), "late", None).values.tolist() == [0, 1]
    assert Label.of(pa.array([False, True]), "late", None).values.tolist() == [0, 1]
    assert Label.of(pa.array([3, 20, 15]), "delay", 15).values.tolist() == [0, 1, 0]
    assert Label.of(pa.array([3, 20, 15]), "delay", None).positive is None
    with pytest.raises(NotEvaluated, match="all 2 labels in late are the same"):
        Label.of(pa.array([True, True]), "late", None)
    with pytest.raises(ValueError, match="carrier has 3 values: a label is a number or has two"):
        Label.of(pa.array(["a", "b", "c"]), "carrier", None)
    with pytest.raises(ValueError, match="label_above needs a numeric label; carrier is string"):
        Label.of(pa.array(["a", "b"]), "carrier", 1.0)
