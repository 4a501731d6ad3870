# SPDX-License-Identifier: GPL-3.0-or-later
# Writes a text file as the lines of a C string.
{
  gsub (/\\/, "&&") # each of them twice
  gsub (/"/, "\\\"")
  printf "\"%s\\n\"\n", $0
}
