/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The route table and the way through it. Any thread; no state. */
#include "daemon/api/router.h"

#include "daemon/api/handlers.h"

static const ApiRoute routes[] = {
#define API_ROUTE(method, pattern, handler, action, flags, query)                                 \
  { #method, pattern, api_##handler, API_##action, flags, query },
#include "daemon/api/routes.inc"
#undef API_ROUTE
};

const ApiRoute *
api_routes (unsigned *ret_n)
{
  *ret_n = G_N_ELEMENTS (routes);
  return routes;
}

/* Ids are decimal without a sign or leading zeros: one object has one path. */
static bool
parse_id (P2pSpan text, int64_t *ret_id)
{
  uint64_t id;

  if (!p2p_span_to_u64 (text, &id) || id == 0 || id > INT64_MAX || text.p[0] == '0')
    return false;
  *ret_id = (int64_t) id;
  return true;
}

static bool
matches (const char *pattern, P2pSpan path, int64_t *ret_id, P2pSpan *ret_name)
{
  P2pSpan want = p2p_span_from_string (pattern);
  P2pSpan name = P2P_SPAN_NONE;
  int64_t id = 0;

  while (want.n > 0 && path.n > 0)
    {
      P2pSpan want_part = p2p_span_split (&want, '/');
      P2pSpan part = p2p_span_split (&path, '/');

      if (p2p_span_equal (want_part, P2P_SPAN ("{id}")))
        {
          if (!parse_id (part, &id))
            return false;
        }
      else if (p2p_span_equal (want_part, P2P_SPAN ("{name}")))
        name = part;
      else if (!p2p_span_equal (want_part, part))
        return false;
      if ((want.p == NULL) != (path.p == NULL))
        return false;
    }
  *ret_id = id;
  *ret_name = name;
  return want.n == 0 && path.n == 0;
}

bool
api_router_find (ApiCall *call, P2pSpan method, P2pSpan path, char **ret_allow, GError **error)
{
  g_autoptr (GString) allow = g_string_new (NULL);

  if (p2p_span_equal (method, P2P_SPAN ("HEAD")))
    method = P2P_SPAN ("GET");
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    {
      P2pSpan name;
      int64_t id;

      if (!matches (routes[i].pattern, path, &id, &name))
        continue;
      if (p2p_span_equal (method, p2p_span_from_string (routes[i].method)))
        {
          call->route = &routes[i];
          call->id = id;
          call->name = name;
          return true;
        }
      g_string_append_printf (allow, "%s%s", allow->len ? ", " : "", routes[i].method);
      if (g_str_equal (routes[i].method, "GET"))
        g_string_append (allow, ", HEAD");
    }
  if (allow->len == 0)
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_NOT_FOUND,
                           "there is nothing at this path");
      return false;
    }
  g_set_error (error, API_ERROR, API_PROBLEM_METHOD, "this path takes %s", allow->str);
  *ret_allow = g_string_free (g_steal_pointer (&allow), false);
  return false;
}

static bool
list_has (const char *list, const char *name)
{
  P2pSpan rest = p2p_span_from_string (list);

  while (rest.n > 0)
    if (p2p_span_equal (p2p_span_split (&rest, ','), p2p_span_from_string (name)))
      return true;
  return false;
}

static bool
parameter_known (const ApiRoute *route, const char *name)
{
  if ((route->flags & API_LIST) && list_has ("limit,cursor", name))
    return true;
  if ((route->flags & API_CONFIG) && list_has ("dry_run", name))
    return true;
  return list_has (route->query, name);
}

static bool
malformed (GError **error, const char *name, const char *why)
{
  g_set_error (error, API_ERROR, API_PROBLEM_MALFORMED, "query parameter '%s': %s", name, why);
  return false;
}

static char *
decode (P2pSpan text)
{
  g_autofree char *raw = text.n > 0 ? p2p_span_dup (text) : g_strdup ("");

  g_strdelimit (raw, "+", ' ');
  return g_uri_unescape_string (raw,
                                NULL); /* NULL for a bad escape, a NUL, and what is not UTF-8 */
}

static bool
take_dry_run (ApiCall *call, GError **error)
{
  const char *value = g_hash_table_lookup (call->query, "dry_run");

  if (!value || g_str_equal (value, "false"))
    return true;
  if (!g_str_equal (value, "true"))
    return malformed (error, "dry_run", "must be true or false");
  call->dry_run = true;
  return true;
}

bool
api_router_query (ApiCall *call, P2pSpan query, GError **error)
{
  while (query.n > 0)
    {
      P2pSpan value = p2p_span_split (&query, '&');
      P2pSpan name = p2p_span_split (&value, '=');
      g_autofree char *name_text = decode (name);
      g_autofree char *value_text = decode (value);

      if (name.n == 0 && value.n == 0)
        continue;
      if (!name_text || !value_text)
        return malformed (error, name_text ? name_text : "?", "has a bad escape");
      if (!parameter_known (call->route, name_text))
        return malformed (error, name_text, "nobody knows it here");
      if (g_hash_table_contains (call->query, name_text))
        return malformed (error, name_text, "given twice");
      g_hash_table_insert (call->query, g_steal_pointer (&name_text),
                           g_steal_pointer (&value_text));
    }
  return take_dry_run (call, error);
}
