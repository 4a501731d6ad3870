/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The agents that have a label, so that a request need not compare the labels of all: an index in
 * each snapshot, constant once it is made. */
#include "daemon/config/config-priv.h"

static guint
hash_label (gconstpointer data)
{
  const ConfigLabel *label = data;

  return g_str_hash (label->key) * 31 + g_str_hash (label->value);
}

static gboolean
equal_labels (gconstpointer a, gconstpointer b)
{
  const ConfigLabel *x = a, *y = b;

  return strcmp (x->key, y->key) == 0 && strcmp (x->value, y->value) == 0;
}

static void
add_agent (GHashTable *index, ConfigAgent *agent)
{
  for (unsigned i = 0; i < agent->n_labels; i++)
    {
      GPtrArray *list = g_hash_table_lookup (index, &agent->labels[i]);

      if (!list)
        {
          list = g_ptr_array_new ();
          g_hash_table_insert (index, &agent->labels[i], list);
        }
      g_ptr_array_add (list, agent);
    }
}

GHashTable *
config_labels_new (const Config *cfg)
{
  GHashTable *index
      = g_hash_table_new_full (hash_label, equal_labels, NULL, (GDestroyNotify) g_ptr_array_unref);

  for (unsigned i = 0; i < cfg->n_agents; i++)
    add_agent (index, cfg->agents[i]);
  return index;
}

ConfigAgents
config_agents_for (const Config *cfg, const ConfigTarget *target)
{
  GHashTable *index = ((const ConfigBox *) cfg)->agents_by_label;
  ConfigAgents fewest = { cfg->agents, cfg->n_agents };

  for (unsigned i = 0; i < target->n_labels; i++)
    {
      const GPtrArray *list = g_hash_table_lookup (index, &target->labels[i]);

      if (!list)
        return (ConfigAgents){ NULL, 0 };
      if (list->len < fewest.n || i == 0)
        fewest = (ConfigAgents){ (ConfigAgent *const *) list->pdata, list->len };
    }
  return fewest;
}
