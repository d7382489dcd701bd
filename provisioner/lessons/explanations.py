"""Why a benchmark came out as it did. Which text is said follows from what was measured.

No text here names a ratio of its own, but for the literature, which says that it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.lab.model import Text
from provisioner.lessons.measured import Bench, GuestConfig, Outcome, Ratio, Verdict

_PARAVIRTUAL = ("virtio", "vmxnet3", "vmpvscsi", "xen", "hyperv")


class Finding(StrEnum):
    """What the paravirtual device came to, against the emulated one."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Said where one of the workloads came out so, under that accelerator (empty: under any)."""

    workloads: tuple[str, ...]
    findings: tuple[Finding, ...]
    accel: str
    text: Text


_SMALL = ("disk-read-random", "disk-write-random")
_STREAMS = ("network-send", "network-receive")
_COUNTED = ("registers-disk", "registers-ping", "registers-network")

EXPLANATIONS = (
    Explanation(
        _COUNTED,
        (Finding.BETTER,),
        "",
        Text(
            en="Register accesses show the difference between the devices most directly, and do not depend "
            "on how fast this host is. The driver of real hardware writes and reads the device's "
            "registers step by step for each request, and the hypervisor has to imitate each step. A "
            "paravirtual driver describes the whole request in memory that both sides see, and then "
            "notifies the device once.",
            ja="デバイスの違いが最も直接に現れるのはレジスタアクセスの回数で、ホストの速さには左右されませ"
            "ん。実在するハードウェア用のドライバは、要求のたびにレジスタを一つずつ読み書きし、ハイパー"
            "バイザはその一つ一つを模倣します。準仮想化デバイスのドライバは、双方から見えるメモリに要求"
            "の全体を書いてから、一度だけデバイスに通知します。",
        ),
    ),
    Explanation(
        _COUNTED,
        (Finding.BETTER,),
        "kvm",
        Text(
            en="With KVM each such access is an exit: the processor leaves the guest, KVM or QEMU does "
            "what the device would do, and the guest goes on.",
            ja="KVMでは、こうしたアクセスは毎回VM exitになります。プロセッサがゲストの実行を中断し、KVMまた"
            "はQEMUがデバイスの代わりに処理してから、ゲストに戻ります。",
        ),
    ),
    Explanation(
        _COUNTED,
        (Finding.BETTER,),
        "tcg",
        Text(
            en="Here, under emulation (TCG), such an access is only a function call inside QEMU. With KVM "
            "it would be an exit from the guest, which costs far more than the instruction itself. So "
            "do not read times out of these counts.",
            ja="ここで使われているエミュレーション(TCG)では、このアクセスはQEMU内部の関数呼び出しにすぎませ"
            "ん。KVMならVM exitになり、命令そのものよりはるかに高くつきます。この回数から時間を読み取ら"
            "ないでください。",
        ),
    ),
    Explanation(
        _SMALL,
        (Finding.WORSE, Finding.SAME, Finding.UNCLEAR),
        "tcg",
        Text(
            en="Small disk requests: paravirtual does not mean faster under emulation (TCG). There are no "
            "exits to save, because QEMU runs the guest's instructions and the device model in one "
            "process. And the way through a queue in memory takes the guest's driver more instructions, "
            "each of which is emulated.",
            ja="小さなディスク要求: エミュレーション(TCG)では、準仮想化だから速いとは言えません。ゲストの命"
            "令もデバイスモデルも同じQEMUプロセスが実行するので、減らすべきVM exitがそもそもありません。"
            "しかもメモリ上のキューを使う手順は、ゲスト側ドライバの命令数が多く、その一つ一つがエミュレ"
            "ーションされます。",
        ),
    ),
    Explanation(
        _SMALL,
        (Finding.BETTER,),
        "tcg",
        Text(
            en="Small disk requests came out better with the paravirtual disk although emulation (TCG) has "
            "no exits to save. What is seen is then how the two device models and drivers are written, "
            "not the price of exits.",
            ja="エミュレーション(TCG)には減らすべきVM exitがありませんが、小さなディスク要求は準仮想化ディ"
            "スクのほうが良い結果でした。ここに現れているのはVM exitの代償ではなく、デバイスモデルとドラ"
            "イバの作りの違いです。",
        ),
    ),
    Explanation(
        _SMALL,
        (Finding.BETTER,),
        "kvm",
        Text(
            en="Small disk requests gain with KVM because each one needs fewer exits.",
            ja="KVMで小さなディスク要求が速くなるのは、要求1回あたりのVM exitが減るためです。",
        ),
    ),
    Explanation(
        _SMALL,
        (Finding.SAME, Finding.UNCLEAR, Finding.WORSE),
        "kvm",
        Text(
            en="Small disk requests show no gain here. Where the host's storage takes much longer than an "
            "exit, or its file cache decides, the exits that are saved hardly count.",
            ja="ここでは小さなディスク要求に改善が見られません。ホストのストレージの時間がVM exitよりずっと"
            "長い場合や、ホストのページキャッシュが結果を決めている場合は、VM exitを減らした効果がほとん"
            "ど見えなくなります。",
        ),
    ),
    Explanation(
        _STREAMS,
        (Finding.BETTER,),
        "",
        Text(
            en="The network gains because one notification carries many packets: the paravirtual driver "
            "puts them into a queue in memory and tells the device once. It can also hand over segments "
            "larger than a packet on the wire, in both directions. An imitated card is driven through "
            "its registers and descriptors, a few packets at a time.",
            ja="ネットワークが速くなるのは、1回の通知で多くのパケットを渡せるからです。準仮想化ドライバは、"
            "メモリ上のキューにパケットをまとめて入れてから一度だけ通知します。また、実際の回線のパケッ"
            "トより大きなセグメントを、送受信の両方向で受け渡せます。模倣されたカードは、レジスタと記述"
            "子を通して、数パケットずつ処理されます。",
        ),
    ),
    Explanation(
        ("ping",),
        (Finding.SAME, Finding.UNCLEAR, Finding.WORSE),
        "",
        Text(
            en="A ping sends one packet and waits for its answer: there is nothing to gather into one "
            "notification, so it need not show what a stream of data shows.",
            ja="pingは1個のパケットを送って応答を待つだけです。1回の通知にまとめるものがないので、連続した"
            "データ転送と同じ差が現れるとは限りません。",
        ),
    ),
)

ACCELERATORS_DIFFER = Text(
    en="These guests do not run with the same accelerator. A ratio between them tells about the "
    "accelerators, not about the devices.",
    ja="これらのゲストはアクセラレータが同じではありません。両者の比はデバイスではなく、アクセラレータの違"
    "いを表しています。",
)
LITERATURE = Text(
    en="From the literature, not measured here (Technion, MSC-2017-19): earlier studies report paravirtual "
    "devices 5.5 to 40 times faster. The thesis itself measured 20 to 77 times for virtio-net over "
    "e1000, and then brought that down to 1.2 to 2.2 times by mending differences of implementation, "
    "without touching the exits. So the exits are only a part of the story.",
    ja="文献の値であり、ここで測定したものではありません(Technion, MSC-2017-19): それ以前の研究では、準仮想"
    "化デバイスは5.5〜40倍速いと報告されています。この論文ではe1000に対してvirtio-netが20〜77倍でしたが、"
    "VM exitはそのままに、実装上の違いを改善するだけで1.2〜2.2倍まで縮まりました。VM exitの多さは、理由"
    "の一部にすぎません。",
)


def of(bench: Bench) -> tuple[Text, ...]:
    """What explains this result, in a fixed order; empty where no guests differ in a device that counts.

    Where the control did not hold, times and speeds have no explanation: only counts have one.
    """
    said: list[Text] = []
    if len({guest.accel for guest in bench.guests}) > 1:
        said.append(ACCELERATORS_DIFFER)
    found = [
        f for outcome in bench.outcomes for ratio in outcome.ratios if (f := _found(bench, outcome, ratio))
    ]
    said += [
        e.text
        for e in EXPLANATIONS
        if any(
            workload in e.workloads and finding in e.findings and e.accel in ("", accel)
            for workload, accel, finding in found
            if bench.control_holds or workload in _COUNTED
        )
    ]
    if any(workload in (*_STREAMS, "ping") for workload, _, _ in found):
        said.append(LITERATURE)
    return tuple(said)


def _found(bench: Bench, outcome: Outcome, ratio: Ratio) -> tuple[str, str, Finding] | None:
    """Workload, accelerator and finding, where one guest's device is emulated and the other's is not."""
    guests = {guest.name: guest for guest in bench.guests}
    guest, base = guests.get(ratio.guest), guests.get(ratio.base)
    if guest is None or base is None or guest.accel != base.accel or ratio.verdict is Verdict.MISSING:
        return None
    kinds = _is_paravirtual(guest, outcome.workload), _is_paravirtual(base, outcome.workload)
    if kinds[0] is None or kinds[0] == kinds[1]:
        return None
    if ratio.verdict is Verdict.SAME:
        return outcome.workload, guest.accel, Finding.SAME
    if ratio.verdict is Verdict.UNCLEAR:
        return outcome.workload, guest.accel, Finding.UNCLEAR
    better = (ratio.verdict is Verdict.MORE) == outcome.more_is_better
    return outcome.workload, guest.accel, Finding.BETTER if better == kinds[0] else Finding.WORSE


def _is_paravirtual(guest: GuestConfig, workload: str) -> bool | None:
    """Whether the device that a workload uses is; None where it uses none."""
    if "disk" in workload:
        return any(name in guest.disk for name in _PARAVIRTUAL)
    if "network" in workload or "ping" in workload:
        return any(name in guest.network for name in _PARAVIRTUAL)
    return None
