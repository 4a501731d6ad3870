/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: path security. Refuses what an origin may read in another way than the match did: dot segments under
 * any spelling, encoded or doubled separators, bad percent signs, control characters. Nothing is rewritten, so the path
 * that was matched is the path that goes out (RFC 3986 section 6 is the origin's business). */
#include "daemon/proxy/proxy-priv.h"

#include <glib.h>

typedef struct
{
  bool bad;
  bool separators; /* an encoded or doubled separator */
  bool dots;       /* a segment that is "." or ".." once decoded, perhaps with parameters behind ";" */
} PathFindings;

/* One character of a segment, decoded if need be; advances *i. Negative: a bad percent sign. */
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

/* Judges one segment, path.p[0] is its first character; returns its length. */
static size_t
judge_segment (P2pSpan path, PathFindings *found)
{
  unsigned n_dots = 0;
  bool only_dots = true, parameters = false;
  size_t i = 0;

  while (i < path.n && path.p[i] != '/')
    {
      bool encoded = path.p[i] == '%';
      int c = next_char (path, &i);

      if (c < 0x20 || c == 0x7f)
        {
          found->bad = true;
          return i;
        }
      if ((encoded && c == '/') || c == '\\')
        found->separators = true;
      if (c == ';')
        parameters = true;
      else if (!parameters && c == '.')
        n_dots++;
      else if (!parameters)
        only_dots = false;
    }
  if (only_dots && (n_dots == 1 || n_dots == 2))
    found->dots = true;
  return i;
}

static PathFindings
judge (P2pSpan path)
{
  PathFindings found = { 0 };
  size_t at = 0;

  while (at < path.n && !found.bad)
    {
      at++; /* the "/" */
      if (at < path.n && path.p[at] == '/')
        found.separators = true;
      at += judge_segment ((P2pSpan){ path.p + at, path.n - at }, &found);
    }
  return found;
}

/* The usual path holds none of the characters that could matter: one look is enough. */
static bool
is_plain (P2pSpan path)
{
  for (size_t i = 0; i < path.n; i++)
    {
      char c = path.p[i];

      if (c == '%' || c == '\\' || c == ';')
        return false;
      if (c == '/' && i + 1 < path.n && (path.p[i + 1] == '.' || path.p[i + 1] == '/'))
        return false;
    }
  return true;
}

Step
step_path (Request *req)
{
  PathFindings found;

  if (is_plain (req->head->path))
    return STEP_MORE;
  found = judge (req->head->path);
  if (found.bad)
    return answer_error (req, 400, "the path has a bad percent sign or a control character");
  if (found.dots)
    return answer_error (req, 400, "the path has a dot segment");
  if (found.separators && req->route->path_security == CONFIG_PATH_STRICT)
    return answer_error (req, 400, "the path has an encoded or doubled separator");
  return STEP_MORE;
}
