/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The pairs of a target. Readers walk chains that only ever grow: a pair whose agent is gone is
 * renamed for the next agent of its bucket, so nobody reads freed memory and who looks at that very
 * moment sees at worst a pair that nothing is known of. Changes happen under the state's lock. */
#include "daemon/config/target-state.h"

#include "lib/clock.h"

#define FREE_PAIR (-1)

typedef _Atomic (ConfigPairState *) Bucket;

/* The probe's error stands behind it. */
static ConfigProbe *
copy_probe (const ConfigProbe *probe)
{
  ConfigProbe *copy = g_new (ConfigProbe, 1);

  *copy = *probe;
  copy->error = g_strdup (probe->error);
  return copy;
}

static void
free_probe (void *data)
{
  ConfigProbe *probe = data;

  g_free ((char *) probe->error);
  g_free (probe);
}

ConfigTargetState *
config_target_state_new (void)
{
  ConfigTargetState *state = g_new0 (ConfigTargetState, 1);

  state->n_refs = 1;
  p2p_mutex_init (&state->lock, P2P_LOCK_LEAF);
  g_queue_init (&state->probes);
  return state;
}

ConfigTargetState *
config_target_state_ref (ConfigTargetState *state)
{
  atomic_fetch_add_explicit (&state->n_refs, 1, memory_order_relaxed);
  return state;
}

static void
free_pairs (Bucket *buckets)
{
  for (unsigned i = 0; i < CONFIG_PAIR_BUCKETS; i++)
    for (ConfigPairState *pair = buckets[i], *next; pair; pair = next)
      {
        next = pair->next;
        g_free (pair->last_error);
        g_free (pair);
      }
  g_free (buckets);
}

void
config_target_state_unref (ConfigTargetState *state)
{
  if (atomic_fetch_sub_explicit (&state->n_refs, 1, memory_order_acq_rel) > 1)
    return;
  if (state->agents)
    free_pairs (state->agents);
  g_free (state->direct.last_error);
  g_queue_clear_full (&state->probes, free_probe);
  p2p_mutex_done (&state->lock);
  g_free (state);
}

/* --- pairs
 * ------------------------------------------------------------------------------------------ */

static unsigned
bucket_of (int64_t agent_id)
{
  return (unsigned) ((uint64_t) agent_id % CONFIG_PAIR_BUCKETS);
}

/* Or NULL. */
static ConfigPairState *
find_pair (ConfigTargetState *state, int64_t agent_id)
{
  Bucket *buckets;

  if (agent_id == 0)
    return &state->direct;
  buckets = atomic_load_explicit (&state->agents, memory_order_acquire);
  if (!buckets)
    return NULL;
  for (ConfigPairState *pair
       = atomic_load_explicit (&buckets[bucket_of (agent_id)], memory_order_acquire);
       pair; pair = atomic_load_explicit (&pair->next, memory_order_acquire))
    if (atomic_load_explicit (&pair->agent_id, memory_order_relaxed) == agent_id)
      return pair;
  return NULL;
}

static void
clear_pair_locked (ConfigTargetState *state, ConfigPairState *pair)
{
  p2p_lock_assert_held (&state->lock);
  atomic_store (&pair->health, CONFIG_HEALTH_UNKNOWN);
  atomic_store (&pair->cool_until_us, 0);
  atomic_store (&pair->good_at_us, 0);
  atomic_store (&pair->n_failures, 0);
  atomic_store (&pair->n_cool_downs, 0);
  pair->n_good = pair->n_bad = 0;
  g_clear_pointer (&pair->last_error, g_free);
}

static ConfigPairState *
make_pair_locked (ConfigTargetState *state, int64_t agent_id)
{
  ConfigPairState *pair = find_pair (state, agent_id);
  Bucket *buckets = state->agents, *bucket;

  p2p_lock_assert_held (&state->lock);
  if (pair)
    return pair;
  if (!buckets)
    {
      buckets = g_new0 (Bucket, CONFIG_PAIR_BUCKETS);
      atomic_store_explicit (&state->agents, buckets, memory_order_release);
    }
  bucket = &buckets[bucket_of (agent_id)];
  for (pair = *bucket; pair && pair->agent_id != FREE_PAIR; pair = pair->next)
    ;
  if (pair)
    {
      atomic_store (&pair->agent_id, agent_id);
      return pair;
    }
  pair = g_new0 (ConfigPairState, 1);
  pair->agent_id = agent_id;
  pair->next = *bucket;
  atomic_store_explicit (bucket, pair, memory_order_release);
  return pair;
}

/* --- the path of a request
 * -------------------------------------------------------------------------- */

bool
config_target_state_is_usable (ConfigTargetState *state, int64_t agent_id, int64_t now_us)
{
  ConfigPairState *pair = find_pair (state, agent_id);

  return !pair
         || (atomic_load_explicit (&pair->health, memory_order_relaxed) != CONFIG_HEALTH_UNHEALTHY
             && atomic_load_explicit (&pair->cool_until_us, memory_order_relaxed) <= now_us);
}

bool
config_target_state_may_try (ConfigTargetState *state,
                             int64_t agent_id,
                             int64_t now_us,
                             int64_t interval_us)
{
  ConfigPairState *pair = find_pair (state, agent_id);
  int_fast64_t tried_us;

  if (!pair || interval_us == 0
      || atomic_load_explicit (&pair->health, memory_order_relaxed) == CONFIG_HEALTH_UNHEALTHY)
    return false;
  tried_us = atomic_load_explicit (&pair->tried_us, memory_order_relaxed);
  return now_us - tried_us >= interval_us
         && atomic_compare_exchange_strong_explicit (&pair->tried_us, &tried_us, now_us,
                                                     memory_order_relaxed, memory_order_relaxed);
}

/* So often at most, so that workers do not pull the line of memory out of each other's caches. */
#define NOTE_GOOD_US 100000

static void
calm (ConfigPairState *pair)
{
  if (atomic_load_explicit (&pair->n_failures, memory_order_relaxed) == 0)
    return;
  atomic_store_explicit (&pair->n_failures, 0, memory_order_relaxed);
  atomic_store_explicit (&pair->n_cool_downs, 0, memory_order_relaxed);
  atomic_store_explicit (&pair->cool_until_us, 0, memory_order_relaxed);
}

void
config_target_state_note_good (ConfigTargetState *state, int64_t agent_id, int64_t now_us)
{
  ConfigPairState *pair = find_pair (state, agent_id);

  if (!pair)
    return;
  if (now_us - atomic_load_explicit (&pair->good_at_us, memory_order_relaxed) >= NOTE_GOOD_US)
    atomic_store_explicit (&pair->good_at_us, now_us, memory_order_relaxed);
  calm (pair);
}

void
config_target_state_note_answer (ConfigTargetState *state, int64_t agent_id)
{
  ConfigPairState *pair = find_pair (state, agent_id);

  if (pair)
    calm (pair);
}

ConfigPairState *
config_target_state_count_pair (ConfigTargetState *state, int64_t agent_id)
{
  ConfigPairState *pair = find_pair (state, agent_id);

  if (!pair)
    {
      P2P_LOCKED (&state->lock);
      pair = make_pair_locked (state, agent_id);
    }
  atomic_fetch_add_explicit (&pair->active, 1, memory_order_relaxed);
  return pair;
}

unsigned
config_target_state_get_active (ConfigTargetState *state, int64_t agent_id)
{
  ConfigPairState *pair = find_pair (state, agent_id);

  return pair ? atomic_load_explicit (&pair->active, memory_order_relaxed) : 0;
}

/* --- judges
 * ----------------------------------------------------------------------------------------- */

static void
add_probe_locked (ConfigTargetState *state, const ConfigProbe *probe)
{
  ConfigProbe *copy = copy_probe (probe);

  p2p_lock_assert_held (&state->lock);
  if (copy->at_ms == 0)
    copy->at_ms = p2p_wall_ms ();
  if (copy->source == CONFIG_PROBE_ACTIVE_CHECK)
    state->last_checked_ms = copy->at_ms;
  g_queue_push_head (&state->probes, copy);
  if (state->probes.length > CONFIG_PROBES_MAX)
    free_probe (g_queue_pop_tail (&state->probes));
}

static void
set_error_locked (ConfigTargetState *state, ConfigPairState *pair, const char *error)
{
  p2p_lock_assert_held (&state->lock);
  g_free (pair->last_error);
  pair->last_error = g_strdup (error);
}

static int64_t
next_cool_down_ms (const ConfigCoolDown *rules, unsigned n_before)
{
  int64_t ms = MIN (rules->first_ms, rules->longest_ms);

  for (; n_before > 0 && ms < rules->longest_ms; n_before--)
    ms = MIN (2 * ms, rules->longest_ms);
  return ms;
}

int64_t
config_target_state_note_failure (ConfigTargetState *state,
                                  const ConfigProbe *probe,
                                  const ConfigCoolDown *rules)
{
  P2P_LOCKED (&state->lock);
  ConfigPairState *pair = make_pair_locked (state, probe->agent_id);
  int64_t now_us = p2p_now_us (), ms;

  add_probe_locked (state, probe);
  set_error_locked (state, pair, probe->error);
  if (atomic_fetch_add (&pair->n_failures, 1) + 1 < rules->failures || rules->failures == 0
      || pair->cool_until_us > now_us)
    return 0;
  ms = next_cool_down_ms (rules, atomic_fetch_add (&pair->n_cool_downs, 1));
  atomic_store (&pair->cool_until_us, now_us + ms * 1000);
  atomic_store (&pair->tried_us, now_us);
  return ms;
}

/* Another result in a row. True: the health changes with it. */
static bool
count_locked (ConfigTargetState *state, ConfigPairState *pair, bool good, unsigned threshold)
{
  ConfigHealth wanted = good ? CONFIG_HEALTH_HEALTHY : CONFIG_HEALTH_UNHEALTHY;

  p2p_lock_assert_held (&state->lock);
  pair->n_good = good ? MIN (pair->n_good + 1, threshold) : 0;
  pair->n_bad = good ? 0 : MIN (pair->n_bad + 1, threshold);
  if (pair->health == wanted || (good ? pair->n_good : pair->n_bad) < threshold)
    return false;
  atomic_store (&pair->health, wanted);
  return true;
}

bool
config_target_state_note_check (ConfigTargetState *state,
                                const ConfigProbe *probe,
                                unsigned healthy_threshold,
                                unsigned unhealthy_threshold,
                                ConfigHealth *ret_health)
{
  P2P_LOCKED (&state->lock);
  ConfigPairState *pair = make_pair_locked (state, probe->agent_id);
  bool changed = count_locked (state, pair, probe->good,
                               probe->good ? healthy_threshold : unhealthy_threshold);

  add_probe_locked (state, probe);
  if (!probe->good)
    set_error_locked (state, pair, probe->error);
  *ret_health = pair->health;
  return changed;
}

bool
config_target_state_count_traffic (ConfigTargetState *state,
                                   int64_t agent_id,
                                   unsigned healthy_threshold,
                                   ConfigHealth *ret_health)
{
  P2P_LOCKED (&state->lock);
  ConfigPairState *pair = make_pair_locked (state, agent_id);
  bool changed = count_locked (state, pair, true, healthy_threshold);

  *ret_health = pair->health;
  return changed;
}

void
config_target_state_note_probe (ConfigTargetState *state, const ConfigProbe *probe)
{
  P2P_LOCKED (&state->lock);
  add_probe_locked (state, probe);
}

void
config_target_state_reset (ConfigTargetState *state, int64_t agent_id)
{
  P2P_LOCKED (&state->lock);
  ConfigPairState *pair = find_pair (state, agent_id);

  if (pair)
    clear_pair_locked (state, pair);
}

void
config_target_state_forget (ConfigTargetState *state, int64_t agent_id)
{
  P2P_LOCKED (&state->lock);
  ConfigPairState *pair = find_pair (state, agent_id);

  if (!pair)
    return;
  clear_pair_locked (state, pair);
  if (agent_id != 0)
    atomic_store (&pair->agent_id, FREE_PAIR);
}

/* --- for people
 * ------------------------------------------------------------------------------------- */

void
config_target_state_get_pair (ConfigTargetState *state,
                              int64_t agent_id,
                              int64_t now_us,
                              ConfigPairStatus *ret_status)
{
  P2P_LOCKED (&state->lock);
  ConfigPairState *pair = find_pair (state, agent_id);
  bool usable = config_target_state_is_usable (state, agent_id, now_us);
  bool doubted = pair && (!usable || pair->n_bad > 0 || pair->n_failures > 0);

  *ret_status = (ConfigPairStatus){
    .health = pair ? (ConfigHealth) pair->health : CONFIG_HEALTH_UNKNOWN,
    .usable = usable,
    .last_error = g_strdup (doubted ? pair->last_error : NULL),
  };
}

int64_t
config_target_state_good_at (ConfigTargetState *state, int64_t agent_id)
{
  ConfigPairState *pair = find_pair (state, agent_id);

  return pair ? atomic_load_explicit (&pair->good_at_us, memory_order_relaxed) : 0;
}

int64_t
config_target_state_last_checked (ConfigTargetState *state)
{
  P2P_LOCKED (&state->lock);
  return state->last_checked_ms;
}

GPtrArray *
config_target_state_list_probes (ConfigTargetState *state)
{
  GPtrArray *probes = g_ptr_array_new_with_free_func (free_probe);

  P2P_LOCKED (&state->lock);
  for (GList *link = state->probes.head; link; link = link->next)
    g_ptr_array_add (probes, copy_probe (link->data));
  return probes;
}
