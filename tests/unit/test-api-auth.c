/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* First run, sign-in, sessions, tokens, and who may do what: the matrix of roles is made from the
 * route table, so a new route cannot be forgotten. */
#include "daemon/api/password.h"
#include "daemon/api/setup.h"
#include "daemon/api/throttle.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "tests/unit/api-fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

static char *
setup_body (const char *token, const char *username, const char *password)
{
  return g_strdup_printf (
      "{\"setup_token\":\"%s\",\"username\":\"%s\",\"password\":\"%s\",\"session\":\"bearer\"}",
      token, username, password);
}

static char *
login_body (const char *username, const char *password)
{
  return g_strdup_printf ("{\"username\":\"%s\",\"password\":\"%s\"}", username, password);
}

static void
assert_setup (bool required, bool open)
{
  g_auto (Reply) reply = api_call ("GET", "/api/v1/setup", NULL, NULL);

  assert_reply (reply, 200);
  g_assert_cmpint (json_object_get_boolean_member (reply.json, "setup_required"), ==, required);
  g_assert_cmpint (json_object_get_boolean_member (reply.json, "window_open"), ==, open);
  g_assert_cmpint (json_object_get_int_member (reply.json, "window_seconds_left") > 0, ==, open);
}

static void
test_setup (ApiFixture *fixture, const void *data)
{
  g_autofree char *token = api_fixture_dup_setup_token (fixture);
  g_autofree char *wrong = setup_body ("wrong", "admin", FIXTURE_PASSWORD);
  g_autofree char *weak = setup_body (token, "Admin!", "short");
  g_autofree char *good = setup_body (token, "admin", FIXTURE_PASSWORD);
  GStatBuf status;

  (void) data;
  g_assert_cmpint (g_stat (fixture->setup_token_file, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  assert_setup (true, true);
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/setup", NULL, wrong);
    assert_reply (reply, 403);
    g_assert_cmpstr (reply_problem (&reply), ==, "wrong-setup-token");
  }
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/setup", NULL, weak);
    assert_reply (reply, 422);
    g_assert_true (reply_has_error (&reply, "username"));
    g_assert_true (reply_has_error (&reply, "password"));
  }
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/setup", NULL, good);
    const char *session;

    assert_reply (reply, 201);
    session = json_object_get_string_member (reply.json, "token");
    g_assert_true (g_str_has_prefix (session, "p2pst_"));
    {
      g_auto (Reply) me = api_call ("GET", "/api/v1/me", session, NULL);
      assert_reply (me, 200);
      g_assert_cmpstr (json_object_get_string_member (me.json, "role"), ==, "admin");
    }
  }
  g_assert_false (g_file_test (fixture->setup_token_file, G_FILE_TEST_EXISTS));
  assert_setup (false, false);
  {
    g_auto (Reply) reply = api_call ("POST", "/api/v1/setup", NULL, good);
    assert_reply (reply, 409);
    g_assert_cmpstr (reply_problem (&reply), ==, "setup-done");
  }
}

static void
test_setup_over (ApiFixture *fixture, const void *data)
{
  g_autofree char *token = api_fixture_dup_setup_token (fixture);
  g_autofree char *good = setup_body (token, "admin", FIXTURE_PASSWORD);
  g_auto (Reply) reply = { 0 };

  (void) data;
  setup_age (300001);
  assert_setup (true, false);
  reply = api_call ("POST", "/api/v1/setup", NULL, good);
  assert_reply (reply, 410);
  g_assert_cmpstr (reply_problem (&reply), ==, "setup-window-over");
}

static void *
setup_main (void *data)
{
  Reply reply = api_call ("POST", "/api/v1/setup", NULL, data);
  unsigned status = reply.status;

  reply_clear (&reply);
  return GUINT_TO_POINTER (status);
}

static void
test_setup_race (ApiFixture *fixture, const void *data)
{
  g_autofree char *token = api_fixture_dup_setup_token (fixture);
  GThread *threads[4];
  char *bodies[4];
  unsigned winners = 0;

  (void) data;
  for (unsigned i = 0; i < 4; i++)
    {
      g_autofree char *name = g_strdup_printf ("admin%u", i);

      bodies[i] = setup_body (token, name, FIXTURE_PASSWORD);
      threads[i] = g_thread_new ("setup", setup_main, bodies[i]);
    }
  for (unsigned i = 0; i < 4; i++)
    {
      unsigned status = GPOINTER_TO_UINT (g_thread_join (threads[i]));

      g_assert_true (status == 201 || status == 409);
      winners += status == 201;
      g_free (bodies[i]);
    }
  g_assert_cmpuint (winners, ==, 1);
}

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

static int
compare_times (const void *a, const void *b)
{
  int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;

  return (x > y) - (x < y);
}

/* The store's answer and the hash for an unknown name cost what those for a known one do. */
static void
test_login_timing (ApiFixture *fixture, const void *data)
{
  enum { TRIES = 15 };
  int64_t times[2][TRIES];
  double known, unknown;

  (void) fixture;
  (void) data;
  for (unsigned i = 0; i < TRIES; i++)
    for (unsigned k = 0; k < 2; k++)
      {
        g_autofree char *name = k ? g_strdup ("admin") : g_strdup_printf ("nobody%u", i);
        g_autofree char *body = login_body (name, "wrong password");
        g_autofree char *address = g_strdup_printf ("10.0.%u.%u", k, i);
        ApiInput input = { .address = address };
        int64_t start = p2p_now_us ();
        g_auto (Reply) reply = api_call_with (input, "POST", "/api/v1/login", body);

        times[k][i] = p2p_now_us () - start;
        assert_reply (reply, 401);
      }
  qsort (times[0], TRIES, sizeof times[0][0], compare_times);
  qsort (times[1], TRIES, sizeof times[1][0], compare_times);
  unknown = (double) times[0][TRIES / 2];
  known = (double) times[1][TRIES / 2];
  g_test_message ("medians: unknown %.0f us, known %.0f us", unknown, known);
  /* Without the same hash on both sides the ratio is far beyond this; the machine's noise is not.
   */
  g_assert_cmpfloat (unknown / known, <, 1.5);
  g_assert_cmpfloat (known / unknown, <, 1.5);
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
    ApiInput input = { .cookie = p2p_span_from_string (cookie),
                       .sec_fetch_site = P2P_SPAN ("same-origin") };
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
  g_autofree char *body = login_body ("admin", FIXTURE_PASSWORD);
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
    g_auto (Reply) reply = api_call ("POST", "/api/v1/me/password", fixture->session,
                                     "{\"current_password\":\"" FIXTURE_PASSWORD
                                     "\",\"new_password\":\"short\"}");
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
  g_autofree char *body = login_body ("admin", FIXTURE_PASSWORD);
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
    g_auto (Reply) viewer
        = api_call ("DELETE", path, fixture->tokens[STORE_ROLE_VIEWER], NULL);
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

/* --- Every route with every role -------------------------------------------------------------- */

static unsigned
expected (const ApiRoute *route, int role)
{
  switch (route->action)
    {
    case API_PUBLIC:
      return 0;
    case API_AGENT:
      return 401;
    case API_OWN:
    case API_READ:
      return role < 0 ? 401 : 0;
    case API_OPERATE:
      return role < 0 ? 401 : role == STORE_ROLE_VIEWER ? 403 : 0;
    case API_ADMIN:
      return role < 0 ? 401 : role == STORE_ROLE_ADMIN ? 0 : 403;
    }
  g_assert_not_reached ();
}

static void
test_role_matrix (ApiFixture *fixture, const void *data)
{
  unsigned n;
  const ApiRoute *routes = api_routes (&n);

  (void) data;
  for (unsigned i = 0; i < n; i++)
    for (int role = -1; role < 3; role++)
      {
        g_auto (GStrv) parts = g_strsplit (routes[i].pattern, "{id}", -1);
        g_autofree char *path = g_strjoinv ("999", parts);
        g_auto (Reply) reply
            = api_call (routes[i].method, path, role < 0 ? NULL : fixture->tokens[role],
                        routes[i].flags & API_BODY ? "{\"no such member\":1}" : NULL);
        unsigned wanted = expected (&routes[i], role);

        g_test_message ("%s %s as %d: %u", routes[i].method, path, role, reply.status);
        if (wanted)
          g_assert_cmpuint (reply.status, ==, wanted);
        else
          /* Let in: it works, or fails for another reason. */
          g_assert_true (reply.status != 401 && (reply.status != 403 || routes[i].action == API_OWN)
                         && reply.status != 500);
        if (reply.status >= 400)
          {
            g_autofree char *id = reply_dup_field (&reply, "X-Request-Id");

            g_assert_cmpstr (id, ==, json_object_get_string_member (reply.json, "request_id"));
            g_assert_cmpint (json_object_get_int_member (reply.json, "status"), ==, reply.status);
          }
      }
}

/* --- Throttle --------------------------------------------------------------------------------- */

static void
test_throttle (void)
{
  int64_t now = INT64_C (1000000000);
  unsigned passed = 0;

  throttle_start ();
  /* One address on many names. */
  for (unsigned i = 0; i < 50; i++)
    {
      g_autofree char *name = g_strdup_printf ("user%u", i);

      passed += throttle_try ("10.0.0.1", name, now) == 0;
    }
  g_assert_cmpuint (passed, ==, 10);
  g_assert_cmpuint (throttle_try ("10.0.0.2", "user1", now), ==, 0);

  /* Many addresses on one name: a try each, and not too many together; a known address is not held
   * up. */
  g_assert_cmpuint (throttle_try ("10.1.0.1", "victim", now), ==, 0);
  throttle_succeeded ("10.1.0.1", "victim", now);
  passed = 0;
  for (unsigned i = 0; i < 1000; i++)
    {
      g_autofree char *address = g_strdup_printf ("10.2.%u.%u", i / 250, i % 250);

      passed += throttle_try (address, "victim", now) == 0;
    }
  g_assert_cmpuint (passed, <=, 15 + 30);
  g_assert_cmpuint (throttle_try ("10.1.0.1", "victim", now), ==, 0);
  /* A stranger who knows the password waits for seconds, not for the attack's end. */
  g_assert_cmpuint (throttle_try ("10.3.0.1", "victim", now), >, 0);
  g_assert_cmpuint (throttle_try ("10.3.0.1", "victim", now + 3000000), ==, 0);
  /* And one address does not get its second try that soon. */
  g_assert_cmpuint (throttle_try ("10.3.0.1", "victim", now + 9000000), >, 0);
  /* Another name is not touched. */
  g_assert_cmpuint (throttle_try ("10.3.0.2", "other", now), ==, 0);

  /* An IPv6 network counts as one address. */
  passed = 0;
  for (unsigned i = 0; i < 50; i++)
    {
      g_autofree char *address = g_strdup_printf ("2001:db8::%x", i);
      g_autofree char *name = g_strdup_printf ("six%u", i);

      passed += throttle_try (address, name, now) == 0;
    }
  g_assert_cmpuint (passed, ==, 10);
  throttle_stop ();
}

static void
test_login_throttled (ApiFixture *fixture, const void *data)
{
  g_autofree char *wrong = login_body ("admin", "wrong password");
  g_autofree char *right = login_body ("admin", FIXTURE_PASSWORD);
  ApiInput attacker = { .address = "192.0.2.7" };
  ApiInput elsewhere = { .address = "192.0.2.8" };
  unsigned refused = 0;

  (void) fixture;
  (void) data;
  for (unsigned i = 0; i < 12; i++)
    {
      g_auto (Reply) reply = api_call_with (attacker, "POST", "/api/v1/login", wrong);
      g_autofree char *after = reply_dup_field (&reply, "Retry-After");

      g_assert_true (reply.status == 401 || reply.status == 429);
      g_assert_cmpint (reply.status == 429, ==, after != NULL);
      refused += reply.status == 429;
    }
  g_assert_cmpuint (refused, ==, 2);
  {
    g_auto (Reply) reply = api_call_with (elsewhere, "POST", "/api/v1/login", right);
    assert_reply (reply, 200);
  }
}

/* At most two hash and eight wait: with more at once some are told to come back. */
static void *
check_main (void *data)
{
  (void) data;
  return GINT_TO_POINTER (password_check ("wrong password", NULL));
}

static void
test_password_gate (void)
{
  g_autoptr (GError) error = NULL;
  GThread *threads[30];
  unsigned busy = 0;

  g_assert_true (password_start (&error));
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("check", check_main, NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      PasswordVerdict verdict = GPOINTER_TO_INT (g_thread_join (threads[i]));

      g_assert_true (verdict == PASSWORD_WRONG || verdict == PASSWORD_BUSY);
      busy += verdict == PASSWORD_BUSY;
    }
  g_assert_cmpuint (busy, >, 0);
  g_assert_cmpuint (busy, <=, 20);
  password_stop ();
}

#define ADD(name, init, func)                                                                      \
  g_test_add ("/api/auth/" name, ApiFixture, NULL, init, func, api_fixture_done)

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  ADD ("setup", api_fixture_init_empty, test_setup);
  ADD ("setup-over", api_fixture_init_empty, test_setup_over);
  ADD ("setup-race", api_fixture_init_empty, test_setup_race);
  ADD ("login", api_fixture_init, test_login);
  ADD ("login-timing", api_fixture_init, test_login_timing);
  ADD ("login-csrf", api_fixture_init, test_login_csrf);
  ADD ("login-throttled", api_fixture_init, test_login_throttled);
  ADD ("cookie", api_fixture_init, test_cookie);
  ADD ("password", api_fixture_init, test_password);
  ADD ("sessions", api_fixture_init, test_sessions);
  ADD ("tokens", api_fixture_init, test_tokens);
  ADD ("agent-token", api_fixture_init, test_agent_token);
  ADD ("role-matrix", api_fixture_init, test_role_matrix);
  g_test_add_func ("/api/auth/throttle", test_throttle);
  g_test_add_func ("/api/auth/password-gate", test_password_gate);
  return g_test_run ();
}
