/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The conventions of the API, on every resource: versions and If-Match, cursors, dry runs, merge
 * patches, one audit row for each change; and what listeners, agents and the audit have of their
 * own. */
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
  unsigned audit = api_fixture_count_audit (fixture);

  {
    g_auto (Reply) reply = api_call ("POST", collection, fixture->session, body);
    g_autofree char *location = reply_dup_field (&reply, "Location");

    assert_reply (reply, 201);
    path = api_object_path (collection, reply_id (&reply));
    g_assert_cmpstr (location, ==, path);
    first = tag_of (&reply);
    g_assert_cmpint (json_object_get_int_member (reply.json, "version"), ==, 1);
  }
  g_assert_cmpuint (api_fixture_count_audit (fixture), ==, ++audit);
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
  g_assert_cmpuint (api_fixture_count_audit (fixture), ==, audit);
  {
    g_auto (Reply) same = api_call ("PATCH", path, fixture->session, "{\"name\":\"one\"}");
    g_autofree char *tag = tag_of (&same);
    assert_reply (same, 200);
    g_assert_cmpstr (tag, ==, first);
  }
  g_assert_cmpuint (api_fixture_count_audit (fixture), ==, audit);
  {
    g_auto (Reply) reply = call_if (fixture, "PATCH", path, "{\"name\":\"two\"}", first);
    assert_reply (reply, 200);
    second = tag_of (&reply);
    g_assert_cmpstr (second, !=, first);
    g_assert_cmpstr (json_object_get_string_member (reply.json, "name"), ==, "two");
  }
  g_assert_cmpuint (api_fixture_count_audit (fixture), ==, ++audit);
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
  g_assert_cmpuint (api_fixture_count_audit (fixture), ==, ++audit);
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
      unsigned audit = api_fixture_count_audit (fixture);
      g_auto (Reply) dry = api_call ("POST", path, fixture->session, body);
      g_auto (Reply) real = api_call ("POST", makers[i].path, fixture->session, body);

      assert_reply (dry, 200);
      g_assert_true (json_object_get_null_member (dry.json, "id"));
      g_assert_true (json_object_has_member (dry.json, "warnings"));
      g_assert_false (json_object_has_member (dry.json, "token"));
      assert_reply (real, 201);
      g_assert_false (json_object_has_member (real.json, "warnings"));
      g_assert_cmpuint (api_fixture_count_audit (fixture), ==, audit + 1);
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

/* --- What resources have of their own --------------------------------------------------------- */

static void
test_listener_runs (ApiFixture *fixture, const void *data)
{
  unsigned audit = api_fixture_count_audit (fixture);
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
  g_assert_cmpuint (api_fixture_count_audit (fixture), ==, audit + 1);
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
  path = api_object_path ("/api/v1/agents", reply_id (&made));
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

#define ADD(name, func)                                                                            \
  g_test_add ("/api/resources/" name, ApiFixture, NULL, api_fixture_init_listener, func,           \
              api_fixture_done)

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  ADD ("lifecycle", test_lifecycle);
  ADD ("create-dry-run", test_create_dry_run);
  ADD ("cursors", test_cursors);
  ADD ("listener-runs", test_listener_runs);
  ADD ("listener-in-use", test_listener_in_use);
  ADD ("agents", test_agents);
  ADD ("audit", test_audit);
  ADD ("about", test_about);
  return g_test_run ();
}
