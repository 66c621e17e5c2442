#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# node.sh up|down: a Kubernetes node that runs pods, in namespaces of its own on this machine. Needs root and cgroup v1.
#   PROGRAMS  folder with every program, the CNI plugins below cni/
#   STATE     folder for everything it writes; kubeconfig and the log of each program end up there
#   IMAGES    archive of images for its pods
# This machine is 10.213.0.1 for the pods, the node is 10.213.0.2. No image is ever pulled.
set -euo pipefail
export PATH=$PROGRAMS:$PATH KUBECONFIG=$STATE/kubeconfig
host=10.213.0.1
node=10.213.0.2

up() {
  mkdir -p "$STATE"/{lib,log,cni,cgroup,volumes}
  cd "$STATE"
  openssl genrsa -out sa.key 2048 2> /dev/null
  local token
  token=$(openssl rand -hex 16)
  echo "$token,admin,admin,system:masters" > tokens.csv
  cat > kubeconfig << EOF
apiVersion: v1
kind: Config
current-context: node
contexts: [{ name: node, context: { cluster: node, user: admin } }]
users: [{ name: admin, user: { token: $token } }]
clusters: [{ name: node, cluster: { server: 'https://$node:6443', insecure-skip-tls-verify: true } }]
EOF
  # Its pods get cgroups of their own below the ones of this machine.
  for controller in /sys/fs/cgroup/*/; do
    [ ! -f "$controller/cgroup.procs" ] || mkdir -p "$controller/node1"
  done
  for file in cpus mems; do
    cat "/sys/fs/cgroup/cpuset/cpuset.$file" > "/sys/fs/cgroup/cpuset/node1/cpuset.$file"
  done
  setsid unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc bash "$0" inside > log.node 2>&1 < /dev/null &
  local unshared=$!
  until pgrep --parent $unshared > pid; do
    kill -0 $unshared || { cat log.node >&2; exit 1; }
    sleep 0.1
  done
  ip link add node1 type veth peer name eth0 netns "$(cat pid)"
  ip address add $host/30 dev node1
  ip link set node1 up
  ip route add 10.244.0.0/24 via $node
  for _ in $(seq 240); do
    kubectl wait --for=condition=Ready node/node1 --timeout=1s > log.wait 2>&1 && break
    kill -0 $unshared || { tail -n 20 log.* >&2; exit 1; }
    sleep 0.5
  done
  kubectl wait --for=condition=Ready node/node1 --timeout=1s || { tail -n 20 log.* >&2; exit 1; }
  volumes | kubectl apply --filename=-
}

# A few volumes that a claim can bind to; unlike those of a hostPath, they take the group of the pod.
volumes() {
  cat << EOF
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: local, annotations: { storageclass.kubernetes.io/is-default-class: 'true' } }
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
EOF
  for number in 1 2 3; do
    mkdir -p "$STATE/volumes/$number"
    cat << EOF
---
apiVersion: v1
kind: PersistentVolume
metadata: { name: volume-$number }
spec:
  capacity: { storage: 10Gi }
  accessModes: [ReadWriteOnce]
  storageClassName: local
  local: { path: $STATE/volumes/$number }
  nodeAffinity:
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: kubernetes.io/hostname, operator: Exists }] }] }
EOF
  done
}

inside() {
  cd "$STATE"
  own_files
  own_network
  control_plane
  runtime
  start kube-controller-manager --kubeconfig kubeconfig --use-service-account-credentials --service-account-private-key-file sa.key \
    --root-ca-file ca.crt --leader-elect=false
  start kube-scheduler --kubeconfig kubeconfig --leader-elect=false
  start kube-proxy --proxy-mode nftables --kubeconfig kubeconfig --hostname-override node1 --conntrack-max-per-core 0 \
    --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0
  kubelet_settings
  start kubelet --config kubelet.yaml --kubeconfig kubeconfig --node-ip $node --hostname-override node1
  printf '. {\n bind %s\n errors\n kubernetes cluster.local {\n  kubeconfig kubeconfig\n }\n}\n' $node > Corefile
  start coredns
  wait
}

start() {
  "$@" > "log.$1" 2>&1 &
}

own_files() {
  mount --make-rshared /
  mount --rbind /sys/fs/cgroup cgroup
  mount -t sysfs sysfs /sys
  mount --rbind cgroup /sys/fs/cgroup
  mount --bind lib /var/lib
  mount --bind log /var/log
  mount -t tmpfs -o mode=755 tmpfs /run
  hostname node1
  # The kubelet sets these for the whole machine: here it sets copies.
  local setting file
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file=/run/$(basename "${setting%=*}")
    echo "${setting#*=}" > "$file"
    mount --bind "$file" "/proc/sys/${setting%=*}"
  done
}

own_network() {
  ip link set lo up
  until ip address add $node/30 dev eth0 2> /dev/null; do sleep 0.1; done
  ip link set eth0 up
  ip route add default via $host
  echo 1 > /proc/sys/net/ipv4/ip_forward
  echo "nameserver $host" > resolv.conf
}

control_plane() {
  start etcd --data-dir lib/etcd --unsafe-no-fsync
  start kube-apiserver --etcd-servers http://127.0.0.1:2379 --cert-dir pki --advertise-address $node --token-auth-file tokens.csv \
    --authorization-mode RBAC --allow-privileged --service-account-issuer https://kubernetes.default.svc \
    --service-account-key-file sa.key --service-account-signing-key-file sa.key --service-cluster-ip-range 10.96.0.0/24 \
    --kubelet-preferred-address-types InternalIP
}

runtime() {
  local cri="plugins.'io.containerd.cri.v1"
  cat > containerd.toml << EOF
version = 3
$cri.images'.pinned_images.sandbox = 'localhost/pause:1'
$cri.runtime'.restrict_oom_score_adj = true
$cri.runtime'.cni = { bin_dirs = ['$PROGRAMS/cni'], conf_dir = '$STATE/cni' }
EOF
  cat > cni/10-bridge.conflist << EOF
{ "cniVersion": "1.0.0", "name": "pods", "plugins": [
  { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
    "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.244.0.0/24" }]], "routes": [{ "dst": "0.0.0.0/0" }] } }] }
EOF
  start containerd --config containerd.toml
  until ctr version > /dev/null 2>&1; do sleep 0.2; done
  ctr --namespace k8s.io images import "$IMAGES" > log.images 2>&1
  until kubectl get --raw /readyz > readyz 2>&1; do sleep 0.2; done
  # The server's own certificate comes first, its authority second.
  awk '/BEGIN/ { n++ } n == 2' pki/apiserver.crt > ca.crt
}

kubelet_settings() {
  cat > kubelet.yaml << EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /node1
oomScoreAdj: 0
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
volumePluginDir: /var/lib/plugins
resolvConf: $STATE/resolv.conf
clusterDomain: cluster.local
clusterDNS: [$node]
evictionHard: { memory.available: 100Mi }
# There is nowhere to pull an image from again.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
EOF
}

down() {
  ip link delete node1 2> /dev/null || true
  [ ! -s "$STATE/pid" ] || kill -KILL "$(cat "$STATE/pid")" 2> /dev/null || true
  for _ in $(seq 50); do
    left=0
    for controller in /sys/fs/cgroup/*/node1; do
      [ ! -d "$controller" ] || find "$controller" -depth -type d -exec rmdir {} + 2> /dev/null || left=1
    done
    [ $left = 0 ] && return
    sleep 0.1
  done
}

case ${1:-} in
  up) up ;;
  inside) inside ;;
  down) down ;;
  *) echo 'usage: node.sh up|down' >&2; exit 2 ;;
esac
