#!/bin/sh
# Linux goes on with half an initramfs where memory is short, and what is short is three times its size.
#
# Version   Debian's linux-image-6.1.0-57-amd64 (6.1.192-3), QEMU's emulation; the same with 6.12.118 and 7.2.12.
# Expected  An initramfs that does not fit is an error that stops the boot; and an archive of 24 MiB, not packed,
#           fits where the kernel leaves 60 MiB, room for the archive and for its files.
# Happens   The root is a tmpfs of at most half of what is free when it is mounted, while the archive still lies in
#           memory as it came. So the kernel needs its own memory and three times the archive. Somewhat less, and it
#           says "Initramfs unpacking failed: write error", and runs /init all the same: what stands last in the
#           archive is cut off or missing, and the failure shows wherever that is first wanted.
# Seen      160 MiB: whole. 130 MiB: "Initramfs unpacking failed: write error", /init runs, the last file is cut. (With
#           still less memory the kernel stops, for want of memory for itself.)
#
# Needs apt-get (Debian 12's lists), cpio, xz, qemu-system-x86_64; nothing is installed.
set -eu
package=linux-image-6.1.0-57-amd64 version=6.1.192-3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -q download "$package=$version" busybox-static >/dev/null
for deb in *.deb; do dpkg-deb -x "$deb" root; done

mkdir -p tree/bin
cp root/bin/busybox tree/bin/busybox
cat >tree/init <<'END'
#!/bin/busybox sh
set -- $(/bin/busybox sha256sum /zz-last)
echo "init runs; the last file: $1"
/bin/busybox poweroff -f
END
chmod 755 tree/init
head -c 24000000 /dev/urandom >tree/zz-last
right=$(sha256sum tree/zz-last | cut -d' ' -f1)
(cd tree && printf '%s\n' bin bin/busybox init zz-last | cpio -o -H newc --quiet) >initrd

boot() {
    timeout 120 qemu-system-x86_64 -accel tcg -m "$1" -nodefaults -no-reboot -display none -serial stdio \
        -kernel root/boot/vmlinuz-* -initrd initrd -append "console=ttyS0 quiet panic=-1" </dev/null | tr -d '\r'
}
boot 160 >whole
boot "${LESS:-130}" >half
echo "--- 160 MiB"; grep -a -e 'unpacking failed' -e 'init runs' whole
echo "--- ${LESS:-130} MiB"; grep -a -e 'unpacking failed' -e 'init runs' half
grep -qa "init runs; the last file: $right" whole || { echo "changed: 160 MiB are not enough"; exit 1; }
grep -qa 'Initramfs unpacking failed: write error' half || { echo "changed: no complaint"; exit 1; }
grep -qa 'init runs' half || { echo "changed: it does not go on"; exit 1; }
! grep -qa "$right" half || { echo "changed: the file is whole"; exit 1; }
echo "as described"
