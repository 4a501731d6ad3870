/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Texts of the server before they are shown. Any thread; no state. */
#include "client/text.h"

#include <glib.h>
#include <stdbool.h>

static bool
is_treacherous (gunichar c)
{
  return g_unichar_iscntrl (c) || c == 0x061c || (c >= 0x200b && c <= 0x200f) || c == 0x2028
         || c == 0x2029 || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069)
         || c == 0xfeff;
}

char *
p2p_text_dup_shown (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *shown = g_string_new (NULL);

  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar c = g_utf8_get_char (at);

      if (is_treacherous (c))
        g_string_append_printf (shown, "\\u%04x", c);
      else
        g_string_append_unichar (shown, c);
    }
  return g_string_free (shown, FALSE);
}
