/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See passive.h. What is known stands in the target's state, which has its own lock. */
#include "daemon/proxy/passive.h"

#include "daemon/agents/agents.h"
#include "lib/log.h"

#include <glib.h>

TargetUse
passive_judge (const Config *cfg, const ConfigTarget *target, int64_t now_us)
{
  AgentQuestion question = { .cfg = cfg, .target = target, .now_us = now_us };

  if (target->type == CONFIG_TARGET_STATIC)
    return TARGET_USABLE;
  if (target->transport == CONFIG_TRANSPORT_DIRECT)
    return config_target_state_is_usable (target->state, 0, now_us) ? TARGET_USABLE
                                                                   : TARGET_UNUSABLE;
  switch (agents_choose (&question, NULL))
    {
    case AGENT_CHOICE_OK:
      return TARGET_USABLE;
    case AGENT_CHOICE_NONE:
      return TARGET_NO_AGENT;
    case AGENT_CHOICE_UNUSABLE:
      break;
    }
  return TARGET_UNUSABLE;
}

static void
log_cool_down (const Request *req, int64_t agent_id, const char *error, int64_t cool_ms)
{
  const ConfigAgent *agent = agent_id != 0 ? config_find_agent_by_id (req->cfg, agent_id) : NULL;

  p2p_log (P2P_LOG_WARNING, "proxy",
           "target '%s'%s%s%s: %s, again and again: gets no requests for %g s", req->target->name,
           agent ? " through agent '" : "", agent ? agent->name : "", agent ? "'" : "", error,
           (double) cool_ms / 1000);
}

void
passive_note_failure (const Request *req, int64_t agent_id, const char *error, int64_t since_us)
{
  ConfigProbe probe = { .source = CONFIG_PROBE_PASSIVE_FAILURE,
                        .duration_ms = since_us > 0 ? (p2p_now_us () - since_us) / 1000 : -1,
                        .agent_id = agent_id,
                        .error = error };
  int64_t cool_ms
      = config_target_state_note_failure (req->target->state, &probe, &proxy.options.cool_down);

  if (cool_ms > 0)
    log_cool_down (req, agent_id, error, cool_ms);
}

void
passive_note_answer (const Request *req, int64_t agent_id, unsigned status)
{
  ConfigTargetState *state = req->target->state;

  if (status >= 500)
    config_target_state_note_answer (state, agent_id);
  else if (req->target->health.enabled || agent_id != 0
           || atomic_load_explicit (&state->direct.n_failures, memory_order_relaxed) > 0)
    config_target_state_note_good (state, agent_id, p2p_now_us ());
}
