#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (C) 2026 The p2pstream developers
#
# Takes away what the install script of the p2pstream agent put on this machine, the settings with the token included.
# It shows what it will do and asks. Run it as root: sh uninstall-agent.sh
#
#   --yes              do not ask
#   --config-dir=DIR   where agent.env is, if not in /etc/p2pstream
#   --program=FILE     the program, if not /usr/local/bin/p2pstream-agent
#   --unit=FILE        the unit, if not /etc/systemd/system/p2pstream-agent.service
#
# P2PSTREAM_ROOT=DIR has all files looked for below DIR; apt-get, userdel and systemctl are called as ever and change the
# machine itself, unless others stand before them in PATH. Only files of these names are removed, one by one, and the
# directory only when nothing else is in it.
set -eu
LC_ALL=C
export LC_ALL

root=${P2PSTREAM_ROOT-}
config_dir=/etc/p2pstream
program=/usr/local/bin/p2pstream-agent
unit=/etc/systemd/system/p2pstream-agent.service
mark='# Written by the install script of the p2pstream agent.'
sure=

say () {
  printf '%s\n' "uninstall-agent: $*" >&2
}

die () {
  say "$@"
  exit 1
}

# check_path WHAT PATH: whether a path says what it seems to say, and is nothing that the system lives on.
check_path () {
  case $2 in
    '') die "$1: must not be empty" ;;
    /*) ;;
    *) die "$1: '$2' must begin with a slash" ;;
  esac
  case $2 in
    *[!A-Za-z0-9/._+@~-]*) die "$1: has characters that no path of ours has" ;;
  esac
  case $2/ in
    *//* | */./* | */../*) die "$1: '$2' must have no empty parts, '.' or '..'" ;;
  esac
  case $2 in
    /usr/local/*/*) ;;
    /bin | /boot | /dev | /etc | /home | /lib | /lib32 | /lib64 | /libx32 | /media | /mnt | /opt | /proc | /root | /run | /sbin \
      | /srv | /sys | /tmp | /usr | /usr/* | /var | /var/lib | /etc/systemd | /etc/systemd/system)
      die "$1: '$2' belongs to the system"
      ;;
  esac
}

# check_links WHAT PATH: no part of it may lead elsewhere.
check_links () {
  part=
  rest=$2/
  while [ -n "$rest" ]; do
    part=$part${rest%%/*}
    rest=${rest#*/}
    [ ! -L "$part" ] || die "$1: $part is a symbolic link"
    part=$part/
  done
}

# check_name WHAT PATH NAME: the last part is that one.
check_name () {
  [ "${2##*/}" = "$3" ] || die "$1: '$2' is not a $3"
}

check () {
  if [ -n "$root" ]; then
    check_path P2PSTREAM_ROOT "$root"
    check_links P2PSTREAM_ROOT "$root"
  elif [ "$(id -u)" != 0 ]; then
    die "must be run by root"
  fi
  check_path --config-dir "$config_dir"
  check_path --program "$program"
  check_path --unit "$unit"
  check_name --config-dir "$config_dir" p2pstream
  check_name --program "$program" p2pstream-agent
  check_name --unit "$unit" p2pstream-agent.service
  check_links --config-dir "$root$config_dir/agent.env"
  check_links --program "$root$program"
  check_links --unit "$root$unit"
  command -v systemctl >/dev/null || die "systemctl is needed and not there"
}

is_packaged () {
  command -v dpkg-query >/dev/null \
    && [ "$(dpkg-query -W -f '${db:Status-Status}' p2pstream-agent 2>/dev/null)" = installed ]
}

# The program and the unit are ours only when the unit says so.
is_ours () {
  [ -f "$root$unit" ] && grep -qxF "$mark" "$root$unit"
}

ask () {
  echo "This will be removed:" >&2
  echo "  the service p2pstream-agent" >&2
  ! is_packaged || echo "  the package p2pstream-agent" >&2
  ! is_ours || printf '  %s\n' "$root$unit" "$root$program" "the user p2pstream-agent" >&2
  [ ! -e "$root$config_dir/agent.env" ] || echo "  $root$config_dir/agent.env, with the token" >&2
  [ -z "$sure" ] || return 0
  printf 'Type "yes" to go on: ' >&2
  answer=
  IFS= read -r answer || :
  [ "$answer" = yes ] || die "nothing was changed"
}

remove () {
  systemctl disable --now p2pstream-agent.service || say "there was no such service"
  if is_packaged; then
    DEBIAN_FRONTEND=noninteractive apt-get remove -y p2pstream-agent
  fi
  if is_ours; then
    rm -f -- "$root$program"
    ! getent passwd p2pstream-agent >/dev/null || userdel p2pstream-agent
    rm -f -- "$root$unit"
  fi
  systemctl daemon-reload
  rm -f -- "$root$config_dir/agent.env"
  rmdir -- "$root$config_dir" 2>/dev/null || :
  say "the agent is gone"
}

main () {
  for arg; do
    case $arg in
      --yes) sure=yes ;;
      --config-dir=*) config_dir=${arg#*=} ;;
      --program=*) program=${arg#*=} ;;
      --unit=*) unit=${arg#*=} ;;
      *) die "what is '$arg'? There are --yes, --config-dir=DIR, --program=FILE and --unit=FILE" ;;
    esac
  done
  check
  ask
  remove
}

main "$@"
