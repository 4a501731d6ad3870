/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The health check of a target from its row. Checked whether it is enabled or not, so that enabling
 * it cannot fail later. Under CONFIG_WRITE. */
#include "daemon/config/config-priv.h"

static bool
in_range (int64_t value, int64_t min, int64_t max)
{
  return value >= min && value <= max;
}

static const char *
check_check_path (const char *path)
{
  g_auto (GStrv) parts = g_strsplit (path, "?", 2);
  const char *wrong = config_check_path (parts[0] ? parts[0] : "");

  return wrong || !parts[0] || !parts[1] ? wrong : config_check_query (parts[1]);
}

static bool
check_health (const TargetScope *scope)
{
  const StoreTarget *row = scope->row;
  const struct
  {
    const char *member;
    bool right;
    const char *wrong;
  } rules[] = {
    { "health_check.interval_ms", in_range (row->health_interval_ms, 1000, 3600000),
      "must be between 1000 and 3600000" },
    { "health_check.timeout_ms", in_range (row->health_timeout_ms, 100, 60000),
      "must be between 100 and 60000" },
    { "health_check.timeout_ms", row->health_timeout_ms <= row->health_interval_ms,
      "must not be longer than interval_ms" },
    { "health_check.healthy_threshold", in_range (row->health_healthy_threshold, 1, 100),
      "must be between 1 and 100" },
    { "health_check.unhealthy_threshold", in_range (row->health_unhealthy_threshold, 1, 100),
      "must be between 1 and 100" },
    { "health_check.expected_status_min", in_range (row->health_status_min, 200, 599),
      "must be between 200 and 599" },
    { "health_check.expected_status_max", in_range (row->health_status_max, 200, 599),
      "must be between 200 and 599" },
    { "health_check.expected_status_max", row->health_status_max >= row->health_status_min,
      "must not be below expected_status_min" },
  };

  for (unsigned i = 0; i < G_N_ELEMENTS (rules); i++)
    if (!rules[i].right)
      return config_target_refuse (scope, rules[i].member, rules[i].wrong);
  return config_target_pass (scope, "health_check.path", check_check_path (row->health_path));
}

bool
config_target_make_health (const TargetScope *scope, ConfigTarget *pub)
{
  const StoreTarget *row = scope->row;

  if (!check_health (scope))
    return false;
  pub->health = (ConfigHealthCheck){
    .enabled = row->health_enabled,
    .method = g_strdup (store_health_method_words[row->health_method]),
    .path = g_strdup (row->health_path),
    .interval_ms = row->health_interval_ms,
    .timeout_ms = row->health_timeout_ms,
    .healthy_threshold = (unsigned) row->health_healthy_threshold,
    .unhealthy_threshold = (unsigned) row->health_unhealthy_threshold,
    .status_min = (unsigned) row->health_status_min,
    .status_max = (unsigned) row->health_status_max,
  };
  return true;
}
