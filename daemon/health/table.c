/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The table of pairs that are checked, made anew from each snapshot: what stayed keeps its place
 * and its results. */
#include "daemon/health/checker-priv.h"

#define FIRST_MS 1000 /* a new pair is asked within this time, and within a tenth of its interval */

static guint
hash_key (gconstpointer data)
{
  const PairKey *key = data;

  return g_int64_hash (&key->target_id) * 31 + g_int64_hash (&key->agent_id);
}

static gboolean
equal_keys (gconstpointer a, gconstpointer b)
{
  const PairKey *ka = a, *kb = b;

  return ka->target_id == kb->target_id && ka->agent_id == kb->agent_id;
}

void
checker_free_check (Check *check)
{
  config_target_state_unref (check->state);
  g_free (check);
}

static gint
compare_due (gconstpointer a, gconstpointer b, gpointer data)
{
  const Check *ca = a, *cb = b;

  (void) data;
  return ca->due_us < cb->due_us ? -1 : ca->due_us > cb->due_us;
}

void
checker_enqueue_locked (Check *check, int64_t due_us)
{
  p2p_lock_assert_held (&checker.lock);
  check->due_us = due_us;
  check->place = g_sequence_insert_sorted (checker.queue, check, compare_due, NULL);
}

/* Out of the table; what its checks said is forgotten as well. */
static void
drop_locked (Check *check)
{
  p2p_lock_assert_held (&checker.lock);
  config_target_state_reset (check->state, check->key.agent_id);
  if (check->place)
    {
      g_sequence_remove (check->place);
      checker_free_check (check);
    }
  else
    {
      check->gone = true;
    }
}

/* Whether what is known of the one says something about the other. */
static bool
asks_the_same (const ConfigTarget *a, const ConfigTarget *b)
{
  return a->origin_key == b->origin_key && strcmp (a->health.method, b->health.method) == 0
         && strcmp (a->health.path, b->health.path) == 0
         && a->health.status_min == b->health.status_min
         && a->health.status_max == b->health.status_max
         && g_strcmp0 (a->host_value, b->host_value) == 0;
}

/* An interval that became shorter holds at once. */
static void
hasten_locked (Check *check)
{
  int64_t latest_us = p2p_now_us () + check->target->health.interval_ms * 1000;

  if (!check->place || check->due_us <= latest_us)
    return;
  g_sequence_remove (check->place);
  checker_enqueue_locked (check, latest_us);
}

static void
want_pair_locked (const ConfigRoute *route, const ConfigTarget *target, int64_t agent_id)
{
  PairKey key = { target->id, agent_id };
  Check *check = g_hash_table_lookup (checker.table, &key);
  int64_t first_us = MIN (target->health.interval_ms * 100, FIRST_MS * 1000);

  if (check && check->state == target->state && asks_the_same (check->target, target))
    {
      check->seen = true;
      check->route = route;
      check->target = target;
      hasten_locked (check);
      return;
    }
  if (check)
    {
      g_hash_table_remove (checker.table, &key);
      drop_locked (check);
    }
  check = g_new0 (Check, 1);
  check->key = key;
  check->state = config_target_state_ref (target->state);
  check->route = route;
  check->target = target;
  check->seen = true;
  g_hash_table_insert (checker.table, &check->key, check);
  checker_enqueue_locked (
      check, p2p_now_us () + (int64_t) (g_rand_double (checker.rand) * (double) first_us));
}

static void
want_target_locked (const Config *cfg, const ConfigRoute *route, const ConfigTarget *target)
{
  if (target->type != CONFIG_TARGET_PROXY || !target->health.enabled)
    return;
  if (target->transport == CONFIG_TRANSPORT_DIRECT)
    {
      want_pair_locked (route, target, 0);
      return;
    }
  for (unsigned i = 0; i < cfg->n_agents; i++)
    if (cfg->agents[i]->enabled && config_selector_matches (target, cfg->agents[i]))
      want_pair_locked (route, target, cfg->agents[i]->id);
}

typedef void (*TargetFunc) (const Config *cfg,
                            const ConfigRoute *route,
                            const ConfigTarget *target);

static void
foreach_target (const Config *cfg, TargetFunc func)
{
  for (unsigned i = 0; i < cfg->n_listeners; i++)
    for (unsigned j = 0; j < cfg->listeners[i]->n_routes; j++)
      {
        const ConfigRoute *route = cfg->listeners[i]->routes[j];

        for (unsigned k = 0; route->action == CONFIG_ACTION_FORWARD && k < route->n_targets; k++)
          func (cfg, route, route->targets[k]);
      }
}

/* Pairs that only failures of requests made are not in the table: each is looked for. */
static void
forget_agents (const Config *old, const Config *cfg)
{
  for (unsigned i = 0; i < old->n_agents; i++)
    {
      int64_t id = old->agents[i]->id;

      if (config_find_agent_by_id (cfg, id))
        continue;
      for (unsigned j = 0; j < cfg->n_listeners; j++)
        for (unsigned k = 0; k < cfg->listeners[j]->n_routes; k++)
          for (unsigned l = 0; l < cfg->listeners[j]->routes[k]->n_targets; l++)
            config_target_state_forget (cfg->listeners[j]->routes[k]->targets[l]->state, id);
    }
}

void
checker_sync_locked (void)
{
  Config *old = checker.cfg;
  GHashTableIter iter;
  void *value;

  p2p_lock_assert_held (&checker.lock);
  checker.stale = false;
  checker.cfg = config_get_current ();
  foreach_target (checker.cfg, want_target_locked);
  g_hash_table_iter_init (&iter, checker.table);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Check *check = value;

      if (!check->seen)
        {
          g_hash_table_iter_remove (&iter);
          drop_locked (check);
          continue;
        }
      check->seen = false;
    }
  if (old)
    forget_agents (old, checker.cfg);
  g_clear_pointer (&old, config_unref);
}

void
checker_table_init (void)
{
  checker.table = g_hash_table_new (hash_key, equal_keys);
  checker.queue = g_sequence_new (NULL);
  checker.rand = g_rand_new ();
}

void
checker_table_done (void)
{
  GHashTableIter iter;
  void *value;

  g_hash_table_iter_init (&iter, checker.table);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    checker_free_check (value);
  g_clear_pointer (&checker.table, g_hash_table_unref);
  g_clear_pointer (&checker.queue, g_sequence_free);
  g_clear_pointer (&checker.rand, g_rand_free);
  g_clear_pointer (&checker.cfg, config_unref);
}
