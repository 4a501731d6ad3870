/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Log lines as text, in the human and the JSON form. What comes from outside can neither begin a
 * second line nor steer a terminal: control characters, bidi controls, line separators and bytes
 * that are not UTF-8 come out as escapes, in both forms. Any thread; owns nothing. */
#include "lib/log-priv.h"

#include <string.h>
#include <syslog.h>
#include <time.h>

/* A text longer than this is cut, so that a line has a limit. */
#define TEXT_MAX_BYTES 8192

static const struct
{
  const char *name;
  const char *padded;
  int priority;
} levels[] = {
  [P2P_LOG_ERROR] = { "error", "ERROR", LOG_ERR },
  [P2P_LOG_WARNING] = { "warning", "WARN ", LOG_WARNING },
  [P2P_LOG_INFO] = { "info", "INFO ", LOG_INFO },
  [P2P_LOG_DEBUG] = { "debug", "DEBUG", LOG_DEBUG },
};

static bool
must_escape (gunichar c)
{
  return c < 0x20 || (c >= 0x7f && c < 0xa0) /* C0, DEL, C1 */
         || c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e)
         || (c >= 0x2066 && c <= 0x2069) /* bidi */
         || c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

static void
append_escaped (GString *out, gunichar c)
{
  if (c == '\n')
    g_string_append (out, "\\n");
  else if (c == '\r')
    g_string_append (out, "\\r");
  else if (c == '\t')
    g_string_append (out, "\\t");
  else
    g_string_append_printf (out, "\\u%04x", (unsigned) c);
}

/* Bytes of text to show: all, or the whole characters within the limit. */
static size_t
shown_length (const char *text)
{
  size_t n = strnlen (text, TEXT_MAX_BYTES + 1);

  if (n <= TEXT_MAX_BYTES)
    return n;
  n = TEXT_MAX_BYTES;
  for (int i = 0; i < 3 && ((unsigned char) text[n] & 0xc0) == 0x80; i++)
    n--;
  return n;
}

/* JSON (RFC 8259 section 7) and the human form have the same escapes, but for bytes that are not
 * UTF-8: JSON has no escape for those, so there the backslash is part of the text. */
static void
append_text (GString *out, const char *text, P2pLogForm form, bool quoted)
{
  size_t n = shown_length (text);
  bool cut = text[n] != '\0';
  const char *end = text + n;

  while (text < end)
    {
      gunichar c = g_utf8_get_char_validated (text, end - text);

      if (c == (gunichar) -1 || c == (gunichar) -2)
        {
          g_string_append_printf (out, form == P2P_LOG_JSON ? "\\\\x%02x" : "\\x%02x",
                                  (unsigned char) *text++);
          continue;
        }
      if (must_escape (c))
        append_escaped (out, c);
      else if (c == '\\' || (c == '"' && quoted))
        g_string_append_printf (out, "\\%c", (char) c);
      else
        g_string_append_unichar (out, c);
      text = g_utf8_next_char (text);
    }
  if (cut)
    g_string_append (out, "...");
}

static void
append_json (GString *out, const char *key, const char *value)
{
  g_string_append (out, out->str[out->len - 1] == '{' ? "\"" : ",\"");
  append_text (out, key, P2P_LOG_JSON, true);
  g_string_append (out, "\":\"");
  append_text (out, value, P2P_LOG_JSON, true);
  g_string_append_c (out, '"');
}

static void
append_pair (GString *out, const char *key, const char *value)
{
  bool quoted = !*value || strpbrk (value, " =\"");

  g_string_append_c (out, ' ');
  append_text (out, key, P2P_LOG_HUMAN, true);
  g_string_append_c (out, '=');
  if (quoted)
    g_string_append_c (out, '"');
  append_text (out, value, P2P_LOG_HUMAN, quoted);
  if (quoted)
    g_string_append_c (out, '"');
}

static void
format_time (int64_t wall_ms, char *text, size_t size)
{
  time_t seconds = (time_t) (wall_ms / 1000);
  struct tm tm;
  char date[32];

  gmtime_r (&seconds, &tm);
  strftime (date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
  g_snprintf (text, size, "%s.%03dZ", date, (int) (wall_ms % 1000));
}

static void
format_json (GString *out, const P2pLogLine *line, const char *stamp)
{
  g_string_append_c (out, '{');
  append_json (out, "time", stamp);
  append_json (out, "level", levels[line->level].name);
  append_json (out, "area", line->area);
  append_json (out, "message", line->message);
  for (const char *const *pair = line->pairs; pair && pair[0] && pair[1]; pair += 2)
    append_json (out, pair[0], pair[1]);
  g_string_append_c (out, '}');
}

static void
format_human (GString *out, const P2pLogLine *line, const char *stamp)
{
  if (!line->journal)
    g_string_append_printf (out, "%s %s ", stamp, levels[line->level].padded);
  append_text (out, line->area, P2P_LOG_HUMAN, false);
  g_string_append (out, ": ");
  append_text (out, line->message, P2P_LOG_HUMAN, false);
  for (const char *const *pair = line->pairs; pair && pair[0] && pair[1]; pair += 2)
    append_pair (out, pair[0], pair[1]);
}

char *
p2p_log_line_format (const P2pLogLine *line)
{
  GString *out = g_string_sized_new (256);
  char stamp[64];

  format_time (line->wall_ms, stamp, sizeof stamp);
  if (line->journal)
    g_string_append_printf (out, "<%d>", levels[line->level].priority);
  if (line->form == P2P_LOG_JSON)
    format_json (out, line, stamp);
  else
    format_human (out, line, stamp);
  g_string_append_c (out, '\n');
  return g_string_free (out, FALSE);
}
