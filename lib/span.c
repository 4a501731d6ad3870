/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Spans. No state; any thread. */
#include "lib/span.h"

#include <glib.h>

bool
p2p_span_equal_nocase (P2pSpan a, P2pSpan b)
{
  return a.n == b.n && (a.n == 0 || g_ascii_strncasecmp (a.p, b.p, a.n) == 0);
}

bool
p2p_span_has_prefix (P2pSpan span, P2pSpan prefix)
{
  return span.n >= prefix.n && p2p_span_equal ((P2pSpan){ span.p, prefix.n }, prefix);
}

bool
p2p_span_has_suffix (P2pSpan span, P2pSpan suffix)
{
  return span.n >= suffix.n
         && p2p_span_equal ((P2pSpan){ span.p + (span.n - suffix.n), suffix.n }, suffix);
}

P2pSpan
p2p_span_trim (P2pSpan span)
{
  while (span.n > 0 && (span.p[0] == ' ' || span.p[0] == '\t'))
    {
      span.p++;
      span.n--;
    }
  while (span.n > 0 && (span.p[span.n - 1] == ' ' || span.p[span.n - 1] == '\t'))
    span.n--;
  return span;
}

P2pSpan
p2p_span_split (P2pSpan *rest, char separator)
{
  P2pSpan all = *rest;
  const char *at = all.n > 0 ? memchr (all.p, separator, all.n) : NULL;
  size_t before;

  if (!at)
    {
      *rest = P2P_SPAN_NONE;
      return all;
    }
  before = (size_t) (at - all.p);
  *rest = (P2pSpan){ at + 1, all.n - before - 1 };
  return (P2pSpan){ all.p, before };
}

bool
p2p_span_to_u64 (P2pSpan span, uint64_t *ret_value)
{
  uint64_t value = 0;

  if (span.n == 0)
    return false;
  for (size_t i = 0; i < span.n; i++)
    {
      unsigned digit = (unsigned) (unsigned char) span.p[i] - '0';

      if (digit > 9 || value > (UINT64_MAX - digit) / 10)
        return false;
      value = value * 10 + digit;
    }
  *ret_value = value;
  return true;
}

char *
p2p_span_dup (P2pSpan span)
{
  return g_strndup (span.p ? span.p : "", span.n);
}
