/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See install-text.h. No state. */
#include "daemon/api/install-text.h"

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <string.h>

#define WORD_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* A string of JSON is one of YAML, too (YAML 1.2, section 7.3.1); a compose file has variables in
 * it, "$$" is a "$". */
static char *
quote_yaml (const char *value)
{
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), value);
  g_autofree char *text = json_to_string (node, false);
  g_auto (GStrv) parts = g_strsplit (text, "$", -1);

  return g_strjoinv ("$$", parts);
}

static void
append_value (GString *out, InstallSyntax syntax, const char *value)
{
  g_autofree char *text = syntax == INSTALL_SHELL ? g_shell_quote (value) : quote_yaml (value);

  g_string_append (out, text);
}

static const char *
find_value (const InstallValue *values, const char *word, size_t n)
{
  for (; values->word; values++)
    if (strlen (values->word) == n && memcmp (values->word, word, n) == 0)
      return values->value;
  g_error ("install: the text has a word '%.*s' without a value", (int) n, word);
}

char *
install_text_fill (const char *text, InstallSyntax syntax, const InstallValue *values)
{
  const char *opening = syntax == INSTALL_SHELL ? "'@" : "\"@";
  const char closing[] = { '@', opening[0], '\0' };
  GString *out = g_string_new (NULL);
  const char *found;

  while ((found = strstr (text, opening)))
    {
      const char *word = found + 2;
      size_t n = strspn (word, WORD_CHARS);

      g_string_append_len (out, text, found - text);
      text = word;
      if (n > 0 && g_str_has_prefix (word + n, closing))
        {
          append_value (out, syntax, find_value (values, word, n));
          text = word + n + strlen (closing);
        }
      else
        g_string_append (out, opening);
    }
  g_string_append (out, text);
  return g_string_free (out, false);
}
