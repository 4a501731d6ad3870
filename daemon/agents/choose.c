/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Which agent takes a target's next request: one of those that match, are connected and are neither
 * unhealthy nor cooling down for this target, by the target's policy. Agents have no weights: the
 * weighted policies do what the others do. Any worker; the registry's lock is held for one look-up
 * at a time. */
#include "daemon/agents/agents-priv.h"

#include "lib/draw.h"

#include <glib.h>

typedef struct
{
  const AgentQuestion *question;
  ConfigAgents agents; /* that may match */
  bool degraded_too;
  bool any_connected;
} Search;

typedef enum
{
  LINK_NONE,
  LINK_DEGRADED,
  LINK_GOOD,
} Link;

static Link
get_link (int64_t agent_id)
{
  P2P_LOCKED (&registry.lock);
  const Known *known = g_hash_table_lookup (registry.known, &agent_id);

  if (!known || !known->live)
    return LINK_NONE;
  return known->live->degraded ? LINK_DEGRADED : LINK_GOOD;
}

static bool
is_excepted (const AgentQuestion *question, int64_t agent_id)
{
  for (unsigned i = 0; i < question->n_except; i++)
    if (question->except[i] == agent_id)
      return true;
  return false;
}

static Link
get_matching_link (const AgentQuestion *question, const ConfigAgent *agent)
{
  if (!agent->enabled || !config_selector_matches (question->target, agent)
      || is_excepted (question, agent->id))
    return LINK_NONE;
  return get_link (agent->id);
}

static bool
is_candidate (Search *search, const ConfigAgent *agent)
{
  const AgentQuestion *question = search->question;
  Link link = get_matching_link (question, agent);

  search->any_connected |= link != LINK_NONE;
  return link >= (search->degraded_too ? LINK_DEGRADED : LINK_GOOD)
         && config_target_state_is_usable (question->target->state, agent->id, question->now_us);
}

/* From *at on; NULL: no more. */
static const ConfigAgent *
next_candidate (Search *search, unsigned *at)
{
  while (*at < search->agents.n)
    {
      const ConfigAgent *agent = search->agents.agents[(*at)++];

      if (is_candidate (search, agent))
        return agent;
    }
  return NULL;
}

static unsigned
count_candidates (Search *search, int64_t *ret_first)
{
  unsigned n = 0, at = 0;

  for (const ConfigAgent *agent; (agent = next_candidate (search, &at)); n++)
    if (n == 0)
      *ret_first = agent->id;
  return n;
}

/* Who was counted may be gone meanwhile: the last one then. */
static int64_t
nth_candidate (Search *search, unsigned wanted, int64_t id)
{
  unsigned at = 0;

  for (const ConfigAgent *agent; (agent = next_candidate (search, &at)); wanted--)
    {
      id = agent->id;
      if (wanted == 0)
        break;
    }
  return id;
}

/* The one with the fewest requests of this target under way; among equals the first in an order
 * that begins at the turn's. */
static int64_t
least_active (Search *search, unsigned n, unsigned turn, int64_t id)
{
  unsigned at = 0, k = 0;
  uint64_t best = UINT64_MAX;

  for (const ConfigAgent *agent; (agent = next_candidate (search, &at)); k++)
    {
      uint64_t active = config_target_state_get_active (search->question->target->state, agent->id);
      uint64_t key = active << 32 | (k + n - turn) % n;

      if (key < best)
        {
          best = key;
          id = agent->id;
        }
    }
  return id;
}

static int64_t
choose_among (Search *search, unsigned n, int64_t first)
{
  const ConfigTarget *target = search->question->target;
  unsigned turn;

  if (n == 1)
    return first;
  if (target->agent_balancing == CONFIG_BALANCE_RANDOM
      || target->agent_balancing == CONFIG_BALANCE_WEIGHTED_RANDOM)
    return nth_candidate (search, (unsigned) p2p_draw (n), first);
  turn = atomic_fetch_add_explicit (&target->state->turn, 1, memory_order_relaxed) % n;
  if (config_counts_pairs (target))
    return least_active (search, n, turn, first);
  return nth_candidate (search, turn, first);
}

/* One that is connected but carries no stream is better than none. */
AgentChoice
agents_choose (const AgentQuestion *question, int64_t *ret_agent_id)
{
  Search search = { .question = question,
                    .agents = config_agents_for (question->cfg, question->target) };
  int64_t first = 0;
  unsigned n = count_candidates (&search, &first);

  if (n == 0 && search.any_connected)
    {
      search.degraded_too = true;
      n = count_candidates (&search, &first);
    }
  if (n == 0)
    return search.any_connected ? AGENT_CHOICE_UNUSABLE : AGENT_CHOICE_NONE;
  if (ret_agent_id)
    *ret_agent_id = choose_among (&search, n, first);
  return AGENT_CHOICE_OK;
}

bool
agents_choose_trial (const AgentQuestion *question, int64_t interval_us, int64_t *ret_agent_id)
{
  ConfigAgents agents = config_agents_for (question->cfg, question->target);

  for (unsigned i = 0; i < agents.n; i++)
    if (get_matching_link (question, agents.agents[i]) != LINK_NONE
        && config_target_state_may_try (question->target->state, agents.agents[i]->id,
                                        question->now_us, interval_us))
      {
        *ret_agent_id = agents.agents[i]->id;
        return true;
      }
  return false;
}
