#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What desktops read about the program: desktop file, metainfo, schema, translations. TAP.
src=${G_TEST_SRCDIR:?}/..
build=${G_TEST_BUILDDIR:?}
n=0

# check NAME PROGRAM ARGUMENT...
check ()
{
  n=$((n + 1))
  name=$1
  shift
  if ! command -v "$1" >/dev/null; then
    echo "ok $n - $name # SKIP $1 is not installed"
  elif out=$("$@" 2>&1); then
    echo "ok $n - $name"
  else
    echo "not ok $n - $name"
    echo "$out" | sed 's/^/# /'
  fi
}

no_untranslated ()
{
  out=$(cd "$src" && grep -v '^#' po/POTFILES.in |
          xgettext --from-code=UTF-8 --keyword=_ --keyword=N_ --keyword=C_:1c,2 --keyword=ngettext:1,2 \
            --files-from=- --output=- | msgcmp --use-untranslated po/de.po - 2>&1) || { echo "$out"; return 1; }
}

all_listed ()
{
  for file in $(cd "$src" && grep -lE 'glib/gi18n|translatable="yes"' client/*.c gui/*.c gui/model/*.c gui/*.ui gui/gtk/*.ui); do
    grep -qx "$file" "$src/po/POTFILES.in" || { echo "$file is not in po/POTFILES.in"; return 1; }
  done
}

check "desktop file" desktop-file-validate "$build/data/org.p2pstream.Admin.desktop"
check "metainfo" appstreamcli validate --no-net "$build/data/org.p2pstream.Admin.metainfo.xml"
check "schema" glib-compile-schemas --strict --dry-run "$src/data"
check "files with texts are listed" all_listed
if command -v xgettext >/dev/null; then
  check "German has every text" no_untranslated
else
  n=$((n + 1)); echo "ok $n - German has every text # SKIP xgettext is not installed"
fi
echo "1..$n"
