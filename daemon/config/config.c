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
