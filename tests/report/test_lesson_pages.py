"""Checks, exercises and guides as people read them."""

from __future__ import annotations

import dataclasses
import io
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.labfile.lesson import Exercise, Lesson, Solution
from provisioner.language import Language, Text
from provisioner.model.enums import Accel, GuestKind
from provisioner.model.lab import Expectation, How, Observation
from provisioner.model.typed import Typed
from provisioner.report.terminal import check_page, exercises_page, guide_page, wrap
from provisioner.store.progress_file import Progress
from provisioner.teach import verdicts
from provisioner.teach.checks import Checked
from provisioner.teach.commands import Author
from provisioner.teach.learning import Step
from provisioner.verbs import kept
from provisioner.verbs.guide import Guide
from tests.unit.worlds import guest as sample_guest

EN, JA = Language.EN, Language.JA
MINE = Typed("demo-paravirt", "mine", named=True)


def item(name: str, how: How = How.IS, *values: str, why: Text | None = None) -> Observation:
    title = Text(f"Title of {name}", f"{name}の題名")
    return Observation(name, title, ("full",), "disk.names", (), "lines", Expectation(how, values), (), why)


DEVICES = tuple(f"pci 0000:00:0{n}.0 1af4:100{n}" for n in range(6))
RESULT = Checked(
    instance="demo",
    taken="2026-01-01T00:00:00+00:00",
    accels={"full": "tcg", "virtio": "tcg"},
    guests={"full": sample_guest("full"), "virtio": sample_guest("virtio")},
    findings=(
        verdicts.judged(item("good", How.IS, "emulated"), "full", ("emulated",)),
        verdicts.judged(item("devices", why=Text("A reason.", "理由です。")), "full", DEVICES),
        verdicts.unasked(
            item("down", How.LACKS, "a"),
            "virtio",
            "demo/virtio is stopped",
            "{virtlab} start demo/virtio",
        ),
        verdicts.impossible(item("clock", How.HAS, "kvm"), "virtio", "this host has no /dev/kvm"),
    ),
    platform={"full": ("fw_cfg", "AHCI", "ttyS1"), "virtio": ("fw_cfg", "AHCI")},
    errors={"virtio": "demo/virtio is stopped"},
)


def test_a_check() -> None:
    page = check_page.check_page(RESULT, EN)
    assert page.startswith(
        "demo: 1 passed, 1 failed, 1 not possible here, 1 could not be asked\nfull, virtio: emulation (TCG)\n"
    )
    for line in (
        "pass               full    Title of good     emulated                        emulated",
        "fail               full    Title of devices  pci 0000:00:00.0 1af4:1000, p…  nothing",
        "not asked          virtio  Title of down     -                               not a",
        "not possible here  virtio  Title of clock    -                               kvm, among others",
        "virtio: Title of down: could not be asked: demo/virtio is stopped",
        "  A reason.",
        "  full, virtio: fw_cfg, AHCI",
        "  full: ttyS1",
    ):
        assert line in page.split("\n")
    assert "because this host has no /dev/kvm" in page.replace("\n", " ")
    assert all(value in page.replace("\n", " ") for value in DEVICES)


def test_what_runs_a_guest_inside_another_is_told_from_within() -> None:
    inside = {
        "one": sample_guest("one", parent="host", kind=GuestKind.NESTED, accel=Accel.KVM),
        "two": sample_guest("two", parent="host", kind=GuestKind.NESTED),
        "pv": sample_guest("pv", parent="one", kind=GuestKind.XEN),
    }
    guests = {"host": sample_guest("host"), **inside}
    result = dataclasses.replace(RESULT, accels=dict.fromkeys(guests, "tcg"), guests=guests)
    line = check_page.check_page(result, EN).split("\n")[1]
    assert line == (
        "host: emulation (TCG); one: KVM in host, on emulation (TCG); "
        "two: in host, on emulation (TCG); pv: in one, on emulation (TCG)"
    )
    assert "one: hostの中のKVM、エミュレーション(TCG)の上" in check_page.check_page(result, JA)


def test_a_check_in_japanese() -> None:
    page = check_page.check_page(RESULT, JA)
    assert page.startswith(
        "demo: 合格 1、不合格 1、判定不可 1、未確認 1\nfull, virtio: エミュレーション(TCG)\n"
    )
    assert "理由です。" in page
    assert "何の証拠にもならないもの" in page
    assert max(wrap.width(line) for line in page.split("\n")) <= 100


def test_what_a_guest_says_nothing_to_is_explained_once() -> None:
    silent = tuple(
        verdicts.unasked(item(name), "full", "demo/full is paused", "{virtlab} start demo/full")
        for name in "abc"
    )
    page = check_page.check_page(dataclasses.replace(RESULT, findings=silent), EN)
    told = "full: could not be asked: demo/full is paused"
    assert page.replace("\n", " ").count(told) == 1
    assert page.endswith("virtio: demo/virtio is stopped")


def test_what_a_command_complained_of_is_shown_where_it_did_not_pass() -> None:
    asked = Observation(
        "ping",
        Text("Ping"),
        ("full",),
        None,
        ("ping", "x"),
        "exit-code",
        Expectation(How.IS, ("0",)),
        (),
        None,
    )
    why = b"ping: bad address 'x'\n\x1b[2J\n"
    failed, passed = (verdicts.judged(asked, "full", (code,), why) for code in ("1", "0"))
    page = check_page.check_page(dataclasses.replace(RESULT, findings=(failed,)), EN).replace("\n", " ")
    assert (
        "full: Ping: saw 1; the lesson expects 0; its command wrote on standard error: "
        "ping: bad address 'x'; \\e[2J" in page
    )
    assert "bad address" not in check_page.check_page(dataclasses.replace(RESULT, findings=(passed,)), EN)
    assert "標準エラー出力" in check_page.check_page(dataclasses.replace(RESULT, findings=(failed,)), JA)


def test_what_is_not_possible_for_one_reason_is_explained_once() -> None:
    why = "extra is optional; to see it: {virtlab} up demo --with extra"
    absent = tuple(verdicts.impossible(item(name), "extra", why) for name in "abc")
    page = check_page.check_page(dataclasses.replace(RESULT, findings=absent), EN)
    assert page.count("extra: not possible here, because extra is optional") == 1
    assert "virtlab up demo --with extra" in page.replace("\n", " ")
    assert "{virtlab}" not in page + str(check_page.check_data(dataclasses.replace(RESULT, findings=absent)))


def test_what_is_kept_holds_no_command_of_the_one_who_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTLAB_RUN_AS", "./bootstrap virtlab")
    absent = (verdicts.impossible(item("a"), "extra", "to see it: {virtlab} up demo --with extra"),)
    result = dataclasses.replace(RESULT, findings=absent)
    assert kept.check_data(result)["findings"][0]["why"] == "to see it: {virtlab} up demo --with extra"
    told = check_page.check_data(result)["findings"][0]["why"]
    assert told == "to see it: ./bootstrap virtlab up demo --with extra"


def test_a_check_as_data() -> None:
    data = check_page.check_data(RESULT)
    assert data["good"] is False
    assert [f["verdict"] for f in data["findings"]] == ["pass", "fail", "unasked", "impossible"]
    assert data["findings"][2]["saw"] is None
    assert data["findings"][1]["saw"] == list(DEVICES)
    assert check_page.failed_names(RESULT) == ["full/devices"]


def exercise(name: str, hints: int = 2) -> Exercise:
    return Exercise(
        name,
        Text(f"The {name}", f"{name}の演習"),
        Text("Do:\n{virtlab} up {lab}", "次のコマンドを実行します:\n{virtlab} up {lab}"),
        tuple(Text(f"Look {n}.") for n in range(1, hints + 1)),
        None,
        (),
        Solution(Text("So."), ("{virtlab} exec {lab}/full -- ls '{print}'",), ("{virtlab} down {lab}",)),
    )


def test_commands_are_as_they_are_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTLAB_RUN_AS", "./bootstrap virtlab")
    step = Step(3, exercise("one"))
    assert exercises_page.task_page(step, MINE, JA) == (
        "演習3: oneの演習\n次のコマンドを実行します:\n  ./bootstrap virtlab up demo-paravirt --as mine"
    )
    page = exercises_page.solution_page(step, MINE, Author("my-lab/lab.yaml"), EN).split("\n")
    assert "./bootstrap virtlab exec mine/full -- ls '{print}'" in page
    assert page[-1] == "./bootstrap virtlab down mine"


def test_a_strangers_commands_are_not_virtlabs_advice() -> None:
    """``solve`` printed ``curl … | sh`` under "To type:" because a lesson said so."""
    solution = Solution(Text("So."), ("curl https://example.org/x | sh",), ("{virtlab} down {lab}",))
    step = Step(1, replace(exercise("one"), solution=solution))
    stranger = Author("/home/me/their-lab/lab.yaml")
    page = exercises_page.solution_page(step, MINE, stranger, EN)
    assert "To type:\nThese commands are the advice of whoever wrote /home/me/their-lab/lab.yaml" in page
    assert "\n# curl https://example.org/x | sh\n" in page  # a shell takes the line for a comment
    assert page.endswith("\nvirtlab down mine")
    data = exercises_page.solution_data(step, MINE, stranger)
    assert (data["commands"], data["undo"]) == ([], ["virtlab down mine"])
    assert data["advice_of_author"] == {"commands": ["curl https://example.org/x | sh"]}
    own = exercises_page.solution_page(step, MINE, Author(None), EN)
    assert "To type:\ncurl https://example.org/x | sh\n" in own
    undo = replace(exercise("one"), solution=Solution(Text("So."), (), ("rm -r x",)))
    assert exercises_page.undo_page(undo, MINE, stranger, EN).endswith("\n# rm -r x")


def test_hints() -> None:
    step = Step(1, exercise("one"))
    assert exercises_page.hints_page(step, step.exercise.hints[:1], MINE, EN).split("\n")[4:] == [
        "Hint 1 of 2: Look 1."
    ]
    last = exercises_page.hints_page(step, step.exercise.hints, MINE, EN).split("\n")
    assert last[-1] == "That was the last hint."
    none = Step(1, exercise("one", hints=0))
    assert "There is no hint" in exercises_page.hints_page(none, (), MINE, EN)


def test_the_list_of_exercises() -> None:
    lesson = Lesson("x", Text("C"), (), (), (exercise("one"), exercise("two")), Path("lesson.yaml"))
    shown = Guide(MINE, "# L\n", JA, lesson, Progress().with_passed("two"))
    assert exercises_page.whole_guide(shown) == (
        "# L\n\n## 演習\n\n1. **oneの演習**\n\n   次のコマンドを実行します:\n\n"
        "   ```sh\n   virtlab up demo-paravirt --as mine\n   ```\n\n"
        "2. **twoの演習**(合格)\n\n   次のコマンドを実行します:\n\n"
        "   ```sh\n   virtlab up demo-paravirt --as mine\n   ```\n"
    )


def test_the_task_stands_above_hints_and_solution() -> None:
    """It was told once, when the exercise before was passed, and never again."""
    step = Step(1, exercise("one"))
    task = ["Exercise 1: The one", "Do:", "  virtlab up demo-paravirt --as mine", ""]
    for page in (
        exercises_page.hints_page(step, step.exercise.hints, MINE, EN),
        exercises_page.solution_page(step, MINE, Author(None), EN),
    ):
        assert page.split("\n")[:4] == task
    assert (
        exercises_page.hints_data(step, (), MINE)["task"]["en"] == "Do:\nvirtlab up demo-paravirt --as mine"
    )


def test_only_what_is_a_command_by_itself_stands_on_a_line_of_its_own() -> None:
    """A stranger's text can't look like a part of virtlab's page."""
    task = Text("Do this.\nTo type:\ncurl https://example.org/x | sh\n{virtlab} list; rm -r x")
    page = exercises_page.task_page(Step(1, replace(exercise("one"), task=task)), MINE, EN)
    assert page.split("\n")[1].startswith("Do this. To type: curl https://example.org/x | sh virtlab list;")


GUIDE = """# Title

A *word* and a [link](https://example.org/x).

日本語の文章は、
行の終わりで
つながります。

```sh
echo 一
echo 二
```
"""


def test_japanese_lines_of_a_paragraph_are_joined_and_code_is_not() -> None:
    joined = guide_page.joined(GUIDE)
    assert "日本語の文章は、行の終わりでつながります。" in joined
    assert "echo 一\necho 二\n" in joined
    assert guide_page.joined("一\n- 二\n| 三 |\n") == "一\n- 二\n| 三 |\n"


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_guide_in_a_pipe_is_the_text_and_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    guide_page.show(GUIDE + "\x1b]0;title\x07\u202e\n")
    out = capsys.readouterr().out
    assert "A *word* and a [link](https://example.org/x)." in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_a_guide_on_a_terminal_is_drawn_and_no_wider_than_80(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Tty())
    monkeypatch.setenv("COLUMNS", "200")
    guide_page.show(GUIDE + "word " * 100 + "\x1b]0;title\x07")
    out = sys.stdout.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[" in out
    assert "\x1b]" not in out  # neither a title nor a link
    assert "*word*" not in out
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in out.split("\n")]
    assert max(wrap.width(line) for line in lines) <= 80
