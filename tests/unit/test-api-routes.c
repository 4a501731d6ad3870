/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Routes over the API: their targets, the secrets and the health of these, redirects, the order,
 * and which route a request would take. */
#include "daemon/config/config.h"
#include "lib/lock.h"
#include "tests/unit/api-fixture.h"

#include <string.h>

static JsonArray *
targets_of (const Reply *reply)
{
  return json_object_get_array_member (reply->json, "targets");
}

static JsonObject *
target_at (const Reply *reply, unsigned i)
{
  return json_array_get_object_element (targets_of (reply), i);
}

static void
test_route_targets (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made = api_call (
      "POST", "/api/v1/routes", fixture->session,
      "{\"name\":\"r\",\"listener_id\":1,\"host_pattern\":\"a.test\",\"action\":\"forward\","
      "\"targets\":["
      "{\"name\":\"one\",\"url\":\"http://127.0.0.1:9000\"},"
      "{\"name\":\"two\",\"type\":\"static\",\"url\":null,\"static_response_body\":\"line\\nline\","
      "\"static_response_headers\":[{\"name\":\"X-A\",\"value\":\"b\"}]}]}");
  int64_t one, two;
  g_autofree char *path = NULL;
  g_autofree char *body = NULL;

  (void) data;
  assert_reply (made, 201);
  path = api_object_path ("/api/v1/routes", reply_id (&made));
  g_assert_cmpuint (json_array_get_length (targets_of (&made)), ==, 2);
  one = json_object_get_int_member (target_at (&made, 0), "id");
  two = json_object_get_int_member (target_at (&made, 1), "id");
  g_assert_cmpint (
      json_object_get_int_member (target_at (&made, 0), "upstream_response_header_timeout_ms"), ==,
      60000);
  g_assert_cmpint (json_object_get_int_member (target_at (&made, 1), "position"), ==, 1);
  g_assert_cmpstr (json_object_get_string_member (target_at (&made, 1), "static_response_body"), ==,
                   "line\nline");

  /* Another order, one changed, one new, one left out. */
  body = g_strdup_printf (
      "{\"targets\":[{\"name\":\"three\",\"transport\":\"agent\",\"url\":\"http://10.0.0.1\","
      "\"agent_selector\":{\"match_labels\":{\"site\":\"b\"}}},"
      "{\"id\":%" G_GINT64_FORMAT ",\"enabled\":false}]}",
      one);
  {
    g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, body);
    JsonObject *labels;

    assert_reply (reply, 200);
    g_assert_cmpuint (json_array_get_length (targets_of (&reply)), ==, 2);
    g_assert_cmpint (json_object_get_int_member (target_at (&reply, 0), "id"), >, two);
    labels = json_object_get_object_member (
        json_object_get_object_member (target_at (&reply, 0), "agent_selector"), "match_labels");
    g_assert_cmpstr (json_object_get_string_member (labels, "site"), ==, "b");
    g_assert_cmpint (json_object_get_int_member (target_at (&reply, 1), "id"), ==, one);
    g_assert_cmpstr (json_object_get_string_member (target_at (&reply, 1), "url"), ==,
                     "http://127.0.0.1:9000");
    g_assert_false (json_object_get_boolean_member (target_at (&reply, 1), "enabled"));
  }
  /* Targets not mentioned stay. */
  {
    g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, "{\"priority\":7}");
    g_assert_cmpuint (json_array_get_length (targets_of (&reply)), ==, 2);
    g_assert_cmpint (json_object_get_int_member (reply.json, "priority"), ==, 7);
  }
  /* null goes back to the default. */
  {
    g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, "{\"host_pattern\":null}");
    g_assert_cmpstr (json_object_get_string_member (reply.json, "host_pattern"), ==, "");
  }
  /* The one that went is not of this route any more. */
  g_free (body);
  body = g_strdup_printf ("{\"targets\":[{\"id\":%" G_GINT64_FORMAT ",\"name\":\"x\"}]}", two);
  {
    g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, body);
    assert_reply (reply, 422);
  }
}

static void
test_redirect_route (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made = api_call (
      "POST", "/api/v1/routes?dry_run=true", fixture->session,
      "{\"name\":\"r\",\"listener_id\":1,\"action\":\"redirect\","
      "\"redirect_target_mode\":\"absolute_url\",\"redirect_status_code\":308,"
      "\"redirect_target\":\"https://new.example/x?y=z\",\"redirect_preserve_query\":true,"
      "\"targets\":[{\"name\":\"t\",\"url\":\"https://o\",\"tls_skip_verify\":true}]}");
  g_auto (Reply) skip
      = api_call ("POST", "/api/v1/routes?dry_run=true", fixture->session,
                  "{\"name\":\"r\",\"listener_id\":1,"
                  "\"targets\":[{\"name\":\"t\",\"url\":\"https://o\",\"tls_skip_verify\":true}]}");

  (void) data;
  assert_reply (made, 200);
  g_assert_cmpstr (json_object_get_string_member (made.json, "action"), ==, "redirect");
  g_assert_cmpstr (json_object_get_string_member (made.json, "redirect_target_mode"), ==,
                   "absolute_url");
  g_assert_cmpint (json_object_get_int_member (made.json, "redirect_status_code"), ==, 308);
  g_assert_true (json_object_get_boolean_member (made.json, "redirect_preserve_query"));
  g_assert_nonnull (strstr (made.text, "its targets are not used"));
  assert_reply (skip, 200);
  g_assert_nonnull (strstr (skip.text, "target 't': certificates of the origin are not verified"));
}

static void
test_route_order (ApiFixture *fixture, const void *data)
{
  static const char *const bad[] = { "{\"route_ids\":[1,2]}", "{\"route_ids\":[1,2,2]}",
                                     "{\"route_ids\":[1,2,4]}", "{\"route_ids\":[1,2,3,4]}" };

  (void) data;
  for (unsigned i = 0; i < 3; i++)
    {
      g_autofree char *body
          = g_strdup_printf ("{\"name\":\"r%u\",\"listener_id\":1,\"targets\":[]}", i);
      g_auto (Reply) reply = api_call ("POST", "/api/v1/routes", fixture->session, body);
      assert_reply (reply, 201);
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_auto (Reply) reply
          = api_call ("POST", "/api/v1/listeners/1/route-order", fixture->session, bad[i]);
      assert_reply (reply, 409);
    }
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/listeners/1/route-order", fixture->session,
                                     "{\"route_ids\":[3,1,2]}");
    g_auto (Reply) list = api_call ("GET", "/api/v1/routes?listener_id=1", fixture->session, NULL);
    JsonArray *items = json_object_get_array_member (list.json, "items");
    static const int64_t wanted[] = { 20, 30, 10 };

    assert_reply (reply, 200);
    for (unsigned i = 0; i < 3; i++)
      g_assert_cmpint (
          json_object_get_int_member (json_array_get_object_element (items, i), "priority"), ==,
          wanted[i]);
  }
  {
    g_auto (Reply) words = api_call ("POST", "/api/v1/listeners/1/route-order", fixture->session,
                                     "{\"route_ids\":[\"1\"]}");
    g_auto (Reply) more = api_call ("POST", "/api/v1/listeners/1/route-order", fixture->session,
                                    "{\"route_ids\":[1],\"x\":1}");
    assert_reply (words, 422);
    assert_reply (more, 400);
  }
}

/* The head as a client would write it. */
static void
test_explain (ApiFixture *fixture, const void *data)
{
  static const struct
  {
    const char *members, *head;
  } rows[] = {
    { "\"url\":\"http://a.test:81/x?y#z\"",
      "127.0.0.1 GET /x?y HTTP/1.1\r\nHost: a.test:81\r\n\r\n" },
    { "\"url\":\"https://a.test\"", "127.0.0.1 GET / HTTP/1.1\r\nHost: a.test\r\n\r\n" },
    { "\"url\":\"https://a.test?q\"", "127.0.0.1 GET /?q HTTP/1.1\r\nHost: a.test\r\n\r\n" },
    { "\"url\":\"/x?u=http://b/\",\"method\":\"PUT\",\"client_address\":\"2001:db8::1\","
      "\"headers\":[{\"name\":\"host\",\"value\":\"a\"},{\"name\":\"X\",\"value\":\"y\"}]",
      "2001:db8::1 PUT /x?u=http://b/ HTTP/1.1\r\nhost: a\r\nX: y\r\n\r\n" },
    { "\"url\":\"http://b.test/x\",\"headers\":[{\"name\":\"Host\",\"value\":\"a\"}]",
      "127.0.0.1 GET http://b.test/x HTTP/1.1\r\nHost: a\r\n\r\n" },
  };
  static const char *const bad[] = {
    "\"listener_id\":1",
    "\"listener_id\":4711,\"url\":\"/\"",
    "\"listener_id\":1,\"url\":\"/\\r\\nX: y\"",
    "\"listener_id\":1,\"url\":\"/\",\"method\":\"GET / HTTP/1.1\\r\\n\"",
    "\"listener_id\":1,\"url\":\"/\",\"client_address\":\"localhost\"",
    "\"listener_id\":1,\"url\":\"/\",\"headers\":[{\"name\":\"X\",\"value\":\"a\\nb\"}]",
  };

  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *body = g_strdup_printf ("{\"listener_id\":1,%s}", rows[i].members);
      g_auto (Reply) reply
          = api_call ("POST", "/api/v1/explain", fixture->tokens[STORE_ROLE_VIEWER], body);

      assert_reply (reply, 200);
      g_assert_cmpstr (api_fake_heard, ==, rows[i].head);
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *body = g_strdup_printf ("{%s}", bad[i]);
      g_auto (Reply) reply = api_call ("POST", "/api/v1/explain", fixture->session, body);

      g_test_message ("%s", bad[i]);
      assert_reply (reply, 422);
    }
}

/* --- Secrets ---------------------------------------------------------------------------------- */

#define CANARY "canary-4711"

static const char secret_route[]
    = "{\"name\":\"s\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://o\","
      "\"upstream_basic_auth\":{\"username\":\"u\",\"password\":\"" CANARY "\"},"
      "\"upstream_request_headers\":["
      "{\"name\":\"X-Key\",\"value\":\"" CANARY "1\",\"sensitive\":true},"
      "{\"name\":\"X-Plain\",\"value\":\"seen\"},"
      "{\"name\":\"X-Key\",\"value\":\"" CANARY "2\",\"sensitive\":true}]}]}";

/* The target as it is stored. */
static StoreRoute *
stored_route (ApiFixture *fixture, int64_t id)
{
  g_autoptr (StoreTx) tx = store_begin_read (fixture->store, NULL);
  StoreRoute *row = store_route_get (tx, id, NULL);

  g_assert_nonnull (row);
  return row;
}

static const char *
stored_field (const StoreRoute *row, unsigned i)
{
  const StoreTarget *target = row->targets->pdata[0];

  return ((const StorePair *) target->upstream_request_headers->pdata[i])->value;
}

static const char *
stored_password (const StoreRoute *row)
{
  return ((const StoreTarget *) row->targets->pdata[0])->upstream_password;
}

/* A patch of the one target; must be taken. */
static StoreRoute *
patch_target (ApiFixture *fixture, const Reply *made, const char *members, unsigned status)
{
  int64_t id = reply_id (made);
  g_autofree char *path = api_object_path ("/api/v1/routes", id);
  g_autofree char *body
      = g_strdup_printf ("{\"targets\":[{\"id\":%" G_GINT64_FORMAT ",%s}]}",
                         json_object_get_int_member (target_at (made, 0), "id"), members);
  g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, body);

  assert_reply (reply, status);
  g_assert_null (strstr (reply.text, CANARY));
  return stored_route (fixture, id);
}

static void
test_secrets_kept (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made = api_call ("POST", "/api/v1/routes", fixture->session, secret_route);
  g_autofree char *path = NULL;

  (void) data;
  assert_reply (made, 201);
  g_assert_null (strstr (made.text, CANARY));
  g_assert_nonnull (strstr (made.text, "{\"username\":\"u\",\"password\":\"********\"}"));
  g_assert_nonnull (
      strstr (made.text, "{\"name\":\"X-Plain\",\"value\":\"seen\",\"sensitive\":false}"));
  path = api_object_path ("/api/v1/routes", reply_id (&made));
  /* Sent back as it was read: nothing changes, no version, no audit row. */
  {
    unsigned audit = api_fixture_count_audit (fixture);
    g_auto (Reply) same = api_call ("PATCH", path, fixture->session, made.text);

    assert_reply (same, 200);
    g_assert_cmpint (json_object_get_int_member (same.json, "version"), ==, 1);
    g_assert_cmpuint (api_fixture_count_audit (fixture), ==, audit);
  }
  /* One of two of a name replaced, the other kept; in another order. */
  {
    g_autoptr (StoreRoute) row
        = patch_target (fixture, &made,
                        "\"upstream_request_headers\":["
                        "{\"name\":\"x-key\",\"value\":\"********\",\"sensitive\":true},"
                        "{\"name\":\"X-Key\",\"value\":\"new\",\"sensitive\":true}]",
                        200);

    g_assert_cmpstr (stored_field (row, 0), ==, CANARY "1");
    g_assert_cmpstr (stored_field (row, 1), ==, "new");
    g_assert_cmpstr (stored_password (row), ==, CANARY);
  }
  /* Cannot be made readable, nor kept under another name. */
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (StoreRoute) row
          = patch_target (fixture, &made,
                          i ? "\"upstream_request_headers\":[{\"name\":\"X-Key\",\"value\":"
                              "\"********\",\"sensitive\":false}]"
                            : "\"upstream_request_headers\":[{\"name\":\"X-Other\",\"value\":"
                              "\"********\",\"sensitive\":true}]",
                          422);

      g_assert_cmpstr (stored_field (row, 0), ==, CANARY "1");
    }
}

/* Another secret looks the same as the one before; it is a change all the same. */
static void
test_secrets_change (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made = api_call ("POST", "/api/v1/routes", fixture->session, secret_route);

  (void) data;
  assert_reply (made, 201);
  {
    g_autoptr (StoreRoute) row = patch_target (
        fixture, &made, "\"upstream_basic_auth\":{\"password\":\"" CANARY "3\"}", 200);

    g_assert_cmpstr (stored_password (row), ==, CANARY "3");
    g_assert_cmpint (row->version, ==, 2);
  }
  {
    g_autoptr (StoreRoute) row
        = patch_target (fixture, &made,
                        "\"upstream_request_headers\":["
                        "{\"name\":\"X-Key\",\"value\":\"" CANARY "4\",\"sensitive\":true},"
                        "{\"name\":\"X-Plain\",\"value\":\"seen\"},"
                        "{\"name\":\"X-Key\",\"value\":\"********\"}]",
                        200);

    /* The masked one is the first stored one of its name. */
    g_assert_cmpstr (stored_field (row, 0), ==, CANARY "4");
    g_assert_cmpstr (stored_field (row, 2), ==, CANARY "1");
    g_assert_cmpint (row->version, ==, 3);
  }
  {
    g_autoptr (StoreRoute) row = patch_target (fixture, &made, "\"upstream_basic_auth\":null", 200);

    g_assert_cmpstr (stored_password (row), ==, "");
  }
  {
    g_auto (Reply) all = api_call ("GET", "/api/v1/audit?limit=1000", fixture->session, NULL);
    g_auto (Reply) list
        = api_call ("GET", "/api/v1/routes", fixture->tokens[STORE_ROLE_VIEWER], NULL);

    g_assert_null (strstr (all.text, CANARY));
    g_assert_null (strstr (list.text, CANARY));
    g_assert_nonnull (strstr (list.text, "\"upstream_basic_auth\":null"));
  }
}

/* --- what runs of a target -------------------------------------------------------------------- */

static JsonObject *
status_of (const Reply *route, unsigned i)
{
  return json_object_get_object_member (json_array_get_object_element (targets_of (route), i),
                                        "status");
}

static void
note_checks (int64_t target_id)
{
  g_autoptr (Config) cfg = config_get_current ();
  ConfigProbe probe = { .source = CONFIG_PROBE_ACTIVE_CHECK,
                        .at_ms = 1700000000123,
                        .status_code = 503,
                        .duration_ms = 7,
                        .error = "the origin answered 503, not 200 to 399" };
  ConfigFoundTarget found;
  ConfigHealth health;

  g_assert_true (config_find_target (cfg, 0, target_id, &found));
  g_assert_cmpstr (found.target->name, ==, "direct");
  (void) config_target_state_note_check (found.target->state, &probe, 2, 1, &health);
  g_assert_cmpint (health, ==, CONFIG_HEALTH_UNHEALTHY);
}

/* Of a direct target, a static one, one behind no agent, and one that is disabled. */
static void
test_target_health (ApiFixture *fixture, const void *data)
{
  static const char *const words[] = { "unhealthy", "healthy", "disconnected", "disabled" };
  g_auto (Reply) made = api_call (
      "POST", "/api/v1/routes", fixture->session,
      "{\"name\":\"r\",\"listener_id\":1,\"targets\":["
      "{\"name\":\"direct\",\"url\":\"http://o\",\"max_concurrent_requests\":3},"
      "{\"name\":\"static\",\"type\":\"static\"},"
      "{\"name\":\"agent\",\"url\":\"http://"
      "o\",\"transport\":\"agent\",\"agent_selector\":{\"match_labels\":{\"a\":\"b\"}}},"
      "{\"name\":\"off\",\"url\":\"http://o\",\"enabled\":false}]}");
  g_auto (Reply) again = { 0 };
  g_auto (Reply) history = { 0 };
  g_auto (Reply) none = api_call ("GET", "/api/v1/targets/99/health", fixture->session, NULL);
  JsonObject *probe;
  const char *body;

  (void) data;
  assert_reply (made, 201);
  assert_reply (none, 404);
  g_assert_cmpstr (json_object_get_string_member (status_of (&made, 0), "health"), ==, "unknown");
  note_checks (1);
  again = api_call ("GET", "/api/v1/routes/1", fixture->session, NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (words); i++)
    g_assert_cmpstr (json_object_get_string_member (status_of (&again, i), "health"), ==, words[i]);
  g_assert_cmpstr (json_object_get_string_member (status_of (&again, 0), "last_checked_at"), ==,
                   "2023-11-14T22:13:20.123Z");
  g_assert_cmpint (json_object_get_int_member (status_of (&again, 0), "active_requests"), ==, 0);
  g_assert_true (json_object_get_null_member (status_of (&again, 1), "active_requests"));
  g_assert_cmpint (json_object_get_int_member (again.json, "version"), ==,
                   json_object_get_int_member (made.json, "version"));

  history = api_call ("GET", "/api/v1/targets/1/health", fixture->tokens[STORE_ROLE_VIEWER], NULL);
  assert_reply (history, 200);
  body = "{\"items\":[{\"at\":\"2023-11-14T22:13:20.123Z\",\"source\":\"active_check\",\"outcome\":"
         "\"failure\",\"status_code\":503,\"duration_ms\":7,\"agent_id\":null,\"error\":\"the "
         "origin "
         "answered 503, not 200 to 399\"}],\"next_cursor\":null}";
  g_assert_cmpstr (history.text, ==, body);
  probe = json_array_get_object_element (json_object_get_array_member (history.json, "items"), 0);
  g_assert_cmpint (json_object_get_size (probe), ==, 7);
  {
    /* A whole route may be sent back as it was read. */
    g_auto (Reply) same = api_call ("PATCH", "/api/v1/routes/1", fixture->session, again.text);

    assert_reply (same, 200);
    g_assert_cmpint (json_object_get_int_member (same.json, "version"), ==,
                     json_object_get_int_member (made.json, "version"));
  }
}

#define ADD(name, func)                                                                            \
  g_test_add ("/api/routes/" name, ApiFixture, NULL, api_fixture_init_listener, func,              \
              api_fixture_done)

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  ADD ("route-targets", test_route_targets);
  ADD ("target-health", test_target_health);
  ADD ("secrets-kept", test_secrets_kept);
  ADD ("secrets-change", test_secrets_change);
  ADD ("redirect-route", test_redirect_route);
  ADD ("route-order", test_route_order);
  ADD ("explain", test_explain);
  return g_test_run ();
}
