"""Explains the result of a benchmark. What was measured decides which texts are shown.

No text here names a ratio: the measured one stands beside it. What others measured stands in lessons.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provisioner.language import Text
from provisioner.measure.workloads import Needs, needs_of
from provisioner.model.hardware import disk_buses, network_cards
from provisioner.model.hardware.device_models import DeviceModel
from provisioner.model.measured import Bench, GuestConfig, Outcome, Ratio, Verdict


class Finding(StrEnum):
    """How the paravirtual device did, compared with the emulated one."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Explanation:
    """A text that is shown where one of the workloads had this finding, under that accelerator (empty:
    any)."""

    workloads: tuple[str, ...]
    findings: tuple[Finding, ...]
    accel: str
    text: Text
    interface: str = ""  # only for paravirtual devices of that interface: virtio


_SMALL = ("disk-read-random", "disk-write-random")
_LARGE = ("disk-read-sequential", "disk-write-sequential")
_STREAMS = ("network-send", "network-receive")
_COUNTED = ("registers-disk", "registers-ping", "registers-network")
_NO_GAIN = (Finding.WORSE, Finding.SAME, Finding.UNCLEAR)

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
            "what the device would do, and the guest goes on. Interrupts and timers cause exits, too: "
            "not every one is the device's doing.",
            ja="KVMでは、こうしたアクセスは毎回VM exitになります。プロセッサがゲストの実行を中断し、KVMまた"
            "はQEMUがデバイスの代わりに処理してから、ゲストに戻ります。割り込みやタイマもVM exitの原因"
            "になるため、すべてがデバイスによるものとは限りません。",
        ),
    ),
    Explanation(
        _COUNTED,
        (Finding.BETTER,),
        "tcg",
        Text(
            en="Here, under emulation (TCG), such an access is only a function call inside QEMU. With KVM "
            "it would be an exit from the guest, which takes far longer. The difference in the counts is "
            "no measure of the difference in time.",
            ja="ここで使われているエミュレーション(TCG)では、このアクセスはQEMU内部の関数呼び出しにすぎませ"
            "ん。KVMならVM exitになり、はるかに時間がかかります。回数の差がそのまま時間の差になるわけでは"
            "ありません。",
        ),
    ),
    Explanation(
        _COUNTED,
        (Finding.WORSE,),
        "",
        Text(
            en="The paravirtual device was reached for more often than the imitated one. That is not what is "
            "expected: something else in the guest may have been at work.",
            ja="準仮想化デバイスのほうが多く操作されており、予想とは異なる結果です。ゲスト内で別の処理が動"
            "いていたのかもしれません。",
        ),
    ),
    Explanation(
        _SMALL,
        _NO_GAIN,
        "tcg",
        Text(
            en="Small disk requests: paravirtual does not mean faster under emulation (TCG). There are no "
            "exits to save: a register access is only a call inside QEMU, so the many accesses of the "
            "imitated disk take little time. The difference lies in the register accesses per request.",
            ja="小さなディスク要求: エミュレーション(TCG)では、準仮想化だから速いとは言えません。レジスタ"
            "アクセスはQEMU内部の呼び出しにすぎず、減らすべきVM exitがないので、模倣されたディスクのアク"
            "セスが多くても、かかる時間はわずかです。違いは、要求1件あたりのレジスタアクセスの回数に表れ"
            "ます。",
        ),
    ),
    Explanation(
        _SMALL,
        _NO_GAIN,
        "tcg",
        Text(
            en="Each notification of a virtio disk has to wake another thread of QEMU, which then takes the "
            "request from the queue. That takes time of its own.",
            ja="virtioのディスクでは、通知のたびにQEMUの別のスレッドを起こし、キューから要求を取り出させる負"
            "担が加わります。",
        ),
        "virtio",
    ),
    Explanation(
        _SMALL,
        (Finding.BETTER,),
        "tcg",
        Text(
            en="Small disk requests came out better with the paravirtual disk, but not by exits that were "
            "saved: under emulation (TCG) there are none. Each register access is still a call into "
            "QEMU's device model, and the imitated disk needs many more of them.",
            ja="小さなディスク要求は準仮想化ディスクのほうが良い結果でしたが、VM exitが減ったためではあり"
            "ません(エミュレーション(TCG)ではそもそも起きません)。レジスタアクセスのたびにQEMUのデバイス"
            "モデルが呼ばれ、模倣されたディスクではその回数がずっと多いためです。",
        ),
    ),
    Explanation(
        _SMALL,
        (Finding.BETTER,),
        "kvm",
        Text(
            en="Small disk requests gain with KVM because each one needs fewer exits: every register access "
            "of the imitated disk is one, and the paravirtual driver leaves the request in memory and "
            "notifies once.",
            ja="KVMで小さなディスク要求が速くなるのは、要求1件あたりのVM exitが減るためです。模倣されたディ"
            "スクではレジスタアクセスの1回1回がVM exitになりますが、準仮想化ドライバは要求をメモリに置いて"
            "1回通知するだけです。",
        ),
    ),
    Explanation(
        _SMALL,
        _NO_GAIN,
        "kvm",
        Text(
            en="Small disk requests show no gain here. Where the host's storage takes much longer than an "
            "exit, the exits that are saved hardly count; and where the host's page cache answers at "
            "once, handing the request from one thread of QEMU to another can outweigh them.",
            ja="ここでは小さなディスク要求に改善が見られません。ホストのストレージがVM exitよりずっと長い時"
            "間を要する場合、VM exitを減らした効果はほとんど見えなくなります。逆にホストのページキャッシ"
            "ュがすぐに応答する場合は、QEMUのスレッド間で要求を受け渡す負担のほうが大きくなることがあり"
            "ます。",
        ),
    ),
    Explanation(
        _LARGE,
        (Finding.BETTER,),
        "",
        Text(
            en="Large disk requests: both guests move the same bytes, and much of the time goes into copying "
            "them. What the paravirtual disk gains is in the steps around each request, of which it needs "
            "fewer.",
            ja="大きなディスク要求: どちらのゲストも転送する量は同じで、時間の多くはデータのコピーです。差が"
            "出るのは、要求1件ごとの前後の手順が、準仮想化ディスクのほうが少ないためです。",
        ),
    ),
    Explanation(
        _LARGE,
        _NO_GAIN,
        "",
        Text(
            en="Large disk requests show no gain where copying the data sets the pace, which is the same on "
            "both sides: a large request needs about as many register accesses as a small one.",
            ja="大きなディスク要求では、どちらのゲストでも同じデータのコピーが律速になると、差が出ません。要"
            "求が大きくても、必要なレジスタアクセスの回数はあまり変わらないためです。",
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
            "トより大きなセグメントを、送受信の両方向で受け渡せます。模倣されたカードは、レジスタとディ"
            "スクリプタを通して、数パケットずつ処理されます。",
        ),
    ),
    Explanation(
        _STREAMS,
        (Finding.BETTER,),
        "tcg",
        Text(
            en="The network does not gain by exits that were saved: under emulation (TCG) there are none.",
            ja="ネットワークが速いのは、VM exitが減ったからではありません。エミュレーション(TCG)ではVM exitは"
            "起きません。",
        ),
    ),
    Explanation(
        _STREAMS,
        (Finding.BETTER,),
        "kvm",
        Text(
            en="With KVM each access to a register of the imitated card is an exit, too. But the exits are "
            "only a part of the difference: how well the card is imitated counts as well.",
            ja="KVMではさらに、模倣されたカードのレジスタへのアクセスが1回ごとにVM exitになります。ただし、"
            "差の原因はVM exitだけではなく、模倣がどれだけうまく作られているかにもよります。",
        ),
    ),
    Explanation(
        _STREAMS,
        (Finding.SAME,),
        "",
        Text(
            en="Where no difference was measured in the throughput of the network, something else than the "
            "card set the pace, such as the way from QEMU to the host or the guest's processor.",
            ja="ネットワークのスループットに差が測定されなかった項目では、QEMUからホストまでの経路やゲスト"
            "のプロセッサなど、カード以外の部分が律速になっています。",
        ),
    ),
    Explanation(
        _STREAMS,
        (Finding.WORSE,),
        "",
        Text(
            en="The paravirtual card can be slower where little can be gathered into one notification: the "
            "burden of waking another thread for each of them remains.",
            ja="1回の通知にまとめられるものが少ないと、準仮想化のカードのほうが遅くなることもあります。通知"
            "のたびに別のスレッドを起こす負担が残るためです。",
        ),
        "virtio",
    ),
    Explanation(
        ("ping",),
        (Finding.BETTER,),
        "",
        Text(
            en="A ping sends one packet and waits for its answer, so there is nothing to gather into one "
            "notification. But one packet, too, needs fewer register accesses with the paravirtual card.",
            ja="pingは1個のパケットを送って応答を待つだけなので、1回の通知にまとめるものはありません。それで"
            "も、パケット1個に必要なレジスタアクセスは、準仮想化のカードのほうが少なくて済みます。",
        ),
    ),
    Explanation(
        ("ping",),
        _NO_GAIN,
        "",
        Text(
            en="A ping sends one packet and waits for its answer: there is nothing to gather into one "
            "notification, so it need not show what a stream of data shows.",
            ja="pingは1個のパケットを送って応答を待つだけです。1回の通知にまとめるものがないので、連続した"
            "データ転送と同じ差が現れるとは限りません。",
        ),
    ),
    Explanation(
        ("ping",),
        _NO_GAIN,
        "",
        Text(
            en="Waking another thread for virtio's notification can take as long as the register accesses "
            "that it saves, or longer.",
            ja="virtioの通知で別のスレッドを起こす負担が、節約できたレジスタアクセスと同じか、それ以上になる"
            "こともあります。",
        ),
        "virtio",
    ),
)

ACCELERATORS_DIFFER = Text(
    en="These guests do not run with the same accelerator. A ratio between them tells about the "
    "accelerators, not about the devices.",
    ja="これらのゲストはアクセラレータが同じではありません。両者の比はデバイスではなく、アクセラレータの違"
    "いを表しています。",
)


def of(bench: Bench) -> tuple[Text, ...]:
    """The explanations of this result, in a fixed order. Empty where the guests have the same devices.

    Where the control did not hold, only counts are explained, and no times or speeds.
    """
    said: list[Text] = []
    if len({guest.accel for guest in bench.guests}) > 1:
        said.append(ACCELERATORS_DIFFER)
    findings = [
        f for outcome in bench.outcomes for ratio in outcome.ratios if (f := _found(bench, outcome, ratio))
    ]
    for e in EXPLANATIONS:
        if names := [
            f.guest for f in findings if f.fits(e) and (bench.control_holds or f.workload in _COUNTED)
        ]:
            others = {f.guest for f in findings if f.workload in e.workloads}.difference(names)
            said.append(_about(names, e.text) if others else e.text)
    return tuple(said)


def _about(guests: list[str], text: Text) -> Text:
    """The text, with the guests that it is about where not all of them had this finding."""
    names = ", ".join(dict.fromkeys(guests))
    return Text(f"{names}: {text.en}", f"{names}: {text.ja}")


@dataclass(frozen=True, slots=True)
class _Found:
    """The finding of one workload for one guest with a paravirtual device, against an emulated one."""

    workload: str
    guest: str
    interface: str
    accel: str
    finding: Finding

    def fits(self, explanation: Explanation) -> bool:
        return (
            self.workload in explanation.workloads
            and self.finding in explanation.findings
            and explanation.accel in ("", self.accel)
            and explanation.interface in ("", self.interface)
        )


def _found(bench: Bench, outcome: Outcome, ratio: Ratio) -> _Found | None:
    """The finding where one guest's device is emulated and the other's is not. None for any other pair."""
    guests = {guest.name: guest for guest in bench.guests}
    guest, base = guests.get(ratio.guest), guests.get(ratio.base)
    if guest is None or base is None or guest.accel != base.accel or ratio.verdict is Verdict.MISSING:
        return None
    device, other = _device(guest, outcome.workload), _device(base, outcome.workload)
    if device is None or other is None or device.is_paravirtual == other.is_paravirtual:
        return None
    better = (ratio.verdict is Verdict.MORE) == outcome.more_is_better
    finding = {Verdict.SAME: Finding.SAME, Verdict.UNCLEAR: Finding.UNCLEAR}.get(
        ratio.verdict, Finding.BETTER if better == device.is_paravirtual else Finding.WORSE
    )
    name, interface = (
        (guest.name, device.interface) if device.is_paravirtual else (base.name, other.interface)
    )
    return _Found(outcome.workload, name, interface, guest.accel, finding)


def _device(guest: GuestConfig, workload: str) -> DeviceModel | None:
    """The guest's device that a workload uses, or None where it uses none."""
    needs = needs_of(workload)
    if Needs.DISK in needs:
        return disk_buses.labelled(guest.disk)
    if Needs.NETWORK in needs:
        return network_cards.model_of(guest.network)
    return None
