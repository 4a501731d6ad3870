#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# make stress: what is too long for each change, in a directory that was configured and built. Logs are in ./stress, builds with
# sanitizers in ./stress/asan and ./stress/tsan. From the environment:
#   STRESS_STAGES    which: full repeat tunnel soak endure fuzz asan tsan (all)
#   STRESS_ROUNDS    how often every test runs, with twice as many at once as there are processors (20)
#   REPEAT_ROUNDS    how often the tunnel's tests run: see repeat.sh (100)
#   SOAK_SECONDS     the soak (1800); under a sanitizer at most 300 of it
#   ENDURE_SECONDS   kills, stops and cuts of agent and daemon (1200)
#   FUZZ_SECONDS     of each fuzz target (600)
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
# shellcheck source=tests/tools/common.sh
. "$top/tests/tools/common.sh"
# shellcheck source=tests/tools/build.sh
. "$top/tests/tools/build.sh"
# shellcheck source=tests/tools/check.sh
. "$top/tests/tools/check.sh"

stages=${STRESS_STAGES:-full repeat tunnel soak endure fuzz asan tsan}
rounds=${STRESS_ROUNDS:-20}
soak_seconds=${SOAK_SECONDS:-1800}
endure_seconds=${ENDURE_SECONDS:-1200}
fuzz_seconds=${FUZZ_SECONDS:-600}
built=$PWD
check_dir=$built/stress

has () { [[ " $stages " == *" $1 "* ]]; }

# soak_in DIR SECONDS: the soak of the programs that were built there.
soak_in () {
  make_in "$1" all tests/soak/soak-client tests/soak/soak-origin
  P2P_BUILDDIR=$1 python3 "$top/tests/soak/soak" "$2"
}

# endure_in DIR SECONDS: what was acknowledged by the programs that were built there is kept.
endure_in () {
  make_in "$1" all
  P2P_BUILDDIR=$1 python3 "$top/tests/soak/endure" "$2"
}

# A test that fails in any round is a failure: none is tried again.
repeat_in () {
  local round
  for round in $(seq "$rounds"); do
    echo "round $round"
    VERBOSE=1 make -C "$1" -j"$((2 * jobs))" -k check
  done
}

# sanitized NAME ARGUMENT: every test but the window's under that sanitizer, then the soak.
sanitized () {
  local dir=$check_dir/$1 run=()
  [ "$1" != tsan ] || ! setarch -R true 2>/dev/null || run=(setarch -R) # see check_tsan
  stage "build with $1" build_in "$dir" --disable-gui --enable-sanitizer="$2" || return
  stage "test: all tests under $1" env VERBOSE=1 P2P_TEST_FULL=1 "${run[@]}" make -C "$dir" -j"$jobs" -k check
  stage "test: soak under $1" soak_in "$dir" "$((soak_seconds < 300 ? soak_seconds : 300))"
}

stress_main () {
  [ -f "$built/config.status" ] || die "run it by: make stress"
  mkdir -p "$check_dir" || die "cannot make $check_dir"
  say "Logs: $check_dir"
  ! has full || stage "test: every test in its full size" env P2P_TEST_FULL=1 VERBOSE=1 make -C "$built" -j"$jobs" -k check
  ! has repeat || stage "test: every test $rounds times" repeat_in "$built"
  ! has tunnel || stage "test: the tunnel's tests ${REPEAT_ROUNDS:-100} times" make -C "$built" -j"$jobs" repeat
  ! has soak || stage "test: soak of $soak_seconds s" soak_in "$built" "$soak_seconds"
  ! has endure || stage "test: kills, stops and cuts for $endure_seconds s" endure_in "$built" "$endure_seconds"
  ! has fuzz || stage "test: fuzz targets, $fuzz_seconds s each" make -C "$built" fuzz FUZZ_SECONDS="$fuzz_seconds"
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  ! has asan || sanitized asan address,undefined
  ! has tsan || sanitized tsan thread
  check_report
}

stress_main
