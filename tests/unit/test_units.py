"""Sizes and durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import units


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0 B", 0),
        ("513B", 513),
        ("256 MiB", 256 * 1024**2),
        ("256mib", 256 * 1024**2),
        (" 1 GiB ", 1024**3),
        ("1.5 GiB", 1536 * 1024**2),
        ("1 KB", 1000),
        ("2.3 GB", 2_300_000_000),
        ("1.1 TB", 1_100_000_000_000),
        ("0.001 KB", 1),
        ("0.5 KiB", 512),
        ("123456789012345678 TiB", 123456789012345678 * 1024**4),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("256", "a size is a number and a unit"),
        ("", "a size is a number and a unit"),
        ("MiB", "a size is a number and a unit"),
        ("-1 MiB", "a size is a number and a unit"),
        ("1,5 GiB", "a size is a number and a unit"),
        (".5 GiB", "a size is a number and a unit"),
        ("1e3 B", "a size is a number and a unit"),
        ("1 Mi B", "a size is a number and a unit"),
        ("١ MiB", "a size is a number and a unit"),
        ("256 M", "'M' is no unit of size; use one of B, KiB, KB, MiB, MB, GiB, GB, TiB, TB"),
        ("1 megabyte", "'megabyte' is no unit of size"),
        ("0.1 KiB", "whole number of bytes"),
        ("1.5 B", "whole number of bytes"),
    ],
)
def test_no_sizes(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        units.parse_size(text)


@given(st.integers(0, 2**60))
def test_a_size_reads_as_it_was_written(size: int) -> None:
    assert units.parse_size(units.format_size(size)) == size


@given(st.integers(0, 10**15), st.integers(0, 999), st.sampled_from(["KB", "MB", "GB"]))
def test_decimals_are_exact(whole: int, thousandths: int, unit: str) -> None:
    expected = (whole * 1000 + thousandths) * units.parse_size(f"1 {unit}") // 1000
    assert units.parse_size(f"{whole}.{thousandths:03} {unit}") == expected


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536 * 1024, "1536 KiB"),
        (192 * units.MIB, "192 MiB"),
        (1024 * units.MIB, "1 GiB"),
        (2048 * 1024**4, "2048 TiB"),
        (1_000_000, "1000000 B"),
    ],
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert units.format_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"),
        (0.416, "0.42 s"),
        (9.994, "9.99 s"),
        (9.999, "10.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (119.7, "2 min 0 s"),
        (125, "2 min 5 s"),
        (7200, "120 min 0 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert units.format_seconds(seconds) == text
