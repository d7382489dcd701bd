#!/bin/sh
# libvirt takes a domain whose processor it does not know, validation asked for, and says so only at the start.
#
# Version   libvirt 9.0.0 and QEMU 7.2.22 of Debian 12, libvirt-python as installed.
# Expected  what can't be started on this host is refused when it is defined, as an unknown machine type is
#           (VIR_ERR_CONFIG_UNSUPPORTED, 67); at the latest with VIR_DOMAIN_DEFINE_VALIDATE. A feature that is to be
#           off and does not exist does no harm.
# Happens   An unknown processor model and an unknown feature are taken with and without that flag. The start refuses
#           the model as an internal error (1), and the feature as unsupported (67), even one with policy "disable".
#           virConnectCompareHypervisorCPU tells beforehand, for a model and a feature alike, by an error with code 1
#           or 67; there is no list of features.
# Seen      machine pc-i440fx-99: define 67; model nomodel: start 1; feature foo, require: start 67; disable: start 67
#
# Needs libvirt's Python binding (python3-libvirt, or that of the PYTHON that is named) and a libvirtd that this user
# may use; a domain is defined for a moment, and none is started.
set -eu
"${PYTHON:-python3}" - "${1:-qemu:///system}" <<'PYTHON'
import sys
import uuid

import libvirt

libvirt.registerErrorHandler(lambda *_: None, None)
conn = libvirt.open(sys.argv[1])
print("libvirt", conn.getLibVersion(), "QEMU", conn.getVersion())
DOMAIN = """<domain type='qemu'><name>processor-{}</name><memory>65536</memory>
<os><type arch='x86_64' machine='{}'>hvm</type></os>{}</domain>"""
MODEL = "<cpu mode='custom' match='exact'><model fallback='forbid'>{}</model>{}</cpu>"
CASES = {
    "machine": ("pc-i440fx-99", ""),
    "model": ("pc", MODEL.format("nomodel", "")),
    "feature, require": ("pc", MODEL.format("qemu64", "<feature name='foo' policy='require'/>")),
    "feature, disable": ("pc", MODEL.format("qemu64", "<feature name='foo' policy='disable'/>")),
}


def refused(machine, processor, flags):
    """When it is refused, and by which code."""
    try:
        domain = conn.defineXMLFlags(DOMAIN.format(uuid.uuid4().hex[:8], machine, processor), flags)
    except libvirt.libvirtError as error:
        return "define", error.get_error_code()
    try:
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    except libvirt.libvirtError as error:
        return "start", error.get_error_code()
    else:
        domain.destroy()
        return "never", 0
    finally:
        domain.undefine()


seen = {name: {refused(*case, flags) for flags in (0, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)} for name, case in CASES.items()}
for name, ends in seen.items():
    print(name, *sorted(ends))
expected = {"machine": {("define", 67)}, "model": {("start", 1)}}
expected |= {name: {("start", 67)} for name in CASES if name.startswith("feature")}
sys.exit(0 if seen == expected else "changed")
PYTHON
