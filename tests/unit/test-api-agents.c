/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the API tells of an agent that runs: every figure of its status stands under its own name.
 */
#include "tests/unit/api-fixture.h"

#include <string.h>

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
  g_free (fixture->path);
  api_fixture_done (&fixture->api, data);
}

static JsonObject *
get_status (const Fixture *fixture, Reply *reply)
{
  *reply = api_call ("GET", fixture->path, fixture->api.tokens[STORE_ROLE_VIEWER], NULL);
  assert_reply (*reply, 200);
  return json_object_get_object_member (reply->json, "status");
}

static void
test_offline (Fixture *fixture, const void *data)
{
  g_auto (Reply) reply = { 0 };
  JsonObject *status = get_status (fixture, &reply);
  static const char *const nothing[] = { "round_trip_ms", "connected_at", "disconnected_at",
                                         "address",       "version",      "latest_stats" };

  (void) data;
  g_assert_cmpstr (json_object_get_string_member (status, "state"), ==, "offline");
  for (unsigned i = 0; i < G_N_ELEMENTS (nothing); i++)
    g_assert_true (json_object_get_null_member (status, nothing[i]));
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (status, "problems")), ==,
                    0);
}

static void
test_figures (Fixture *fixture, const void *data)
{
  static const struct
  {
    const char *name;
    int64_t value;
  } figures[] = {
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
  g_assert_cmpstr (json_object_get_string_member (status, "state"), ==, "degraded");
  g_assert_cmpstr (json_object_get_string_member (status, "address"), ==, "192.0.2.1:99");
  g_assert_cmpstr (json_object_get_string_member (status, "reported_name"), ==, "me");
  g_assert_cmpstr (json_object_get_string_member (status, "version"), ==, "0.0.1");
  g_assert_true (json_object_get_boolean_member (status, "version_mismatch"));
  g_assert_cmpstr (json_object_get_string_member (status, "connected_at"), ==,
                   "1970-01-01T00:00:01.000Z");
  g_assert_cmpstr (json_object_get_string_member (status, "disconnected_at"), ==,
                   "1970-01-01T00:00:00.500Z");
  g_assert_cmpfloat (json_object_get_double_member (status, "round_trip_ms"), ==, 12.5);
  g_assert_cmpint (json_object_get_int_member (status, "active_requests"), ==, 1000);
  tunnel = json_object_get_object_member (status, "tunnel");
  g_assert_cmpuint (json_object_get_size (tunnel), ==, G_N_ELEMENTS (figures));
  for (unsigned i = 0; i < G_N_ELEMENTS (figures); i++)
    g_assert_cmpint (json_object_get_int_member (tunnel, figures[i].name), ==, figures[i].value);
}

static void
test_dispute (Fixture *fixture, const void *data)
{
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
  g_assert_cmpstr (json_object_get_string_member (problem, "kind"), ==, "agent_displaced");
  g_assert_cmpstr (json_object_get_string_member (problem, "severity"), ==, "warning");
  g_assert_cmpstr (json_object_get_string_member (problem, "since"), ==,
                   "1970-01-01T00:00:02.000Z");
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

#define ADD(name, func) g_test_add ("/api-agents/" name, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  ADD ("offline", test_offline);
  ADD ("figures", test_figures);
  ADD ("dispute", test_dispute);
  return g_test_run ();
}
