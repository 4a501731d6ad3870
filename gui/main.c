/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* p2pstream-admin: the desktop client. */
#include <glib/gi18n.h>
#include <locale.h>

#include "gui/application.h"

int
main (int argc, char **argv)
{
  g_autoptr (P2pApplication) app = NULL;

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);

  app = p2p_application_new ();
  return g_application_run (G_APPLICATION (app), argc, argv);
}
