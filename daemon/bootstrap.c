/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The agent that the settings ask for, see bootstrap.h. On the main thread, at the start; its only
 * trace is the agent's row, which holds the token's hash. */
#include "daemon/bootstrap.h"

#include "daemon/config/change.h"
#include "lib/log.h"

#include <gnutls/crypto.h>
#include <json-glib/json-glib.h>

#define ID_MAX 64
#define TOKEN_MIN 16
#define TOKEN_MAX 512

/* --- what is asked for ------------------------------------------------------------------------ */

static bool
is_plain (const char *text, size_t min, size_t max)
{
  size_t n = 0;

  for (; text[n]; n++)
    if ((unsigned char) text[n] <= ' ' || (unsigned char) text[n] >= 0x7f)
      return false;
  return n >= min && n <= max;
}

static bool
is_id (const char *text)
{
  for (const char *p = text; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr ("._-", *p))
      return false;
  return strlen (text) <= ID_MAX;
}

const char *
bootstrap_fault (const Settings *settings)
{
  const char *id = settings->bootstrap_agent_id, *name = settings->bootstrap_agent_name;
  const char *token = settings->bootstrap_agent_token;

  if (!*id && !*name && !*token)
    return NULL;
  if (!*id || !*name || !*token)
    return "BOOTSTRAP_AGENT_ID, BOOTSTRAP_AGENT_NAME and BOOTSTRAP_AGENT_TOKEN must be set "
           "together";
  if (!is_id (id))
    return "BOOTSTRAP_AGENT_ID: must be at most 64 letters, digits, '.', '_' and '-'";
  return is_plain (token, TOKEN_MIN, TOKEN_MAX)
             ? NULL
             : "BOOTSTRAP_AGENT_TOKEN: must be 16 to 512 characters of ASCII without blanks";
}

/* --- making it -------------------------------------------------------------------------------- */

static char *
row_to_text (const StoreAgent *row)
{
  JsonObject *object = json_object_new ();
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);

  json_object_set_string_member (object, "public_id", row->public_id);
  json_object_set_string_member (object, "name", row->name);
  json_object_set_boolean_member (object, "enabled", row->enabled);
  json_object_unref (object);
  return json_to_string (node, false);
}

static bool
apply (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  StoreAgent *row = data;

  if (!store_agent_insert (tx, row, error))
    return false;
  change->object_id = row->id;
  change->after = row_to_text (row);
  return true;
}

static bool
make_agent (const Settings *settings, const uint8_t token_sha256[STORE_HASH_SIZE], GError **error)
{
  g_autoptr (StoreAgent) row = store_agent_new ();
  ConfigChange change = {
    .apply = apply, .data = row, .principal = "bootstrap", .action = "create", .resource = "agents"
  };
  bool made;

  g_free (row->public_id);
  g_free (row->name);
  row->public_id = g_strdup (settings->bootstrap_agent_id);
  row->name = g_strdup (settings->bootstrap_agent_name);
  memcpy (row->token_sha256, token_sha256, STORE_HASH_SIZE);
  made = config_change (&change, error);
  config_change_clear (&change);
  if (made)
    p2p_log (P2P_LOG_INFO, "daemon", "BOOTSTRAP_AGENT_ID: agent '%s' (%s) was made", row->name,
             row->public_id);
  else
    g_prefix_error (error, "BOOTSTRAP_AGENT_NAME: ");
  return made;
}

static void
tell_kept (const ConfigAgent *agent, const uint8_t token_sha256[STORE_HASH_SIZE])
{
  bool same = gnutls_memcmp (agent->token_sha256, token_sha256, STORE_HASH_SIZE) == 0;

  if (same)
    p2p_log (P2P_LOG_INFO, "daemon",
             "BOOTSTRAP_AGENT_ID: agent '%s' (%s) is there already and keeps what it has",
             agent->name, agent->public_id);
  else
    p2p_log (
        P2P_LOG_WARNING, "daemon",
        "BOOTSTRAP_AGENT_ID: agent '%s' (%s) is there already and keeps what it has: its token "
        "is another one than BOOTSTRAP_AGENT_TOKEN",
        agent->name, agent->public_id);
}

bool
bootstrap_start (const Settings *settings, GError **error)
{
  g_autoptr (Config) cfg = config_get_current ();
  const char *id = settings->bootstrap_agent_id, *token = settings->bootstrap_agent_token;
  const ConfigAgent *agent = config_find_agent (cfg, p2p_span_from_string (id));
  uint8_t token_sha256[STORE_HASH_SIZE];
  int rc;

  if (!*id)
    return true;
  rc = gnutls_hash_fast (GNUTLS_DIG_SHA256, token, strlen (token), token_sha256);
  g_assert (rc == 0);
  if (!agent)
    return make_agent (settings, token_sha256, error);
  tell_kept (agent, token_sha256);
  return true;
}
