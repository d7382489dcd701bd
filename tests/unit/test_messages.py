"""What virtlab says itself speaks Japanese, too: nothing is forgotten, and nothing changes for programs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import translatable
from translatable import PACKAGE, PLACE

from provisioner import errors, language, translation
from provisioner.language import Language, Text, joined, msg, said
from provisioner.report.terminal import text
from provisioner.report.terminal.wrap import width

CATALOGUE = translation.FOLDER / "ja" / "LC_MESSAGES" / "virtlab.po"
SET_WHERE_SHOWN = {"virtlab", "lab"}  # places that get their values only where the text is shown
# What reads like words, and is for programs: commands, formats, files.
FOR_PROGRAMS = {
    "host.firewall": r"sudo |.*\b(tcp|icmp|th)\b",
    "host.local_host": "model name",
    "host.processes": "setpriv ",
    "host.qemu_log": "starting up|: warning",
    "hypervisor.connection": "libvirt ",
    "hypervisor.qemu_monitor": "trace-event ",
    "images.apt": "Dir::|APT::",
    "images.disk": "sif ",
    "images.releases": "QEMU |{}, Linux",
    "images.tools": "apt-get install ",
    "language": "no message",
    "labfile.catalog": "catalog:",
    "labfile.not_yaml": "mapping values|cannot start|expected |unexpected |node content|escape character",
    "labfile.overrides": "--set {}$",
    "labfile.schema": ".*",  # for editors
    "labfile.value_groups": " Default",
    "labfile.value_types": "{} or 0o",
    "lifecycle.host_checks": "sudo mkdir |sudo modprobe tun$|sudo apt-get ",
    "lifecycle.kvm_access": "groupadd |usermod |chgrp |sudo ",
    "cli.app": "virtlab {}|Got unexpected ",
    "cli.lesson_commands": "{virtlab} check ",
    "report.terminal.wrong_usage": "{virtlab} {}$",
    "lifecycle.pool_access": ".*chmod",
    "lifecycle.socket_paths": "kill |export ",
    "lifecycle.preflight": "virsh |libvirt {}",
    "lifecycle.preview": "network {}|filter {}",
    "backends.session": ".*kill -CONT|{} on {}$",
    "measure.benchmark": "echo done",
    "measure.far_end": "PEER=|connection failed|ping failed",
    "measure.tracing": "VM exits",
    "measure.turns": "token=|sampler |mkdir ",
    "measure.workloads": r"far end|[\s\S]*[$>]|printf |sed |Boot: ",
    "model.kinds.kind": ".*",
    "model.metadata": "not |written by|the metadata|no number",
    "model.observed": "vol-dumpxml ",
    "model.plan": "--",
    "model.typed": ".* --as ",
    "verbs.shell_completion": r"\[ ! -r ",
    "observe.answering": "does not answer|not known",  # the page has words for these
    "observe.comparison": "Microsoft Hv|{} MiB|interface {}",
    "observe.host_side": "vCPU ",
    "observe.parse": "Booting |Hypervisor detected|i440FX|AHCI|PVH|boot |ACPI |serial ",
    "observe.stack": "{}|not known",
    "observe.stack_inside": "{}|Xen PV|the programs|a QEMU",
    "observe.stack_words": "Microsoft|through|past",
    "report.html.charts": "series |{}-|.//|no numbers",
    "report.html.course_html": "--set",
    "report.html.markdown": ".*<",
    "report.html.lab_html": "Run by",
    "report.html.stack_svg": "(?s).*",
    "report.words": "{} UTC",
    "report.terminal.bench_page": "QEMU {}|libvirt {}|{} times",
    "report.terminal.compare_page": "boot ",
    "report.terminal.pager": "-RP",
    "report.terminal.progress_page": "--set| *{} (progress|forget) ",
    "report.terminal.status_page": "--|{} status",
    "report.terminal.labs_page": "--|{} on {}",
    "render.recipes": ".*",
    "store.results": "not a name",
    "teach.checks": "{}/{}$",
    "teach.commands": ".*printf",
    "transport.causes": "No space",
    "transport.console": "\r\n",
    "transport.parent": "\x15",
    "transport.script": ".*",
    "units": "{}",
    "verbs.check": "{virtlab} check | --answer ",
    "verbs.course": "catalog:",
    "verbs.doctor": "catalog:|sudo apt-get ",
    "verbs.own_work": "catalog:",
}
# What typer says in a help page, by gettext. What it says of wrong usage is English.
TYPERS = {"Arguments", "Options", "Commands", "default: {default}", "required", "Show this message and exit."}
MODULES = {
    ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
}
VERBS = [
    module for module in MODULES if module.startswith("cli.") and module.endswith(("_command", "_commands"))
]
VERBS += ["cli.app", "cli.options"]


def templates() -> list[str]:
    """The marked texts that have words, in the order of the alphabet."""
    found = {
        each.template for file in MODULES.values() for each in translatable.marked(file) if each.template
    }
    found |= {each for module in VERBS for each in translatable.helps(MODULES[module])} | TYPERS
    return sorted(each for each in found if re.search("[A-Za-z]", PLACE.sub("", each)))


def forgotten(module: str) -> list[str]:
    aside = FOR_PROGRAMS.get(module)
    loose = [
        each for each in translatable.loose(MODULES[module]) if not (aside and re.match(aside, each.text))
    ]
    return [f"{module}, line {each.line}: {each.text}" for each in loose]


def test_no_text_that_people_read_is_forgotten() -> None:
    """Mark it by ``msg``, or say in FOR_PROGRAMS that it is no text for people."""
    assert [each for module in MODULES for each in forgotten(module)] == []


def test_marked_texts_are_literals_with_a_value_for_each_place() -> None:
    for module in set(MODULES) - {"language"}:
        for each in translatable.marked(MODULES[module]):
            place = f"{module}, line {each.line}"
            assert each.template is not None, f"{place}: no literal"
            places = set(PLACE.findall(each.template))
            assert each.names <= places, f"{place}: no place for a value"
            assert places - each.names <= SET_WHERE_SHOWN, f"{place}: no value for a place"
            assert not re.search(r"\{[^}]*[^\w}][^}]*\}", each.template), f"{place}: no name of a place"


def test_no_message_is_spoiled_by_adding_to_it() -> None:
    """``+``, an f-string and ``join`` make a mere text of a message; ``joined`` keeps it one."""
    found = {module: list(translatable.spoiled(file)) for module, file in MODULES.items()}
    assert {module: places for module, places in found.items() if places} == {}


def test_the_catalogue_has_the_messages_of_the_code(request: pytest.FixtureRequest) -> None:
    """``--regenerate`` takes new ones in, to be translated, and drops those that nothing says any more."""
    pofile = pytest.importorskip("babel.messages.pofile")
    from babel.messages.catalog import Catalog

    with CATALOGUE.open("rb") as file:
        kept = {str(entry.id): str(entry.string) for entry in pofile.read_po(file) if entry.id}
    if request.config.getoption("--regenerate"):
        new = Catalog(locale="ja", fuzzy=False)
        for template in templates():
            new.add(template, kept.get(template, ""))
        with CATALOGUE.open("wb") as file:
            pofile.write_po(file, new, width=110, omit_header=False, sort_output=True)
        _without_dates(CATALOGUE)
        return
    assert sorted(kept) == templates(), "run this test with --regenerate, then translate what is new"


def _without_dates(file: Path) -> None:
    """Leaves of the header what readers of catalogues need."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    dropped = ("#", '"Project-Id', '"Report-', '"POT-', '"PO-Rev', '"Last-', '"Language-Team', '"Generated')
    header = lines.index("\n")
    kept = [line for line in lines[:header] if not line.startswith(dropped)]
    file.write_text("".join([*kept, *lines[header:]]), encoding="utf-8")


def translated_messages() -> list[str]:
    """The messages in Japanese. Empty where there is no Babel to read them."""
    try:
        from babel.messages import pofile
    except ImportError:
        return []
    with CATALOGUE.open("rb") as file:
        return [str(entry.string) for entry in pofile.read_po(file) if entry.id]


def test_every_message_has_a_translation_with_the_same_places() -> None:
    pofile = pytest.importorskip("babel.messages.pofile")
    with CATALOGUE.open("rb") as file:
        entries = [(str(entry.id), str(entry.string)) for entry in pofile.read_po(file) if entry.id]
    assert [source for source, target in entries if not target] == []
    wrong = [s for s, t in entries if set(PLACE.findall(s)) != set(PLACE.findall(t))]
    assert wrong == []


def test_a_message_is_a_text_in_english_that_can_be_said_in_japanese() -> None:
    message = msg("{name} is missing", name="a")
    assert message == "a is missing"
    assert json.dumps({"why": message}) == '{"why": "a is missing"}'
    assert said(message, Language.EN) == "a is missing"
    assert said("a is missing", Language.JA) == "a is missing"
    assert said(Text("a", "あ"), Language.JA) == "あ"


def test_messages_inside_messages_are_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    class Words:
        def gettext(self, template: str) -> str:
            return {"{a} after {b}": "{b}の後の{a}", "one": "一", "two": "二"}.get(template, template)

    monkeypatch.setattr(translation, "catalogue", lambda _language: Words())
    message = msg("{a} after {b}", a=msg("one"), b=ValueError(msg("two")))
    assert said(message, Language.JA) == "二の後の一"
    assert said(joined("; ", [message, msg("one"), "other"]), Language.JA) == "二の後の一; 一; other"
    assert joined("; ", [message, "other"]) == "one after two; other"


def test_what_strangers_wrote_stays_what_it_is() -> None:
    """It is no place, it is not translated, and it does nothing to the terminal."""
    stranger = "{virtlab} \x1b[31m {name}"
    message = msg("{name} is missing", name=stranger)
    assert message == f"{stranger} is missing"
    assert stranger in said(message, Language.JA)
    assert "\x1b" not in text.harmless(said(message, Language.JA))


def test_errors_are_told_in_the_readers_language(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("babel")
    error = errors.InputError(msg("there is no image {name}", name="'x'"), hint=msg("try again"))
    monkeypatch.setenv("LC_ALL", "ja_JP.UTF-8")
    text.problem(error)
    japanese = capsys.readouterr().err
    assert "there is no image" not in japanese
    assert "'x'" in japanese
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    text.problem(error)
    assert capsys.readouterr().err == "error: there is no image 'x'\nnext: try again\n"


def test_english_loads_no_catalogue() -> None:
    script = (
        "import sys; from provisioner import translation; from provisioner.cli.app import main\n"
        "sys.argv[1:] = ['validate', 'there-is-none']\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert translation.catalogue.cache_info().currsize == 0\n"
        "assert 'babel' not in sys.modules\n"
    )
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(PACKAGE.parent)}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert "AssertionError" not in ran.stderr, ran.stderr
    assert ran.returncode == 0


def test_the_compiled_catalogue_serves_other_users_of_the_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was readable to whoever compiled it alone, and a traceback to everybody else."""
    pytest.importorskip("babel")
    folder = tmp_path / "ja" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    shutil.copy(CATALOGUE, folder)
    (folder / CATALOGUE.name).chmod(0o644)
    monkeypatch.setattr(translation, "FOLDER", tmp_path)
    translation.catalogue.__wrapped__("ja")
    made = folder / "virtlab.mo"
    assert made.stat().st_mode & 0o777 == 0o644
    made.unlink()
    made.mkdir()  # can't be read as a file, whoever reads; newer than its source
    assert translation.catalogue.__wrapped__("ja").gettext("there is no image {name}").startswith("イメージ")


def virtlab(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "COLUMNS": "80", **environment}
    command = [sys.executable, "-m", "provisioner", *words]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def test_help_is_japanese_and_fits() -> None:
    pytest.importorskip("babel")
    for words in ((), ("up",)):
        shown = virtlab(*words, "--help", LC_ALL="ja_JP.UTF-8").stdout
        assert max(map(width, shown.splitlines())) <= 80
        english = [line for line in shown.splitlines() if re.search("[a-z]{2,} (the|a|of|what|to) ", line)]
        assert english == []
        assert "オプション:" in shown


def test_a_flag_chooses_the_language_of_errors_too() -> None:
    pytest.importorskip("babel")
    told = virtlab("products", "none", "--lang", "ja", LC_ALL="C.UTF-8").stderr
    assert told.startswith("エラー: 製品")
    assert virtlab("products", "none", "--lang", "en", LC_ALL="ja_JP.UTF-8").stderr.startswith("error: ")


def test_what_programs_read_is_english() -> None:
    japanese, english = (
        virtlab("validate", "there-is-none", "-o", "json", LC_ALL=locale).stdout
        for locale in ("ja_JP.UTF-8", "C.UTF-8")
    )
    assert japanese == english
    assert "there is no file or folder" in english or "there is no lab" in english


def test_a_catalogue_is_compiled_again_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("babel")
    folder = tmp_path / "ja" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    monkeypatch.setattr(translation, "FOLDER", tmp_path)
    source = folder / "virtlab.po"
    for word in ("一", "二"):
        source.write_text(
            f'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "a"\nmsgstr "{word}"\n'
        )
        compiled = folder / "virtlab.mo"
        if compiled.exists():
            later = compiled.stat().st_mtime_ns + 1_000_000
            os.utime(source, ns=(later, later))
        translation.catalogue.cache_clear()
        assert said(msg("a"), Language.JA) == word
    translation.catalogue.cache_clear()


def test_where_nothing_is_compiled_and_nothing_can_compile_english_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translation, "FOLDER", tmp_path)
    translation.catalogue.cache_clear()
    assert language.said(msg("a"), Language.JA) == "a"
    translation.catalogue.cache_clear()
