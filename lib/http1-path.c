/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What an origin may read in a path that we do not: it decodes percent signs, takes "\" for "/",
 * drops parameters behind ";", removes dot segments, in an order of its own. No state; any thread.
 */
#include "lib/http1.h"

#include <glib.h>

/* The part of a path between two separators, however they are spelled. */
typedef struct
{
  unsigned n_dots;
  bool only_dots;  /* before the parameters */
  bool parameters; /* ";" was there */
} Segment;

/* The usual path holds none of the characters that could matter: one look is enough. */
static bool
is_plain (P2pSpan path)
{
  for (size_t i = 0; i < path.n; i++)
    {
      char c = path.p[i];

      if (c == '%' || c == '\\' || c == ';' || (signed char) c < 0x20 || c == 0x7f)
        return false;
      if (c == '/' && i + 1 < path.n && (path.p[i + 1] == '.' || path.p[i + 1] == '/'))
        return false;
    }
  return true;
}

/* One character, decoded if need be; advances *i. Negative: a bad percent sign. */
static int
next_char (P2pSpan path, size_t *i)
{
  int high, low;

  if (path.p[*i] != '%')
    return (unsigned char) path.p[(*i)++];
  if (path.n - *i < 3)
    return -1;
  high = g_ascii_xdigit_value (path.p[*i + 1]);
  low = g_ascii_xdigit_value (path.p[*i + 2]);
  *i += 3;
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* The first two bytes of a longer form than the character needs (RFC 3629 section 3): careless
 * decoders find "/" and "." there. */
static bool
is_overlong (int lead, int next)
{
  switch (lead)
    {
    case 0xc0:
    case 0xc1:
      return next >= 0x80 && next < 0xc0;
    case 0xe0:
      return next >= 0x80 && next < 0xa0;
    case 0xf0:
      return next >= 0x80 && next < 0x90;
    case 0xf8:
      return next >= 0x80 && next < 0x88;
    case 0xfc:
      return next >= 0x80 && next < 0x84;
    default:
      return false;
    }
}

static bool
is_dot_segment (const Segment *segment)
{
  return segment->only_dots && (segment->n_dots == 1 || segment->n_dots == 2);
}

static void
add_to_segment (Segment *segment, int c)
{
  if (c == ';')
    segment->parameters = true;
  else if (!segment->parameters && c == '.')
    segment->n_dots++;
  else if (!segment->parameters)
    segment->only_dots = false;
}

P2pPathFindings
p2p_http1_judge_path (P2pSpan path)
{
  P2pPathFindings found = { 0 };
  Segment segment = { .only_dots = true };
  int before = 0;

  if (is_plain (path))
    return found;
  for (size_t i = 0; i < path.n;)
    {
      bool encoded = path.p[i] == '%';
      int c = next_char (path, &i);

      if (c < 0x20 || c == 0x7f || is_overlong (before, c))
        {
          found.bad = true;
          return found;
        }
      if (c == '/' || c == '\\')
        {
          found.separators |= encoded || c == '\\' || before == '/' || before == '\\';
          found.dots |= is_dot_segment (&segment);
          segment = (Segment){ .only_dots = true };
        }
      else
        add_to_segment (&segment, c);
      before = c;
    }
  found.dots |= is_dot_segment (&segment);
  return found;
}
