# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The processes of ./quickstart run: the demo's web server, the daemon, the agent, the desktop client; starting each,
# waiting until it is ready, and stopping them in the reverse order.

demo_pid='' daemon_pid='' agent_pid='' gui_pid='' site=''

# The distribution's, which any user may run; one in somebody's home directory would be out of reach for nobody.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

# What we start is told to stop when we die, even by kill -9.
with_us=(setpriv --pdeathsig TERM)

# port_is_free PORT
port_is_free () {
  "$python" - "$1" <<'PYTHON'
import socket, sys
with socket.socket() as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", int(sys.argv[1])))
    except OSError:
        sys.exit(1)
PYTHON
}

# free_port WHAT PORT: prints PORT, or the next one that nobody uses.
free_port () {
  local port
  for ((port = $2; port < $2 + 100 && port < 65536; port++)); do
    if port_is_free "$port"; then
      [ "$port" -eq "$2" ] || warn "port $2 is busy: the $1 takes $port"
      say "$port"
      return 0
    fi
  done
  warn "no port from $2 to $((port - 1)) is free for the $1"
  return 1
}

# The page stands outside the data directory: the web server may not read the secrets there.
make_site () {
  site=$(mktemp -d "${TMPDIR:-/tmp}/p2pstream-demo.XXXXXX") && chmod 755 "$site" || return 1
  sed "s|@DATE@|$(date '+%F %T')|" "$top/tests/tools/demo.html" >"$site/index.html" && chmod 644 "$site/index.html"
}

start_demo () {
  local -a as=("${with_us[@]}")
  make_site || return 1
  # Root has no business serving pages.
  [ "$(id -u)" -ne 0 ] || as+=(--reuid=65534 --regid=65534 --clear-groups)
  demo_port=$(free_port "demo web service" 8000) || return 1
  (cd / && exec "${as[@]}" "$python" -m http.server --bind 127.0.0.1 --directory "$site" "$demo_port") \
    >"$data/demo.log" 2>&1 </dev/null &
  demo_pid=$!
  await 15 demo_answers || { tell_log "the demo web service did not start" "$data/demo.log"; return 1; }
}

demo_answers () { curl --silent --fail --max-time 2 --output /dev/null "http://127.0.0.1:$demo_port/"; }

# Settings from the person's own environment have no say here.
clean_environment () { exec env -i PATH="$PATH" HOME="${HOME:-/}" LANG="${LANG:-C}" "${with_us[@]}" "$@"; }

start_daemon () {
  management_port=$(free_port "management port" 8081) || return 1
  save p2pstreamd.conf <<DAEMON
CONFIG_DIR=$data/daemon
MANAGEMENT_BIND_ADDRESS=127.0.0.1
MANAGEMENT_ADVERTISE_HOST=127.0.0.1
MANAGEMENT_PORT=$management_port
DAEMON
  : >"$data/daemon.log" # here and now: what an earlier run said must not pass for an answer
  clean_environment "$top/build/p2pstreamd" --config "$data/p2pstreamd.conf" >>"$data/daemon.log" 2>&1 </dev/null &
  daemon_pid=$!
  await 60 is_ready_or_gone "$daemon_pid" "$data/daemon.log"
  is_ready "$data/daemon.log" || { tell_log "p2pstreamd did not start" "$data/daemon.log"; return 1; }
}

is_ready () { grep -aqE ': ready( |$)' "$1"; }
is_ready_or_gone () { is_ready "$2" || is_gone "$1"; }

start_agent () {
  clean_environment "$top/build/p2pstream-agent" --config "$data/agent.conf" >"$data/agent.log" 2>&1 </dev/null &
  agent_pid=$!
  await 30 agent_is_connected || { tell_log "the agent did not connect" "$data/agent.log"; return 1; }
}

start_gui () {
  have_display && [ -x "$top/build/p2pstream-admin" ] || return 0
  "$top/build/p2pstream-admin" "https://127.0.0.1:$management_port" >"$data/admin.log" 2>&1 </dev/null &
  gui_pid=$!
}

# tell_log WHAT LOG
tell_log () {
  warn "$1; the end of $2:"
  tail -n 15 "$2" | sed 's/^/    /' >&2
}

stop_all () {
  trap '' INT TERM HUP
  [ -z "$gui_pid" ] || stop_process "p2pstream-admin" "$gui_pid" 5
  [ -z "$agent_pid" ] || stop_process "p2pstream-agent" "$agent_pid" 20
  [ -z "$daemon_pid" ] || stop_process "p2pstreamd" "$daemon_pid" 20
  [ -z "$demo_pid" ] || stop_process "the demo web service" "$demo_pid" 5
  [ -z "$site" ] || rm -rf "$site"
  rm -f "$data/.authorization"
}
