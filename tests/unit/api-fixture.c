/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The API without a socket: see the header. */
#include "tests/unit/api-fixture.h"

#include "daemon/config/change.h"

#include <glib/gstdio.h>
#include <string.h>

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) entries = g_dir_open (path, 0, NULL);
  const char *name;

  while (entries && (name = g_dir_read_name (entries)))
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      remove_tree (child);
    }
  g_assert_cmpint (g_remove (path), ==, 0);
}

void
api_fixture_open_store (ApiFixture *fixture)
{
  g_autoptr (GError) error = NULL;

  fixture->dir = g_dir_make_tmp ("p2pstream-api-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->store = store_open (fixture->dir, &error);
  g_assert_no_error (error);
  g_assert_true (config_start (fixture->store, &error));
  fixture->setup_token_file = g_build_filename (fixture->dir, "setup-token", NULL);
  api_fake_heard[0] = '\0';
}

void
api_fixture_close_store (ApiFixture *fixture)
{
  config_stop ();
  store_close (fixture->store);
  remove_tree (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->setup_token_file);
}

void
api_fixture_init_empty (ApiFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  /* Gone when the calls are made: the core must not keep it. */
  g_autofree char *public_url = g_strdup (FIXTURE_PUBLIC_URL);
  ApiOptions options = { .setup_window_ms = 300000,
                         .session_idle_ms = 7 * 24 * 3600 * 1000,
                         .public_url = public_url };

  (void) data;
  api_fixture_open_store (fixture);
  options.store = fixture->store;
  options.setup_token_file = fixture->setup_token_file;
  options.port = 8081;
  api_core_start (&options, &error);
  g_assert_no_error (error);
}

char *
api_fixture_dup_setup_token (ApiFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  char *token = NULL;

  g_file_get_contents (fixture->setup_token_file, &token, NULL, &error);
  g_assert_no_error (error);
  return g_strstrip (token);
}

void
api_fixture_init (ApiFixture *fixture, const void *data)
{
  g_autofree char *token = NULL;
  g_autofree char *body = NULL;

  api_fixture_init_empty (fixture, data);
  token = api_fixture_dup_setup_token (fixture);
  body = g_strdup_printf ("{\"setup_token\":\"%s\",\"username\":\"admin\",\"password\":\"%s\"}",
                          token, FIXTURE_PASSWORD);
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/setup", NULL, body);

    assert_reply (reply, 201);
    fixture->session = g_strdup (json_object_get_string_member (reply.json, "token"));
  }
  for (int role = 0; role < 3; role++)
    {
      g_autofree char *text = g_strdup_printf ("{\"name\":\"%s\",\"role\":\"%s\"}",
                                               store_role_words[role], store_role_words[role]);
      g_auto (Reply) reply = api_call ("POST", "/api/v1/tokens", fixture->session, text);

      assert_reply (reply, 201);
      fixture->tokens[role] = g_strdup (json_object_get_string_member (reply.json, "token"));
    }
}

void
api_fixture_init_listener (ApiFixture *fixture, const void *data)
{
  api_fixture_init (fixture, data);
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/listeners", fixture->session,
                                     "{\"name\":\"base\",\"protocol\":\"http\",\"port\":0}");

    assert_reply (reply, 201);
    g_assert_cmpint (reply_id (&reply), ==, 1);
  }
}

void
api_fixture_done (ApiFixture *fixture, const void *data)
{
  (void) data;
  api_core_stop ();
  api_fixture_close_store (fixture);
  g_free (fixture->session);
  for (int role = 0; role < 3; role++)
    g_free (fixture->tokens[role]);
}

void
reply_clear (Reply *reply)
{
  g_clear_pointer (&reply->fields, g_free);
  g_clear_pointer (&reply->text, g_free);
  g_clear_pointer (&reply->root, json_node_unref);
}

Reply
api_call_with (ApiInput input, const char *method, const char *target, const char *body)
{
  g_autofree char *text = g_strdup (target);
  char *query = strchr (text, '?');
  ApiAnswer answer;
  Reply reply = { 0 };

  if (query)
    *query++ = '\0';
  input.method = p2p_span_from_string (method);
  input.path = p2p_span_from_string (text);
  input.query = p2p_span_from_string (query);
  input.body = p2p_span_from_string (body);
  if (!input.address)
    input.address = "127.0.0.1";
  if (body && input.content_type.n == 0)
    input.content_type = P2P_SPAN ("application/json");
  api_handle (&input, &answer);

  reply.status = answer.status;
  reply.fields = g_strdup (answer.fields->str);
  reply.text = g_strdup (answer.body ? answer.body : "");
  if (answer.n_body > 0 && answer.body[0] == '{')
    {
      reply.root = json_from_string (answer.body, NULL);
      g_assert_nonnull (reply.root);
      reply.json = json_node_get_object (reply.root);
    }
  api_answer_clear (&answer);
  return reply;
}

Reply
api_call (const char *method, const char *target, const char *bearer, const char *body)
{
  g_autofree char *authorization = bearer ? g_strconcat ("Bearer ", bearer, NULL) : NULL;
  ApiInput input = { .authorization = p2p_span_from_string (authorization) };

  return api_call_with (input, method, target, body);
}

char *
reply_dup_field (const Reply *reply, const char *name)
{
  g_auto (GStrv) lines = g_strsplit (reply->fields, "\r\n", -1);

  for (char **line = lines; *line; line++)
    {
      size_t n = strlen (name);

      if (g_ascii_strncasecmp (*line, name, n) == 0 && (*line)[n] == ':')
        return g_strdup (*line + n + 2);
    }
  return NULL;
}

const char *
reply_problem (const Reply *reply)
{
  static const char prefix[] = "urn:p2pstream:problem:";
  const char *type = reply->json && json_object_has_member (reply->json, "type")
                         ? json_object_get_string_member (reply->json, "type")
                         : "";

  return g_str_has_prefix (type, prefix) ? type + strlen (prefix) : "";
}

bool
reply_has_error (const Reply *reply, const char *field)
{
  JsonArray *errors = json_object_get_array_member (reply->json, "errors");

  for (unsigned i = 0; i < json_array_get_length (errors); i++)
    if (g_str_equal (json_object_get_string_member (json_array_get_object_element (errors, i),
                                                    "field"),
                     field))
      return true;
  g_test_message ("no error on %s in %s", field, reply->text);
  return false;
}

int64_t
reply_id (const Reply *reply)
{
  return json_object_get_int_member (reply->json, "id");
}

char *
api_login_body (const char *username, const char *password)
{
  return g_strdup_printf ("{\"username\":\"%s\",\"password\":\"%s\"}", username, password);
}

char *
api_object_path (const char *collection, int64_t id)
{
  return g_strdup_printf ("%s/%" G_GINT64_FORMAT, collection, id);
}

unsigned
api_fixture_count_audit (ApiFixture *fixture)
{
  g_auto (Reply) reply = api_call ("GET", "/api/v1/audit?limit=1000", fixture->session, NULL);

  assert_reply (reply, 200);
  return json_array_get_length (json_object_get_array_member (reply.json, "items"));
}
