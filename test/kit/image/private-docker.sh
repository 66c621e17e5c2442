#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# private-docker.sh COMMAND…: runs COMMAND beside a dockerd of its own, in namespaces of its own: the machine's network, mounts and
# containers are not touched, and nothing is left when it ends. No network leads out of it.
set -euo pipefail
if [ "${IN_PRIVATE_DOCKER:-}" != 1 ]; then
  IN_PRIVATE_DOCKER=1 exec unshare --net --mount --pid --uts --fork --kill-child --mount-proc bash "$0" "$@"
fi
unset IN_PRIVATE_DOCKER
hostname private-docker
folder=$(mktemp -d)
ip link set lo up
# The API server looks for an address that is no loopback one, on the way out.
ip link add lan type bridge && ip addr add 192.0.2.1/24 dev lan && ip link set lan up && ip route add default dev lan
# Process numbers are others in here: folders that are named after one must not meet those outside.
export TMPDIR=$folder/tmp DOCKER_HOST=unix://$folder/docker.sock DOCKER_BUILDKIT=1
mkdir "$TMPDIR"
chmod 755 "$folder" "$TMPDIR"
dockerd --data-root="$folder/data" --exec-root="$folder/exec" --pidfile="$folder/pid" --host="$DOCKER_HOST" > "$folder/log" 2>&1 &
daemon=$!
clean_up() {
  kill -TERM $daemon && wait $daemon || true
  umount "$folder"/exec/netns/* 2> /dev/null || true
  rm -rf "$folder"
  find /sys/fs/cgroup -mindepth 2 -depth -path '*/docker*' -type d -empty -exec rmdir {} + 2> /dev/null || true
}
trap clean_up EXIT
for _ in $(seq 300); do
  [ -S "$folder/docker.sock" ] && "$DOCKER" info > /dev/null 2>&1 && break
  kill -0 $daemon || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done
"$@"
