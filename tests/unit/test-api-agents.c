/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the API tells of an agent that runs: every figure of its status stands under its own name.
 */
#include "daemon/store/agent-sessions.h"
#include "lib/clock.h"
#include "tests/unit/api-fixture.h"

#include <string.h>

#define HOUR INT64_C (3600000)

typedef struct
{
  ApiFixture api;
  char *path; /* (owned) of the agent */
} Fixture;

static void
set_up (Fixture *fixture, const void *data)
{
  g_auto (Reply) made = { 0 };

  api_fixture_init (&fixture->api, data);
  made = api_call ("POST", "/api/v1/agents", fixture->api.session, "{\"name\":\"edge\"}");
  assert_reply (made, 201);
  fixture->path = api_object_path ("/api/v1/agents", reply_id (&made));
}

static void
tear_down (Fixture *fixture, const void *data)
{
  api_fake_status = (AgentStatus){ .state = AGENT_OFFLINE, .round_trip_ms = -1 };
  api_fake_n_reports = 0;
  g_free (fixture->path);
  api_fixture_done (&fixture->api, data);
}

/* GET of the agent's path with that behind it. */
static Reply
get (const Fixture *fixture, const char *rest)
{
  g_autofree char *target = g_strconcat (fixture->path, rest, NULL);

  return api_call ("GET", target, fixture->api.tokens[STORE_ROLE_VIEWER], NULL);
}

static JsonObject *
get_status (const Fixture *fixture, Reply *reply)
{
  *reply = get (fixture, "");
  assert_reply (*reply, 200);
  return json_object_get_object_member (reply->json, "status");
}

/* A member of an object: a text, or NULL for null. */
typedef struct
{
  const char *name;
  const char *text;
} Text;

typedef struct
{
  const char *name;
  int64_t value;
} Figure;

static void
assert_texts (JsonObject *object, const Text *texts, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    {
      g_test_message ("%s", texts[i].name);
      if (texts[i].text)
        g_assert_cmpstr (json_object_get_string_member (object, texts[i].name), ==, texts[i].text);
      else
        g_assert_true (json_object_get_null_member (object, texts[i].name));
    }
}

static void
assert_figures (JsonObject *object, const Figure *figures, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    {
      g_test_message ("%s", figures[i].name);
      g_assert_cmpint (json_object_get_int_member (object, figures[i].name), ==, figures[i].value);
    }
}

/* The first of so many items. */
static JsonObject *
first_item (const Reply *reply, unsigned n)
{
  JsonArray *items = json_object_get_array_member (reply->json, "items");

  g_assert_cmpuint (json_array_get_length (items), ==, n);
  return json_array_get_object_element (items, 0);
}

static void
test_offline (Fixture *fixture, const void *data)
{
  g_auto (Reply) reply = { 0 };
  JsonObject *status = get_status (fixture, &reply);
  static const Text texts[] = {
    { "state", "offline" },      { "round_trip_ms", NULL }, { "connected_at", NULL },
    { "disconnected_at", NULL }, { "address", NULL },       { "version", NULL },
    { "latest_stats", NULL },
  };

  (void) data;
  assert_texts (status, texts, G_N_ELEMENTS (texts));
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (status, "problems")), ==,
                    0);
}

static void
test_figures (Fixture *fixture, const void *data)
{
  static const Text texts[] = {
    { "state", "degraded" },
    { "address", "192.0.2.1:99" },
    { "reported_name", "me" },
    { "version", "0.0.1" },
    { "connected_at", "1970-01-01T00:00:01.000Z" },
    { "disconnected_at", "1970-01-01T00:00:00.500Z" },
  };
  static const Figure figures[] = {
    { "bytes_in", 1001 }, { "bytes_out", 1002 },    { "streams", 1003 },
    { "resets", 1004 },   { "window_bytes", 1005 }, { "queued_bytes", 1006 },
  };
  g_auto (Reply) reply = { 0 };
  JsonObject *status, *tunnel;

  (void) data;
  api_fake_status = (AgentStatus){ .state = AGENT_DEGRADED,
                                   .address = "192.0.2.1:99",
                                   .reported_name = "me",
                                   .version = "0.0.1",
                                   .connected_at_ms = 1000,
                                   .disconnected_at_ms = 500,
                                   .round_trip_ms = 12.5,
                                   .active_requests = 1000,
                                   .bytes_in = 1001,
                                   .bytes_out = 1002,
                                   .streams = 1003,
                                   .resets = 1004,
                                   .window_bytes = 1005,
                                   .queued_bytes = 1006 };
  status = get_status (fixture, &reply);
  assert_texts (status, texts, G_N_ELEMENTS (texts));
  g_assert_true (json_object_get_boolean_member (status, "version_mismatch"));
  g_assert_cmpfloat (json_object_get_double_member (status, "round_trip_ms"), ==, 12.5);
  g_assert_cmpint (json_object_get_int_member (status, "active_requests"), ==, 1000);
  tunnel = json_object_get_object_member (status, "tunnel");
  g_assert_cmpuint (json_object_get_size (tunnel), ==, G_N_ELEMENTS (figures));
  assert_figures (tunnel, figures, G_N_ELEMENTS (figures));
}

static void
test_dispute (Fixture *fixture, const void *data)
{
  static const Text texts[] = {
    { "kind", "agent_displaced" },
    { "severity", "warning" },
    { "since", "1970-01-01T00:00:02.000Z" },
  };
  g_auto (Reply) reply = { 0 };
  JsonArray *problems, *addresses;
  JsonObject *problem;
  const char *message;

  (void) data;
  api_fake_status = (AgentStatus){ .state = AGENT_CONNECTED,
                                   .round_trip_ms = -1,
                                   .disputed = true,
                                   .dispute_since_ms = 2000,
                                   .dispute_addresses = { "192.0.2.1:1", "[2001:db8::1]:2" } };
  problems = json_object_get_array_member (get_status (fixture, &reply), "problems");
  g_assert_cmpuint (json_array_get_length (problems), ==, 1);
  problem = json_array_get_object_element (problems, 0);
  assert_texts (problem, texts, G_N_ELEMENTS (texts));
  message = json_object_get_string_member (problem, "message");
  addresses = json_object_get_array_member (problem, "addresses");
  g_assert_cmpuint (json_array_get_length (addresses), ==, 2);
  for (unsigned i = 0; i < 2; i++)
    {
      g_assert_cmpstr (json_array_get_string_element (addresses, i), ==,
                       api_fake_status.dispute_addresses[i]);
      g_assert_nonnull (strstr (message, api_fake_status.dispute_addresses[i]));
    }
}

/* --- history ---------------------------------------------------------------------------------- */

/* Sessions of agent 1, which is as old as that. */
static void
store_sessions (Fixture *fixture, int64_t created_at, const StoreAgentSession *rows, unsigned n)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (StoreTx) tx = store_begin_write (fixture->api.store, &error);
  g_autoptr (StoreAgent) agent = store_agent_new ();

  g_assert_no_error (error);
  g_assert_true (store_agent_delete (tx, 1, 0, &error));
  g_free (agent->name);
  agent->name = g_strdup ("old");
  agent->created_at = created_at;
  g_assert_true (store_agent_insert (tx, agent, &error));
  g_free (fixture->path);
  fixture->path = api_object_path ("/api/v1/agents", agent->id);
  for (unsigned i = 0; i < n; i++)
    {
      StoreAgentSession row = rows[i];

      row.agent_id = agent->id;
      g_assert_true (store_agent_session_insert (tx, &row, &error));
    }
  g_assert_true (store_commit (tx, &error));
}

static void
test_sessions (Fixture *fixture, const void *data)
{
  static const StoreAgentSession rows[] = {
    { .instance = "aa",
      .address = "192.0.2.1:1",
      .version = "1.0",
      .connected_at = 1000,
      .disconnected_at = 2000,
      .reason = "displaced by instance bb, address 192.0.2.2:2",
      .bytes_in = 11,
      .bytes_out = 12 },
    { .instance = "", .address = "192.0.2.2:2", .version = "", .connected_at = 2000, .reason = "" },
  };
  static const Text open[] = {
    { "instance", NULL }, { "version", NULL },  { "disconnected_at", NULL },
    { "reason", NULL },   { "bytes_in", NULL },
  };
  const Text ended[] = {
    { "instance", "aa" },
    { "address", "192.0.2.1:1" },
    { "version", "1.0" },
    { "connected_at", "1970-01-01T00:00:01.000Z" },
    { "disconnected_at", "1970-01-01T00:00:02.000Z" },
    { "reason", rows[0].reason },
  };
  static const Figure bytes[] = { { "bytes_in", 11 }, { "bytes_out", 12 } };
  g_auto (Reply) page = { 0 };
  g_auto (Reply) rest = { 0 };

  (void) data;
  store_sessions (fixture, 1, rows, G_N_ELEMENTS (rows));
  page = get (fixture, "/sessions?limit=1");
  assert_reply (page, 200);
  g_assert_cmpstr (json_object_get_string_member (page.json, "next_cursor"), ==, "2");
  assert_texts (first_item (&page, 1), open, G_N_ELEMENTS (open));
  rest = get (fixture, "/sessions?cursor=2");
  assert_reply (rest, 200);
  g_assert_true (json_object_get_null_member (rest.json, "next_cursor"));
  assert_texts (first_item (&rest, 1), ended, G_N_ELEMENTS (ended));
  assert_figures (first_item (&rest, 1), bytes, G_N_ELEMENTS (bytes));
}

/* Hours before now: an agent of that age, and its sessions (to is 0 while it is open). */
static const struct
{
  const char *window;
  int64_t age;
  struct
  {
    int64_t from, to;
  } sessions[3];
  int64_t since, up; /* hours */
  int begun, ended;
} uptimes[] = {
  { "24h", 100, { { 0, 0 } }, 24, 0, 0, 0 },
  { "24h", 100, { { 12, 0 } }, 24, 12, 1, 0 },
  { "24h", 100, { { 30, 18 }, { 6, 0 } }, 24, 12, 1, 1 },  /* the first began before */
  { "24h", 100, { { 30, 25 } }, 24, 0, 0, 0 },             /* and ended before */
  { "24h", 100, { { 20, 10 }, { 12, 5 } }, 24, 15, 2, 2 }, /* one drained beside the next */
  { "24h", 100, { { 20, 5 }, { 15, 10 }, { 4, 3 } }, 24, 16, 3, 3 }, /* one inside another */
  { "24h", 10, { { 10, 0 } }, 10, 10, 1, 0 },                        /* the agent is younger */
  { "30d", 240, { { 240, 120 } }, 240, 120, 1, 1 },
  { "1h", 100, { { 30, 0 } }, 1, 1, 0, 0 },
  { "24h", -1, { { 6, 0 } }, 24, 6, 1, 0 }, /* the clock was set back since it was made */
};

/* The call's clock is somewhere between from, which the hours count from, and now. */
#define assert_hours(object, name, hours, from)                                                    \
  g_assert_cmpint (ABS (json_object_get_int_member (object, name) - (hours) *HOUR), <=,            \
                   p2p_wall_ms () - (from))

static void
test_uptime (Fixture *fixture, const void *data)
{
  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (uptimes); i++)
    {
      g_autofree char *query = g_strconcat ("/uptime?window=", uptimes[i].window, NULL);
      g_auto (Reply) reply = { 0 };
      StoreAgentSession rows[3] = { 0 };
      int64_t now = p2p_wall_ms (), late;
      unsigned n = 0;
      double percent = 100.0 * (double) uptimes[i].up / (double) uptimes[i].since;

      g_test_message ("row %u", i);
      for (; n < 3 && uptimes[i].sessions[n].from != 0; n++)
        rows[n] = (StoreAgentSession){
          .instance = "",
          .address = "",
          .version = "",
          .reason = "",
          .connected_at = now - uptimes[i].sessions[n].from * HOUR,
          .disconnected_at = uptimes[i].sessions[n].to ? now - uptimes[i].sessions[n].to * HOUR : 0,
        };
      if (i > 0)
        tear_down (fixture, NULL);
      if (i > 0)
        set_up (fixture, NULL);
      store_sessions (fixture, now - uptimes[i].age * HOUR, rows, n);
      reply = get (fixture, query);
      assert_reply (reply, 200);
      late = p2p_wall_ms () - now;
      assert_hours (reply.json, "uptime_ms", uptimes[i].up, now);
      assert_hours (reply.json, "downtime_ms", uptimes[i].since - uptimes[i].up, now);
      g_assert_cmpfloat_with_epsilon (
          json_object_get_double_member (reply.json, "uptime_percent"), percent,
          0.001 + 100.0 * (double) late / (double) (uptimes[i].since * HOUR));
      g_assert_cmpint (json_object_get_int_member (reply.json, "connection_count"), ==,
                       uptimes[i].begun);
      g_assert_cmpint (json_object_get_int_member (reply.json, "disconnect_count"), ==,
                       uptimes[i].ended);
    }
}

static void
test_current (Fixture *fixture, const void *data)
{
  static const Text texts[]
      = { { "current_state", "offline" }, { "current_since", NULL }, { "current_ms", NULL } };
  g_auto (Reply) offline = get (fixture, "/uptime");
  g_auto (Reply) connected = { 0 };
  g_auto (Reply) left = { 0 };
  int64_t now = p2p_wall_ms ();

  (void) data;
  assert_reply (offline, 200);
  g_assert_cmpint (json_object_get_int_member (offline.json, "window_ms"), ==, 24 * HOUR);
  assert_texts (offline.json, texts, G_N_ELEMENTS (texts));
  api_fake_status.state = AGENT_CONNECTED;
  api_fake_status.connected_at_ms = now - 2 * HOUR;
  api_fake_status.disconnected_at_ms = now - 3 * HOUR;
  connected = get (fixture, "/uptime");
  g_assert_cmpstr (json_object_get_string_member (connected.json, "current_state"), ==,
                   "connected");
  assert_hours (connected.json, "current_ms", 2, now);
  api_fake_status.state = AGENT_OFFLINE;
  left = get (fixture, "/uptime");
  assert_hours (left.json, "current_ms", 3, now);
}

static void
test_reports (Fixture *fixture, const void *data)
{
  static const Text silent[] = { { "round_trip_ms", NULL }, { "version", NULL } };
  static const Text texts[] = { { "version", "1.0" } };
  static const Figure figures[] = {
    { "streams", 9 },         { "memory_bytes", 1 }, { "threads", 2 },
    { "active_requests", 3 }, { "requests_ok", 4 },  { "requests_failed", 5 },
    { "bytes_received", 6 },  { "bytes_sent", 7 },
  };
  g_auto (Reply) day = { 0 };
  g_auto (Reply) hour = { 0 };
  JsonObject *point;

  (void) data;
  api_fake_n_reports = 2;
  api_fake_reports[0]
      = (AgentReportPoint){ .at_ms = p2p_wall_ms () - 2 * HOUR, .round_trip_ms = -1 };
  api_fake_reports[1] = (AgentReportPoint){ .at_ms = p2p_wall_ms () - HOUR / 2,
                                            .round_trip_ms = 1.5,
                                            .streams = 9,
                                            .report = { .memory_bytes = 1,
                                                        .threads = 2,
                                                        .active_requests = 3,
                                                        .requests_ok = 4,
                                                        .requests_failed = 5,
                                                        .bytes_received = 6,
                                                        .bytes_sent = 7,
                                                        .cpu_percent = 0.5,
                                                        .version = "1.0" } };
  day = get (fixture, "/stats");
  assert_reply (day, 200);
  assert_texts (first_item (&day, 2), silent, G_N_ELEMENTS (silent));
  hour = get (fixture, "/stats?window=1h");
  point = first_item (&hour, 1);
  g_assert_cmpfloat (json_object_get_double_member (point, "round_trip_ms"), ==, 1.5);
  g_assert_cmpfloat (json_object_get_double_member (point, "cpu_percent"), ==, 0.5);
  assert_figures (point, figures, G_N_ELEMENTS (figures));
  assert_texts (point, texts, G_N_ELEMENTS (texts));
}

static void
test_refused (Fixture *fixture, const void *data)
{
  static const char *const ways[] = { "/sessions", "/uptime", "/stats" };
  static const char *const windows[] = { "", "2h", "24", "24h%20" };

  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_autofree char *target = g_strconcat ("/api/v1/agents/99", ways[i], NULL);
      g_auto (Reply) missing = api_call ("GET", target, fixture->api.session, NULL);

      assert_reply (missing, 404);
      for (unsigned j = 0; i > 0 && j < G_N_ELEMENTS (windows); j++)
        {
          g_autofree char *query = g_strconcat (ways[i], "?window=", windows[j], NULL);
          g_auto (Reply) reply = get (fixture, query);

          assert_reply (reply, 400);
        }
    }
}

#define ADD(name, func) g_test_add ("/api-agents/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  ADD ("offline", test_offline);
  ADD ("figures", test_figures);
  ADD ("dispute", test_dispute);
  ADD ("sessions", test_sessions);
  ADD ("uptime", test_uptime);
  ADD ("current", test_current);
  ADD ("reports", test_reports);
  ADD ("refused", test_refused);
  return g_test_run ();
}
