#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# repeat.sh WORDS TEST...: each test whose name has one of the words in it, many times over, several at once, to the first failure: its
# log is kept in ./repeat and shown, what runs beside it comes to its end. Run by `make repeat`, with the environment of make check.
# From the environment:
#   REPEAT_ROUNDS   how often every test runs (100)
#   REPEAT_AT_ONCE  how many of them at a time; most wait for something most of their time (four for each processor)
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
# shellcheck source=tests/tools/common.sh
. "$top/tests/tools/common.sh"

rounds=${REPEAT_ROUNDS:-100}
at_once=${REPEAT_AT_ONCE:-$((4 * $(nproc)))}
within=900 # seconds: a test that takes longer hangs
export top within logs=$PWD/repeat

# run_one ROUND TEST: 255, at which xargs starts no more, unless it passes. Only a log that matters stays there.
run_one () {
  local program=$2 log
  log=$logs/${2//\//-}.$1.log
  [ -x "$program" ] || program=$top/$2
  if timeout -k 10 "$within" "$program" >"$log" 2>&1 && grep -q '^1\.\.[0-9]' "$log" && ! grep -q '^not ok\|^Bail out!' "$log"; then
    [ "$1" -gt 1 ] || grep -H '^1\.\.0' "$log" >>"$logs/skipped"
    echo "$2" >>"$logs/passed"
    rm "$log"
    return 0
  fi
  echo "$2, round $1" >>"$logs/failed"
  return 255
}
export -f run_one

every_test () {
  local round one
  for round in $(seq "$rounds"); do
    for one in "$@"; do printf '%s %s\n' "$round" "$one"; done
  done
}

# choose WORDS TEST...: sets chosen.
choose () {
  local words one word
  read -ra words <<<"$1"
  shift
  chosen=()
  for one in "$@"; do
    for word in "${words[@]}"; do
      [[ $one != *"$word"* ]] || { chosen+=("$one"); break; }
    done
  done
}

# What add_counts and show_failed_tests of check.sh read.
report () {
  local name log
  for log in "$logs"/*.log; do
    [ -e "$log" ] || continue
    printf 'FAIL: %s\n====\n' "$(basename "$log" .log)"
    cat "$log"
  done
  ! [ -s "$logs/skipped" ] || cat "$logs/skipped"
  printf '\n%s full rounds of %s tests, %s at once\n' "$(full_rounds "$@")" $# "$at_once"
  for name in passed failed; do
    printf '# %s: %s\n' "${name/%ed/}" "$(wc -l <"$logs/$name")" | tr '[:lower:]' '[:upper:]'
  done
}

# full_rounds TEST...: how often the test passed that passed the fewest times.
full_rounds () {
  printf '%s\n' "$@" | cat - "$logs/passed" | sort | uniq -c | awk 'NR == 1 || $1 < n { n = $1 } END { print n - 1 }'
}

[ $# -gt 1 ] || die "run it by: make repeat"
choose "$@"
[ ${#chosen[@]} -gt 0 ] || die "no test has any of this in its name: $1"
rm -rf "$logs"
mkdir "$logs" || die "cannot make $logs"
: >"$logs/passed"
: >"$logs/failed"
every_test "${chosen[@]}" | xargs -P "$at_once" -n 2 bash -c 'run_one "$@"' run_one
report "${chosen[@]}"
[ ! -s "$logs/failed" ] && [ "$(full_rounds "${chosen[@]}")" -eq "$rounds" ]
