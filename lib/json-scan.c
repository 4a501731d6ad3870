/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A scanner for one flat JSON object. See json-scan.h. */
#include "lib/json-scan.h"

#include <glib.h>
#include <stdio.h>

#define DEPTH_MAX 8

void
p2p_json_scan_init (P2pJsonScan *scan, P2pSpan text)
{
  *scan = (P2pJsonScan){ .at = text.p, .end = text.p + text.n };
}

static void
skip_space (P2pJsonScan *scan)
{
  while (scan->at < scan->end
         && (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
    scan->at++;
}

static bool
take (P2pJsonScan *scan, char c)
{
  skip_space (scan);
  if (scan->at == scan->end || *scan->at != c)
    return false;
  scan->at++;
  return true;
}

static bool
take_escape (P2pJsonScan *scan)
{
  if (scan->at == scan->end)
    return false;
  if (*scan->at != 'u')
    return strchr ("\"\\/bfnrt", *scan->at++) != NULL;
  scan->at++;
  for (int i = 0; i < 4; i++, scan->at++)
    if (scan->at == scan->end || !g_ascii_isxdigit (*scan->at))
      return false;
  return true;
}

/* Behind the opening quote; *ret_raw is what stands before the closing one. */
static bool
take_string (P2pJsonScan *scan, P2pSpan *ret_raw)
{
  const char *start = scan->at;

  while (scan->at < scan->end)
    {
      unsigned char c = (unsigned char) *scan->at++;

      if (c == '"')
        {
          *ret_raw = (P2pSpan){ start, (size_t) (scan->at - 1 - start) };
          return g_utf8_validate_len (ret_raw->p, ret_raw->n, NULL);
        }
      if (c < 0x20 || (c == '\\' && !take_escape (scan)))
        return false;
    }
  return false;
}

static bool
take_digits (P2pJsonScan *scan)
{
  const char *start = scan->at;

  while (scan->at < scan->end && g_ascii_isdigit (*scan->at))
    scan->at++;
  return scan->at > start;
}

static bool
take_number (P2pJsonScan *scan)
{
  if (*scan->at == '-')
    scan->at++;
  if (scan->at < scan->end && *scan->at == '0')
    scan->at++;
  else if (!take_digits (scan))
    return false;
  if (scan->at < scan->end && *scan->at == '.')
    {
      scan->at++;
      if (!take_digits (scan))
        return false;
    }
  if (scan->at < scan->end && (*scan->at == 'e' || *scan->at == 'E'))
    {
      scan->at++;
      if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
        scan->at++;
      return take_digits (scan);
    }
  return true;
}

static bool
take_word (P2pJsonScan *scan, P2pSpan word)
{
  if (!p2p_span_has_prefix ((P2pSpan){ scan->at, (size_t) (scan->end - scan->at) }, word))
    return false;
  scan->at += word.n;
  return true;
}

static bool take_value (P2pJsonScan *scan, unsigned depth, P2pJsonKind *ret_kind, P2pSpan *ret_raw);

static bool
take_compound (P2pJsonScan *scan, unsigned depth, bool object)
{
  char close = object ? '}' : ']';
  P2pJsonKind kind;
  P2pSpan raw;

  if (depth == DEPTH_MAX)
    return false;
  if (take (scan, close))
    return true;
  do
    {
      if (object && !(take (scan, '"') && take_string (scan, &raw) && take (scan, ':')))
        return false;
      if (!take_value (scan, depth + 1, &kind, &raw))
        return false;
    }
  while (take (scan, ','));
  return take (scan, close);
}

static bool
take_plain (P2pJsonScan *scan, unsigned depth, P2pJsonKind *ret_kind)
{
  switch (*scan->at)
    {
    case '{':
    case '[':
      *ret_kind = P2P_JSON_COMPOUND;
      return take_compound (scan, depth, *scan->at++ == '{');
    case 't':
      *ret_kind = P2P_JSON_TRUE;
      return take_word (scan, P2P_SPAN ("true"));
    case 'f':
      *ret_kind = P2P_JSON_FALSE;
      return take_word (scan, P2P_SPAN ("false"));
    case 'n':
      *ret_kind = P2P_JSON_NULL;
      return take_word (scan, P2P_SPAN ("null"));
    default:
      *ret_kind = P2P_JSON_NUMBER;
      return take_number (scan);
    }
}

static bool
take_value (P2pJsonScan *scan, unsigned depth, P2pJsonKind *ret_kind, P2pSpan *ret_raw)
{
  const char *start;

  if (take (scan, '"'))
    {
      *ret_kind = P2P_JSON_STRING;
      return take_string (scan, ret_raw);
    }
  if (scan->at == scan->end)
    return false;
  start = scan->at;
  if (!take_plain (scan, depth, ret_kind))
    return false;
  *ret_raw = (P2pSpan){ start, (size_t) (scan->at - start) };
  return true;
}

static bool
at_end (P2pJsonScan *scan)
{
  skip_space (scan);
  scan->finished = scan->at == scan->end;
  scan->bad = !scan->finished;
  return false;
}

bool
p2p_json_scan_next (P2pJsonScan *scan, P2pJsonMember *ret_member)
{
  if (scan->bad || scan->finished)
    return false;
  if (!scan->started)
    {
      scan->started = true;
      scan->bad = !take (scan, '{');
      if (scan->bad)
        return false;
      if (take (scan, '}'))
        return at_end (scan);
    }
  else if (!take (scan, ','))
    {
      if (take (scan, '}'))
        return at_end (scan);
      scan->bad = true;
      return false;
    }
  scan->bad = !(take (scan, '"') && take_string (scan, &ret_member->key) && take (scan, ':')
                && take_value (scan, 0, &ret_member->kind, &ret_member->value));
  return !scan->bad;
}

/* Four hex digits, checked by the scanner. */
static gunichar
hex4 (const char *p)
{
  gunichar value = 0;

  for (int i = 0; i < 4; i++)
    value = value * 16 + (gunichar) g_ascii_xdigit_value (p[i]);
  return value;
}

/* At a backslash; *at moves behind the escape. 0: bad. */
static gunichar
unescape_one (const char **at, const char *end)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  char c = (*at)[1];
  gunichar value, low;

  if (c != 'u')
    {
      *at += 2;
      return (gunichar) to[strchr (from, c) - from];
    }
  value = hex4 (*at + 2);
  *at += 6;
  if (value < 0xd800 || value > 0xdfff)
    return value;
  if (value > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
    return 0;
  low = hex4 (*at + 2);
  *at += 6;
  return low < 0xdc00 || low > 0xdfff ? 0 : 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
}

bool
p2p_json_unescape (const P2pJsonMember *member, char *buf, size_t size)
{
  const char *at = member->value.p, *end = at + member->value.n;
  size_t n = 0;

  if (member->kind != P2P_JSON_STRING)
    return false;
  while (at < end)
    {
      char utf8[6];
      size_t n_utf8 = 1;

      utf8[0] = *at;
      if (*at == '\\')
        {
          gunichar value = unescape_one (&at, end);

          if (value == 0)
            return false;
          n_utf8 = (size_t) g_unichar_to_utf8 (value, utf8);
        }
      else
        at++;
      if (n + n_utf8 >= size)
        return false;
      memcpy (buf + n, utf8, n_utf8);
      n += n_utf8;
    }
  if (n >= size)
    return false;
  buf[n] = '\0';
  return true;
}

/* One character as it stands in a JSON string, into out[8]. */
static size_t
print_character (gunichar c, char out[static 8])
{
  if (c == '"' || c == '\\')
    {
      out[0] = '\\';
      out[1] = (char) c;
      return 2;
    }
  if (c < 0x20 || c == 0x7f)
    return (size_t) snprintf (out, 8, "\\u%04x", c);
  return (size_t) g_unichar_to_utf8 (c, out);
}

size_t
p2p_json_print_string (char *buf, size_t size, const char *text)
{
  g_autofree char *valid = g_utf8_validate (text, -1, NULL) ? NULL : g_utf8_make_valid (text, -1);
  size_t n = 0;

  if (size < 2)
    return 0;
  buf[n++] = '"';
  for (const char *p = valid ? valid : text; *p; p = g_utf8_next_char (p))
    {
      char out[8];
      size_t n_out = print_character (g_utf8_get_char (p), out);

      if (n_out >= size - n)
        return 0;
      memcpy (buf + n, out, n_out);
      n += n_out;
    }
  if (n == size)
    return 0;
  buf[n++] = '"';
  return n;
}
