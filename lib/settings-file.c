/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The KEY=VALUE file of --config: one setting a line, comments begin with '#' at the start of a
 * line, blank lines are allowed, a value may stand in single or double quotes (in double ones \"
 * and \\ are escapes). systemd's EnvironmentFile= reads such a file the same way. One thread. */
#include "lib/settings-priv.h"

#include <string.h>

#define FILE_MAX_BYTES (1024 * 1024)

static bool
fail (const char *where, const char *what, GError **error)
{
  g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_FILE, "%s%s", where, what);
  return false;
}

static bool
is_name (const char *text)
{
  return *text
         && strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
                == strlen (text);
}

/* Takes the quotes off in place; false when the closing one is missing or something follows it. */
static bool
unquote (char *value)
{
  char quote = *value;
  char *out = value;
  char *in;

  if (quote != '"' && quote != '\'')
    return true;
  for (in = value + 1; *in && *in != quote; in++)
    {
      if (quote == '"' && *in == '\\' && (in[1] == '"' || in[1] == '\\'))
        in++;
      *out++ = *in;
    }
  if (*in != quote || in[1])
    return false;
  *out = '\0';
  return true;
}

static bool
read_line (const P2pSettingsTable *table,
           const char *where,
           char *line,
           P2pSettingText *texts,
           GError **error)
{
  char *equals;
  char *value;
  int i;

  g_strstrip (line);
  if (!*line || *line == '#')
    return true;
  equals = strchr (line, '=');
  if (!equals)
    return fail (where, "this line is not NAME=VALUE", error);
  *equals = '\0';
  value = g_strchug (equals + 1);
  g_strchomp (line);
  if (!is_name (line))
    return fail (where, "a name has only letters, digits and '_'", error);
  i = p2p_settings_find (table, line, strlen (line));
  if (i < 0)
    {
      p2p_settings_unknown (table, where, "setting", line, error);
      return false;
    }
  if (texts[i].text)
    {
      g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_FILE,
                   "%s%s is set for the second time", where, line);
      return false;
    }
  if (!unquote (value))
    return fail (where, "the quotes around the value do not match", error);
  texts[i].text = g_strdup (value);
  texts[i].origin = g_strconcat (where, line, NULL);
  return true;
}

bool
p2p_settings_read_file (const P2pSettingsTable *table,
                        const char *path,
                        P2pSettingText *texts,
                        GError **error)
{
  g_autofree char *contents = NULL;
  g_autofree char *begin = g_strconcat (path, ": ", NULL);
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) local = NULL;
  size_t n;

  if (!g_file_get_contents (path, &contents, &n, &local))
    {
      /* GLib's text names the path, but in a sentence of its own that depends on the locale. */
      g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_FILE, "configuration file %s: %s",
                   path,
                   local->code == G_FILE_ERROR_NOENT   ? "no such file"
                   : local->code == G_FILE_ERROR_ACCES ? "permission denied"
                   : local->code == G_FILE_ERROR_ISDIR ? "is a directory"
                                                       : local->message);
      return false;
    }
  if (n > FILE_MAX_BYTES)
    return fail (begin, "larger than 1 MiB", error);
  if (memchr (contents, '\0', n) || !g_utf8_validate (contents, (gssize) n, NULL))
    return fail (begin, "not a text file in UTF-8", error);

  lines = g_strsplit (contents, "\n", -1);
  explicit_bzero (contents, n);
  for (unsigned i = 0; lines[i]; i++)
    {
      g_autofree char *where = g_strdup_printf ("%s:%u: ", path, i + 1);
      bool good = read_line (table, where, lines[i], texts, error);

      explicit_bzero (lines[i], strlen (lines[i]));
      if (!good)
        return false;
    }
  return true;
}
