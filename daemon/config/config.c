/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Look-ups in a snapshot. Any thread; nothing blocks. */
#include "daemon/config/config-priv.h"

const ConfigListener *
config_find_listener (const Config *cfg, int64_t id)
{
  unsigned low = 0, high = cfg->n_listeners;

  while (low < high)
    {
      unsigned middle = (low + high) / 2;

      if (cfg->listeners[middle]->id < id)
        low = middle + 1;
      else
        high = middle;
    }
  return low < cfg->n_listeners && cfg->listeners[low]->id == id ? cfg->listeners[low] : NULL;
}

const ConfigAgent *
config_find_agent_by_id (const Config *cfg, int64_t id)
{
  unsigned low = 0, high = cfg->n_agents;

  while (low < high)
    {
      unsigned middle = (low + high) / 2;

      if (cfg->agents[middle]->id < id)
        low = middle + 1;
      else
        high = middle;
    }
  return low < cfg->n_agents && cfg->agents[low]->id == id ? cfg->agents[low] : NULL;
}

/* As strcmp () would order them. */
static int
compare (const char *text, P2pSpan span)
{
  size_t n = strlen (text);
  int order = memcmp (text, span.p ? span.p : "", MIN (n, span.n));

  return order ? order : (n > span.n) - (n < span.n);
}

const ConfigAgent *
config_find_agent (const Config *cfg, P2pSpan public_id)
{
  ConfigAgent *const *agents = ((const ConfigBox *) cfg)->agents_by_public_id;
  unsigned low = 0, high = cfg->n_agents;

  while (low < high)
    {
      unsigned middle = (low + high) / 2;
      int order = compare (agents[middle]->public_id, public_id);

      if (order == 0)
        return agents[middle];
      if (order < 0)
        low = middle + 1;
      else
        high = middle;
    }
  return NULL;
}

static bool
has_label (const ConfigAgent *agent, const ConfigLabel *label)
{
  for (unsigned i = 0; i < agent->n_labels; i++)
    if (strcmp (agent->labels[i].key, label->key) == 0)
      return strcmp (agent->labels[i].value, label->value) == 0;
  return false;
}

bool
config_selector_matches (const ConfigTarget *target, const ConfigAgent *agent)
{
  for (unsigned i = 0; i < target->n_labels; i++)
    if (!has_label (agent, &target->labels[i]))
      return false;
  return true;
}

static bool
find_in_route (const RouteBox *route, int64_t id, ConfigFoundTarget *ret_found)
{
  for (unsigned i = 0; i < route->n_all_targets; i++)
    {
      const ConfigTarget *target = &route->all_targets[i]->pub;

      if (target->id != id)
        continue;
      *ret_found = (ConfigFoundTarget){ .route = &route->pub,
                                        .target = target,
                                        .enabled = route->enabled && target->enabled };
      return true;
    }
  return false;
}

bool
config_find_target (const Config *cfg, int64_t route_id, int64_t id, ConfigFoundTarget *ret_found)
{
  const GPtrArray *routes = ((const ConfigBox *) cfg)->routes;
  unsigned low = 0, high = routes->len;

  for (unsigned i = 0; route_id == 0 && i < routes->len; i++)
    if (find_in_route (routes->pdata[i], id, ret_found))
      return true;
  while (low < high)
    {
      unsigned middle = (low + high) / 2;
      const RouteBox *route = routes->pdata[middle];

      if (route->pub.id == route_id)
        return find_in_route (route, id, ret_found);
      if (route->pub.id < route_id)
        low = middle + 1;
      else
        high = middle;
    }
  return false;
}

bool
config_counts_requests (const ConfigRoute *route, const ConfigTarget *target)
{
  return target->max_concurrent_requests > 0 || route->balancing == CONFIG_BALANCE_LEAST_ACTIVE
         || route->balancing == CONFIG_BALANCE_WEIGHTED_LEAST_ACTIVE
         || config_counts_pairs (target);
}

bool
config_counts_pairs (const ConfigTarget *target)
{
  return target->transport == CONFIG_TRANSPORT_AGENT
         && (target->agent_balancing == CONFIG_BALANCE_LEAST_ACTIVE
             || target->agent_balancing == CONFIG_BALANCE_WEIGHTED_LEAST_ACTIVE);
}
