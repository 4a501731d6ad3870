# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ./quickstart run: from a fresh machine to a page that is published through daemon and agent.
# shellcheck source=tests/tools/run-api.sh
. "$top/tests/tools/run-api.sh"
# shellcheck source=tests/tools/run-demo.sh
. "$top/tests/tools/run-demo.sh"

demo_host=demo.localhost
once=no
data=

run_arguments () {
  data=$top/build/run
  while [ $# -gt 0 ]; do
    case $1 in
      --once) once=yes ;;
      --data)
        [ -n "${2-}" ] || die "--data needs a directory"
        data=$2
        shift
        ;;
      *) die "unknown option $1 (see ./quickstart help)" ;;
    esac
    shift
  done
}

# A second run beside the first takes a directory of its own.
open_data () {
  local wish n
  mkdir -p "$(dirname "$data")" || return 1
  data=$(realpath -m "$data")
  wish=$data
  for n in '' -2 -3 -4 -5 -6 -7 -8 -9; do
    data=$wish$n
    (umask 077 && mkdir -p "$data" && : >>"$data/.lock") || return 1
    chmod 700 "$data" || return 1
    exec {lock}<"$data/.lock"
    if flock -n "$lock"; then
      [ -z "$n" ] || warn "another ./quickstart run uses $wish: this one uses $data"
      return 0
    fi
    exec {lock}<&-
  done
  warn "$wish and eight directories beside it are in use"
  return 1
}

# A build/ that somebody configured is good as it is, unless it lacks a desktop client that could be shown.
configure_for_run () {
  if [ -f "$top/build/config.status" ] && { ! have_display || [ -x "$top/build/p2pstream-admin" ]; }; then
    return 0
  fi
  configure_in "$top/build" "$@"
}

# The desktop client is built where it can be used, or where its libraries are there anyway.
build_for_run () {
  local log=$top/build/quickstart.log
  local -a packages=("${PACKAGES_BUILD[@]}" "${PACKAGES_RUN[@]}") arguments=()
  if have_display; then
    packages+=("${PACKAGES_GUI[@]}")
  elif ! pkg-config --exists gtk4 libadwaita-1 libsoup-3.0 libsecret-1 2>/dev/null; then
    arguments=(--disable-gui)
  fi
  packages_install "${packages[@]}" || return 1
  mkdir -p "$top/build"
  say "Building in $top/build (log: $log)"
  if ! { autogen && configure_for_run "${arguments[@]}" && make_in "$top/build"; } >"$log" 2>&1 </dev/null; then
    tell_log "the build failed" "$log"
    return 1
  fi
}

# The public certificate is self-signed: take it from the connection once, then verify against it.
prove () {
  openssl s_client -connect "127.0.0.1:$public_port" -servername "$demo_host" </dev/null 2>/dev/null |
    openssl x509 >"$data/demo-site.crt.pem" 2>/dev/null || return 1
  curl --silent --show-error --fail --max-time 10 --cacert "$data/demo-site.crt.pem" \
    --resolve "$demo_host:$public_port:127.0.0.1" --output "$data/fetched.html" "https://$demo_host:$public_port/" &&
    cmp -s "$data/fetched.html" "$site/index.html"
}

summary () {
  cat <<SUMMARY

The page was fetched over HTTPS through p2pstreamd and p2pstream-agent.

  public URL      https://$demo_host:$public_port/
                  (self-signed, so a browser asks; the certificate is $data/demo-site.crt.pem)
  management URL  https://127.0.0.1:$management_port/
  CA file         $ca_file
  credentials     $data/credentials
  logs            $data/daemon.log, $data/agent.log

  curl --cacert $data/demo-site.crt.pem --resolve $demo_host:$public_port:127.0.0.1 https://$demo_host:$public_port/
SUMMARY
}

# Until Ctrl-C, or until one of the programs ends by itself.
stay () {
  say
  say "Ctrl-C stops everything."
  while is_running "$daemon_pid" && is_running "$agent_pid" && is_running "$demo_pid"; do
    sleep 1 &
    wait $!
  done
  is_running "$daemon_pid" || tell_log "p2pstreamd ended" "$data/daemon.log"
  is_running "$agent_pid" || tell_log "p2pstream-agent ended" "$data/agent.log"
  is_running "$demo_pid" || tell_log "the demo web service ended" "$data/demo.log"
  return 1
}

run_main () {
  run_arguments "$@"
  build_for_run || exit 1
  open_data || exit 1
  ca_file=$data/daemon/certs/management/ca.crt.pem
  trap 'stop_all' EXIT
  trap 'say; say "Stopping."; exit 0' INT TERM HUP
  start_demo && start_daemon && sign_in && ensure_agent && start_agent && ensure_listener && ensure_certificate && ensure_route || exit 1
  await 20 prove 2>/dev/null || { prove; tell_log "the page could not be fetched" "$data/daemon.log"; exit 1; }
  summary
  [ "$once" = no ] || exit 0
  start_gui
  stay
  exit 1
}
