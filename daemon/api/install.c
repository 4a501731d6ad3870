/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How to install an agent: texts of data/agent-* with what this agent and this daemon are put in.
 * The token is in none of them, since nobody has it but the one who made the agent. No state. */
#include "daemon/api/handlers.h"
#include "daemon/api/install-text.h"

#include <string.h>

/* Made by the build from data/. */
static const char systemd_text[] =
#include "daemon/api/install-systemd.inc"
    ;
static const char compose_text[] =
#include "daemon/api/install-compose.inc"
    ;
static const char command_text[] =
#include "daemon/api/install-command.inc"
    ;
static const char uninstall_text[] =
#include "daemon/api/install-uninstall.inc"
    ;

static char *
dup_management_url (void)
{
  const ApiCore *core = api_core ();

  if (core->options.management)
    return certs_management_dup_url (core->options.management, core->port);
  return g_strdup (core->public_url ? core->public_url : "");
}

/* "" when the system's authorities are to be used. */
static char *
dup_management_ca (void)
{
  CertsManagement *management = api_core ()->options.management;
  g_autofree char *pem = management ? certs_management_dup_ca_pem (management) : NULL;

  return pem ? g_base64_encode ((const guint8 *) pem, strlen (pem)) : g_strdup ("");
}

static void
add_filled (JsonObject *object,
            const char *name,
            const char *text,
            InstallSyntax syntax,
            const InstallValue *values)
{
  g_autofree char *filled = install_text_fill (text, syntax, values);

  json_object_set_string_member (object, name, filled);
}

JsonNode *
api_agent_install_get (ApiCall *call, GError **error)
{
  g_autoptr (StoreTx) tx = store_begin_read (api_core ()->options.store, error);
  g_autoptr (StoreAgent) agent = tx ? store_agent_get (tx, call->id, error) : NULL;
  g_autofree char *url = dup_management_url ();
  g_autofree char *ca = dup_management_ca ();
  JsonObject *object;

  if (!agent)
    return NULL;
  {
    const InstallValue values[] = {
      { "MANAGEMENT_URL", url },
      { "MANAGEMENT_CA_PEM_BASE64", ca },
      { "AGENT_ID", agent->public_id },
      { "AGENT_NAME", agent->name },
      { "SOURCE_URL", api_core ()->install_source_url },
      { NULL, NULL },
    };

    object = json_object_new ();
    add_filled (object, "systemd", systemd_text, INSTALL_SHELL, values);
    add_filled (object, "compose", compose_text, INSTALL_YAML, values);
    add_filled (object, "command", command_text, INSTALL_SHELL, values);
    json_object_set_string_member (object, "uninstall", uninstall_text);
  }
  return api_node_from_object (object);
}
