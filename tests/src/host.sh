#!/bin/sh
# Makes a host in namespaces and becomes its process 1. Called by host.rs with the host's folder and that of the programs.
# Nothing of the machine outside can be written: its root is a new tmpfs, with /usr and the programs bound read-only.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin

if [ "$1" != inside ]; then
    # systemd wants a control group to itself, which the namespace makes the root of all that it sees.
    group=$(findmnt -nro TARGET -t cgroup2 | head -n 1)/aigw-host-$$
    mkdir "$group"
    echo $$ >"$group/cgroup.procs"
    exec unshare --mount --propagation private --pid --fork --kill-child --cgroup --uts --ipc --net \
        sh "$0" inside "$@"
fi
root=$2 programs=$3

bound() {
    mount --bind "$1" "$2"
    mount -o remount,bind,ro "$2"
}

mount -t tmpfs -o mode=755 aigw "$root"
cd "$root"
mkdir dev etc home mnt opt opt/aigw proc root run sys tmp usr var var/lib var/log var/log/journal var/tmp
chmod 1777 tmp var/tmp
bound /usr usr
bound "$programs" opt/aigw
for link in bin sbin lib lib64; do
    [ ! -L "/$link" ] || ln -s "usr/$link" "$link"
done

# -- what it knows of itself ------------------------------------------------------------------------------------------

for name in passwd group nsswitch.conf ld.so.cache dbus-1 ssl alternatives; do
    [ ! -e "/etc/$name" ] || cp -a "/etc/$name" etc/
done
mkdir etc/pam.d etc/security etc/systemd etc/systemd/system
: >etc/security/limits.conf
: >etc/fstab
for kind in auth account password session; do
    echo "$kind required pam_permit.so" | tee -a etc/pam.d/other etc/pam.d/common-$kind \
        >etc/pam.d/common-$kind-noninteractive
done
for user in ada:1001 bob:1002; do
    name=${user%:*} id=${user#*:}
    echo "$name:x:$id:$id::/home/$name:/bin/sh" >>etc/passwd
    echo "$name:x:$id:" >>etc/group
    mkdir -m 700 "home/$name"
    chown "$id:$id" "home/$name"
done
echo aigw-host >etc/hostname
echo '127.0.0.1 localhost aigw-host' >etc/hosts
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
for unit in dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    sys-fs-fuse-connections.mount systemd-tmpfiles-setup-dev.service systemd-sysctl.service \
    systemd-modules-load.service systemd-udevd.service systemd-udev-trigger.service systemd-binfmt.service \
    systemd-hwdb-update.service systemd-timesyncd.service systemd-firstboot.service systemd-random-seed.service; do
    ln -s /dev/null "etc/systemd/system/$unit"
done

# -- what the kernel gives --------------------------------------------------------------------------------------------

mount -t tmpfs -o mode=755,nosuid aigw dev
for device in null zero full random urandom tty; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
chmod 1777 dev/shm
mount -t tmpfs -o mode=755 aigw run
mkdir run/lock run/systemd
mount -t proc proc proc
for name in sys sysrq-trigger irq bus; do
    [ ! -e "proc/$name" ] || bound "proc/$name" "proc/$name"
done
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
hostname aigw-host
ip link set lo up

pivot_root . mnt
umount -l /mnt
if touch /usr/aigw-host 2>/dev/null; then
    echo 'the machine outside could be written' >&2
    exit 1
fi
exec env -i container=aigw-tests \
    setpriv --bounding-set=-sys_boot,-sys_time,-sys_module,-mknod,-syslog,-wake_alarm \
    /lib/systemd/systemd --system --unit=multi-user.target
