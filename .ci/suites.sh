# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts beside it. `step` runs what must not fail, `suite` what ends with a line `N passed, N failed`; the script's own
# last line is the sum of them, whatever happens.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CI=true

current='start'
passed=0
failed=0

finish() {
  local code=$?
  if [ "$code" -ne 0 ]; then
    echo "CI failed in: $current (exit code $code)" >&2
    failed=$((failed + 1))
  fi
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] || exit 1
}
trap finish EXIT

step() {
  current="$*"
  "$@"
}

# A suite that fails does not keep the next one from running. One that ends without its line, or with a line that does not fit its exit
# code, has failed.
suite() {
  current="$*"
  local output code line
  output=$(mktemp)
  set +e
  "$@" | tee "$output"
  code=${PIPESTATUS[0]}
  set -e
  line=$(tail -n 1 "$output")
  rm -f "$output"
  current='the sum'
  if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    if [ "$code" -eq 0 ] || [ "${BASH_REMATCH[2]}" -ne 0 ]; then return 0; fi
  fi
  echo "CI failed in: $* (exit code $code, and its last line is: $line)" >&2
  failed=$((failed + 1))
}
