/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* First run: the setup token, its window, and one winner. */
#include "daemon/api/setup.h"
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
  return g_test_run ();
}
