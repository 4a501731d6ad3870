/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who may do what: the matrix of roles is made from the route table, so that a new route cannot be
 * forgotten; and what keeps guesses of passwords few. */
#include "daemon/api/password.h"
#include "daemon/api/throttle.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "tests/unit/api-fixture.h"

#include <string.h>

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
  g_autofree char *wrong = api_login_body ("admin", "wrong password");
  g_autofree char *right = api_login_body ("admin", FIXTURE_PASSWORD);
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
  ADD ("login-throttled", api_fixture_init, test_login_throttled);
  ADD ("role-matrix", api_fixture_init, test_role_matrix);
  g_test_add_func ("/api/auth/throttle", test_throttle);
  g_test_add_func ("/api/auth/password-gate", test_password_gate);
  return g_test_run ();
}
