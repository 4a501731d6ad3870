/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Agents: who may dial in, with a token that is shown once, and how those that did are doing. No
 * state. */
#include "daemon/api/agent-json.h"

#include "daemon/api/handlers.h"
#include "daemon/api/resource.h"

#include <string.h>

#define SYSTEM_LABEL_PREFIX "p2pstream.io/"

static const char *
check_label (const char *name, const char *value)
{
  size_t n = strlen (name);

  if (g_str_has_prefix (name, SYSTEM_LABEL_PREFIX))
    return "labels under p2pstream.io/ belong to the system";
  if (n == 0 || n > 128)
    return "a label's name must be 1 to 128 characters long";
  for (const char *p = name; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr ("._-/", *p))
      return "a label's name may have letters, digits, '.', '_', '-' and '/' only";
  return strlen (value) > 256 ? "a label's value must be at most 256 bytes long" : NULL;
}

API_RESOURCE_ROWS (agent, StoreAgent)

static const ApiField fields[] = {
  API_FIELD ("id", API_INT, API_READ_ONLY, offsetof (StoreAgent, id), .max = INT64_MAX),
  API_FIELD ("version", API_INT, API_READ_ONLY, offsetof (StoreAgent, version), .max = INT64_MAX),
  API_FIELD ("public_id", API_TEXT, API_READ_ONLY, offsetof (StoreAgent, public_id), .max = 64),
  API_FIELD ("name", API_TEXT, API_REQUIRED, offsetof (StoreAgent, name), .min = 1, .max = 128,
             .check = api_check_name),
  API_FIELD ("enabled", API_BOOL, 0, offsetof (StoreAgent, enabled)),
  API_FIELD ("labels", API_MAP, 0, offsetof (StoreAgent, labels), .max = 64,
             .check_pair = check_label),
  API_FIELD ("system_labels", API_COMPUTED, API_READ_ONLY, 0),
  API_FIELD ("created_at", API_TIME, API_READ_ONLY, offsetof (StoreAgent, created_at)),
  API_FIELD ("status", API_COMPUTED, API_READ_ONLY, 0),
};

static const ApiSchema schema = { fields, G_N_ELEMENTS (fields), agent_row_new, agent_row_free };

static GPtrArray *
list_rows (StoreTx *tx, ApiCall *call, int64_t after_id, unsigned limit, GError **error)
{
  (void) call;
  return store_agent_list (tx, after_id, limit, error);
}

static bool
insert_row (StoreTx *tx, void *row, GError **error)
{
  return store_agent_insert (tx, row, error);
}

static bool
check_row (ApiCall *call, void *row, ApiApply how, GError **error)
{
  StoreAgent *agent = row;

  (void) error;
  if (how == API_PATCH)
    return true;
  call->secret = auth_token_new (AUTH_AGENT_PREFIX, agent->token_sha256);
  g_free (agent->public_id);
  agent->public_id = g_uuid_string_random ();
  return true;
}

const char *const api_agent_state_words[] = {
  [AGENT_OFFLINE] = "offline",
  [AGENT_DEGRADED] = "degraded",
  [AGENT_CONNECTED] = "connected",
};

/* --- Status ----------------------------------------------------------------------------------- */

static void
add_text (JsonObject *object, const char *name, const char *text)
{
  if (text[0])
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

JsonObject *
api_agent_report_to_json (const AgentReport *report)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "memory_bytes", report->memory_bytes);
  json_object_set_double_member (object, "cpu_percent", report->cpu_percent);
  json_object_set_int_member (object, "threads", report->threads);
  json_object_set_int_member (object, "active_requests", report->active_requests);
  json_object_set_int_member (object, "requests_ok", report->requests_ok);
  json_object_set_int_member (object, "requests_failed", report->requests_failed);
  json_object_set_int_member (object, "requests_denied", report->requests_denied);
  json_object_set_int_member (object, "bytes_received", report->bytes_received);
  json_object_set_int_member (object, "bytes_sent", report->bytes_sent);
  add_text (object, "version", report->version);
  return object;
}

static JsonObject *
tunnel_to_json (const AgentStatus *status)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "bytes_in", (int64_t) status->bytes_in);
  json_object_set_int_member (object, "bytes_out", (int64_t) status->bytes_out);
  json_object_set_int_member (object, "streams", (int64_t) status->streams);
  json_object_set_int_member (object, "resets", (int64_t) status->resets);
  json_object_set_int_member (object, "window_bytes", (int64_t) status->window_bytes);
  json_object_set_int_member (object, "queued_bytes", (int64_t) status->queued_bytes);
  return object;
}

static JsonArray *
problems_to_json (const AgentStatus *status)
{
  JsonArray *array = json_array_new ();
  JsonArray *addresses;
  JsonObject *object;
  g_autofree char *message = NULL;

  if (!status->disputed)
    return array;
  object = json_object_new ();
  addresses = json_array_new ();
  for (unsigned i = 0; i < G_N_ELEMENTS (status->dispute_addresses); i++)
    json_array_add_string_element (addresses, status->dispute_addresses[i]);
  message = g_strdup_printf ("Two programs with this agent's id and token, at %s and %s, displace "
                             "each other.",
                             status->dispute_addresses[0], status->dispute_addresses[1]);
  json_object_set_string_member (object, "kind", "agent_displaced");
  json_object_set_string_member (object, "severity", "warning");
  json_object_set_string_member (object, "message", message);
  json_object_set_member (object, "since", api_time_to_json (status->dispute_since_ms));
  json_object_set_array_member (object, "addresses", addresses);
  json_array_add_object_element (array, object);
  return array;
}

static JsonObject *
status_to_json (const AgentStatus *status)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "state", api_agent_state_words[status->state]);
  add_text (object, "reported_name", status->reported_name);
  json_object_set_int_member (object, "active_requests", status->active_requests);
  if (status->round_trip_ms < 0)
    json_object_set_null_member (object, "round_trip_ms");
  else
    json_object_set_double_member (object, "round_trip_ms", status->round_trip_ms);
  json_object_set_member (object, "connected_at", api_time_to_json (status->connected_at_ms));
  json_object_set_member (object, "disconnected_at",
                          api_time_to_json (status->disconnected_at_ms));
  add_text (object, "address", status->address);
  add_text (object, "version", status->version);
  json_object_set_boolean_member (object, "version_mismatch",
                                  status->version[0]
                                      && strcmp (status->version, PACKAGE_VERSION) != 0);
  if (status->has_report)
    json_object_set_object_member (object, "latest_stats",
                                   api_agent_report_to_json (&status->report));
  else
    json_object_set_null_member (object, "latest_stats");
  json_object_set_object_member (object, "tunnel", tunnel_to_json (status));
  json_object_set_array_member (object, "problems", problems_to_json (status));
  return object;
}

static void
add_computed (JsonObject *object, int64_t id)
{
  AgentStatus status = { .state = AGENT_OFFLINE, .round_trip_ms = -1 };
  JsonObject *labels = json_object_new ();

  agents_get_status (id, &status);
  json_object_set_string_member (labels, SYSTEM_LABEL_PREFIX "agent-id",
                                 json_object_get_string_member (object, "public_id"));
  json_object_set_object_member (object, "system_labels", labels);
  json_object_set_object_member (object, "status", status_to_json (&status));
}

static void
row_changed (int64_t id, const void *row)
{
  const StoreAgent *agent = row;

  if (!agent)
    agents_disconnect (id, "deleted");
  else if (!agent->enabled)
    agents_disconnect (id, "disabled");
}

static const ApiResource agents = {
  .name = "agents",
  .schema = &schema,
  .get = agent_row_get,
  .list = list_rows,
  .insert = insert_row,
  .update = agent_row_update,
  .remove = agent_row_delete,
  .check = check_row,
  .decorate = add_computed,
  .changed = row_changed,
};

API_RESOURCE_HANDLERS (agents, agents)

/* --- Tokens ----------------------------------------------------------------------------------- */

static bool
apply_rotate (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  ApiCall *call = data;
  g_autoptr (StoreAgent) agent = store_agent_get (tx, call->id, error);
  uint8_t sha256[STORE_HASH_SIZE];

  if (!agent)
    return false;
  call->secret = auth_token_new (AUTH_AGENT_PREFIX, sha256);
  change->object_id = call->id;
  return store_agent_set_token (tx, call->id, sha256, error);
}

JsonNode *
api_agents_rotate_token (ApiCall *call, GError **error)
{
  JsonObject *answer;

  if (!api_change_run (call, agents.name, "rotate-token", apply_rotate, call, NULL, error))
    return NULL;
  agents_disconnect (call->id, "token rotated");
  answer = json_object_new ();
  json_object_set_string_member (answer, "token", call->secret);
  return api_node_from_object (answer);
}

/* --- Reports ---------------------------------------------------------------------------------- */

typedef struct
{
  int64_t memory_bytes, threads, active_requests, requests_ok, requests_failed, requests_denied,
      bytes_received, bytes_sent;
  double cpu_percent;
  char *version; /* (owned) */
} Report;

static void *
report_new (void)
{
  return g_new0 (Report, 1);
}

static void
report_free (void *row)
{
  Report *report = row;

  g_free (report->version);
  g_free (report);
}

static const ApiField report_fields[] = {
  API_FIELD ("memory_bytes", API_INT, 0, offsetof (Report, memory_bytes), .max = INT64_MAX),
  API_FIELD ("cpu_percent", API_NUMBER, 0, offsetof (Report, cpu_percent), .max = 1000000),
  API_FIELD ("threads", API_INT, 0, offsetof (Report, threads), .max = INT64_MAX),
  API_FIELD ("active_requests", API_INT, 0, offsetof (Report, active_requests), .max = INT64_MAX),
  API_FIELD ("requests_ok", API_INT, 0, offsetof (Report, requests_ok), .max = INT64_MAX),
  API_FIELD ("requests_failed", API_INT, 0, offsetof (Report, requests_failed), .max = INT64_MAX),
  API_FIELD ("requests_denied", API_INT, 0, offsetof (Report, requests_denied), .max = INT64_MAX),
  API_FIELD ("bytes_received", API_INT, 0, offsetof (Report, bytes_received), .max = INT64_MAX),
  API_FIELD ("bytes_sent", API_INT, 0, offsetof (Report, bytes_sent), .max = INT64_MAX),
  API_FIELD ("version", API_TEXT, 0, offsetof (Report, version), .max = 31),
};

static const ApiSchema report_schema
    = { report_fields, G_N_ELEMENTS (report_fields), report_new, report_free };

JsonNode *
api_agent_stats_post (ApiCall *call, GError **error)
{
  Report *row = report_new ();
  AgentReport report;
  bool good = api_fields_apply (&report_schema, row, call->body, API_CREATE, call->errors, error);

  if (good)
    {
      report = (AgentReport){
        .memory_bytes = row->memory_bytes,
        .threads = row->threads,
        .active_requests = row->active_requests,
        .requests_ok = row->requests_ok,
        .requests_failed = row->requests_failed,
        .requests_denied = row->requests_denied,
        .bytes_received = row->bytes_received,
        .bytes_sent = row->bytes_sent,
        .cpu_percent = row->cpu_percent,
      };
      g_strlcpy (report.version, row->version ? row->version : "", sizeof report.version);
      agents_report (call->principal.agent_id, &report);
    }
  report_free (row);
  return NULL;
}
