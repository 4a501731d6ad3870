/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Values as text for people. Main thread; no state. */
#include "gui/format.h"

#include <glib/gi18n.h>
#include <stdbool.h>

char *
p2p_format_time (const char *stamp)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_iso8601 (stamp, NULL);
  g_autoptr (GDateTime) local = utc != NULL ? g_date_time_to_local (utc) : NULL;
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  bool today;

  if (local == NULL)
    return NULL;
  today = g_date_time_get_year (local) == g_date_time_get_year (now) &&
          g_date_time_get_day_of_year (local) == g_date_time_get_day_of_year (now);
  /* Translators: a time of today, then a date with time; see strftime (3) */
  return g_date_time_format (local, today ? _("%H:%M") : _("%-d %b %Y %H:%M"));
}
