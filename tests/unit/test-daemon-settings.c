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
  return g_test_run ();
}
