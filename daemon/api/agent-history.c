/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What was of an agent: its sessions, how long it was connected, what it reported. No state. */
#include "daemon/agents/history.h"
#include "daemon/api/agent-json.h"
#include "daemon/api/handlers.h"
#include "daemon/api/resource.h"
#include "daemon/store/agent-sessions.h"
#include "lib/clock.h"

#include <string.h>

/* --- what all of them need -------------------------------------------------------------------- */

static const struct
{
  const char *word;
  int64_t ms;
} windows[] = {
  { "5m", 5 * 60 * INT64_C (1000) },
  { "1h", 3600 * INT64_C (1000) },
  { "24h", 24 * 3600 * INT64_C (1000) },
  { "30d", 30 * 24 * 3600 * INT64_C (1000) },
};
#define WINDOW_DEFAULT "24h"

static bool
query_window (ApiCall *call, int64_t *ret_ms, GError **error)
{
  const char *word = api_call_query (call, "window");

  if (!word)
    word = WINDOW_DEFAULT;
  for (unsigned i = 0; i < G_N_ELEMENTS (windows); i++)
    if (strcmp (word, windows[i].word) == 0)
      {
        *ret_ms = windows[i].ms;
        return true;
      }
  g_set_error_literal (error, API_ERROR, API_PROBLEM_MALFORMED,
                       "query parameter 'window': must be one of 5m, 1h, 24h, 30d");
  return false;
}

static void
set_text (JsonObject *object, const char *name, const char *text)
{
  if (*text)
    json_object_set_string_member (object, name, text);
  else
    json_object_set_null_member (object, name);
}

/* --- sessions --------------------------------------------------------------------------------- */

static JsonObject *
print_session (ApiCall *call, const void *data)
{
  const StoreAgentSession *row = data;
  JsonObject *object = json_object_new ();

  (void) call;
  json_object_set_int_member (object, "id", row->id);
  set_text (object, "instance", row->instance);
  json_object_set_string_member (object, "address", row->address);
  set_text (object, "version", row->version);
  json_object_set_member (object, "connected_at", api_time_to_json (row->connected_at));
  json_object_set_member (object, "disconnected_at", api_time_to_json (row->disconnected_at));
  set_text (object, "reason", row->reason);
  if (row->disconnected_at == 0)
    {
      json_object_set_null_member (object, "bytes_in");
      json_object_set_null_member (object, "bytes_out");
      return object;
    }
  json_object_set_int_member (object, "bytes_in", row->bytes_in);
  json_object_set_int_member (object, "bytes_out", row->bytes_out);
  return object;
}

JsonNode *
api_agent_sessions_list (ApiCall *call, GError **error)
{
  g_autoptr (StoreTx) tx = NULL;
  g_autoptr (StoreAgent) agent = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GPtrArray) more = NULL;
  unsigned limit;
  int64_t cursor, last = 0;

  if (!api_call_page (call, &limit, &cursor, error))
    return NULL;
  tx = store_begin_read (api_core ()->options.store, error);
  agent = tx ? store_agent_get (tx, call->id, error) : NULL;
  rows = agent ? store_agent_session_list (tx, call->id, cursor, limit, error) : NULL;
  if (!rows)
    return NULL;
  if (rows->len == limit)
    {
      last = api_row_id (g_ptr_array_index (rows, limit - 1));
      more = store_agent_session_list (tx, call->id, last, 1, error);
      if (!more)
        return NULL;
    }
  return api_list_print (call, g_steal_pointer (&rows), print_session,
                         more && more->len > 0 ? last : 0);
}

/* --- uptime ----------------------------------------------------------------------------------- */

typedef struct
{
  int64_t since, now; /* what is counted lies between them */
  int64_t up_ms;
  unsigned n_begun, n_ended;
} Uptime;

/* Sessions may overlap: the displaced drain while the next one carries. spans are in the order of
 * their begins. */
static void
sum_up (const GArray *spans, Uptime *uptime)
{
  int64_t covered = uptime->since;

  for (unsigned i = 0; i < spans->len; i++)
    {
      const StoreSpan *span = &g_array_index (spans, StoreSpan, i);
      int64_t from = MAX (span->from, covered);
      int64_t to = span->to ? MIN (span->to, uptime->now) : uptime->now;

      uptime->n_begun += span->from >= uptime->since;
      uptime->n_ended += span->to >= uptime->since;
      if (to <= from)
        continue;
      uptime->up_ms += to - from;
      covered = to;
    }
}

/* When what is counted begins: known_since is when the agent was made, or its history begins. If
 * that is still to come, the clock was set back since, and it says nothing. */
static int64_t
begin_of_window (int64_t now, int64_t window_ms, int64_t known_since)
{
  int64_t since = now - window_ms;

  return known_since > now ? since : MAX (since, known_since);
}

static bool
read_uptime (int64_t agent_id, int64_t window_ms, Uptime *ret_uptime, GError **error)
{
  g_autoptr (StoreTx) tx = store_begin_read (api_core ()->options.store, error);
  g_autoptr (StoreAgent) agent = tx ? store_agent_get (tx, agent_id, error) : NULL;
  g_autoptr (GArray) spans = NULL;
  Uptime uptime = { .now = p2p_wall_ms () };
  int64_t horizon;

  if (!agent || !store_agent_session_horizon (tx, agent_id, HISTORY_KEEP, &horizon, error))
    return false;
  uptime.since = begin_of_window (uptime.now, window_ms, MAX (agent->created_at, horizon));
  spans = store_agent_session_spans (tx, agent_id, uptime.since, error);
  if (!spans)
    return false;
  sum_up (spans, &uptime);
  *ret_uptime = uptime;
  return true;
}

static void
add_current (JsonObject *object, int64_t agent_id, int64_t now)
{
  AgentStatus status;
  int64_t since;

  agents_get_status (agent_id, &status);
  since = status.state == AGENT_OFFLINE ? status.disconnected_at_ms : status.connected_at_ms;
  json_object_set_string_member (object, "current_state", api_agent_state_words[status.state]);
  json_object_set_member (object, "current_since", api_time_to_json (since));
  if (since == 0)
    json_object_set_null_member (object, "current_ms");
  else
    json_object_set_int_member (object, "current_ms", MAX (now - since, 0));
}

JsonNode *
api_agent_uptime_get (ApiCall *call, GError **error)
{
  Uptime uptime;
  JsonObject *object;
  int64_t window_ms, all_ms;

  if (!query_window (call, &window_ms, error) || !read_uptime (call->id, window_ms, &uptime, error))
    return NULL;
  all_ms = MAX (uptime.now - uptime.since, 0);
  object = json_object_new ();
  json_object_set_int_member (object, "window_ms", window_ms);
  json_object_set_member (object, "since", api_time_to_json (uptime.since));
  json_object_set_double_member (object, "uptime_percent",
                                 all_ms > 0 ? 100.0 * (double) uptime.up_ms / (double) all_ms : 0);
  json_object_set_int_member (object, "uptime_ms", uptime.up_ms);
  json_object_set_int_member (object, "downtime_ms", all_ms - uptime.up_ms);
  json_object_set_int_member (object, "connection_count", uptime.n_begun);
  json_object_set_int_member (object, "disconnect_count", uptime.n_ended);
  add_current (object, call->id, uptime.now);
  return api_node_from_object (object);
}

/* --- reports ---------------------------------------------------------------------------------- */

static JsonObject *
print_point (const AgentReportPoint *point)
{
  JsonObject *object = api_agent_report_to_json (&point->report);

  json_object_set_member (object, "at", api_time_to_json (point->at_ms));
  if (point->round_trip_ms < 0)
    json_object_set_null_member (object, "round_trip_ms");
  else
    json_object_set_double_member (object, "round_trip_ms", point->round_trip_ms);
  json_object_set_int_member (object, "streams", point->streams);
  return object;
}

JsonNode *
api_agent_stats_list (ApiCall *call, GError **error)
{
  g_autoptr (Config) cfg = config_get_current ();
  g_autoptr (GArray) points = NULL;
  JsonArray *items;
  int64_t window_ms;

  if (!query_window (call, &window_ms, error))
    return NULL;
  if (!config_find_agent_by_id (cfg, call->id))
    {
      g_set_error (error, API_ERROR, API_PROBLEM_NOT_FOUND, "there is no agent %" G_GINT64_FORMAT,
                   call->id);
      return NULL;
    }
  points = agents_copy_reports (call->id, p2p_wall_ms () - window_ms);
  items = json_array_new ();
  for (unsigned i = 0; i < points->len; i++)
    json_array_add_object_element (items,
                                   print_point (&g_array_index (points, AgentReportPoint, i)));
  return api_page_new (items, 0);
}
