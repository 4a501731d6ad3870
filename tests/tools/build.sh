# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Building out of tree: configure once for each set of arguments, then make.

jobs=$(nproc 2>/dev/null || echo 2)

# autogen: makes configure when it is absent or older than what it is made from.
autogen () {
  if [ ! -x "$top/configure" ] || [ "$top/configure.ac" -nt "$top/configure" ]; then
    NOCONFIGURE=1 "$top/autogen.sh"
  fi
}

# configure_in DIR [ARGUMENT...]: configures DIR unless that was done with the same arguments.
configure_in () {
  local dir=$1 stamp wish
  shift
  stamp=$dir/.quickstart-configured
  wish="$* CC=${CC-} CFLAGS=${CFLAGS-}"
  mkdir -p "$dir" || return 1
  if [ -f "$dir/config.status" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wish" ]; then
    return 0
  fi
  rm -f "$stamp"
  (cd "$dir" && "$top/configure" "$@") || return 1
  printf '%s\n' "$wish" >"$stamp"
}

make_in () {
  local dir=$1
  shift
  make -C "$dir" -j"$jobs" "$@"
}
