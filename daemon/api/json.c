/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Strict JSON: a small recognizer, bounded in depth, runs over the text first. Beyond RFC 8259 it
 * refuses what would be read in two ways: members named twice, NUL in a string, lone surrogates,
 * integers beyond 64 bits. */
#include "daemon/api/json.h"

#include "daemon/api/problem.h"

#define INT_DIGITS_MAX 18
#define MEMBERS_MAX 1000 /* of one object */

typedef struct
{
  const char *start, *p, *end;
  const char *why; /* (static) what is wrong at p */
} Scan;

static bool scan_value (Scan *scan, unsigned depth);

static bool
bad (Scan *scan, const char *why)
{
  if (!scan->why)
    scan->why = why;
  return false;
}

static void
skip_space (Scan *scan)
{
  while (scan->p < scan->end
         && (*scan->p == ' ' || *scan->p == '\t' || *scan->p == '\n' || *scan->p == '\r'))
    scan->p++;
}

static bool
scan_char (Scan *scan, char c)
{
  if (scan->p == scan->end || *scan->p != c)
    return false;
  scan->p++;
  return true;
}

static bool
scan_hex4 (Scan *scan, unsigned *ret_value)
{
  unsigned value = 0;

  for (int i = 0; i < 4; i++, scan->p++)
    {
      if (scan->p == scan->end || !g_ascii_isxdigit (*scan->p))
        return bad (scan, "four hexadecimal digits expected");
      value = value << 4 | (unsigned) g_ascii_xdigit_value (*scan->p);
    }
  *ret_value = value;
  return true;
}

static bool
scan_unicode_escape (Scan *scan)
{
  unsigned unit, low;

  if (!scan_hex4 (scan, &unit))
    return false;
  if (unit == 0)
    return bad (scan, "NUL in a string");
  if (unit >= 0xdc00 && unit <= 0xdfff)
    return bad (scan, "lone surrogate");
  if (unit < 0xd800 || unit > 0xdbff)
    return true;
  if (!scan_char (scan, '\\') || !scan_char (scan, 'u') || !scan_hex4 (scan, &low) || low < 0xdc00
      || low > 0xdfff)
    return bad (scan, "lone surrogate");
  return true;
}

static bool
scan_string (Scan *scan, P2pSpan *ret_raw)
{
  const char *start;

  if (!scan_char (scan, '"'))
    return bad (scan, "string expected");
  for (start = scan->p; scan->p < scan->end; scan->p++)
    {
      if (*scan->p == '"')
        {
          *ret_raw = (P2pSpan){ start, (size_t) (scan->p - start) };
          scan->p++;
          return true;
        }
      if ((unsigned char) *scan->p < 0x20)
        return bad (scan, "control character in a string");
      if (*scan->p != '\\')
        continue;
      if (++scan->p == scan->end)
        break;
      if (*scan->p == 'u')
        {
          scan->p++;
          if (!scan_unicode_escape (scan))
            return false;
          scan->p--;
        }
      else if (!strchr ("\"\\/bfnrt", *scan->p))
        return bad (scan, "unknown escape");
    }
  return bad (scan, "unfinished string");
}

static size_t
scan_digits (Scan *scan)
{
  const char *start = scan->p;

  while (scan->p < scan->end && g_ascii_isdigit (*scan->p))
    scan->p++;
  return (size_t) (scan->p - start);
}

static bool
scan_number (Scan *scan)
{
  const char *start;
  size_t n;
  bool integer = true;

  (void) scan_char (scan, '-'); /* may be absent */
  start = scan->p;
  n = scan_digits (scan);
  if (n == 0)
    return bad (scan, "value expected");
  if (n > 1 && *start == '0')
    return bad (scan, "number with a leading zero");
  if (scan_char (scan, '.'))
    {
      integer = false;
      if (scan_digits (scan) == 0)
        return bad (scan, "digits expected");
    }
  if (scan->p < scan->end && (*scan->p == 'e' || *scan->p == 'E'))
    {
      integer = false;
      scan->p++;
      if (!scan_char (scan, '+'))
        (void) scan_char (scan, '-'); /* may be absent */
      if (scan_digits (scan) == 0)
        return bad (scan, "digits expected");
    }
  if (integer && n > INT_DIGITS_MAX)
    return bad (scan, "integer too large");
  return true;
}

static bool
scan_word (Scan *scan, P2pSpan word)
{
  if (!p2p_span_has_prefix ((P2pSpan){ scan->p, (size_t) (scan->end - scan->p) }, word))
    return bad (scan, "value expected");
  scan->p += word.n;
  return true;
}

static unsigned
span_hash (const void *data)
{
  const P2pSpan *span = data;
  unsigned hash = 5381;

  for (size_t i = 0; i < span->n; i++)
    hash = hash * 33 + (unsigned char) span->p[i];
  return hash;
}

static gboolean
span_equal (const void *a, const void *b)
{
  return p2p_span_equal (*(const P2pSpan *) a, *(const P2pSpan *) b);
}

static bool
scan_members (Scan *scan, unsigned depth, GHashTable *seen)
{
  do
    {
      P2pSpan name;

      skip_space (scan);
      if (!scan_string (scan, &name))
        return false;
      /* The same name spelled with escapes is refused too: no member name of ours needs one. */
      if (name.n > 0 && memchr (name.p, '\\', name.n))
        return bad (scan, "escape in a member's name");
      if (g_hash_table_size (seen) >= MEMBERS_MAX)
        return bad (scan, "too many members");
      if (!g_hash_table_add (seen, g_memdup2 (&name, sizeof name)))
        return bad (scan, "member named twice");
      skip_space (scan);
      if (!scan_char (scan, ':'))
        return bad (scan, "':' expected");
      if (!scan_value (scan, depth))
        return false;
      skip_space (scan);
    }
  while (scan_char (scan, ','));
  return scan_char (scan, '}') || bad (scan, "',' or '}' expected");
}

static bool
scan_object (Scan *scan, unsigned depth)
{
  g_autoptr (GHashTable) seen = NULL;

  skip_space (scan);
  if (scan_char (scan, '}'))
    return true;
  seen = g_hash_table_new_full (span_hash, span_equal, g_free, NULL);
  return scan_members (scan, depth, seen);
}

static bool
scan_array (Scan *scan, unsigned depth)
{
  skip_space (scan);
  if (scan_char (scan, ']'))
    return true;
  do
    {
      if (!scan_value (scan, depth))
        return false;
      skip_space (scan);
    }
  while (scan_char (scan, ','));
  return scan_char (scan, ']') || bad (scan, "',' or ']' expected");
}

static bool
scan_value (Scan *scan, unsigned depth)
{
  P2pSpan raw;

  if (depth == 0)
    return bad (scan, "nested too deep");
  skip_space (scan);
  if (scan->p == scan->end)
    return bad (scan, "value expected");
  switch (*scan->p)
    {
    case '{':
      scan->p++;
      return scan_object (scan, depth - 1);
    case '[':
      scan->p++;
      return scan_array (scan, depth - 1);
    case '"':
      return scan_string (scan, &raw);
    case 't':
      return scan_word (scan, P2P_SPAN ("true"));
    case 'f':
      return scan_word (scan, P2P_SPAN ("false"));
    case 'n':
      return scan_word (scan, P2P_SPAN ("null"));
    default:
      return scan_number (scan);
    }
}

JsonNode *
api_json_parse (P2pSpan text, GError **error)
{
  Scan scan = { .start = text.p, .p = text.p, .end = text.p + text.n };
  g_autoptr (JsonParser) parser = NULL;
  g_autoptr (GError) why = NULL;

  if (text.n == 0)
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_MALFORMED, "the body is empty");
      return NULL;
    }
  if (!g_utf8_validate_len (text.p, text.n, NULL))
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_MALFORMED, "the body is not UTF-8");
      return NULL;
    }
  if (scan_value (&scan, API_JSON_DEPTH_MAX))
    {
      skip_space (&scan);
      if (scan.p != scan.end)
        (void) bad (&scan, "text after the value");
    }
  if (scan.why)
    {
      g_set_error (error, API_ERROR, API_PROBLEM_MALFORMED, "the body is not JSON: byte %zu: %s",
                   (size_t) (scan.p - scan.start), scan.why);
      return NULL;
    }

  parser = json_parser_new_immutable ();
  if (!json_parser_load_from_data (parser, text.p, (gssize) text.n, &why))
    {
      g_set_error (error, API_ERROR, API_PROBLEM_MALFORMED, "the body is not JSON: %s",
                   why->message);
      return NULL;
    }
  return json_parser_steal_root (parser);
}
