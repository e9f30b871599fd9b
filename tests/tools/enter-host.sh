#!/bin/sh
# enter-host DIR HOST HOME SSHD...: the first process of a test host, in namespaces that were just made.
# Makes them the host's own, then runs the sshd, again on SIGUSR1, and collects orphans as an init does.
set -e
dir=$1 host=$2 home=$3
shift 3
mount --make-rprivate /
mount -t proc proc /proc
hostname "$host"
mount --bind "$dir/$host/boot_id" /proc/sys/kernel/random/boot_id
[ ! -e /etc/machine-id ] || mount --bind "$dir/$host/machine-id" /etc/machine-id
mount --bind "$dir/$host/home" "$home"
mount --bind "$dir/$host/tmp" /tmp
cd /
set +e
until ip address show dev eth0 2>/dev/null | grep -q 'inet .*eth0' && ip link show dev eth0 | grep -q 'state UP'; do
  sleep 0.02
done
trap '"$@" &' USR1
"$@" &
while :; do
  sleep 3600 &
  wait $!
done
