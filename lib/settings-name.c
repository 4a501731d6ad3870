/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Names of settings: look-up, the two spellings, and the nearest known name for one that is
 * unknown. Owns nothing; one thread. */
#include "lib/settings-priv.h"

#include <string.h>

/* Names longer than this are compared by their beginning: a name may come from anywhere. */
#define NAME_MAX_COMPARED 63

int
p2p_settings_find (const P2pSettingsTable *table, const char *name, size_t n)
{
  for (unsigned i = 0; i < table->n_settings; i++)
    if (strlen (table->settings[i].name) == n && memcmp (table->settings[i].name, name, n) == 0)
      return (int) i;
  return -1;
}

char *
p2p_settings_flag (const char *name)
{
  g_autofree char *lower = g_ascii_strdown (name, -1);

  g_strdelimit (lower, "_", '-');
  return g_strconcat ("--", lower, NULL);
}

char *
p2p_settings_name (const char *flag, size_t n)
{
  return g_strdelimit (g_ascii_strup (flag, (gssize) n), "-", '_');
}

unsigned
p2p_settings_distance (const char *a, const char *b)
{
  unsigned rows[3][NAME_MAX_COMPARED + 1];
  size_t n_a = MIN (strlen (a), NAME_MAX_COMPARED);
  size_t n_b = MIN (strlen (b), NAME_MAX_COMPARED);

  for (size_t j = 0; j <= n_b; j++)
    rows[0][j] = (unsigned) j;
  for (size_t i = 1; i <= n_a; i++)
    {
      unsigned *now = rows[i % 3];
      const unsigned *last = rows[(i + 2) % 3];
      const unsigned *before = rows[(i + 1) % 3];

      now[0] = (unsigned) i;
      for (size_t j = 1; j <= n_b; j++)
        {
          unsigned cost = a[i - 1] != b[j - 1];

          now[j] = MIN (MIN (last[j] + 1, now[j - 1] + 1), last[j - 1] + cost);
          if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            now[j] = MIN (now[j], before[j - 2] + 1);
        }
    }
  return rows[n_a % 3][n_b];
}

const P2pSetting *
p2p_settings_nearest (const P2pSettingsTable *table, const char *name, unsigned *ret_distance)
{
  const P2pSetting *nearest = NULL;
  unsigned least = 0;

  for (unsigned i = 0; i < table->n_settings; i++)
    {
      unsigned d = p2p_settings_distance (name, table->settings[i].name);

      if (!nearest || d < least)
        {
          nearest = &table->settings[i];
          least = d;
        }
    }
  *ret_distance = least;
  return nearest;
}

void
p2p_settings_unknown (const P2pSettingsTable *table,
                      const char *where,
                      const char *kind,
                      const char *name,
                      GError **error)
{
  bool option = strcmp (kind, "option") == 0;
  g_autofree char *upper
      = option ? p2p_settings_name (name + 2, strlen (name + 2)) : g_ascii_strup (name, -1);
  unsigned d;
  bool prefixed = g_str_has_prefix (upper, P2P_SETTINGS_PREFIX);
  const P2pSetting *nearest
      = p2p_settings_nearest (table, upper + (prefixed ? strlen (P2P_SETTINGS_PREFIX) : 0), &d);
  g_autofree char *spelt = NULL;

  g_assert (nearest);
  spelt = option ? p2p_settings_flag (nearest->name) : g_strdup (nearest->name);
  if (d <= 2 || d <= strlen (nearest->name) / 3)
    g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_UNKNOWN,
                 "%sunknown %s %s, did you mean %s?", where, kind, name, spelt);
  else
    g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_UNKNOWN,
                 "%sunknown %s %s (the nearest is %s, --help lists all)", where, kind, name, spelt);
}
