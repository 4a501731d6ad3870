# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./quickstart check: every build and every test, a log for each stage in build/check/, one line at the end.

check_dir=$top/build/check
n_passed=0
n_failed=0
n_skipped=0

# add_counts LOG: adds what automake's test summaries in the log say; fails when there is none.
add_counts () {
  local counts
  counts=$(sed -n 's/\x1b\[[0-9;]*m//g; s/^# \(PASS\|SKIP\|XFAIL\|FAIL\|XPASS\|ERROR\): *\([0-9]*\)$/\1 \2/p' "$1" |
    awk '{ n[$1] += $2 } END { if (NR) print n["PASS"] + n["XFAIL"], n["FAIL"] + n["XPASS"] + n["ERROR"], n["SKIP"] + 0 }')
  [ -n "$counts" ] || return 1
  read -r stage_passed stage_failed stage_skipped <<<"$counts"
  n_passed=$((n_passed + stage_passed))
  n_failed=$((n_failed + stage_failed))
  n_skipped=$((n_skipped + stage_skipped))
}

# show_failure LOG: what failed, of each failed test what it says of that and its end, then the end of the log.
show_failure () {
  grep -aE '^(FAIL|ERROR|XPASS): |error:|ERROR: .*Sanitizer|WARNING: ThreadSanitizer' "$1" | sort -u | head -n 20 | sed 's/^/    /'
  show_failed_tests "$1" | head -n 300 | cut -c -300 | sed 's/^/    /'
  say "    ... the end of $1:"
  tail -n 30 "$1" | sed 's/^/    /'
}

# show_failed_tests LOG: from the logs of failed tests that make puts there (VERBOSE=1), each below its name and a line of "=".
# Around the first three "not ok" five lines before and forty behind, then the last forty.
show_failed_tests () {
  awk '
    function choose(from, to) { for (; from <= to && from <= n; from++) if (from > 0) chosen[from] = 1 }
    function show_test(  i) {
      if (name != "") {
        print "... " name
        for (i = 1; i <= n; i++)
          if (line[i] ~ /^not ok|^Bail out!/ && n_told++ < 3)
            choose(i - 5, i + 40)
        choose(n - 39, n)
        for (i = 1; i <= n; i++)
          if (i in chosen)
            print line[i]
          else if ((i - 1) in chosen)
            print "[...]"
      }
      name = ""
      n = n_told = 0
      delete line
      delete chosen
    }
    /^=+$/ && last ~ /^(FAIL|ERROR|XPASS|SKIP|XFAIL|PASS): [^ ]+$/ {
      n--
      show_test()
      if (last ~ /^(FAIL|ERROR|XPASS)/)
        name = last
    }
    /^=+$/ && last ~ /^Testsuite summary/ { show_test() }
    { last = $0; line[++n] = $0 }
    END { show_test() }' "$1"
}

# stage NAME COMMAND...: runs it with its output in a log, says how it went and how long it took. A stage that fails
# without a failed test counts as one failure; one whose NAME begins with "test" and has no counts is a test itself.
stage () {
  local name=$1 log begin=$SECONDS status
  shift
  log=$check_dir/${name//[^A-Za-z0-9]/-}.log
  stage_passed=0 stage_failed=0 stage_skipped=0
  printf '== %-44s ' "$name"
  (set -e; "$@") >"$log" 2>&1 </dev/null
  status=$?
  if ! add_counts "$log" && [ "$status" -eq 0 ] && [ "${name#test}" != "$name" ]; then
    stage_passed=1
    n_passed=$((n_passed + 1))
  fi
  if [ "$status" -ne 0 ] && [ "$stage_failed" -eq 0 ]; then
    stage_failed=1
    n_failed=$((n_failed + 1))
  fi
  if [ "$stage_failed" -eq 0 ]; then
    say "ok      $((SECONDS - begin)) s$( [ "$stage_passed" -eq 0 ] || printf ', %s passed' "$stage_passed")"
  else
    say "FAILED  $((SECONDS - begin)) s"
    show_failure "$log"
  fi
  [ "$stage_failed" -eq 0 ]
}

# check_in DIR TARGET: failed tests put their own logs into the stage's.
check_in () { VERBOSE=1 make_in "$1" -k "$2"; }

# ThreadSanitizer of gcc 12 does not bear the address layout of newer kernels.
check_tsan () {
  if setarch -R true 2>/dev/null; then
    VERBOSE=1 setarch -R make -C "$top/build-tsan" -j"$jobs" -k check-sanitized
  else
    check_in "$top/build-tsan" check-sanitized
  fi
}

check_sanitizers () {
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  if stage "build with ASan and UBSan" build_in "$top/build-asan" --disable-gui --enable-sanitizer=address,undefined; then
    stage "test: units and stories under ASan and UBSan" check_in "$top/build-asan" check-sanitized
  fi
  if stage "build with TSan" build_in "$top/build-tsan" --disable-gui --enable-sanitizer=thread; then
    stage "test: units and stories under TSan" check_tsan
  fi
  unset UBSAN_OPTIONS
}

# The same inputs in every check; `make fuzz` looks further.
check_fuzz () { FUZZ_SEED=1 make_in "$top/build" FUZZ_SECONDS=5 fuzz; }

# build_in DIR ARGUMENT...
build_in () {
  configure_in "$@" && make_in "$1"
}

# check_desktop: with a display `quickstart run` opens the desktop client on its daemon, and takes it away with the rest.
check_desktop () {
  local data=$check_dir/run-desktop number run status=0
  if ! command -v Xvfb >/dev/null || ! command -v xdotool >/dev/null; then
    say "Xvfb or xdotool is not installed"
    return 0
  fi
  coproc DISPLAYS { exec Xvfb -displayfd 1 -screen 0 1100x800x24 -nolisten tcp -noreset 2>/dev/null; }
  # shellcheck disable=SC2064 # this one
  trap "kill $DISPLAYS_PID" EXIT
  read -r -t 60 number <&"${DISPLAYS[0]}" || return 1
  env -u WAYLAND_DISPLAY DISPLAY=":$number" GDK_BACKEND=x11 GSK_RENDERER=cairo GSETTINGS_BACKEND=memory \
    XDG_CONFIG_HOME="$data/home" "$top/quickstart" run --data "$data" &
  run=$!
  await 180 is_shown_or_gone "$run" ":$number" || status=1
  window_of_admin ":$number" || status=1
  kill -TERM "$run" || status=1
  wait "$run" || status=1
  ! window_of_admin ":$number" || status=1
  return "$status"
}

is_shown_or_gone () { is_gone "$1" || window_of_admin "$2" >/dev/null; }

# window_of_admin DISPLAY: prints the client's windows; fails when there is none.
window_of_admin () { DISPLAY=$1 xdotool search --onlyvisible --class p2pstream 2>/dev/null; }

build_clang () { CC=clang build_in "$top/build-clang" --enable-werror; }

check_report () {
  say
  say "$n_passed passed, $n_failed failed, $n_skipped skipped"
  [ "$n_failed" -eq 0 ] && [ "$n_passed" -gt 0 ]
}

check_main () {
  mkdir -p "$check_dir" || die "cannot make $check_dir"
  say "Logs: $check_dir"
  stage "packages" packages_install "${PACKAGES_BUILD[@]}" "${PACKAGES_GUI[@]}" "${PACKAGES_RUN[@]}" "${PACKAGES_CHECK[@]}"
  stage "configure made by autogen.sh" autogen || { check_report; exit 1; }
  if stage "build with gcc" build_in "$top/build" --enable-werror; then
    stage "test: make check" check_in "$top/build" check
    stage "test: quickstart run --once" "$top/quickstart" run --once --data "$check_dir/run"
    stage "test: quickstart run with a display" check_desktop
  fi
  check_sanitizers
  stage "test: fuzzing, 5 s a target" check_fuzz
  stage "build with clang" build_clang
  stage "test: make distcheck" env VERBOSE=1 make -C "$top/build" -j"$jobs" distcheck
  check_report
}
