/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The daemon's table of settings: its defaults are good, its names are unlike each other, and the
 * rules across settings hold. */
#include "daemon/settings.h"

#include "lib/log.h"
#include "lib/settings-priv.h"

static P2pSettingsOutcome
load (Settings *settings, const char *env, GError **error)
{
  char *args[] = { (char *) "p2pstreamd", NULL };
  char *environ_[] = { (char *) env, NULL };

  *settings = (Settings){ 0 };
  return settings_load (settings, 1, args, environ_, error);
}

static void
test_defaults (void)
{
  g_autoptr (GError) error = NULL;
  Settings settings;

  g_assert_cmpint (load (&settings, NULL, &error), ==, P2P_SETTINGS_GO);
  g_assert_no_error (error);
  g_assert_cmpstr (settings.config_dir, ==, "/var/lib/p2pstream");
  g_assert_cmpint (settings.management_port, ==, 8081);
  g_assert_cmpint (settings.log_level, ==, P2P_LOG_INFO);
  g_assert_cmpint (settings.log_format, ==, P2P_LOG_HUMAN);
  settings_clear (&settings);
}

/* Two letters apart means that a typing error in one could be the other. */
static void
test_names (void)
{
  for (unsigned i = 0; i < settings_table.n_settings; i++)
    {
      const P2pSetting *setting = &settings_table.settings[i];
      size_t n = strlen (setting->help);

      g_assert_cmpint (p2p_settings_find (&settings_table, setting->name, strlen (setting->name)),
                       ==, (int) i);
      g_assert_cmpint (setting->help[n - 1], ==, '.');
      for (unsigned j = 0; j < i; j++)
        g_assert_cmpuint (p2p_settings_distance (setting->name, settings_table.settings[j].name), >,
                          1);
    }
}

/* The agent that is made at the start: all three or none. */
static void
test_bootstrap (void)
{
  static const char id[] = "BOOTSTRAP_AGENT_ID=edge-1", name[] = "BOOTSTRAP_AGENT_NAME=Edge",
                    token[] = "BOOTSTRAP_AGENT_TOKEN=canary-canary-ca";
  g_autofree char *long_id = g_strdup_printf ("BOOTSTRAP_AGENT_ID=%065d", 0);
  g_autofree char *long_token = g_strdup_printf ("BOOTSTRAP_AGENT_TOKEN=canary%0507d", 0);
  struct
  {
    const char *env[4];
    const char *names; /* (nullable: good) what the message begins with */
  } rows[] = {
    { { NULL }, NULL },
    { { id, name, token }, NULL },
    { { id, name }, "BOOTSTRAP_AGENT_ID, BOOTSTRAP_AGENT_NAME and BOOTSTRAP_AGENT_TOKEN " },
    { { id, token }, "BOOTSTRAP_AGENT_ID, BOOTSTRAP_AGENT_NAME and BOOTSTRAP_AGENT_TOKEN " },
    { { name, token }, "BOOTSTRAP_AGENT_ID, BOOTSTRAP_AGENT_NAME and BOOTSTRAP_AGENT_TOKEN " },
    { { "BOOTSTRAP_AGENT_ID=a b", name, token }, "BOOTSTRAP_AGENT_ID: " },
    { { long_id, name, token }, "BOOTSTRAP_AGENT_ID: " },
    { { id, name, "BOOTSTRAP_AGENT_TOKEN=canary-canary-c" }, "BOOTSTRAP_AGENT_TOKEN: " },
    { { id, name, "BOOTSTRAP_AGENT_TOKEN=canary canary canary" }, "BOOTSTRAP_AGENT_TOKEN: " },
    { { id, name, "BOOTSTRAP_AGENT_TOKEN=canary-\xc3\xa4-canary-canary" },
      "BOOTSTRAP_AGENT_TOKEN: " },
    { { id, name, long_token }, "BOOTSTRAP_AGENT_TOKEN: " },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      char *args[] = { (char *) "p2pstreamd", NULL };
      g_autoptr (GError) error = NULL;
      Settings settings = { 0 };
      P2pSettingsOutcome outcome
          = settings_load (&settings, 1, args, (char **) rows[i].env, &error);

      g_assert_cmpint (outcome, ==, rows[i].names ? P2P_SETTINGS_FAILED : P2P_SETTINGS_GO);
      g_assert_true (!error == !rows[i].names);
      g_assert_true (!error || g_str_has_prefix (error->message, rows[i].names));
      g_assert_true (!error || !strstr (error->message, "canary"));
      settings_clear (&settings);
    }
}

static void
test_rules (void)
{
  static const struct
  {
    const char *env;
    const char *message;
  } cases[] = {
    { "DATABASE_URL=postgres://x",
      "DATABASE_URL: is reserved for a later version and must not be set" },
    { "CONFIG_DIR=", "CONFIG_DIR: must not be empty" },
    { "WORKERS_MAX=3", "WORKERS_MIN: 4 is more than WORKERS_MAX, 3" },
    { "MANAGEMNT_PORT=1",
      "environment: unknown setting MANAGEMNT_PORT, did you mean MANAGEMENT_PORT?" },
    { "MANAGEMENT_PROT=1",
      "environment: unknown setting MANAGEMENT_PROT, did you mean MANAGEMENT_PORT?" },
    { "LOG_LEVEL=loud", "LOG_LEVEL: 'loud': must be one of error|warning|info|debug" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      Settings settings;

      g_assert_cmpint (load (&settings, cases[i].env, &error), ==, P2P_SETTINGS_FAILED);
      g_assert_cmpstr (error->message, ==, cases[i].message);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/daemon-settings/defaults", test_defaults);
  g_test_add_func ("/daemon-settings/names", test_names);
  g_test_add_func ("/daemon-settings/rules", test_rules);
  g_test_add_func ("/daemon-settings/bootstrap", test_bootstrap);
  return g_test_run ();
}
