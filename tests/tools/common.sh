# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What both commands of ./quickstart use: words to the person, and waiting with a deadline.

say () { printf '%s\n' "$*"; }
warn () { printf 'quickstart: %s\n' "$*" >&2; }
die () { warn "$*"; exit 1; }

# have_display: whether a window could be shown.
have_display () { [ -n "${DISPLAY-}${WAYLAND_DISPLAY-}" ]; }

# await SECONDS COMMAND...: runs the command until it succeeds; fails when the time is over.
await () {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# is_running PID: whether a child of ours still runs (a zombie does not).
is_running () {
  local state
  state=$(ps -o state= -p "$1" 2>/dev/null) || return 1
  [ "${state# }" != Z ]
}

is_gone () { ! is_running "$1"; }

# stop_process NAME PID SECONDS: asks a child of ours to end, and ends it when the time is over.
stop_process () {
  is_running "$2" || return 0
  kill -TERM "$2" 2>/dev/null
  if ! await "$3" is_gone "$2"; then
    warn "$1 did not stop within $3 s: killed"
    kill -KILL "$2" 2>/dev/null
  fi
  wait "$2" 2>/dev/null
}
