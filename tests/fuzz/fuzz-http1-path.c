/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Paths. What the judge lets through must stand where it is for the most careless of origins: one
 * that decodes percent signs and overlong UTF-8, takes "\" for "/", drops what is behind ";", and
 * removes dot segments only then. */
#include "lib/http1.h"
#include "tests/fuzz/fuzz.h"

#include <glib.h>
#include <string.h>

/* False: a bad percent sign. */
static bool
decode_percent (const char *text, size_t n, GString *out)
{
  for (size_t i = 0; i < n; i++)
    {
      if (text[i] != '%')
        {
          g_string_append_c (out, text[i]);
          continue;
        }
      if (n - i < 3 || !g_ascii_isxdigit (text[i + 1]) || !g_ascii_isxdigit (text[i + 2]))
        return false;
      g_string_append_c (out, (char) (g_ascii_xdigit_value (text[i + 1]) * 16
                                      + g_ascii_xdigit_value (text[i + 2])));
      i += 2;
    }
  return true;
}

/* How many bytes a sequence has by its first one, up to the six of RFC 2279. */
static size_t
sequence_length (uint8_t lead)
{
  size_t n = 0;

  while (n < 7 && (lead & (0x80u >> n)))
    n++;
  return n >= 2 && n <= 6 ? n : 1;
}

/* Whether ASCII is hidden in a longer sequence. */
static bool
hides_ascii (const GString *text)
{
  for (size_t i = 0; i < text->len; i++)
    {
      size_t n = sequence_length ((uint8_t) text->str[i]), k = 1;
      uint64_t point = (uint8_t) text->str[i] & (0x7fu >> n);

      for (; k < n && i + k < text->len && ((uint8_t) text->str[i + k] & 0xc0) == 0x80; k++)
        point = point << 6 | ((uint8_t) text->str[i + k] & 0x3f);
      if (n > 1 && k == n && point < 0x80)
        return true;
    }
  return false;
}

static bool
has_dot_segment (const GString *text)
{
  g_autofree char *slashed = g_strdelimit (g_strdup (text->str), "\\", '/');
  g_auto (GStrv) segments = g_strsplit (slashed, "/", -1);

  for (char **segment = segments; *segment; segment++)
    {
      char *parameters = strchr (*segment, ';');

      if (parameters)
        *parameters = '\0';
      if (strcmp (*segment, ".") == 0 || strcmp (*segment, "..") == 0)
        return true;
    }
  return false;
}

static size_t
count_separators (const char *text, size_t n)
{
  size_t count = 0;

  for (size_t i = 0; i < n; i++)
    count += text[i] == '/' || text[i] == '\\';
  return count;
}

static void
check_decoded (const GString *text, const char *path, size_t n, P2pPathFindings found)
{
  for (size_t i = 0; i < text->len; i++)
    g_assert_true ((uint8_t) text->str[i] >= 0x20 && text->str[i] != 0x7f);
  g_assert_false (hides_ascii (text));
  g_assert_cmpint (found.dots, ==, has_dot_segment (text));
  if (found.separators)
    return;
  g_assert_cmpuint (count_separators (text->str, text->len), ==, count_separators (path, n));
  g_assert_null (strstr (text->str, "//"));
  g_assert_null (strchr (text->str, '\\'));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *path = (const char *) data;
  P2pPathFindings found;
  bool decoded;

  if (size == 0 || path[0] != '/')
    return 0;
  found = p2p_http1_judge_path ((P2pSpan){ path, size });
  decoded = decode_percent (path, size, text);
  g_assert_true (decoded || found.bad);
  if (!found.bad)
    check_decoded (text, path, size, found);
  /* What is as plain as can be is not refused. */
  if (strspn (text->str, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~/")
          == size
      && !strstr (text->str, "//"))
    g_assert_false (found.bad || found.separators || found.dots);
  return 0;
}
