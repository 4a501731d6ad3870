#!/bin/sh
# Makes configure from configure.ac, then runs it with the arguments given, unless NOCONFIGURE is set.
set -e
srcdir=$(dirname "$0")
(cd "$srcdir" && mkdir -p m4 && autoreconf --force --install --warnings=all,no-obsolete)
[ -n "$NOCONFIGURE" ] && exit 0
exec "$srcdir/configure" "$@"
