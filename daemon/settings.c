/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The table of the daemon's settings, made from settings.inc, and the rules that concern more than
 * one of them. Called by main () alone. */
#include "daemon/settings.h"

#include "daemon/bootstrap.h"

#include <string.h>

static const P2pSetting rows[] = {
#define SETTING(type_, name_, member_, range_, default_, unit_, flags_, help_)                     \
  { .name = #name_,                                                                                \
    .type = P2P_SETTING_##type_,                                                                   \
    range_,                                                                                        \
    .default_value = default_,                                                                     \
    .unit = unit_,                                                                                 \
    .flags = flags_,                                                                               \
    .help = help_,                                                                                 \
    .offset = offsetof (Settings, member_) },
#include "daemon/settings.inc"
#undef SETTING
};

const P2pSettingsTable settings_table = {
  .program = "p2pstreamd",
  .summary
  = "Publishes services that stand behind NAT: a reverse proxy whose agents dial out to it.",
  .settings = rows,
  .n_settings = G_N_ELEMENTS (rows),
};

/* It goes into a script that runs as root somewhere else. */
static bool
is_source (const char *url)
{
  g_autoptr (GUri) uri = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);

  for (const char *p = url; *p; p++)
    if (*p <= ' ' || *p >= 0x7f)
      return false;
  return uri && strcmp (g_uri_get_scheme (uri), "https") == 0 && g_uri_get_host (uri)
         && *g_uri_get_host (uri) && !g_uri_get_userinfo (uri) && !g_uri_get_query (uri)
         && !g_uri_get_fragment (uri);
}

static bool
agree (const Settings *settings, GError **error)
{
  const char *fault = bootstrap_fault (settings);

  if (*settings->database_url)
    g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE,
                 "DATABASE_URL: is reserved for a later version and must not be set");
  else if (!*settings->config_dir)
    g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE,
                 "CONFIG_DIR: must not be empty");
  else if (settings->workers_min > settings->workers_max)
    g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE,
                 "WORKERS_MIN: %" G_GINT64_FORMAT " is more than WORKERS_MAX, %" G_GINT64_FORMAT,
                 (gint64) settings->workers_min, (gint64) settings->workers_max);
  else if (*settings->install_source_url && !is_source (settings->install_source_url))
    g_set_error (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE,
                 "INSTALL_SOURCE_URL: '%s' is not of the form https://host/directory",
                 settings->install_source_url);
  else if (fault)
    g_set_error_literal (error, P2P_SETTINGS_ERROR, P2P_SETTINGS_ERROR_VALUE, fault);
  else
    return true;
  return false;
}

P2pSettingsOutcome
settings_load (Settings *settings, int argc, char **argv, char **environ_, GError **error)
{
  P2pSettingsOutcome outcome
      = p2p_settings_load (&settings_table, argc, argv, environ_, settings, error);

  if (outcome != P2P_SETTINGS_GO || agree (settings, error))
    return outcome;
  settings_clear (settings);
  return P2P_SETTINGS_FAILED;
}

void
settings_clear (Settings *settings)
{
  p2p_settings_clear (&settings_table, settings);
}
