/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Sign-in, cookies, passwords, sessions and tokens. */
#include "lib/clock.h"
#include "lib/lock.h"
#include "tests/unit/api-fixture.h"

#include <string.h>

static void
test_login (ApiFixture *fixture, const void *data)
{
  static const struct
  {
    const char *body;
    unsigned status;
    const char *problem;
  } rows[] = {
    { "{\"username\":\"admin\",\"password\":\"" FIXTURE_PASSWORD "\"}", 200, "" },
    { "{\"username\":\"admin\",\"password\":\"wrong\"}", 401, "wrong-credentials" },
    { "{\"username\":\"nobody\",\"password\":\"wrong\"}", 401, "wrong-credentials" },
    { "{\"username\":\"admin\"}", 422, "invalid-value" },
    { "{\"username\":\"admin\",\"password\":3}", 422, "invalid-value" },
    { "{\"username\":\"admin\",\"password\":\"x\",\"passwort\":\"x\"}", 400, "unknown-member" },
    { "{\"username\":\"admin\",\"password\":\"x\",\"session\":\"tin\"}", 422, "invalid-value" },
    { "[]", 400, "malformed" },
    { "{", 400, "malformed" },
    { "", 400, "malformed" },
  };
  g_autofree char *unknown = NULL;

  (void) fixture;
  (void) data;
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_auto (Reply) reply = api_call ("POST", "/api/v1/login", NULL, rows[i].body);

      g_test_message ("%s", rows[i].body);
      assert_reply (reply, rows[i].status);
      g_assert_cmpstr (reply_problem (&reply), ==, rows[i].problem);
      if (rows[i].status == 401)
        {
          const char *detail = json_object_get_string_member (reply.json, "detail");

          g_assert_true (!unknown || g_str_equal (unknown, detail));
          g_free (unknown);
          unknown = g_strdup (detail);
        }
      if (rows[i].status == 200)
        g_assert_null (reply_dup_field (&reply, "Set-Cookie"));
    }
}

/* What a login with a wrong password takes, for unknown names and a known one in turn. Noise only
 * adds to a time, so the shortest of each are compared. */
static double
login_time_ratio (unsigned round)
{
  int64_t shortest[2] = { INT64_MAX, INT64_MAX };

  for (unsigned i = 0; i < 15; i++)
    for (unsigned k = 0; k < 2; k++)
      {
        g_autofree char *name = k ? g_strdup ("admin") : g_strdup_printf ("nobody%u", i);
        g_autofree char *body = api_login_body (name, "wrong password");
        g_autofree char *address = g_strdup_printf ("10.%u.%u.%u", round, k, i);
        ApiInput input = { .address = address };
        int64_t start = p2p_now_us ();
        g_auto (Reply) reply = api_call_with (input, "POST", "/api/v1/login", body);

        shortest[k] = MIN (shortest[k], p2p_now_us () - start);
        assert_reply (reply, 401);
      }
  g_test_message ("unknown %" G_GINT64_FORMAT " us, known %" G_GINT64_FORMAT " us", shortest[0],
                  shortest[1]);
  return (double) shortest[0] / (double) shortest[1];
}

/* The store's answer and the hash for an unknown name cost what those for a known one do. Without
 * the same hash on both sides the ratio is far beyond 1.5, in every round; the machine's noise is
 * not. Three rounds are as many logins as are let through. */
static void
test_login_timing (ApiFixture *fixture, const void *data)
{
  double ratio = 0;

  (void) fixture;
  (void) data;
  for (unsigned round = 0; round < 3 && (ratio >= 1.5 || ratio <= 1 / 1.5); round++)
    ratio = login_time_ratio (round);
  g_assert_cmpfloat (ratio, <, 1.5);
  g_assert_cmpfloat (ratio, >, 1 / 1.5);
}

static char *
cookie_of (const Reply *reply)
{
  g_autofree char *field = reply_dup_field (reply, "Set-Cookie");

  g_assert_nonnull (field);
  g_assert_nonnull (strstr (field, "HttpOnly"));
  g_assert_nonnull (strstr (field, "SameSite=Lax"));
  g_assert_true (g_str_has_prefix (field, "p2pstream_session_8081="));
  return g_strndup (field, strcspn (field, ";"));
}

static void
test_cookie (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) login = api_call ("POST", "/api/v1/login", NULL,
                                   "{\"username\":\"admin\",\"password\":\"" FIXTURE_PASSWORD
                                   "\",\"session\":\"cookie\"}");
  g_autofree char *cookie = NULL;
  static const struct
  {
    const char *method, *origin, *site;
    unsigned status;
  } rows[] = {
    { "GET", NULL, NULL, 200 },
    { "GET", "http://evil.test", "cross-site", 200 },
    { "POST", NULL, NULL, 403 },
    { "POST", "http://evil.test", NULL, 403 },
    { "POST", "null", NULL, 403 },
    { "POST", "http://admin.test:8081", "cross-site", 403 },
    { "POST", "http://admin.test:8081", "same-site", 403 },
    { "POST", "http://admin.test:8081", NULL, 201 },
    { "POST", NULL, "same-origin", 201 },
  };

  (void) fixture;
  (void) data;
  assert_reply (login, 200);
  g_assert_false (json_object_has_member (login.json, "token"));
  cookie = cookie_of (&login);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      bool post = rows[i].method[0] == 'P';
      g_autofree char *body = post ? g_strdup_printf ("{\"name\":\"t%zu\"}", i) : NULL;
      ApiInput input = { .cookie = p2p_span_from_string (cookie),
                         .host = P2P_SPAN ("admin.test:8081"),
                         .origin = p2p_span_from_string (rows[i].origin),
                         .sec_fetch_site = p2p_span_from_string (rows[i].site) };
      g_auto (Reply) reply = api_call_with (input, rows[i].method, "/api/v1/tokens", body);

      g_test_message ("row %zu", i);
      assert_reply (reply, rows[i].status);
    }
  /* The token of a cookie is no bearer token, and the other way round. */
  {
    g_auto (Reply) reply = api_call ("GET", "/api/v1/me", strchr (cookie, '=') + 1, NULL);
    assert_reply (reply, 401);
  }
  {
    ApiInput input
        = { .cookie = p2p_span_from_string (cookie), .sec_fetch_site = P2P_SPAN ("same-origin") };
    g_auto (Reply) reply = api_call_with (input, "POST", "/api/v1/logout", NULL);
    g_auto (Reply) after = api_call_with (input, "GET", "/api/v1/me", NULL);

    assert_reply (reply, 204);
    assert_reply (after, 401);
  }
}

/* A page of another origin cannot sign its reader in. */
static void
test_login_csrf (ApiFixture *fixture, const void *data)
{
  ApiInput input = { .host = P2P_SPAN ("admin.test"), .origin = P2P_SPAN ("https://evil.test") };
  g_auto (Reply) reply
      = api_call_with (input, "POST", "/api/v1/login",
                       "{\"username\":\"admin\",\"password\":\"" FIXTURE_PASSWORD "\"}");

  (void) fixture;
  (void) data;
  assert_reply (reply, 403);
  g_assert_cmpstr (reply_problem (&reply), ==, "cross-origin");
}

static void
test_password (ApiFixture *fixture, const void *data)
{
  g_autofree char *body = api_login_body ("admin", FIXTURE_PASSWORD);
  g_autofree char *other = NULL;

  (void) data;
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/login", NULL, body);
    assert_reply (reply, 200);
    other = g_strdup (json_object_get_string_member (reply.json, "token"));
  }
  {
    g_auto (Reply) reply
        = api_call ("POST", "/api/v1/me/password", fixture->session,
                    "{\"current_password\":\"wrong\",\"new_password\":\"another long one\"}");
    assert_reply (reply, 401);
  }
  {
    g_auto (Reply) reply
        = api_call ("POST", "/api/v1/me/password", fixture->session,
                    "{\"current_password\":\"" FIXTURE_PASSWORD "\",\"new_password\":\"short\"}");
    assert_reply (reply, 422);
    g_assert_true (reply_has_error (&reply, "new_password"));
  }
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/me/password", fixture->session,
                                     "{\"current_password\":\"" FIXTURE_PASSWORD
                                     "\",\"new_password\":\"another long one\"}");
    assert_reply (reply, 204);
  }
  {
    g_auto (Reply) own = api_call ("GET", "/api/v1/me", fixture->session, NULL);
    g_auto (Reply) theirs = api_call ("GET", "/api/v1/me", other, NULL);
    g_auto (Reply) login = api_call ("POST", "/api/v1/login", NULL, body);

    assert_reply (own, 200);
    assert_reply (theirs, 401);
    assert_reply (login, 401);
  }
  {
    g_auto (Reply) reply
        = api_call ("POST", "/api/v1/me/password", fixture->tokens[STORE_ROLE_ADMIN],
                    "{\"current_password\":\"x\",\"new_password\":\"another long one\"}");
    assert_reply (reply, 403);
  }
}

static void
test_sessions (ApiFixture *fixture, const void *data)
{
  g_autofree char *body = api_login_body ("admin", FIXTURE_PASSWORD);
  g_autofree char *other = NULL;
  int64_t id = 0;

  (void) data;
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/login", NULL, body);
    assert_reply (reply, 200);
    other = g_strdup (json_object_get_string_member (reply.json, "token"));
  }
  {
    g_auto (Reply) reply = api_call ("GET", "/api/v1/sessions", fixture->session, NULL);
    JsonArray *items = json_object_get_array_member (reply.json, "items");

    assert_reply (reply, 200);
    g_assert_cmpuint (json_array_get_length (items), ==, 2);
    for (unsigned i = 0; i < 2; i++)
      {
        JsonObject *sess = json_array_get_object_element (items, i);

        g_assert_false (json_object_has_member (sess, "token"));
        if (!json_object_get_boolean_member (sess, "current"))
          id = json_object_get_int_member (sess, "id");
      }
  }
  {
    g_autofree char *path = g_strdup_printf ("/api/v1/sessions/%" G_GINT64_FORMAT, id);
    g_auto (Reply) viewer = api_call ("DELETE", path, fixture->tokens[STORE_ROLE_VIEWER], NULL);
    g_auto (Reply) mine
        = api_call ("GET", "/api/v1/sessions", fixture->tokens[STORE_ROLE_VIEWER], NULL);
    g_auto (Reply) gone = api_call ("DELETE", path, fixture->session, NULL);
    g_auto (Reply) again = api_call ("DELETE", path, fixture->session, NULL);
    g_auto (Reply) after = api_call ("GET", "/api/v1/me", other, NULL);

    assert_reply (viewer, 403);
    g_assert_cmpuint (json_array_get_length (json_object_get_array_member (mine.json, "items")), ==,
                      0);
    assert_reply (gone, 204);
    assert_reply (again, 404);
    assert_reply (after, 401);
  }
}

static void
patch_token (ApiFixture *fixture, int64_t id, const char *body)
{
  g_autofree char *path = g_strdup_printf ("/api/v1/tokens/%" G_GINT64_FORMAT, id);
  g_auto (Reply) reply = api_call ("PATCH", path, fixture->session, body);

  assert_reply (reply, 200);
  g_assert_false (json_object_has_member (reply.json, "token"));
}

static unsigned
status_with (const char *token)
{
  g_auto (Reply) reply = api_call ("GET", "/api/v1/about", token, NULL);

  return reply.status;
}

static void
test_tokens (ApiFixture *fixture, const void *data)
{
  g_auto (Reply) made = api_call ("POST", "/api/v1/tokens", fixture->session, "{\"name\":\"ci\"}");
  g_autofree char *path = NULL;
  const char *token;
  int64_t id;

  (void) data;
  assert_reply (made, 201);
  id = reply_id (&made);
  token = json_object_get_string_member (made.json, "token");
  g_assert_true (g_str_has_prefix (token, "p2pat_"));
  g_assert_cmpuint (strlen (token), ==, 6 + 43);
  g_assert_cmpstr (json_object_get_string_member (made.json, "role"), ==, "admin");
  g_assert_cmpuint (status_with (token), ==, 200);

  patch_token (fixture, id, "{\"enabled\":false}");
  g_assert_cmpuint (status_with (token), ==, 401);
  patch_token (fixture, id, "{\"enabled\":true}");
  g_assert_cmpuint (status_with (token), ==, 200);
  patch_token (fixture, id, "{\"expires_at\":\"2001-01-01T00:00:00Z\"}");
  g_assert_cmpuint (status_with (token), ==, 401);
  patch_token (fixture, id, "{\"expires_at\":null}");
  g_assert_cmpuint (status_with (token), ==, 200);
  path = g_strdup_printf ("/api/v1/tokens/%" G_GINT64_FORMAT, id);
  {
    g_auto (Reply) reply = api_call ("DELETE", path, fixture->session, NULL);
    assert_reply (reply, 204);
  }
  g_assert_cmpuint (status_with (token), ==, 401);
  g_assert_cmpuint (status_with ("p2pat_wrong"), ==, 401);
  g_assert_cmpuint (status_with ("p2pst_wrong"), ==, 401);
  g_assert_cmpuint (status_with (FAKE_AGENT_TOKEN), ==, 401);
  g_assert_cmpuint (status_with (NULL), ==, 401);
}

/* A certificate that is wanted comes after the token and never instead of it. */
static void
assert_certificates (ApiInput input, const char *body)
{
  ApiInput wrong = input;
  static const struct
  {
    bool wanted, certified;
    unsigned status;
  } rows[]
      = { { false, false, 204 }, { false, true, 204 }, { true, false, 403 }, { true, true, 204 } };

  wrong.authorization = P2P_SPAN ("Bearer p2pag_wrong");
  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      api_fake_certificates = rows[i].wanted;
      input.certified = wrong.certified = rows[i].certified;
      {
        g_auto (Reply) reply = api_call_with (input, "POST", "/api/v1/agent/stats", body);
        assert_reply (reply, rows[i].status);
      }
      {
        g_auto (Reply) reply = api_call_with (wrong, "POST", "/api/v1/agent/stats", body);
        assert_reply (reply, 401);
      }
    }
  api_fake_certificates = false;
}

static void
test_agent_token (ApiFixture *fixture, const void *data)
{
  ApiInput input = { .authorization = P2P_SPAN ("Bearer " FAKE_AGENT_TOKEN),
                     .agent_id = P2P_SPAN (FAKE_AGENT_ID) };
  g_autofree char *admin = g_strconcat ("Bearer ", fixture->session, NULL);
  static const char body[] = "{\"memory_bytes\":123,\"cpu_percent\":1.5,\"version\":\"9\"}";

  (void) data;
  {
    g_auto (Reply) reply = api_call_with (input, "POST", "/api/v1/agent/stats", body);
    assert_reply (reply, 204);
    g_assert_cmpstr (api_fake_heard, ==, "report 7 memory 123 version 9");
  }
  assert_certificates (input, body);
  {
    g_auto (Reply) reply
        = api_call_with (input, "POST", "/api/v1/agent/stats", "{\"cpu_percent\":-1}");
    assert_reply (reply, 422);
  }
  input.authorization = p2p_span_from_string (admin);
  {
    g_auto (Reply) reply = api_call_with (input, "POST", "/api/v1/agent/stats", body);
    assert_reply (reply, 401);
  }
}

#define ADD(name, init, func)                                                                      \
  g_test_add ("/api/auth/" name, ApiFixture, NULL, init, func, api_fixture_done)

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  ADD ("login", api_fixture_init, test_login);
  ADD ("login-timing", api_fixture_init, test_login_timing);
  ADD ("login-csrf", api_fixture_init, test_login_csrf);
  ADD ("cookie", api_fixture_init, test_cookie);
  ADD ("password", api_fixture_init, test_password);
  ADD ("sessions", api_fixture_init, test_sessions);
  ADD ("tokens", api_fixture_init, test_tokens);
  ADD ("agent-token", api_fixture_init, test_agent_token);
  return g_test_run ();
}
