/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The builder: all rows of a transaction become one snapshot, validated as a whole. Only what the
 * snapshot before does not have in the same version is read and parsed. Under CONFIG_WRITE. */
#include "daemon/config/config-priv.h"

static const ConfigListener *
old_listener (const Builder *builder, int64_t id)
{
  return builder->old ? config_find_listener (&builder->old->pub, id) : NULL;
}

static bool
load_agents (Builder *builder, GError **error)
{
  g_autoptr (GArray) versions = store_list_versions (builder->tx, STORE_TABLE_AGENTS, error);
  Config *cfg = &builder->cfg->pub;

  if (!versions)
    return false;
  cfg->agents = g_new0 (ConfigAgent *, versions->len + 1);
  for (unsigned i = 0; i < versions->len; i++)
    {
      const StoreVersion *want = &g_array_index (versions, StoreVersion, i);
      AgentBox *box = builder->old
                          ? (AgentBox *) config_find_agent_by_id (&builder->old->pub, want->id)
                          : NULL;

      if (box && box->version == want->version)
        {
          agent_box_ref (box);
        }
      else
        {
          g_autoptr (StoreAgent) row = store_agent_get (builder->tx, want->id, error);

          if (!row || !(box = config_make_agent (row, error)))
            return false;
        }
      cfg->agents[cfg->n_agents++] = &box->pub;
    }
  return true;
}

static gint
compare_public_id (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(ConfigAgent *const *) a)->public_id, (*(ConfigAgent *const *) b)->public_id);
}

static void
sort_agents (ConfigBox *cfg)
{
  cfg->agents_by_public_id = g_new0 (ConfigAgent *, cfg->pub.n_agents + 1);
  for (unsigned i = 0; i < cfg->pub.n_agents; i++)
    cfg->agents_by_public_id[i] = cfg->pub.agents[i];
  qsort (cfg->agents_by_public_id, cfg->pub.n_agents, sizeof (ConfigAgent *), compare_public_id);
}

static bool
load_routes (Builder *builder, GError **error)
{
  g_autoptr (GArray) versions = store_list_versions (builder->tx, STORE_TABLE_ROUTES, error);
  const GPtrArray *old = builder->old ? builder->old->routes : NULL;
  unsigned at = 0;

  for (unsigned i = 0; versions && i < versions->len; i++)
    {
      const StoreVersion *want = &g_array_index (versions, StoreVersion, i);
      RouteBox *box = NULL;

      /* Both lists rise by id. */
      while (old && at < old->len && ((RouteBox *) old->pdata[at])->pub.id < want->id)
        at++;
      if (old && at < old->len)
        box = old->pdata[at];
      if (box && box->pub.id == want->id && box->version == want->version)
        {
          route_box_ref (box);
        }
      else
        {
          g_autoptr (StoreRoute) row = store_route_get (builder->tx, want->id, error);

          if (!row || !(box = config_make_route (builder, row, error)))
            return false;
          g_ptr_array_add (builder->fresh, box);
        }
      g_ptr_array_add (builder->cfg->routes, box);
    }
  return versions != NULL;
}

/* The listeners of the rows, without routes; each has one reference. */
static bool
load_listeners (Builder *builder, GError **error)
{
  g_autoptr (GArray) versions = store_list_versions (builder->tx, STORE_TABLE_LISTENERS, error);
  Config *cfg = &builder->cfg->pub;

  if (!versions)
    return false;
  cfg->listeners = g_new0 (ConfigListener *, versions->len + 1);
  for (unsigned i = 0; i < versions->len; i++)
    {
      const StoreVersion *want = &g_array_index (versions, StoreVersion, i);
      g_autoptr (StoreListener) row = store_listener_get (builder->tx, want->id, error);
      ListenerBox *box = row ? config_make_listener (row, error) : NULL;

      if (!box)
        return false;
      cfg->listeners[cfg->n_listeners++] = &box->pub;
    }
  return true;
}

static gint
compare_rank (gconstpointer a, gconstpointer b)
{
  const RouteBox *ra = *(RouteBox *const *) a, *rb = *(RouteBox *const *) b;

  if (ra->pub.priority != rb->pub.priority)
    return ra->pub.priority < rb->pub.priority ? -1 : 1;
  return ra->pub.id < rb->pub.id ? -1 : ra->pub.id > rb->pub.id;
}

static bool
same_listener (const ListenerBox *box,
               const ListenerBox *old,
               const GPtrArray *routes,
               const GPtrArray *certs)
{
  if (box->version != old->version || routes->len != old->pub.n_routes)
    return false;
  for (unsigned i = 0; i < routes->len; i++)
    if (routes->pdata[i] != old->routes[i])
      return false;
  return config_index_has_certs (&old->pub, certs);
}

/* Takes the listener that was there when nothing of it changed, else gives the new one its routes
 * and look-ups. */
static ListenerBox *
finish_listener (Builder *builder, ListenerBox *box, GPtrArray *routes)
{
  ListenerBox *old = (ListenerBox *) old_listener (builder, box->pub.id);

  g_ptr_array_sort (routes, compare_rank);
  if (old && same_listener (box, old, routes, builder->cfg->certs))
    {
      listener_box_unref (box);
      return listener_box_ref (old);
    }
  box->pub.routes = g_new0 (ConfigRoute *, routes->len + 1);
  box->routes = g_new0 (RouteBox *, routes->len + 1);
  for (unsigned i = 0; i < routes->len; i++)
    {
      box->routes[i] = route_box_ref (routes->pdata[i]);
      box->pub.routes[i] = &box->routes[i]->pub;
    }
  box->pub.n_routes = routes->len;
  box->pub.index = config_index_new (&box->pub, builder->cfg);
  return box;
}

static void
finish_listeners (Builder *builder)
{
  Config *cfg = &builder->cfg->pub;
  const GPtrArray *routes = builder->cfg->routes;
  g_autoptr (GHashTable) by_listener = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL,
                                                              (GDestroyNotify) g_ptr_array_unref);

  for (unsigned i = 0; i < cfg->n_listeners; i++)
    g_hash_table_insert (by_listener, &cfg->listeners[i]->id, g_ptr_array_new ());
  for (unsigned i = 0; i < routes->len; i++)
    {
      RouteBox *route = routes->pdata[i];

      if (route->enabled)
        g_ptr_array_add (g_hash_table_lookup (by_listener, &route->listener_id), route);
    }
  for (unsigned i = 0; i < cfg->n_listeners; i++)
    {
      ListenerBox *box = (ListenerBox *) cfg->listeners[i];
      GPtrArray *mine = NULL;

      g_hash_table_steal_extended (by_listener, &box->pub.id, NULL, (void **) &mine);
      cfg->listeners[i] = &finish_listener (builder, box, mine)->pub;
      g_ptr_array_unref (mine);
    }
}

static void G_GNUC_PRINTF (2, 3) warn (Builder *builder, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_ptr_array_add (builder->warnings, g_strdup_vprintf (format, args));
  va_end (args);
}

static bool
any_agent_matches (const Builder *builder, const ConfigTarget *target)
{
  const Config *cfg = &builder->cfg->pub;

  for (unsigned i = 0; i < cfg->n_agents; i++)
    if (config_selector_matches (target, cfg->agents[i]))
      return true;
  return false;
}

static bool
is_weighted (ConfigBalancing balancing)
{
  return balancing == CONFIG_BALANCE_WEIGHTED_ROUND_ROBIN
         || balancing == CONFIG_BALANCE_WEIGHTED_RANDOM
         || balancing == CONFIG_BALANCE_WEIGHTED_LEAST_ACTIVE;
}

static void
warn_about_target (Builder *builder, const ConfigRoute *route, const ConfigTarget *target)
{
  if (target->weight != 1 && !is_weighted (route->balancing))
    warn (builder, "route '%s': target '%s': its weight counts with weighted policies only",
          route->name, target->name);
  if (target->type != CONFIG_TARGET_PROXY)
    return;
  if (target->transport == CONFIG_TRANSPORT_AGENT && !any_agent_matches (builder, target))
    warn (builder, "route '%s': target '%s': no agent has these labels", route->name, target->name);
  if (target->tls_skip_verify)
    warn (builder, "route '%s': target '%s': certificates of the origin are not verified",
          route->name, target->name);
}

static void
warn_about_route (Builder *builder, const RouteBox *route)
{
  const ConfigRoute *pub = &route->pub;

  if (pub->action == CONFIG_ACTION_REDIRECT)
    {
      if (config_redirect_returns (pub))
        warn (builder,
              "route '%s': redirects to a path that it serves itself: a circle, unless "
              "another route comes first",
              pub->name);
      if (pub->n_targets > 0)
        warn (builder, "route '%s': its targets are not used while it redirects", pub->name);
      return;
    }
  if (route->enabled && pub->n_targets == 0)
    warn (builder, "route '%s' has no enabled target: it answers 503", pub->name);
  for (unsigned i = 0; i < pub->n_targets; i++)
    warn_about_target (builder, pub, pub->targets[i]);
}

static void
warn_about_listener (Builder *builder, const ConfigListener *listener)
{
  if (listener->proxy_protocol == CONFIG_PROXY_PROTOCOL_OFF)
    return;
  /* What is set and does nothing is told. */
  if (g_str_has_prefix (listener->bind_address, "unix:"))
    warn (builder,
          "listener '%s': no PROXY headers are read from a Unix socket, whose peers have no "
          "address to be trusted by",
          listener->name);
  else if (listener->n_trusted_proxies == 0)
    warn (builder, "listener '%s': no PROXY headers are read while trusted_proxy_cidrs is empty",
          listener->name);
}

/* Only of what this change touched. */
static void
find_warnings (Builder *builder)
{
  const Config *cfg = &builder->cfg->pub;

  for (unsigned i = 0; i < cfg->n_listeners; i++)
    {
      const ConfigListener *old = old_listener (builder, cfg->listeners[i]->id);

      if (!old
          || ((const ListenerBox *) old)->version
                 != ((const ListenerBox *) cfg->listeners[i])->version)
        warn_about_listener (builder, cfg->listeners[i]);
      config_warn_about_hosts (old, cfg->listeners[i], builder->warnings);
    }
  for (unsigned i = 0; i < builder->fresh->len; i++)
    warn_about_route (builder, builder->fresh->pdata[i]);
}

ConfigBox *
config_build (StoreTx *tx,
              const ConfigBox *old,
              bool refresh,
              GPtrArray *warnings,
              GError **error)
{
  ConfigBox *cfg = g_new0 (ConfigBox, 1);
  Builder builder = { .tx = tx,
                      .old = old,
                      .cfg = cfg,
                      .refresh = refresh,
                      .warnings = warnings,
                      .fresh = g_ptr_array_new () };
  bool ok;

  cfg->n_refs = 1;
  cfg->pub.version = old ? old->pub.version + 1 : 1;
  cfg->routes = g_ptr_array_new_with_free_func ((GDestroyNotify) route_box_unref);
  cfg->certs = g_ptr_array_new_with_free_func ((GDestroyNotify) cert_box_unref);
  ok = load_agents (&builder, error) && load_listeners (&builder, error)
       && config_check_listeners (cfg, error) && load_routes (&builder, error)
       && config_load_certificates (&builder, error);
  if (ok)
    {
      sort_agents (cfg);
      cfg->agents_by_label = config_labels_new (&cfg->pub);
      finish_listeners (&builder);
      find_warnings (&builder);
    }
  g_ptr_array_unref (builder.fresh);
  g_clear_pointer (&builder.origins, g_hash_table_unref);
  g_clear_pointer (&builder.tls, g_hash_table_unref);
  if (ok)
    return cfg;
  config_unref (&cfg->pub);
  return NULL;
}
