/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* An agent of the snapshot from its row: the person's labels, and the system's. Under CONFIG_WRITE.
 */
#include "daemon/config/config-priv.h"

#define LABELS_MAX 64
#define SYSTEM_PREFIX "p2pstream.io/"

ConfigLabel *
config_make_labels (const GPtrArray *pairs, unsigned n_more)
{
  ConfigLabel *labels = g_new0 (ConfigLabel, pairs->len + n_more);

  for (unsigned i = 0; i < pairs->len; i++)
    {
      const StorePair *pair = pairs->pdata[i];

      labels[i] = (ConfigLabel){ g_strdup (pair->name), g_strdup (pair->value) };
    }
  return labels;
}

static bool
check (const StoreAgent *row, const char *member, const char *wrong, GError **error)
{
  if (wrong && strcmp (member, "name") == 0)
    config_set_error (error, CONFIG_ERROR_INVALID, member, "agent: name %s",
                      wrong); /* not a name to show */
  else if (wrong)
    config_set_error (error, CONFIG_ERROR_INVALID, member, "agent '%s': %s %s", row->name, member,
                      wrong);
  return !wrong;
}

static bool
check_labels (const StoreAgent *row, GError **error)
{
  if (row->labels->len > LABELS_MAX)
    return check (row, "labels", "must not be more than 64", error);
  for (unsigned i = 0; i < row->labels->len; i++)
    {
      const StorePair *pair = row->labels->pdata[i];
      const char *wrong = config_check_label_key (pair->name);

      if (!wrong && g_str_has_prefix (pair->name, SYSTEM_PREFIX))
        wrong = "must not begin with " SYSTEM_PREFIX ", which belongs to the system";
      if (!check (row, "labels", wrong ? wrong : config_check_label_value (pair->value), error))
        return false;
    }
  return true;
}

AgentBox *
config_make_agent (const StoreAgent *row, GError **error)
{
  g_autoptr (AgentBox) box = g_new0 (AgentBox, 1);
  ConfigAgent *pub = &box->pub;

  box->n_refs = 1;
  box->version = row->version;
  if (!check (row, "name", config_check_name (row->name), error)
      || !check (row, "public_id", config_check_token (row->public_id), error)
      || !check_labels (row, error))
    return NULL;
  pub->id = row->id;
  pub->public_id = g_strdup (row->public_id);
  pub->name = g_strdup (row->name);
  pub->enabled = row->enabled;
  memcpy (pub->token_sha256, row->token_sha256, sizeof pub->token_sha256);
  pub->labels = config_make_labels (row->labels, 1);
  pub->labels[row->labels->len] =
      (ConfigLabel){ g_strdup (SYSTEM_PREFIX "agent-id"), g_strdup (row->public_id) };
  pub->n_labels = row->labels->len + 1;
  return g_steal_pointer (&box);
}
