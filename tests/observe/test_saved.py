"""A saved benchmark read back, and files that are none."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.model.plain import to_data
from provisioner.store.saved import bench_from_data
from tests.observe.bench_samples import bench

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


def test_what_was_saved_comes_back_the_same() -> None:
    assert bench_from_data(through_json(to_data(bench()))) == bench()


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("format",), 2, "its format is 2, not 1"),
        (("rounds",), "5", "rounds: not a whole number"),
        (("rounds",), True, "rounds: not a whole number"),
        (("quick",), 1, "quick: not true or false"),
        (("host", "load"), "much", "host.load: not a number"),
        (("guests",), {}, "guests: not a list"),
        (("guests", 0, "name"), None, "guests[0].name: not a text"),
        (("outcomes", 1, "series", 0, "values", 2), "x", "outcomes[1].series[0].values[2]: not a number"),
        (("outcomes", 1, "series", 0, "values", 2), float("nan"), "values[2]: not a number"),
        (("outcomes", 0, "ratios", 0, "verdict"), "fine", "verdict: not one of more, less"),
        (("outcomes", 0, "ratios", 0, "verdict"), [], "verdict: not a word"),
        (("outcomes", 0, "ratios", 0), 7, "outcomes[0].ratios[0]: not an object"),
        (("control",), [0.9], "control: not 2 values"),
        (("notes",), ["x"] * 20_000, "notes: not a list"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(path: tuple[Any, ...], value: Any, told: str) -> None:
    data = copy.deepcopy(to_data(bench()))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ValueError) as caught:
        bench_from_data(data)
    assert told in str(caught.value)


def test_a_missing_part_is_named_and_one_with_a_default_may_be_missing() -> None:
    data = to_data(bench())
    del data["outcomes"][0]["label"]
    assert bench_from_data(data) == bench()
    del data["outcomes"][0]["unit"]
    with pytest.raises(ValueError, match=r"outcomes\[0\]\.unit: missing"):
        bench_from_data(data)


def test_texts_of_the_file_can_do_nothing_to_a_terminal() -> None:
    data = to_data(bench())
    data["host"]["processor"] = "\x1b[2Jevil" + "x" * 10_000
    found = bench_from_data(data).host.processor
    assert "\x1b" not in found
    assert len(found) <= 2001


@given(JSON)
def test_any_other_json_is_refused(data: Any) -> None:
    with pytest.raises(ValueError):
        bench_from_data(data)


@given(st.sampled_from(sorted(to_data(bench()))), JSON)
def test_any_value_in_any_place_is_read_or_refused(key: str, value: Any) -> None:
    data = {**to_data(bench()), key: value}
    try:
        bench_from_data(data)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - either is right


@pytest.mark.parametrize("seconds", [10**400, -(10**19), float("inf"), float("nan"), True, "1"])
def test_a_number_that_can_not_be_is_none(seconds: object) -> None:
    with pytest.raises(ValueError, match=r"^seconds: not a number"):
        bench_from_data({**to_data(bench()), "seconds": seconds})
