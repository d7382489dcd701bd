"""Results that are kept, and a benchmark in a file of the user's."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from provisioner import errors, paths
from provisioner.model.plain import to_data
from provisioner.store import results
from tests.observe.bench_samples import bench

LAB = "catalog:demo"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "virtlab" / "results"


def test_a_result_is_kept_in_the_state_folder_and_comes_back(state: Path) -> None:
    path = results.save("compare", "demo", LAB, {"日本": [1, 2.5, None]})
    assert path.parent == state == paths.state_dir() / "results"
    assert results.load("compare", "demo", LAB) == {"日本": [1, 2.5, None]}
    assert results.load("compare", "other", LAB) is None
    assert results.load("bench", "demo", LAB) is None


def test_a_result_of_another_lab_with_that_name_is_not_shown() -> None:
    results.save("compare", "demo", "/home/somebody/demo/lab.yaml", {"whose": "theirs"})
    assert results.load("compare", "demo", LAB) is None
    assert results.load("compare", "demo", None) == {"whose": "theirs"}


def test_a_benchmark_comes_back_as_it_was() -> None:
    results.save("bench", "demo", LAB, to_data(bench()))
    assert results.load_bench("demo", LAB) == bench()


def test_what_was_kept_of_an_instance_is_listed_with_what_set_changed(state: Path) -> None:
    os.utime(results.save("check", "one", LAB, {}), (1_700_000_000, 1_700_000_000))
    results.save("compare", "one", LAB, {}, ["full.rng=virtio"])
    results.save("check", "two", "/home/me/lab.yaml", {})
    one = next(kept for kept in results.instances() if kept.instance == "one")
    assert (one.source, one.kinds, one.sets) == (LAB, ("compare", "check"), ("full.rng=virtio",))
    (state / "one.check.json").write_text('{"source": "catalog:demo", "sets": 5, "result": {}}')
    assert {kept.instance for kept in results.instances()} == {"one", "two"}


def test_results_are_forgotten_by_instance_and_lab() -> None:
    for name in ("one", "two"):
        results.save("check", name, LAB, {})
    results.save("compare", "one", "/home/me/lab.yaml", {})
    results.forget("one", LAB)
    assert {(kept.instance, kept.source) for kept in results.instances()} == {
        ("one", "/home/me/lab.yaml"),
        ("two", LAB),
    }
    results.forget_all()
    assert results.instances() == []


def test_a_result_that_can_not_be_removed_is_an_error_with_its_name(state: Path) -> None:
    (state / "one.check.json").mkdir(parents=True)
    with pytest.raises(errors.VirtlabError, match=r"one\.check\.json can't be removed"):
        results.forget_all()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b" " * (5 * 1024**2)])
def test_a_broken_result_is_as_good_as_none(content: bytes) -> None:
    path = results.save("bench", "demo", LAB, {})
    path.write_bytes(content)
    assert results.load("bench", "demo", LAB) is None
    assert results.load_bench("demo", LAB) is None


def test_a_result_of_another_form_is_no_benchmark() -> None:
    results.save("bench", "demo", LAB, {"outcomes": [], "format": 99})
    assert results.load_bench("demo", LAB) is None


def test_a_result_that_can_not_be_written_leaves_the_one_before(state: Path) -> None:
    results.save("check", "demo", LAB, {"good": True})
    with pytest.raises(ValueError):
        results.save("check", "demo", LAB, {"bad": float("nan")})
    with pytest.raises(TypeError):
        results.save("check", "demo", LAB, {"bad": object()})
    assert results.load("check", "demo", LAB) == {"good": True}
    assert [path.name for path in state.iterdir()] == ["demo.check.json"]


def test_a_place_that_can_not_be_written_is_an_error_with_its_name(state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.write_text("a file where the folder should be")
    with pytest.raises(errors.VirtlabError, match="results"):
        results.save("bench", "demo", LAB, {})


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a\0b", "x" * 200])
def test_a_name_never_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(ValueError):
        results.save("bench", name, LAB, {})
    assert results.load("bench", name, LAB) is None


def test_a_saved_benchmark_is_read_from_where_the_user_put_it(tmp_path: Path) -> None:
    file = tmp_path / "one.json"
    results.may_save(file)
    results.save_bench(file, bench())
    assert results.bench_in(file) == bench()
    results.may_save(file)  # over a result: yes


def no_benchmark(data: Any) -> bytes:
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hello", "it is not JSON"),
        (b"", "it is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"[" * 200_000, "nested too deep"),
        (b"[]", "it holds no benchmark"),
        (no_benchmark({"outcomes": [], "format": 2}), "its format is 2, not 1"),
        (no_benchmark({**to_data(bench()), "rounds": "many"}), "rounds: not a whole number"),
        (b" " * (5 * 1024**2), "larger than 4 MiB"),
    ],
)
def test_a_file_that_is_no_saved_benchmark_is_refused_with_what_is_wrong(
    content: bytes, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "one.json"
    file.write_bytes(content)
    with pytest.raises(errors.InputError) as caught:
        results.bench_in(file)
    assert told in caught.value.message
    assert str(file) in caught.value.message
    assert "--save" in (caught.value.hint or "")
    with pytest.raises(errors.InputError, match="would be lost"):
        results.may_save(file)
    assert file.read_bytes() == content


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match="can't be read"):
        results.bench_in(tmp_path / "none.json")
    with pytest.raises(errors.InputError, match="not a file"):
        results.bench_in(tmp_path)
    with pytest.raises(errors.InputError, match="not a file"):
        results.bench_in(Path("/dev/zero"))
    with pytest.raises(errors.InputError, match="no folder"):
        results.may_save(tmp_path / "none" / "one.json")
    with pytest.raises(errors.InputError, match="would be lost"):
        results.may_save(tmp_path)
