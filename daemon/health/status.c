/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The health of a target for people, from that of its pairs. No state. */
#include "daemon/agents/agents.h"
#include "daemon/health/health.h"
#include "lib/clock.h"

const char *const health_words[] = { [HEALTH_UNKNOWN] = "unknown",
                                     [HEALTH_HEALTHY] = "healthy",
                                     [HEALTH_UNHEALTHY] = "unhealthy",
                                     [HEALTH_DISABLED] = "disabled",
                                     [HEALTH_DISCONNECTED] = "disconnected",
                                     NULL };

/* Of the words, the one that says more good of the target. */
static HealthWord
better (HealthWord a, HealthWord b)
{
  static const unsigned ranks[] = { [HEALTH_DISCONNECTED] = 0,
                                    [HEALTH_UNHEALTHY] = 1,
                                    [HEALTH_UNKNOWN] = 2,
                                    [HEALTH_HEALTHY] = 3 };

  return ranks[a] >= ranks[b] ? a : b;
}

/* The first error that is found is the target's. */
static HealthWord
judge_pair (const ConfigTarget *target, int64_t agent_id, HealthStatus *status)
{
  ConfigPairStatus pair;

  config_target_state_get_pair (target->state, agent_id, p2p_now_us (), &pair);
  if (!status->last_error)
    status->last_error = g_steal_pointer (&pair.last_error);
  g_free (pair.last_error);
  if (!pair.usable)
    return HEALTH_UNHEALTHY;
  return pair.health == CONFIG_HEALTH_HEALTHY ? HEALTH_HEALTHY : HEALTH_UNKNOWN;
}

static HealthWord
judge_agents (const Config *cfg, const ConfigTarget *target, HealthStatus *status)
{
  HealthWord word = HEALTH_DISCONNECTED;

  for (unsigned i = 0; i < cfg->n_agents; i++)
    {
      const ConfigAgent *agent = cfg->agents[i];

      if (agent->enabled && config_selector_matches (target, agent)
          && agents_is_connected (agent->id))
        word = better (judge_pair (target, agent->id, status), word);
    }
  if (word == HEALTH_DISCONNECTED)
    status->last_error = g_strdup ("no agent that matches is connected");
  return word;
}

void
health_get_status (const Config *cfg, const ConfigFoundTarget *found, HealthStatus *ret_status)
{
  const ConfigTarget *target = found->target;

  *ret_status
      = (HealthStatus){ .last_checked_ms = config_target_state_last_checked (target->state) };
  if (!found->enabled)
    ret_status->word = HEALTH_DISABLED;
  else if (target->type == CONFIG_TARGET_STATIC)
    ret_status->word = HEALTH_HEALTHY;
  else if (target->transport == CONFIG_TRANSPORT_AGENT)
    ret_status->word = judge_agents (cfg, target, ret_status);
  else
    ret_status->word = judge_pair (target, 0, ret_status);
}

void
health_status_clear (HealthStatus *status)
{
  g_clear_pointer (&status->last_error, g_free);
}
