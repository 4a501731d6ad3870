#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs Debian packages as root in such a way that no service of theirs starts, now or at the next boot.
# Usage: install-packages.sh NAME...
set -u
policy=/usr/sbin/policy-rc.d
kept=$policy.before-quickstart.$$

# Maintainer scripts ask this file whether they may start a service (101: no). What stood there comes back.
forbid_services () {
  if [ -e "$policy" ] || [ -L "$policy" ]; then
    mv "$policy" "$kept" || exit 1
  fi
  trap allow_services EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || exit 1
}

# shellcheck disable=SC2317 # called by the trap
allow_services () {
  rm -f "$policy"
  if [ -e "$kept" ] || [ -L "$kept" ]; then
    mv "$kept" "$policy"
  fi
}

# What starts at boot or at a login, one link a line.
enabled_services () {
  find /etc/systemd/system /etc/systemd/user /etc/rc[2-5].d -type l \
    \( -path '*.wants/*' -o -path '*.requires/*' -o -name 'S[0-9]*' \) 2>/dev/null | sort
}

# Installing may have enabled services for the next boot: these are switched off again.
disable_new_services () {
  local link name
  while read -r link; do
    name=$(basename "$link")
    case $link in
      /etc/rc*) update-rc.d "${name#S[0-9][0-9]}" disable ;;
      /etc/systemd/user/*) systemctl --global disable "$name" ;;
      *) systemctl disable "$name" ;;
    esac </dev/null >/dev/null 2>&1
    [ ! -L "$link" ] || rm -f "$link"
    echo "not started at boot: $name"
  done < <(comm -13 <(printf '%s\n' "$1") <(enabled_services)) | sort -u
}

apt () {
  DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

[ $# -gt 0 ] || { echo "usage: install-packages.sh NAME..." >&2; exit 2; }
before=$(enabled_services)
forbid_services
# Lists that are old or absent are no reason to stop when the packages can be had without.
apt update >/dev/null || echo "the package lists could not be refreshed, going on with those that are here" >&2
apt install --no-install-recommends "$@"
status=$?
disable_new_services "$before"
exit "$status"
