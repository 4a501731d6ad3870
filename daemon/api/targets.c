/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What runs of a target: its status inside its route, and the history of its health. No state. */
#include "daemon/api/targets.h"

#include "daemon/api/handlers.h"
#include "daemon/health/health.h"

static void
set_text (JsonObject *object, const char *name, const char *text)
{
  if (text)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

static void
set_int (JsonObject *object, const char *name, bool there, int64_t value)
{
  if (there)
    json_object_set_int_member (object, name, value);
  else
    json_object_set_null_member (object, name);
}

JsonObject *
api_target_status (const Config *cfg, int64_t route_id, int64_t id)
{
  g_auto (HealthStatus) status = { .word = HEALTH_UNKNOWN };
  ConfigFoundTarget found = { 0 };
  JsonObject *object = json_object_new ();
  bool counted = false;

  if (config_find_target (cfg, route_id, id, &found))
    {
      health_get_status (cfg, &found, &status);
      counted = config_counts_requests (found.route, found.target);
    }
  json_object_set_string_member (object, "health", health_words[status.word]);
  json_object_set_member (object, "last_checked_at", api_time_to_json (status.last_checked_ms));
  set_text (object, "last_error", status.last_error);
  set_int (object, "active_requests", counted,
           counted ? atomic_load (&found.target->state->active) : 0);
  return object;
}

static JsonObject *
print_probe (const ConfigProbe *probe)
{
  static const char *const sources[] = {
    [CONFIG_PROBE_ACTIVE_CHECK] = "active_check",
    [CONFIG_PROBE_PASSIVE_FAILURE] = "passive_failure",
    [CONFIG_PROBE_AGENT_CONNECTIVITY] = "agent_connectivity",
  };
  JsonObject *object = json_object_new ();

  json_object_set_member (object, "at", api_time_to_json (probe->at_ms));
  json_object_set_string_member (object, "source", sources[probe->source]);
  json_object_set_string_member (object, "outcome", probe->good ? "success" : "failure");
  set_int (object, "status_code", probe->status_code > 0, probe->status_code);
  set_int (object, "duration_ms", probe->duration_ms >= 0, probe->duration_ms);
  set_int (object, "agent_id", probe->agent_id > 0, probe->agent_id);
  set_text (object, "error", probe->error);
  return object;
}

JsonNode *
api_targets_health (ApiCall *call, GError **error)
{
  g_autoptr (Config) cfg = config_get_current ();
  g_autoptr (GPtrArray) probes = NULL;
  ConfigFoundTarget found;
  JsonArray *items;

  if (!config_find_target (cfg, 0, call->id, &found))
    {
      g_set_error (error, API_ERROR, API_PROBLEM_NOT_FOUND, "there is no target %" G_GINT64_FORMAT,
                   call->id);
      return NULL;
    }
  probes = config_target_state_list_probes (found.target->state);
  items = json_array_new ();
  for (unsigned i = 0; i < probes->len; i++)
    json_array_add_object_element (items, print_probe (probes->pdata[i]));
  return api_page_new (items, 0);
}
