#!/bin/sh
# Give one host a root of its own, then run its role there.
#
# Called as: ip netns exec NS unshare --mount --uts --ipc --pid --fork --kill-child --propagation private sh enter.sh
# The machine's files are the lower layer, a tmpfs takes every write; nothing reaches the machine, and the
# mounts, being in a private mount namespace, vanish with the last process.
# Variables: LAB_CODE, LAB_SHARED (folders of the machine), LAB_HOST_FILES (hosts, resolv.conf), LAB_HOSTNAME,
# LAB_ROLE, LAB_SCRIPT, LAB_STATE_DIR and LAB_STATE_PATH (may be empty); the role itself reads the other LAB_*.
set -eu

root=/mnt/root
mount -t tmpfs -o mode=0755 tmpfs /mnt
mkdir /mnt/layers "$root"

layer() { # layer NAME LOWER TARGET
    mkdir -p "/mnt/layers/$1/upper" "/mnt/layers/$1/work"
    mount -t overlay overlay \
        -o "lowerdir=$2,upperdir=/mnt/layers/$1/upper,workdir=/mnt/layers/$1/work" "$3"
}
layer root / "$root"
# An overlay does not cross mount points: machines with a separate /usr or /var need one more layer each.
for part in usr var etc opt; do
    if mountpoint -q "/$part"; then layer "$part" "/$part" "$root/$part"; fi
done

mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root/run/lock" "$root/opt/lab" "$root/srv/lab"
mount --bind "$LAB_CODE" "$root/opt/lab"
mount -o remount,bind,ro "$root/opt/lab"
mount --bind "$LAB_SHARED" "$root/srv/lab"
mount -o remount,bind,ro "$root/srv/lab"
if [ -n "${LAB_STATE_PATH:-}" ]; then
    mkdir -p "$root$LAB_STATE_PATH"
    mount --bind "$LAB_STATE_DIR" "$root$LAB_STATE_PATH"
fi
rm -f "$root/etc/resolv.conf"
cp "$LAB_HOST_FILES/hosts" "$LAB_HOST_FILES/resolv.conf" "$root/etc/"
hostname "$LAB_HOSTNAME"
unset LAB_CODE LAB_SHARED LAB_HOST_FILES LAB_STATE_DIR
cd "$root"
exec chroot "$root" sh "/opt/lab/roles/$LAB_ROLE/$LAB_SCRIPT.sh"
