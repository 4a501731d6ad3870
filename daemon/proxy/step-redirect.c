/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: a route that redirects. Location is made of the configured target, which was checked when
 * it was saved, and of the very bytes of the request that were matched; the parser lets no control
 * character, space or backslash into a path, so neither can end the line (RFC 9110 section 10.2.2).
 * Nothing is decoded or rewritten. */
#include "daemon/proxy/redirect.h"

/* The target up to its query, its query and its fragment. */
typedef struct
{
  P2pSpan base, query, fragment;
} Parts;

static Parts
split_target (P2pSpan target)
{
  Parts parts;

  parts.fragment = target;
  parts.query = p2p_span_split (&parts.fragment, '#');
  parts.base = p2p_span_split (&parts.query, '?');
  return parts;
}

/* What stands behind the prefix: nothing, or something that begins with "/". A default route
 * answers for paths outside of its prefix, too; then it is the whole path. */
static P2pSpan
path_suffix (P2pSpan prefix, P2pSpan path)
{
  if (prefix.n == 1 || !p2p_span_has_prefix (path, prefix)
      || (path.n > prefix.n && path.p[prefix.n] != '/'))
    return path.n > 1 ? path : P2P_SPAN_NONE;
  return (P2pSpan){ path.p + prefix.n, path.n - prefix.n };
}

/* One slash between the two. */
static P2pSpan
without_slash (P2pSpan base)
{
  while (base.n > 0 && base.p[base.n - 1] == '/')
    base.n--;
  return base;
}

static void
put_path (Writer *out, const ConfigRoute *route, const P2pRequestHead *head, P2pSpan base)
{
  P2pSpan suffix = P2P_SPAN_NONE;

  if (route->redirect_preserve_path_suffix)
    suffix = path_suffix (p2p_span_from_string (route->path_prefix), head->path);
  if (suffix.n > 0)
    base = without_slash (base);
  /* "//host" would be another authority (RFC 3986 section 4.2); "/.//host" is the path "//host" on
   * this one (section 5.2.4). */
  if (base.n == 0 && suffix.n > 1 && suffix.p[1] == '/')
    WRITER_PUT (out, "/.");
  writer_put (out, base);
  writer_put (out, suffix);
}

static void
put_query (Writer *out, const ConfigRoute *route, const P2pRequestHead *head, P2pSpan query)
{
  bool keep = route->redirect_preserve_query && head->has_query;

  if (query.p || keep)
    WRITER_PUT (out, "?");
  writer_put (out, query);
  if (query.n > 0 && keep)
    WRITER_PUT (out, "&");
  if (keep)
    writer_put (out, head->query);
}

void
redirect_write_location (const ConfigRoute *route, const P2pRequestHead *head, Writer *out)
{
  Parts parts = split_target (p2p_span_from_string (route->redirect_target));

  if (route->redirect_mode == CONFIG_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH)
    {
      writer_put (out, parts.base);
      writer_put (out, head->path);
    }
  else
    put_path (out, route, head, parts.base);
  put_query (out, route, head, parts.query);
  if (parts.fragment.p)
    {
      WRITER_PUT (out, "#");
      writer_put (out, parts.fragment);
    }
}

Step
step_redirect (Request *req)
{
  const ConfigRoute *route = req->route;
  Writer fields;

  if (route->action != CONFIG_ACTION_REDIRECT)
    return STEP_MORE;
  /* Nothing goes to an origin, so its buffer is free. */
  writer_init (&fields, req->ws->out_up, sizeof req->ws->out_up);
  WRITER_PUT (&fields, "Location: ");
  redirect_write_location (route, req->head, &fields);
  WRITER_PUT (&fields, "\r\n");
  g_assert (!fields.overflow); /* a head that was read, and a target that is bounded */
  return answer_whole (req, route->redirect_status_code, writer_get_span (&fields), P2P_SPAN_NONE);
}
