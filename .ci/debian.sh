# SPDX-License-Identifier: Apache-2.0
# Sourced: `install_debian WHAT PACKAGE…` installs packages of Debian 12, their programs only. The tests start servers of their own; the
# packages start none.
install_debian() {
  local what="$1" policy=/usr/sbin/policy-rc.d
  shift
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
    echo "$what is missing: install $* of Debian 12, or run this as root there" >&2
    return 1
  fi
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}
