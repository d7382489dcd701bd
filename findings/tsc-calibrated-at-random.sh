#!/bin/sh
# On a busy host Linux takes an emulated processor's counter for 58 times slower or 20 times faster than it is, and
# keeps to that for as long as it runs.
#
# Version   Debian's linux-image-6.1.0-57-amd64 (6.1.192-3), QEMU 7.2 of Debian 12, emulated (TCG).
# Expected  "tsc: Detected X MHz processor" tells the host's own rate, which is what the emulated counter counts,
#           within some per cent; or Linux sees that two calibrations differ and takes another clock.
# Happens   Linux holds the counter against the imitated interval timer (PIT). Where QEMU is off the processor for
#           some milliseconds in between, the result is off by any factor and is believed. With tsc=reliable
#           nothing looks at it again: a sleep of a second takes milliseconds, or minutes. One boot in some ten.
# Seen      alone 2596 MHz; of 12 boots, six at a time on two processors, 102, 922 and ten of 2594 to 2596 MHz. Elsewhere
#           44, 492, 624 and 611825 MHz were seen.
# Remedy    tsc_early_khz= on the kernel's command line, with the rate that libvirt's capabilities tell (it asks KVM
#           for it): the counter keeps that rate, whatever the calibration says.
#
# Needs apt-get (Debian 12's lists), cpio, qemu-system-x86_64; nothing is installed. Takes one to three minutes.
set -eu
package=linux-image-6.1.0-57-amd64 version=6.1.192-3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -q download "$package=$version" busybox-static >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done
mkdir -p tree/bin
cp root/bin/busybox tree/bin/busybox
printf '#!/bin/busybox sh\n/bin/busybox dmesg | /bin/busybox grep "tsc: Detected"\n/bin/busybox poweroff -f\n' >tree/init
chmod 755 tree/init
(cd tree && printf '%s\n' bin bin/busybox init | cpio -o -H newc --quiet) >initrd

boot() {
    timeout 300 qemu-system-x86_64 -accel tcg -m 192 -nodefaults -no-reboot -display none -serial stdio \
        -kernel root/boot/vmlinuz-* -initrd initrd \
        -append "console=ttyS0 quiet tsc=reliable no_timer_check lpj=4000000 $*" </dev/null
}
# One alone first: what the counter's rate is when nobody is in the way, the middle of three.
for each in 1 2 3; do boot; done | sed -n 's/.*Detected \([0-9.]*\) MHz.*/\1/p' | sort -n >alone
right=$(sed -n 2p alone)
[ "$(wc -l <alone)" -eq 3 ] || { echo "no rate: a guest alone did not tell it"; exit 1; }
round=0
: >found
while [ "$round" -lt 10 ]; do
    round=$((round + 1))
    for each in 1 2 3 4 5 6; do boot >"said.$each" & done
    wait
    cat said.* | sed -n 's/.*Detected \([0-9.]*\) MHz.*/\1/p' >>found
    wrong=$(awk -v right="$right" '$1 < right / 1.1 || $1 > right * 1.1' found | wc -l)
    [ "$wrong" -lt 2 ] || break
done
echo "alone: $right MHz; $(wc -l <found) boots side by side: $(sort -n found | tr '\n' ' ')"
[ "$wrong" -ge 2 ] || { echo "changed: all are right"; exit 1; }
echo "as described: $wrong are off by more than a tenth"

khz=$(echo "$right" | tr -d .)
told=$(boot "tsc_early_khz=$khz" | sed -n 's/.*Detected \([0-9.]*\) MHz.*/\1/p' | tail -n 1)
echo "told $right: $told MHz"
[ "$told" = "$right" ] || { echo "changed: tsc_early_khz is not kept to"; exit 1; }
