/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The conventions of the API, on every resource: versions and If-Match, cursors, dry runs, merge
 * patches, unknown members, problem documents, one audit row for each change; and what each
 * resource has of its own. */
#include "daemon/config/config.h"
#include "lib/lock.h"
#include "tests/unit/api-fixture.h"

#include <string.h>

/* A body that makes one, with "%s" for the name. */
static const struct
{
  const char *path, *body;
  bool unique; /* its names */
} makers[] = {
  { "/api/v1/listeners", "{\"name\":\"%s\",\"protocol\":\"http\",\"bind_address\":\"127.0.0.1\"}",
    true },
  { "/api/v1/routes", "{\"name\":\"%s\",\"listener_id\":1,\"targets\":[]}", false },
  { "/api/v1/agents", "{\"name\":\"%s\",\"labels\":{\"site\":\"a\"}}", true },
  { "/api/v1/tokens", "{\"name\":\"%s\"}", true },
};

static char *
body_for (unsigned maker, const char *name)
{
  g_auto (GStrv) parts = g_strsplit (makers[maker].body, "%s", 2);

  return g_strconcat (parts[0], name, parts[1], NULL);
}

static char *
path_of (const char *collection, int64_t id)
{
  return g_strdup_printf ("%s/%" G_GINT64_FORMAT, collection, id);
}

/* Listener 1 for the routes. */
static void
init (ApiFixture *fixture, const void *data)
{
  api_fixture_init (fixture, data);
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/listeners", fixture->session,
                                     "{\"name\":\"base\",\"protocol\":\"http\",\"port\":0}");

    assert_reply (reply, 201);
    g_assert_cmpint (reply_id (&reply), ==, 1);
  }
}

static Reply
call_if (ApiFixture *fixture,
         const char *method,
         const char *path,
         const char *body,
         const char *match)
{
  g_autofree char *authorization = g_strconcat ("Bearer ", fixture->session, NULL);
  ApiInput input = { .authorization = p2p_span_from_string (authorization),
                     .if_match = p2p_span_from_string (match) };

  return api_call_with (input, method, path, body);
}

static unsigned
count_audit (ApiFixture *fixture)
{
  g_auto (Reply) reply = api_call ("GET", "/api/v1/audit?limit=1000", fixture->session, NULL);

  assert_reply (reply, 200);
  return json_array_get_length (json_object_get_array_member (reply.json, "items"));
}

static char *
tag_of (const Reply *reply)
{
  char *tag = reply_dup_field (reply, "ETag");

  g_assert_nonnull (tag);
  return tag;
}

/* Create, read, patch, list and delete, with what every resource promises. */
static void
lifecycle (ApiFixture *fixture, unsigned maker)
{
  const char *collection = makers[maker].path;
  g_autofree char *body = body_for (maker, "one");
  g_autofree char *path = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  unsigned audit = count_audit (fixture);

  {
    g_auto (Reply) reply = api_call ("POST", collection, fixture->session, body);
    g_autofree char *location = reply_dup_field (&reply, "Location");

    assert_reply (reply, 201);
    path = path_of (collection, reply_id (&reply));
    g_assert_cmpstr (location, ==, path);
    first = tag_of (&reply);
    g_assert_cmpint (json_object_get_int_member (reply.json, "version"), ==, 1);
  }
  g_assert_cmpuint (count_audit (fixture), ==, ++audit);
  if (makers[maker].unique)
  {
    g_auto (Reply) again = api_call ("POST", collection, fixture->session, body);
    assert_reply (again, 409);
    g_assert_cmpstr (reply_problem (&again), ==, "name-taken");
    g_assert_true (reply_has_error (&again, "name"));
  }
  {
    g_auto (Reply) reply = api_call ("GET", path, fixture->session, NULL);
    g_autofree char *tag = tag_of (&reply);
    assert_reply (reply, 200);
    g_assert_cmpstr (tag, ==, first);
    g_assert_false (json_object_has_member (reply.json, "token"));
  }
  {
    g_autofree char *dry_path = g_strconcat (path, "?dry_run=true", NULL);
    g_auto (Reply) dry = api_call ("PATCH", dry_path, fixture->session, "{\"name\":\"two\"}");
    g_auto (Reply) now = api_call ("GET", path, fixture->session, NULL);

    assert_reply (dry, 200);
    g_assert_cmpstr (json_object_get_string_member (dry.json, "name"), ==, "two");
    g_assert_true (json_object_has_member (dry.json, "warnings"));
    g_assert_cmpstr (json_object_get_string_member (now.json, "name"), ==, "one");
  }
  g_assert_cmpuint (count_audit (fixture), ==, audit);
  {
    g_auto (Reply) same = api_call ("PATCH", path, fixture->session, "{\"name\":\"one\"}");
    g_autofree char *tag = tag_of (&same);
    assert_reply (same, 200);
    g_assert_cmpstr (tag, ==, first);
  }
  g_assert_cmpuint (count_audit (fixture), ==, audit);
  {
    g_auto (Reply) reply = call_if (fixture, "PATCH", path, "{\"name\":\"two\"}", first);
    assert_reply (reply, 200);
    second = tag_of (&reply);
    g_assert_cmpstr (second, !=, first);
    g_assert_cmpstr (json_object_get_string_member (reply.json, "name"), ==, "two");
  }
  g_assert_cmpuint (count_audit (fixture), ==, ++audit);
  {
    g_auto (Reply) late = call_if (fixture, "PATCH", path, "{\"name\":\"three\"}", first);
    g_auto (Reply) weak = call_if (fixture, "PATCH", path, "{\"name\":\"three\"}", "W/\"2\"");
    g_auto (Reply) gone = call_if (fixture, "DELETE", path, NULL, first);

    assert_reply (late, 412);
    g_assert_cmpstr (reply_problem (&late), ==, "changed-meanwhile");
    assert_reply (weak, 412);
    assert_reply (gone, 412);
  }
  {
    g_auto (Reply) unknown = api_call ("PATCH", path, fixture->session,
                                       "{\"name\":\"x\",\"nmae\":1,\"what\":2}");
    g_auto (Reply) wrong_id = api_call ("PATCH", path, fixture->session, "{\"id\":4711}");
    g_auto (Reply) no_name = api_call ("PATCH", path, fixture->session, "{\"name\":null}");
    g_auto (Reply) bidi = api_call ("PATCH", path, fixture->session, "{\"name\":\"a\\u202eb\"}");

    assert_reply (unknown, 400);
    g_assert_cmpstr (reply_problem (&unknown), ==, "unknown-member");
    g_assert_true (reply_has_error (&unknown, "nmae"));
    g_assert_true (reply_has_error (&unknown, "what"));
    assert_reply (wrong_id, 422);
    g_assert_true (reply_has_error (&wrong_id, "id"));
    assert_reply (no_name, 422);
    assert_reply (bidi, 422);
  }
  /* A whole object can be sent back as it was read. */
  {
    g_auto (Reply) now = api_call ("GET", path, fixture->session, NULL);
    g_auto (Reply) back = api_call ("PATCH", path, fixture->session, now.text);
    assert_reply (back, 200);
    g_assert_cmpstr (back.text, ==, now.text);
  }
  {
    g_autofree char *dry_path = g_strconcat (path, "?dry_run=true", NULL);
    g_auto (Reply) dry = api_call ("DELETE", dry_path, fixture->session, NULL);
    g_auto (Reply) reply = call_if (fixture, "DELETE", path, NULL, second);
    g_auto (Reply) after = api_call ("GET", path, fixture->session, NULL);
    g_auto (Reply) again = api_call ("DELETE", path, fixture->session, NULL);

    assert_reply (dry, 200);
    assert_reply (reply, 204);
    g_assert_cmpstr (reply.text, ==, "");
    assert_reply (after, 404);
    assert_reply (again, 404);
  }
  g_assert_cmpuint (count_audit (fixture), ==, ++audit);
}

static void
test_lifecycle (ApiFixture *fixture, const void *data)
{
  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (makers); i++)
    {
      g_test_message ("%s", makers[i].path);
      lifecycle (fixture, i);
    }
}

static void
test_create_dry_run (ApiFixture *fixture, const void *data)
{
  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (makers); i++)
    {
      g_autofree char *body = body_for (i, "dry");
      g_autofree char *path = g_strconcat (makers[i].path, "?dry_run=true", NULL);
      unsigned audit = count_audit (fixture);
      g_auto (Reply) dry = api_call ("POST", path, fixture->session, body);
      g_auto (Reply) real = api_call ("POST", makers[i].path, fixture->session, body);

      assert_reply (dry, 200);
      g_assert_true (json_object_get_null_member (dry.json, "id"));
      g_assert_true (json_object_has_member (dry.json, "warnings"));
      g_assert_false (json_object_has_member (dry.json, "token"));
      assert_reply (real, 201);
      g_assert_false (json_object_has_member (real.json, "warnings"));
      g_assert_cmpuint (count_audit (fixture), ==, audit + 1);
    }
}

static void
test_cursors (ApiFixture *fixture, const void *data)
{
  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (makers); i++)
    {
      g_autofree char *cursor = NULL;
      unsigned seen = 0, pages = 0, present;
      int64_t last = 0;

      for (unsigned k = 0; k < 5; k++)
        {
          g_autofree char *name = g_strdup_printf ("n%u", k);
          g_autofree char *body = body_for (i, name);
          g_auto (Reply) reply = api_call ("POST", makers[i].path, fixture->session, body);
          assert_reply (reply, 201);
        }
      {
        g_auto (Reply) all = api_call ("GET", makers[i].path, fixture->session, NULL);
        present = json_array_get_length (json_object_get_array_member (all.json, "items"));
        g_assert_true (json_object_get_null_member (all.json, "next_cursor"));
      }
      do
        {
          g_autofree char *path
              = cursor ? g_strdup_printf ("%s?limit=2&cursor=%s", makers[i].path, cursor)
                       : g_strdup_printf ("%s?limit=2", makers[i].path);
          g_auto (Reply) reply = api_call ("GET", path, fixture->session, NULL);
          JsonArray *items;

          assert_reply (reply, 200);
          items = json_object_get_array_member (reply.json, "items");
          for (unsigned k = 0; k < json_array_get_length (items); k++, seen++)
            {
              int64_t id
                  = json_object_get_int_member (json_array_get_object_element (items, k), "id");

              g_assert_cmpint (id, >, last);
              last = id;
            }
          g_clear_pointer (&cursor, g_free);
          if (!json_object_get_null_member (reply.json, "next_cursor"))
            cursor = g_strdup (json_object_get_string_member (reply.json, "next_cursor"));
          pages++;
        }
      while (cursor);
      g_assert_cmpuint (seen, ==, present);
      g_assert_cmpuint (pages, ==, (present + 1) / 2);
    }
}

static void
test_bad_requests (ApiFixture *fixture, const void *data)
{
  static const struct
  {
    const char *method, *target, *type, *body;
    unsigned status;
    const char *problem, *field;
  } rows[] = {
    { "GET", "/api/v1/nothing", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1/listeners/", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1/listeners/01", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1/listeners/-1", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1/listeners/99999999999999999999", NULL, NULL, 404, "not-found", NULL },
    { "GET", "/api/v1//listeners", NULL, NULL, 404, "not-found", NULL },
    { "PUT", "/api/v1/listeners/1", "application/json", "{}", 405, "method-not-allowed", NULL },
    { "OPTIONS", "/api/v1/listeners", NULL, NULL, 405, "method-not-allowed", NULL },
    { "GET", "/api/v1/listeners?lmit=1", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?limit=0", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?limit=1001", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?limit=1&limit=2", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?cursor=x", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?limit=%zz", NULL, NULL, 400, "malformed", NULL },
    { "GET", "/api/v1/listeners?dry_run=true", NULL, NULL, 400, "malformed", NULL },
    { "POST", "/api/v1/listeners?dry_run=yes", NULL, "{}", 400, "malformed", NULL },
    { "POST", "/api/v1/listeners", "text/plain", "{}", 415, "unsupported-media-type", NULL },
    { "POST", "/api/v1/listeners", "application/x-www-form-urlencoded", "a=b", 415,
      "unsupported-media-type", NULL },
    { "POST", "/api/v1/listeners", "application/jsonp", "{}", 415, "unsupported-media-type", NULL },
    { "POST", "/api/v1/listeners", "Application/JSON; charset=utf-8", "{}", 422, "invalid-value",
      "name" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"protocol\":\"gopher\"}", 422,
      "invalid-value", "protocol" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"protocol\":\"http\",\"port\":65536}",
      422, "invalid-value", "port" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"protocol\":\"http\",\"port\":\"80\"}",
      422, "invalid-value", "port" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"protocol\":\"http\",\"port\":80.5}",
      422, "invalid-value", "port" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\\nb\",\"protocol\":\"http\"}", 422,
      "invalid-value", "name" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"\",\"protocol\":\"http\"}", 422,
      "invalid-value", "name" },
    { "POST", "/api/v1/listeners", NULL, "{\"name\":\"a\",\"name\":\"b\"}", 400, "malformed",
      NULL },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"urll\":1}]}", 400,
      "unknown-member", "targets[0].urll" },
    { "POST", "/api/v1/routes", NULL, "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{}]}", 422,
      "invalid-value", "targets[0].name" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"id\":77,\"name\":\"t\"}]}", 422,
      "invalid-value", "targets[0]" },
    { "POST", "/api/v1/routes", NULL, "{\"name\":\"a\",\"listener_id\":1,\"action\":\"redirect\"}",
      422, "invalid-value", "redirect_target" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"weight\":0}]}",
      422, "invalid-value", "targets[0].weight" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"priority_group\":1001}]}",
      422, "invalid-value", "targets[0].priority_group" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"agent_load_balancing\":\"fair\"}]}",
      422, "invalid-value", "targets[0].agent_load_balancing" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"target_load_balancing\":\"least_active\"}", 422,
      "invalid-value", "target_load_balancing" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"redirect_status_code\":303,\"action\":\"redirect\","
      "\"redirect_target\":\"//evil\"}",
      422, "invalid-value", "redirect_target" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"redirect_status_code\":306}", 422, "invalid-value",
      "redirect_status_code" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"redirect_status_code\":200}", 422, "invalid-value",
      "redirect_status_code" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"max_connections\":-1}]}",
      422, "invalid-value", "targets[0].max_connections" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_request_headers\":[{\"name\":\"X-A\",\"value\":\"********\"}]}]}",
      422, "invalid-value", "targets[0].upstream_request_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_request_headers\":[{\"name\":\"X_Forwarded_For\",\"value\":\"x\"}]}]}",
      422, "invalid-value", "targets[0].upstream_request_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_request_headers\":[{\"name\":\"Host\",\"value\":\"x\"}]}]}",
      422, "invalid-value", "targets[0].upstream_request_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_request_headers\":[{\"name\":\"X-A\",\"value\":\"x\",\"sensitive\":1}]}]}",
      422, "invalid-value", "targets[0].upstream_request_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"static_response_headers\":[{\"name\":\"X-A\",\"value\":\"x\",\"sensitive\":true}]}]}",
      422, "invalid-value", "targets[0].static_response_headers[0]" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_basic_auth\":{\"username\":\"a\",\"password\":\"********\"}}]}",
      422, "invalid-value", "targets[0].upstream_basic_auth.password" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_basic_auth\":{\"password\":\"p\"}}]}",
      422, "invalid-value", "targets[0].upstream_basic_auth" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"upstream_basic_auth\":{\"user\":\"p\"}}]}",
      400, "unknown-member", "targets[0].upstream_basic_auth.user" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"health_check\":{\"interval_ms\":999}}]}",
      422, "invalid-value", "targets[0].health_check.interval_ms" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"health_check\":{\"interval_ms\":1000,\"timeout_ms\":1001}}]}",
      422, "invalid-value", "targets[0].health_check.timeout_ms" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"health_check\":{\"method\":\"POST\"}}]}",
      422, "invalid-value", "targets[0].health_check.method" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"url\":\"http://"
      "o\",\"health_check\":{\"expected_status_min\":300,\"expected_status_max\":200}}]}",
      422, "invalid-value", "targets[0].health_check.expected_status_max" },
    { "POST", "/api/v1/listeners", NULL,
      "{\"name\":\"a\",\"protocol\":\"http\",\"trusted_proxy_cidrs\":[\"::/0\",\"10.0.0.0/40\"]}",
      422, "invalid-value", "trusted_proxy_cidrs[1]" },
    { "POST", "/api/v1/listeners", NULL,
      "{\"name\":\"a\",\"protocol\":\"http\",\"accept_proxy_protocol\":\"v3\"}", 422,
      "invalid-value", "accept_proxy_protocol" },
    { "POST", "/api/v1/routes", NULL, "{\"name\":\"a\",\"listener_id\":4711}", 422, "invalid-value",
      "listener_id" },
    { "POST", "/api/v1/routes", NULL,
      "{\"name\":\"a\",\"listener_id\":1,\"targets\":[{\"name\":\"t\",\"type\":\"static\","
      "\"static_response_headers\":[{\"name\":\"Content-Length\",\"value\":\"1\"}]}]}",
      422, "invalid-value", "targets[0].static_response_headers[0]" },
    { "POST", "/api/v1/agents", NULL,
      "{\"name\":\"a\",\"labels\":{\"p2pstream.io/agent-id\":\"forged\"}}", 422, "invalid-value",
      "labels.p2pstream.io/agent-id" },
    { "POST", "/api/v1/agents", NULL, "{\"name\":\"a\",\"labels\":{\"x\":1}}", 422, "invalid-value",
      "labels.x" },
    { "POST", "/api/v1/tokens", NULL, "{\"name\":\"a\",\"role\":\"root\"}", 422, "invalid-value",
      "role" },
    { "POST", "/api/v1/tokens", NULL, "{\"name\":\"a\",\"expires_at\":\"2001-01-01T00:00:00Z\"}",
      422, "invalid-value", "expires_at" },
    { "POST", "/api/v1/tokens", NULL, "{\"name\":\"a\",\"expires_at\":\"tomorrow\"}", 422,
      "invalid-value", "expires_at" },
    { "GET", "/api/v1/audit?from=yesterday", NULL, NULL, 400, "malformed", NULL },
  };

  (void) data;
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *authorization = g_strconcat ("Bearer ", fixture->session, NULL);
      ApiInput input = { .authorization = p2p_span_from_string (authorization),
                         .content_type = p2p_span_from_string (rows[i].type) };
      g_auto (Reply) reply = api_call_with (input, rows[i].method, rows[i].target, rows[i].body);
      g_autofree char *allow = reply_dup_field (&reply, "Allow");
      g_autofree char *type = reply_dup_field (&reply, "Content-Type");

      g_test_message ("%s %s %s", rows[i].method, rows[i].target, rows[i].body ? rows[i].body : "");
      assert_reply (reply, rows[i].status);
      g_assert_cmpstr (reply_problem (&reply), ==, rows[i].problem);
      g_assert_cmpstr (type, ==, "application/problem+json");
      g_assert_cmpint (allow != NULL, ==, rows[i].status == 405);
      if (rows[i].field)
        g_assert_true (reply_has_error (&reply, rows[i].field));
    }
}

/* --- What resources have of their own --------------------------------------------------------- */

static void
test_listener_runs (ApiFixture *fixture, const void *data)
{
  unsigned audit = count_audit (fixture);
  const char *operator_token = fixture->tokens[STORE_ROLE_OPERATOR];
  g_auto (Reply) before = api_call ("GET", "/api/v1/listeners/1", operator_token, NULL);
  g_auto (Reply) start = api_call ("POST", "/api/v1/listeners/1/start", operator_token, NULL);
  JsonObject *status;

  (void) data;
  assert_reply (start, 200);
  status = json_object_get_object_member (start.json, "status");
  g_assert_cmpstr (json_object_get_string_member (status, "state"), ==, "running");
  g_assert_cmpint (json_object_get_int_member (status, "bound_port"), ==, 4711);
  g_assert_cmpint (json_object_get_int_member (start.json, "version"), ==,
                   json_object_get_int_member (before.json, "version"));
  g_assert_cmpuint (count_audit (fixture), ==, audit + 1);
  {
    g_auto (Reply) stop = api_call ("POST", "/api/v1/listeners/1/stop", operator_token, "{}");
    g_auto (Reply) viewer = api_call ("POST", "/api/v1/listeners/1/stop",
                                      fixture->tokens[STORE_ROLE_VIEWER], NULL);
    g_auto (Reply) none = api_call ("POST", "/api/v1/listeners/99/start", operator_token, NULL);

    assert_reply (stop, 200);
    g_assert_cmpstr (api_fake_heard, ==, "stop 1");
    assert_reply (viewer, 403);
    assert_reply (none, 404);
  }
  {
    g_auto (Reply) made = api_call ("POST", "/api/v1/listeners", fixture->session,
                                    "{\"name\":\"taken\",\"protocol\":\"http\",\"port\":81}");
    g_auto (Reply) taken = api_call ("POST", "/api/v1/listeners/2/start", operator_token, NULL);

    assert_reply (made, 201);
    assert_reply (taken, 409);
  }
}

static void
test_listener_in_use (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made = api_call ("POST", "/api/v1/routes", fixture->session,
                                  "{\"name\":\"r\",\"listener_id\":1}");
  g_auto (Reply) gone = api_call ("DELETE", "/api/v1/listeners/1", fixture->session, NULL);

  (void) data;
  assert_reply (made, 201);
  assert_reply (gone, 409);
  g_assert_cmpstr (reply_problem (&gone), ==, "in-use");
}

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
  path = path_of ("/api/v1/routes", reply_id (&made));
  g_assert_cmpuint (json_array_get_length (targets_of (&made)), ==, 2);
  one = json_object_get_int_member (target_at (&made, 0), "id");
  two = json_object_get_int_member (target_at (&made, 1), "id");
  g_assert_cmpint (json_object_get_int_member (target_at (&made, 0),
                                               "upstream_response_header_timeout_ms"), ==, 60000);
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
  g_autofree char *path = path_of ("/api/v1/routes", id);
  g_autofree char *body
      = g_strdup_printf ("{\"targets\":[{\"id\":%" G_GINT64_FORMAT ",%s}]}",
                         json_object_get_int_member (target_at (made, 0), "id"), members);
  g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, body);

  assert_reply (reply, status);
  g_assert_null (strstr (reply.text, CANARY));
  return stored_route (fixture, id);
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
  path = path_of ("/api/v1/routes", reply_id (&made));
  /* Sent back as it was read: nothing changes, no version, no audit row. */
  {
    unsigned audit = count_audit (fixture);
    g_auto (Reply) same = api_call ("PATCH", path, fixture->session, made.text);

    assert_reply (same, 200);
    g_assert_cmpint (json_object_get_int_member (same.json, "version"), ==, 1);
    g_assert_cmpuint (count_audit (fixture), ==, audit);
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
      g_autofree char *name = g_strdup_printf ("r%u", i);
      g_autofree char *body = body_for (1, name);
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
    g_auto (Reply) list
        = api_call ("GET", "/api/v1/routes?listener_id=1", fixture->session, NULL);
    JsonArray *items = json_object_get_array_member (list.json, "items");
    static const int64_t wanted[] = { 20, 30, 10 };

    assert_reply (reply, 200);
    for (unsigned i = 0; i < 3; i++)
      g_assert_cmpint (json_object_get_int_member (json_array_get_object_element (items, i),
                                                   "priority"), ==, wanted[i]);
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

static void
test_agents (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made = api_call ("POST", "/api/v1/agents", fixture->session,
                                  "{\"name\":\"edge\",\"labels\":{\"a\":\"1\",\"b\":\"2\"}}");
  g_autofree char *path = NULL;
  g_autofree char *rotate = NULL;
  JsonObject *status;

  (void) data;
  assert_reply (made, 201);
  g_assert_true (g_str_has_prefix (json_object_get_string_member (made.json, "token"), "p2pag_"));
  g_assert_cmpstr (json_object_get_string_member (
                       json_object_get_object_member (made.json, "system_labels"),
                       "p2pstream.io/agent-id"), ==,
                   json_object_get_string_member (made.json, "public_id"));
  status = json_object_get_object_member (made.json, "status");
  g_assert_cmpstr (json_object_get_string_member (status, "state"), ==, "offline");
  path = path_of ("/api/v1/agents", reply_id (&made));
  rotate = g_strconcat (path, "/rotate-token", NULL);
  {
    g_auto (Reply) reply
        = api_call ("PATCH", path, fixture->session, "{\"labels\":{\"b\":null,\"c\":\"3\"}}");
    JsonObject *labels = json_object_get_object_member (reply.json, "labels");

    assert_reply (reply, 200);
    g_assert_cmpuint (json_object_get_size (labels), ==, 2);
    g_assert_cmpstr (json_object_get_string_member (labels, "a"), ==, "1");
    g_assert_cmpstr (json_object_get_string_member (labels, "c"), ==, "3");
  }
  {
    g_auto (Reply) reply = api_call ("POST", rotate, fixture->session, NULL);
    assert_reply (reply, 200);
    g_assert_cmpstr (json_object_get_string_member (reply.json, "token"), !=,
                     json_object_get_string_member (made.json, "token"));
    g_assert_nonnull (strstr (api_fake_heard, "token rotated"));
  }
  {
    g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, "{\"enabled\":false}");
    assert_reply (reply, 200);
    g_assert_nonnull (strstr (api_fake_heard, "disabled"));
  }
  {
    g_auto (Reply) reply = api_call ("DELETE", path, fixture->session, NULL);
    assert_reply (reply, 204);
    g_assert_nonnull (strstr (api_fake_heard, "deleted"));
  }
}

static void
test_audit (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made
      = api_call ("POST", "/api/v1/agents", fixture->session, "{\"name\":\"canary\"}");
  g_auto (Reply) list = api_call ("GET", "/api/v1/audit?resource=agents&principal=user:admin",
                                  fixture->tokens[STORE_ROLE_VIEWER], NULL);
  g_autofree char *request_id = reply_dup_field (&made, "X-Request-Id");
  JsonObject *row;

  (void) data;
  assert_reply (made, 201);
  assert_reply (list, 200);
  row = json_array_get_object_element (json_object_get_array_member (list.json, "items"), 0);
  g_assert_cmpstr (json_object_get_string_member (row, "action"), ==, "create");
  g_assert_cmpstr (json_object_get_string_member (row, "request_id"), ==, request_id);
  g_assert_cmpstr (json_object_get_string_member (row, "address"), ==, "127.0.0.1");
  g_assert_cmpint (json_object_get_int_member (row, "object_id"), ==, reply_id (&made));
  g_assert_cmpstr (json_object_get_string_member (json_object_get_object_member (row, "after"),
                                                  "name"), ==, "canary");
  /* No token, no hash, no password anywhere in the trail. */
  {
    g_auto (Reply) all = api_call ("GET", "/api/v1/audit?limit=1000", fixture->session, NULL);
    g_assert_null (strstr (all.text, json_object_get_string_member (made.json, "token")));
    g_assert_null (strstr (all.text, FIXTURE_PASSWORD));
    g_assert_null (strstr (all.text, "sha256"));
    g_assert_null (strstr (all.text, "$y$"));
  }
}

static void
test_about (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) about = api_call ("GET", "/api/v1/about", fixture->session, NULL);
  g_auto (Reply) health = api_call ("GET", "/healthz", NULL, NULL);
  g_auto (Reply) starting = api_call ("GET", "/readyz", NULL, NULL);
  g_auto (Reply) text = api_call ("GET", "/api/v1/openapi.yaml", NULL, NULL);
  g_autofree char *type = reply_dup_field (&text, "Content-Type");

  (void) data;
  assert_reply (about, 200);
  g_assert_cmpstr (json_object_get_string_member (about.json, "api"), ==, "1.0");
  g_assert_cmpstr (json_object_get_string_member (about.json, "public_url"), ==,
                   FIXTURE_PUBLIC_URL);
  g_assert_cmpuint (strlen (json_object_get_string_member (about.json, "instance_id")), ==, 32);
  assert_reply (health, 200);
  assert_reply (starting, 503);
  api_set_ready (true);
  {
    g_auto (Reply) ready = api_call ("GET", "/readyz", NULL, NULL);
    assert_reply (ready, 200);
  }
  assert_reply (text, 200);
  g_assert_cmpstr (type, ==, "application/yaml");
  g_assert_true (g_str_has_prefix (text.text, "# SPDX")
                 || g_str_has_prefix (text.text, "openapi: 3.1"));
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

#define ADD(name, func)                                                                            \
  g_test_add ("/api/resources/" name, ApiFixture, NULL, init, func, api_fixture_done)

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  ADD ("lifecycle", test_lifecycle);
  ADD ("create-dry-run", test_create_dry_run);
  ADD ("cursors", test_cursors);
  ADD ("bad-requests", test_bad_requests);
  ADD ("listener-runs", test_listener_runs);
  ADD ("listener-in-use", test_listener_in_use);
  ADD ("route-targets", test_route_targets);
  ADD ("target-health", test_target_health);
  ADD ("secrets-kept", test_secrets_kept);
  ADD ("secrets-change", test_secrets_change);
  ADD ("redirect-route", test_redirect_route);
  ADD ("route-order", test_route_order);
  ADD ("explain", test_explain);
  ADD ("agents", test_agents);
  ADD ("audit", test_audit);
  ADD ("about", test_about);
  return g_test_run ();
}
