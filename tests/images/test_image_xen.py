"""The recipes of the machine that starts Xen: what its disk holds, and what its scripts are."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from provisioner import paths
from provisioner.errors import ImageError
from provisioner.images import recipe
from provisioner.images.recipe import GrubSpec, KernelSpec

FOLDER = paths.templates_dir() / "images" / "xen"
SCRIPTS = ["block", "complaint", "device-model", "early", "inner", "late", "unmodified", "vif-bridge"]
SCRIPTS += ["../xen-domu/late", "../xen-domu/serve"]
NO_HVM = "virt_caps              : pv shadow gnttab-v1"
HVM = "virt_caps              : pv hvm hap shadow gnttab-v1"
REFUSAL = """\
Parsing config
libxl: error: libxl_create.c:711:libxl__domain_make: domain creation fail: No
libxl: error: x
"""


def spec() -> KernelSpec:
    found = recipe.read("xen", FOLDER).spec
    assert isinstance(found, KernelSpec)
    return found


def test_the_device_model_is_on_the_disk_and_not_loaded_with_domain_0() -> None:
    loader = spec().loader
    assert loader is not None
    assert not [path for path in spec().programs if "qemu-system" in path]
    for script in ("device-model", "unmodified"):
        text = (FOLDER / script).read_text().replace("$system/", "/boot/system/")
        named = {word.strip("'") for word in text.replace("=", " ").split() if "/boot/system/usr" in word}
        files = {word.removeprefix("/boot/system") for word in named}
        assert files
        known = {*loader.system, "/usr/lib/x86_64-linux-gnu", "/usr/share/qemu"}
        assert files <= known


def test_systems_inside_are_started_by_the_same_kernel_or_from_a_disk() -> None:
    loader = spec().loader
    assert loader is not None
    assert isinstance(loader.guests["xen-domu"], KernelSpec)
    assert isinstance(loader.guests["grub-disk"], GrubSpec)
    assert "lspci" not in loader.guests["grub-disk"].modules


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"system": {"usr/bin/x": ["/usr/bin/x"]}}, "usr/bin/x is no absolute path"),
        ({"guests": ["notes"]}, "notes is no image that boots"),
        ({"later": {}}, "loader: unknown key later"),
    ],
)
def test_a_wrong_loader(change: dict[str, object], complaint: str, tmp_path: Path) -> None:
    images = tmp_path / "images"
    shutil.copytree(FOLDER.parent, images)
    path = images / "xen" / "image.yaml"
    data = yaml.safe_load(path.read_text())
    data["loader"] |= change
    path.write_text(yaml.safe_dump(data | {"extends": None}).replace("extends: null", "extends: tiny"))
    with pytest.raises(ImageError, match=complaint):
        _ = recipe.read("xen", images / "xen").spec


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"]])
def test_the_scripts_are_shell(script: str, shell: list[str]) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"needs {shell[0]}")
    subprocess.run([*shell, "-n", str(FOLDER / script)], check=True)


@pytest.mark.parametrize(
    ("kind", "info", "told"),
    [
        ("pvh", NO_HVM, "pvh needs support of the processor, which lets Xen do only: pv shadow gnttab-v1"),
        ("hvm", NO_HVM, "hvm needs support of the processor, which lets Xen do only: pv shadow gnttab-v1"),
        ("pv", NO_HVM, ""),
        ("pvh", HVM, ""),
        ("hvm", HVM, ""),
    ],
)
def test_why_xl_refuses(kind: str, info: str, told: str, tmp_path: Path) -> None:
    """Xen's own words differ from version to version; what the processor lacks is told besides."""
    xl = tmp_path / "xl"
    xl.write_text(f"#!/bin/sh\necho '{info}'\n")
    xl.chmod(0o755)
    script = tmp_path / "complaint"
    script.write_text((FOLDER / "complaint").read_text().replace("PATH=", f"PATH={tmp_path}:"))
    done = subprocess.run(
        ["sh", str(script), kind], input=REFUSAL, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"xl: domain creation fail: No{f' ({told})' if told else ''}\n"


# What xl 4.17 and 4.20 gave a device model for the domain of unmodified, shortened.
GIVEN = ["-xen-domid", "3", "-chardev", "socket,id=libxl-cmd,path=/run/a b,server=on,wait=off"]
GIVEN += ["-mon", "chardev=libxl-cmd,mode=control", "-name", "hvm", "-no-acpi", "-boot", "order=cda"]
GIVEN += ["-machine", "pc,accel=xen,suppress-vmdesc=on", "-chardev", "pty,id=serial0", ""]
# A QEMU, an old one or one that knows no -no-acpi and no -mon. Several -machine add up in both.
QEMU = """\
#!/bin/sh
old=OLD acpi=on kind=none
refuse() {
    echo "$1: invalid option" >&2
    exit 1
}
while [ $# -gt 0 ]; do
    case $1 in
        -machine)
            shift
            case $1 in *acpi=off*) acpi=off ;; *) kind=${1%%,*} ;; esac
            ;;
        -no-acpi) [ "$old" ] && acpi=off || refuse "$1" ;;
        -mon | -qmp)
            [ "$old" ] || [ "$1" = -qmp ] || refuse "$1"
            shift
            case $1 in
                chardev=*,mode=control) name=${1#chardev=} && echo "QMP at ${name%,*}" ;;
                chardev:*) echo "QMP at ${1#chardev:}" ;;
            esac
            ;;
        *) echo "[$1]" ;;
    esac
    shift
done
echo "$kind acpi=$acpi"
"""


@pytest.mark.parametrize("old", ["yes", ""])
@pytest.mark.parametrize("shell", [["dash"], ["busybox", "sh"]])
def test_what_xl_asks_for_is_understood_by_each_qemu(old: str, shell: list[str], tmp_path: Path) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"needs {shell[0]}")
    qemu = tmp_path / "usr" / "libexec" / "xen-qemu-system-i386"
    qemu.parent.mkdir(parents=True)
    qemu.write_text(QEMU.replace("OLD", old))
    qemu.chmod(0o755)
    script = tmp_path / "device-model"
    script.write_text((FOLDER / "device-model").read_text().replace("/boot/system", str(tmp_path)))
    done = subprocess.run([*shell, str(script), *GIVEN], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "[-L]",
        f"[{tmp_path}/usr/share/qemu]",
        *("[-xen-domid]", "[3]", "[-chardev]", "[socket,id=libxl-cmd,path=/run/a b,server=on,wait=off]"),
        *("QMP at libxl-cmd", "[-name]", "[hvm]", "[-boot]", "[order=cda]"),
        *("[-chardev]", "[pty,id=serial0]", "[]"),
        "pc acpi=off",
    ]


def test_domain_0_gives_memory_that_is_only_asked_for_before_a_domain_can_start(tmp_path: Path) -> None:
    """The device model asks for more than all of Domain 0's; Linux refuses that where nothing was said."""
    programs = tmp_path / "bin"
    programs.mkdir()
    seen = tmp_path / "seen"
    for name in ("modprobe", "mount", "ip", "mkdir", "xen-init-dom0", "xenconsoled"):
        (programs / name).write_text("#!/bin/sh\n")
    (programs / "xenstored").write_text(
        f"#!/bin/sh\nread -r now <{tmp_path}/vm/overcommit_memory; echo $now >{seen}\n"
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    (tmp_path / "vm").mkdir()
    (tmp_path / "vm" / "overcommit_memory").write_text("0\n")
    late = (FOLDER / "late").read_text().replace("/proc/sys", str(tmp_path)).replace("/sys/block/vd*", "")
    subprocess.run(["/bin/sh", "-c", f"phase() {{ :; }}\n{late}"], env={"PATH": str(programs)}, check=True)
    assert seen.read_text() == "1\n"


def test_domain_0_lays_little_of_its_memory_aside() -> None:
    """64 MiB of 256 if nothing is said, and the device model is then read from the disk again and again."""
    (kernel,) = [line for line in (FOLDER / "grub.cfg").read_text().splitlines() if "/kernel" in line]
    (slots,) = [word.partition("=")[2] for word in kernel.split() if word.startswith("swiotlb=")]
    assert 2 * 1024**2 <= int(slots) * 2048 <= 16 * 1024**2


XL = """\
#!/bin/sh
echo "$*" >>HERE/orders
case $1 in
    list) printf 'Name ID Mem VCPUs State Time(s)\\nhvm 3 31 1 STATE 0.0\\n' ;;
    domid) ! grep -qsx 'destroy hvm' HERE/orders && echo 3 ;;
    create) echo error: enough >&2; exit 1 ;;
esac
"""


@pytest.mark.parametrize(("state", "made"), [("--p---", True), ("r-----", False)])
def test_a_domain_that_never_began_is_made_anew(state: str, made: bool, tmp_path: Path) -> None:
    """Where parts was stopped in the middle, its domain stays, and to wait for what it writes is in vain."""
    (tmp_path / "boot" / "guests").mkdir(parents=True)
    (tmp_path / "boot" / "guests" / "grub-disk").touch()
    (tmp_path / "run" / "virtlab" / "unmodified").mkdir(parents=True)
    (tmp_path / "run" / "virtlab" / "unmodified" / "serial").write_text("GNU GRUB\ngrub> ")
    for name, text in (("xl", XL), ("usleep", "#!/bin/sh\n")):
        (tmp_path / name).write_text(text.replace("HERE", str(tmp_path)).replace("STATE", state))
        (tmp_path / name).chmod(0o755)
    text = (FOLDER / "unmodified").read_text().replace("PATH=", f"PATH={tmp_path}:", 1)
    for place in ("/boot", "/run"):
        text = text.replace(f"{place}/", f"{tmp_path}{place}/")
    text = text.replace("/usr/lib/virtlab/complaint", "cat")
    done = subprocess.run(["sh", "-s"], input=text, capture_output=True, text=True, check=False)
    orders = (tmp_path / "orders").read_text()
    assert ("destroy hvm" in orders, "create" in orders) == (made, made)
    assert done.returncode == int(made), done.stderr
