# SPDX-License-Identifier: GPL-3.0-or-later
# Writes the numbered SQL files named on the command line as a C table of StoreMigration.
function base (path)
{
  sub (/.*\//, "", path)
  return path
}

BEGIN {
  print "/* Made from daemon/store/sql by embed-sql.awk. */"
  print "#include \"daemon/store/store-priv.h\""
  print ""
  print "const StoreMigration store_migrations[] = {"
}

FNR == 1 {
  if (n++)
    print "  },"
  printf "  { %d, \"%s\",\n", substr (base (FILENAME), 1, 4) + 0, base (FILENAME)
}

{
  gsub (/\\/, "\\\\")
  gsub (/"/, "\\\"")
  printf "    \"%s\\n\"\n", $0
}

END {
  print "  },"
  print "};"
  printf "const unsigned store_n_migrations = %d;\n", n
}
