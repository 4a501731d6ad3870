/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Build tool: prints a program's settings as roff (--dump-man) or as an example file
 * (--dump-config) from the same table that the program has, without the program. Compiled once for
 * each table. */
#ifdef SETTINGS_DUMP_AGENT
#include "agent/settings.h"
#define TABLE agent_settings_table
#else
#include "daemon/settings.h"
#define TABLE settings_table
#endif

#include <stdio.h>
#include <string.h>

int
main (int argc, char **argv)
{
  g_autofree char *text = NULL;

  if (argc == 2 && strcmp (argv[1], "--dump-man") == 0)
    text = p2p_settings_to_roff (&TABLE);
  else if (argc == 2 && strcmp (argv[1], "--dump-config") == 0)
    text = p2p_settings_to_example (&TABLE);
  if (!text)
    return 2;
  return fputs (text, stdout) < 0 || fflush (stdout) != 0;
}
