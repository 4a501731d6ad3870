# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The management API for ./quickstart run: curl with the daemon's own CA; tokens and passwords travel by files and
# pipes, never as arguments.

# api METHOD PATH [JSON]: prints the answer's body; a refusal is told with the server's own words.
api () {
  local method=$1 path=$2 answer status
  local -a arguments=(--silent --show-error --max-time 30 --cacert "$ca_file" --request "$method" --write-out '\n%{http_code}')
  [ ! -s "$data/.authorization" ] || arguments+=(--header "@$data/.authorization")
  [ $# -lt 3 ] || arguments+=(--header 'Content-Type: application/json' --data-binary @-)
  answer=$(printf '%s' "${3-}" | curl "${arguments[@]}" "https://127.0.0.1:$management_port$path") || return 1
  status=${answer##*$'\n'}
  answer=${answer%$'\n'*}
  if [ "${status:0:1}" != 2 ]; then
    warn "$method $path: $status $(jq -r '[.title, .detail] | map(values) | join(": ")' <<<"$answer" 2>/dev/null)"
    return 1
  fi
  printf '%s\n' "$answer"
}

# find_by_name PATH NAME: prints the object of that name, or nothing.
find_by_name () {
  local answer
  answer=$(api GET "$1?limit=1000") || return 1
  jq -c --arg name "$2" '.items[] | select(.name == $name)' <<<"$answer" | head -n 1
}

# save NAME: standard input becomes that file of the data directory, for its owner alone and as a whole.
save () { (umask 077 && cat >"$data/$1.tmp") && mv "$data/$1.tmp" "$data/$1"; }

use_token () { printf 'Authorization: Bearer %s\n' "$1" | save .authorization; }

# sign_in: makes the first administrator, or signs in as the one that an earlier run made.
sign_in () {
  local state password answer
  rm -f "$data/.authorization"
  state=$(api GET /api/v1/setup) || return 1
  if [ "$(jq -r .setup_required <<<"$state")" = true ]; then
    password=$(openssl rand -base64 18) || return 1
    # First on disk: a password that nobody has would lock everybody out.
    printf 'USERNAME=admin\nPASSWORD=%s\n' "$password" | save credentials
    answer=$(api POST /api/v1/setup "$(credentials_json | jq -c --rawfile token "$data/daemon/setup-token" \
      '. + {setup_token: ($token | rtrimstr("\n"))}')") || return 1
    say "Made the first administrator: admin"
  else
    [ -s "$data/credentials" ] || { warn "$data has an administrator whose password is not in $data/credentials"; return 1; }
    answer=$(api POST /api/v1/login "$(credentials_json)") || return 1
  fi
  use_token "$(jq -r .token <<<"$answer")"
}

credentials_json () {
  jq -cR -s '[scan("([A-Z]+)=([^\n]*)") | {(.[0] | ascii_downcase): .[1]}] | add + {session: "bearer"}' "$data/credentials"
}

# ensure_agent: agent_id and the files that the agent reads; a token that got lost is replaced.
ensure_agent () {
  local agent token public_id
  agent=$(find_by_name /api/v1/agents demo) || return 1
  if [ -z "$agent" ]; then
    agent=$(api POST /api/v1/agents '{"name":"demo"}') || return 1
    token=$(jq -r .token <<<"$agent")
    say "Registered the agent: demo"
  elif [ ! -s "$data/agent-token" ]; then
    token=$(api POST "/api/v1/agents/$(jq -r .id <<<"$agent")/rotate-token" '{}') || return 1
    token=$(jq -r .token <<<"$token")
  fi
  [ -z "${token-}" ] || printf '%s\n' "$token" | save agent-token
  agent_id=$(jq -r .id <<<"$agent")
  public_id=$(jq -r .public_id <<<"$agent")
  agent_public_id=$public_id
  save agent.conf <<AGENT
MANAGEMENT_URL=https://127.0.0.1:$management_port
MANAGEMENT_CA_FILE=$ca_file
AGENT_ID=$public_id
AGENT_TOKEN_FILE=$data/agent-token
AGENT_NAME=demo
AGENT
}

# ensure_listener: listener_id and public_port; a listener of an earlier run moves when its port is taken now.
ensure_listener () {
  local listener
  listener=$(find_by_name /api/v1/listeners demo) || return 1
  if [ -z "$listener" ]; then
    public_port=$(free_port "HTTPS listener" 8443) || return 1
    listener=$(api POST /api/v1/listeners "$(jq -nc --argjson port "$public_port" \
      '{name: "demo", protocol: "https", bind_address: "127.0.0.1", port: $port, enabled: true}')") || return 1
    say "Made the listener: https on port $public_port"
  elif [ "$(jq -r .status.state <<<"$listener")" != running ]; then
    public_port=$(free_port "HTTPS listener" "$(jq -r .port <<<"$listener")") || return 1
    listener=$(api PATCH "/api/v1/listeners/$(jq -r .id <<<"$listener")" \
      "$(jq -nc --argjson port "$public_port" '{port: $port, enabled: true}')") || return 1
  fi
  listener_id=$(jq -r .id <<<"$listener")
  public_port=$(jq -r .port <<<"$listener")
  await 10 listener_runs || { warn "the listener does not run: $(api GET "/api/v1/listeners/$listener_id" | jq -r .status.last_error)"; return 1; }
}

listener_runs () { [ "$(api GET "/api/v1/listeners/$listener_id" | jq -r .status.state)" = running ]; }
agent_is_connected () { [ "$(api GET "/api/v1/agents/$agent_id" | jq -r .status.state)" = connected ]; }

# ensure_certificate: a self-signed one for the demo's host name.
ensure_certificate () {
  local answer
  answer=$(api GET "/api/v1/certificates?limit=1000") || return 1
  ! jq -e --arg host "$demo_host" 'any(.items[]; .hostname_pattern == $host)' <<<"$answer" >/dev/null || return 0
  api POST /api/v1/certificates "$(jq -nc --arg host "$demo_host" '{hostname_pattern: $host, source: "self_signed"}')" >/dev/null ||
    return 1
  say "Made the certificate: self-signed for $demo_host"
}

# ensure_route: the route for the demo's host name, with the one target that the agent reaches.
ensure_route () {
  local route body
  body=$(jq -nc --argjson listener "$listener_id" --arg host "$demo_host" --arg url "http://127.0.0.1:$demo_port" \
    --arg agent "$agent_public_id" '{
      listener_id: $listener, name: "demo", host_pattern: $host, path_prefix: "/", enabled: true, action: "forward",
      targets: [{name: "demo", type: "proxy", transport: "agent", url: $url,
                 agent_selector: {match_labels: {"p2pstream.io/agent-id": $agent}}}]}') || return 1
  route=$(find_by_name /api/v1/routes demo) || return 1
  if [ -z "$route" ]; then
    api POST /api/v1/routes "$body" >/dev/null || return 1
    say "Made the route: $demo_host to http://127.0.0.1:$demo_port through the agent"
  else
    # The target keeps its id, so that it is changed and not made anew.
    body=$(jq -c --argjson old "$route" '.targets[0].id = $old.targets[0].id' <<<"$body")
    api PATCH "/api/v1/routes/$(jq -r .id <<<"$route")" "$body" >/dev/null || return 1
  fi
}
