/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The table of the agent's settings, made from settings.inc, and the rules that concern more than
 * one of them. Called by main () alone. */
#include "agent/settings.h"

static const P2pSetting rows[] = {
#define SETTING(type_, name_, member_, range_, default_, unit_, flags_, help_)                     \
  { .name = #name_,                                                                                \
    .type = P2P_SETTING_##type_,                                                                   \
    range_,                                                                                        \
    .default_value = default_,                                                                     \
    .unit = unit_,                                                                                 \
    .flags = flags_,                                                                               \
    .help = help_,                                                                                 \
    .offset = offsetof (AgentSettings, member_) },
#include "agent/settings.inc"
#undef SETTING
};

const P2pSettingsTable agent_settings_table = {
  .program = "p2pstream-agent",
  .summary = "Connects services of its own network to a p2pstreamd: dials out to it and carries "
             "its streams.",
  .settings = rows,
  .n_settings = G_N_ELEMENTS (rows),
};

/* What is wrong when the settings are seen together; NULL when nothing is. */
static const char *
contradiction (const AgentSettings *settings)
{
  bool plain = g_ascii_strncasecmp (settings->management_url, "http://", 7) == 0;
  bool tls = g_ascii_strncasecmp (settings->management_url, "https://", 8) == 0;

  if (!plain && !tls)
    return "MANAGEMENT_URL: must begin with https://";
  if (plain && !settings->agent_allow_insecure_management)
    return "MANAGEMENT_URL: http:// would send the token in the clear; use https://, or set "
           "AGENT_ALLOW_INSECURE_MANAGEMENT=true to accept that";
  if (!*settings->agent_token && !*settings->agent_token_file)
    return "AGENT_TOKEN_FILE or AGENT_TOKEN must be set";
  if (*settings->agent_token && *settings->agent_token_file)
    return "AGENT_TOKEN and AGENT_TOKEN_FILE are both set: which one counts would be a guess";
  if (*settings->management_ca_file && *settings->management_ca_pem_base64)
    return "MANAGEMENT_CA_FILE and MANAGEMENT_CA_PEM_BASE64 are both set: which one counts would "
           "be a guess";
  if (!*settings->agent_tls_cert_file != !*settings->agent_tls_key_file)
    return "AGENT_TLS_CERT_FILE and AGENT_TLS_KEY_FILE must be set together";
  return NULL;
}

P2pSettingsOutcome
agent_settings_load (AgentSettings *settings,
                     int argc,
                     char **argv,
                     char **environ_,
                     GError **error)
{
  P2pSettingsOutcome outcome
      = p2p_settings_load (&agent_settings_table, argc, argv, environ_, settings, error);
  const char *wrong = outcome == P2P_SETTINGS_GO ? contradiction (settings) : NULL;

  if (!wrong)
    return outcome;
  g_set_error_literal (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE, wrong);
  agent_settings_clear (settings);
  return P2P_SETTINGS_FAILED;
}

void
agent_settings_clear (AgentSettings *settings)
{
  p2p_settings_clear (&agent_settings_table, settings);
}
