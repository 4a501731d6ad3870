/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The agent's table of settings: what it needs, and what contradicts itself. */
#include "agent/settings.h"

static const struct
{
  const char *env[6];
  const char *message; /* (nullable: the settings are good) */
} cases[] = {
  { { "MANAGEMENT_URL=https://x:8081", "AGENT_ID=1", "AGENT_TOKEN=t" }, NULL },
  { { "MANAGEMENT_URL=https://x:8081", "AGENT_ID=1", "AGENT_TOKEN_FILE=/t" }, NULL },
  { { "MANAGEMENT_URL=http://x", "AGENT_ID=1", "AGENT_TOKEN=t",
      "AGENT_ALLOW_INSECURE_MANAGEMENT=true" },
    NULL },
  { { "AGENT_ID=1", "AGENT_TOKEN=t" },
    "MANAGEMENT_URL is not set and has no default (Where the daemon's management port is, for "
    "example "
    "https://proxy.example.com:8081.)" },
  { { "MANAGEMENT_URL=https://x", "AGENT_TOKEN=t" },
    "AGENT_ID is not set and has no default (The agent's public id, as the daemon gave it.)" },
  { { "MANAGEMENT_URL=x:8081", "AGENT_ID=1", "AGENT_TOKEN=t" },
    "MANAGEMENT_URL: must begin with https://" },
  { { "MANAGEMENT_URL=http://x", "AGENT_ID=1", "AGENT_TOKEN=t" },
    "MANAGEMENT_URL: http:// would send the token in the clear; use https://, or set "
    "AGENT_ALLOW_INSECURE_MANAGEMENT=true to accept that" },
  { { "MANAGEMENT_URL=https://x", "AGENT_ID=1" }, "AGENT_TOKEN_FILE or AGENT_TOKEN must be set" },
  { { "MANAGEMENT_URL=https://x", "AGENT_ID=1", "AGENT_TOKEN=t", "AGENT_TOKEN_FILE=/t" },
    "AGENT_TOKEN and AGENT_TOKEN_FILE are both set: which one counts would be a guess" },
  { { "MANAGEMENT_URL=https://x", "AGENT_ID=1", "AGENT_TOKEN=t", "MANAGEMENT_CA_FILE=/c",
      "MANAGEMENT_CA_PEM_BASE64=x" },
    "MANAGEMENT_CA_FILE and MANAGEMENT_CA_PEM_BASE64 are both set: which one counts would be a "
    "guess" },
  { { "MANAGEMENT_URL=https://x", "AGENT_ID=1", "AGENT_TOKEN=t", "AGENT_TLS_CERT_FILE=/c" },
    "AGENT_TLS_CERT_FILE and AGENT_TLS_KEY_FILE must be set together" },
  { { "MANAGEMENT_URL=https://x", "AGENT_ID=1", "AGENT_TOKE=t" },
    "environment: unknown setting AGENT_TOKE, did you mean AGENT_TOKEN?" },
};

static void
test_cases (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char *args[] = { (char *) "p2pstream-agent", NULL };
      g_autoptr (GError) error = NULL;
      AgentSettings settings = { 0 };
      P2pSettingsOutcome outcome
          = agent_settings_load (&settings, 1, args, (char **) cases[i].env, &error);

      g_assert_cmpstr (error ? error->message : NULL, ==, cases[i].message);
      g_assert_cmpint (outcome, ==, cases[i].message ? P2P_SETTINGS_FAILED : P2P_SETTINGS_GO);
      agent_settings_clear (&settings);
    }
}

static void
test_token_is_no_option (void)
{
  char *args[] = { (char *) "p2pstream-agent", (char *) "--agent-token", (char *) "canary", NULL };
  g_autoptr (GError) error = NULL;
  AgentSettings settings = { 0 };

  g_assert_cmpint (agent_settings_load (&settings, 3, args, NULL, &error), ==, P2P_SETTINGS_FAILED);
  g_assert_null (strstr (error->message, "canary"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agent-settings/cases", test_cases);
  g_test_add_func ("/agent-settings/token-is-no-option", test_token_is_no_option);
  return g_test_run ();
}
