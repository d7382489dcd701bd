"""What guests show of each exercise whose work is looked at: before it, after a part of it, after all of it.

By lab and exercise, then by state: ``DONE``, or in words what was done so far. By item and guest what is
seen: a tuple is the values of a fact or the lines of a console, a text is what a command wrote, a number its
exit code. Outputs are in the form that guests give.
"""

from __future__ import annotations

from typing import NamedTuple

DONE = "done"
Seen = tuple[str, ...] | str | int
State = dict[str, Seen]


class Asked(NamedTuple):
    """An exercise that wants an answer: the values of its fact, what is right, and what is near to it."""

    values: tuple[str, ...]
    right: tuple[str, ...]
    wrong: tuple[str, ...]


_BOOT = "6a1ee5b4-2f5b-4a0c-9d0a-{}"
_ONCE = _BOOT.format("0123456789ab")
_TWICE = f"{_ONCE}\n{_BOOT.format('ba9876543210')}"


def _one_host(noted: str, gone: int) -> State:
    numbers = sorted({line for line in noted.split("\n") if len(line) == len(_ONCE)})
    servers = ("web", "mail", "ve-web", "ve-mail")
    return {"survived alone": f"{len(numbers)}\n", **{f"gone {server}": gone for server in servers}}


STATES: dict[str, dict[str, State]] = {
    "demo-consolidation half-for-web": {
        "untouched": {"share host": "25.1\n"},
        "the weight is twice the others'": {"share host": "40.0\n"},
        "the neighbours got more, too": {"share host": "25.0\n"},
        DONE: {"share host": "49.8\n"},
    },
    "demo-consolidation same-pages": {
        "untouched": {"pages host": "0\n"},
        "looked for a moment": {"pages host": "212\n"},
        DONE: {"pages host": "4213\n"},
    },
    "demo-consolidation one-host": {
        "untouched": _one_host("", 1),
        "a file in alone, and nothing else": _one_host("touched", 1),
        "all have the file": _one_host(_ONCE, 0),
        "the number in alone, and nothing else": _one_host(_ONCE, 1),
        "the number twice, and no new start": _one_host(f"{_ONCE}\n{_ONCE}", 1),
        "the host started anew, and the new number is not noted": _one_host(_ONCE, 1),
        DONE: _one_host(_TWICE, 1),
    },
    "demo-guest-os name-the-disks": {
        "untouched": {"ide-named ide": (), "sata-named sata": ()},
        "one of two": {"ide-named ide": ("(ata0)",), "sata-named sata": ()},
        "the same name in both": {"ide-named ide": ("(ata0)",), "sata-named sata": ("(ata0)",)},
        DONE: {"ide-named ide": ("(ata0)",), "sata-named sata": ("(ahci0)",)},
    },
    "demo-guest-os move-the-disk": {
        "untouched": {"disk-found virtio": ("error: disk `ata0' not found.",)},
        "moved to SATA, which the board has not": {"disk-found virtio": ("error: disk `ata0' not found.",)},
        DONE: {"disk-found virtio": ("This disk belongs to a lab.", "It holds this file.")},
    },
    "demo-guest-os ask-the-firmware": {
        "untouched": {"by-firmware virtio": (), "still-virtio virtio": ("1af4",)},
        "another image, and the disk on IDE": {
            "by-firmware virtio": ("(hd0)",),
            "still-virtio virtio": ("absent",),
        },
        DONE: {"by-firmware virtio": ("(hd0)",), "still-virtio virtio": ("1af4",)},
    },
    "demo-hosted no-host-no-guest": {
        "untouched": {"started-again host": "1\n", "mark-lost hosted": "", "mark-kept direct": ()},
        "the marks are set": {
            "started-again host": "1\n",
            "mark-lost hosted": "here\n",
            "mark-kept direct": ("here",),
        },
        "the mark in direct, and nothing else": {
            "started-again host": "1\n",
            "mark-lost hosted": "",
            "mark-kept direct": ("here",),
        },
        "the host started again, with no marks": {
            "started-again host": "2\n",
            "mark-lost hosted": "",
            "mark-kept direct": (),
        },
        DONE: {"started-again host": "2\n", "mark-lost hosted": "", "mark-kept direct": ("here",)},
    },
    "demo-hosted manage-from-afar": {
        "untouched": {"second-runs host": "hosted\n"},
        "called otherwise": {"second-runs host": "hosted\nthird\n"},
        DONE: {"second-runs host": "hosted\nsecond\n"},
    },
    "demo-hosted other-hardware": {
        "untouched": {
            "moved host": "/srv/sda/hosted.0\n/srv/vda/hosted.1\n",
            "same-disks hosted": "(ata0) (ata1)\n",
        },
        "moved, and not started": {"moved host": "", "same-disks hosted": 125},
        "started, with the list as it was": {"moved host": "/srv/vda/hosted.1\n", "same-disks hosted": 125},
        DONE: {
            "moved host": "/srv/vda/hosted.0\n/srv/vda/hosted.1\n",
            "same-disks hosted": "(ata0) (ata1)\n",
        },
    },
    "demo-hosted what-it-costs": {
        "untouched": {"answer hosted": ""},
        "the other answer": {"answer hosted": "processor\n"},
        DONE: {"answer hosted": "disk\n"},
    },
    "demo-hyperv without-the-page": {
        "untouched": {"still-hyperv hyperv": ("Microsoft Hyper-V",), "no-page hyperv": ("hyperv",)},
        "Hyper-V's interface is gone, too": {
            "still-hyperv hyperv": ("KVM",),
            "no-page hyperv": ("emulated",),
        },
        DONE: {"still-hyperv hyperv": ("Microsoft Hyper-V",), "no-page hyperv": ("emulated",)},
    },
    "demo-hyperv both-at-once": {
        "untouched": {"letters hyperv": ("Microsoft Hv",), "recognized hyperv": ("Microsoft Hyper-V",)},
        "KVM's interface only": {"letters hyperv": ("KVMKVMKVM",), "recognized hyperv": ("KVM",)},
        DONE: {"letters hyperv": ("Microsoft Hv",), "recognized hyperv": ("KVM",)},
    },
    "demo-kvm find-the-process": {
        "untouched": {"weight host": "100\n"},
        "the weight of two": {"weight host": "100\n"},
        DONE: {"weight host": "25\n"},
    },
    "demo-kvm take-memory-back": {
        "untouched": {"balloon two": "91940"},
        "half of it": {"balloon two": "75556"},
        DONE: {"balloon two": "59172"},
    },
    "demo-kvm read-a-secret": {
        "untouched": {"seen host": ""},
        "written in two": {"seen host": "two\n"},
        "written in both": {"seen host": "one\ntwo\n"},
        DONE: {"seen host": "one\n"},
    },
    "demo-openvz halve-the-memory": {
        "untouched": {"half-memory ve102": "167772160\n", "half-memory-holds ve102": 0, "still-up ve102": 0},
        "not half": {"half-memory ve102": "94371840\n", "half-memory-holds ve102": 137, "still-up ve102": 0},
        "half, and its server was killed": {
            "half-memory ve102": "83886080\n",
            "half-memory-holds ve102": 137,
            "still-up ve102": 1,
        },
        DONE: {"half-memory ve102": "83886080\n", "half-memory-holds ve102": 137, "still-up ve102": 0},
    },
    "demo-openvz one-for-all": {
        "untouched": {
            **{f"all-have-it {guest}": "0\n" for guest in ("host", "ve101", "ve102")},
            "others-do-not vm1": "0\n",
        },
        "loaded in vm1 instead": {
            **{f"all-have-it {guest}": "0\n" for guest in ("host", "ve101", "ve102")},
            "others-do-not vm1": "1\n",
        },
        DONE: {
            **{f"all-have-it {guest}": "1\n" for guest in ("host", "ve101", "ve102")},
            "others-do-not vm1": "0\n",
        },
    },
    "demo-paravirt unload-the-driver": {
        "untouched": {"no-interface virtio": ("eth0",), "card-remains virtio": "1af4:1000\n"},
        "the card was taken out": {"no-interface virtio": (), "card-remains virtio": ""},
        DONE: {"no-interface virtio": (), "card-remains virtio": "1af4:1000\n"},
    },
    "demo-paravirt slip-one-in": {
        "untouched": {"rng-slipped-in full": ()},
        "edited, and not brought up": {"rng-slipped-in full": ()},
        DONE: {"rng-slipped-in full": ("virtio",)},
    },
    "demo-paravirt move-the-disk": {
        "untouched": {"disk-on-virtio full": ("emulated",)},
        "a second disk, on virtio": {"disk-on-virtio full": ("emulated", "virtio")},
        DONE: {"disk-on-virtio full": ("virtio",)},
    },
    "demo-vmware without-the-driver": {
        "untouched": {
            "no-disk paravirtual": ("sda",),
            "controller-remains paravirtual": ("15ad:0405", "15ad:07c0"),
        },
        "the card's driver instead": {
            "no-disk paravirtual": ("sda",),
            "controller-remains paravirtual": ("15ad:0405", "15ad:07c0"),
        },
        "the controller was taken out": {
            "no-disk paravirtual": (),
            "controller-remains paravirtual": ("15ad:0405",),
        },
        DONE: {"no-disk paravirtual": (), "controller-remains paravirtual": ("15ad:0405", "15ad:07c0")},
    },
    "demo-vmware close-the-port": {
        "untouched": {
            "not-recognized emulated": ("VMware",),
            "still-named emulated": "VMware, Inc.\n",
            "still-works emulated": ("mptsas", "sd"),
        },
        "another profile": {
            "not-recognized emulated": (),
            "still-named emulated": "QEMU\n",
            "still-works emulated": ("ata_piix", "sd"),
        },
        DONE: {
            "not-recognized emulated": (),
            "still-named emulated": "VMware, Inc.\n",
            "still-works emulated": ("mptsas", "sd"),
        },
    },
    "demo-xen pause-a-domain": {
        "untouched": {"paused dom0": "-b----\n"},
        "it runs again": {"paused dom0": "r-----\n"},
        DONE: {"paused dom0": "--p---\n"},
    },
    "demo-xen without-support": {
        "untouched": {
            "pv-only dom0": "pv\nhvm\n",
            "both-pv pv": "PV\n",
            "both-pv pvh": "PVH\n",
            "no-hvm dom0": "started\n",
        },
        "a second PV domain, and the support is there": {
            "pv-only dom0": "pv\nhvm\n",
            "both-pv pv": "PV\n",
            "both-pv pvh": "PV\n",
            "no-hvm dom0": "started\n",
        },
        DONE: {
            "pv-only dom0": "pv\n",
            "both-pv pv": "PV\n",
            "both-pv pvh": "PV\n",
            "no-hvm dom0": "refused\n",
        },
    },
}

_VIRTIO = tuple(f"pci 0000:00:0{n}.0 1af4:100{n}" for n in range(5))
ANSWERS: dict[str, Asked] = {
    "demo-hyperv who-answers": Asked(("Microsoft Hv",), ("microsoft hv",), ("", "KVMKVMKVM", "Hyper-V")),
    "demo-openvz whose-kernel": Asked(("6.1.0-40-amd64",), ("6.1.0-40-amd64",), ("", "6.1", "2.6.32-openvz")),
    "demo-paravirt find-the-driver": Asked(
        ("ata_piix", "sd"), ("ata_piix", "ata-piix"), ("", "sd", "virtio_blk")
    ),
    "demo-paravirt count-the-devices": Asked(
        (*_VIRTIO, "virtio virtio2 block"), ("5",), ("", "6", "five", "0")
    ),
    "demo-paravirt move-the-disk": Asked(("virtio_blk",), ("virtio_blk", "virtio-blk"), ("", "ata_piix")),
    "demo-paravirt two-vendors": Asked(("sd", "vmw_pvscsi"), ("vmw_pvscsi",), ("", "sd", "vmxnet3")),
    "demo-vmware two-drivers": Asked(("sd", "vmw_pvscsi"), ("vmw_pvscsi",), ("", "sd", "mptsas")),
    "demo-xen find-the-front-end": Asked(("vbd",), ("vbd",), ("", "vif", "xen_blkfront")),
}
