# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Which packages each command needs, by Debian's names, and installing those that are missing.

PACKAGES_BUILD=(
  gcc libc6-dev make autoconf automake pkg-config
  libglib2.0-dev libjson-glib-dev libgnutls28-dev libsqlite3-dev libcrypt-dev
)
PACKAGES_GUI=(libgtk-4-dev libadwaita-1-dev libsoup-3.0-dev libsecret-1-dev gettext)
PACKAGES_RUN=(curl jq openssl python3-minimal procps util-linux)
PACKAGES_CHECK=(
  clang libclang-rt-dev llvm xz-utils shellcheck groff-base man-db systemd varnish
  xvfb xdotool dbus dbus-x11 at-spi2-core python3 python3-pyatspi adwaita-icon-theme fonts-dejavu-core
  golang-go golang-github-hashicorp-yamux-dev desktop-file-utils appstream gnutls-bin
)

# packages_missing NAME...: prints those that are not installed, one a line.
packages_missing () {
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || say "$name"
  done
}

# as_root COMMAND...: sudo asks for a password only where somebody can type one.
as_root () {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif ! command -v sudo >/dev/null; then
    warn "these packages have to be installed by root, and there is no sudo: apt-get install ${missing[*]}"
    return 1
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

# packages_install NAME...: 0 when all are there afterwards. Where there is no apt, it names them and goes on.
packages_install () {
  local missing
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "This is no Debian or Ubuntu: if something is missing, install what these packages of Debian hold:"
    say "  $*"
    return 0
  fi
  mapfile -t missing < <(packages_missing "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing ${#missing[@]} packages: ${missing[*]}"
  as_root bash "$top/tests/tools/install-packages.sh" "${missing[@]}" || return 1
  mapfile -t missing < <(packages_missing "$@")
  [ ${#missing[@]} -eq 0 ] || { warn "still missing: ${missing[*]}"; return 1; }
}
