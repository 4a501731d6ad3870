/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* First run. The winner is decided by the store: of two set-ups at once, one inserts the key
 * "setup_at" and the other one finds it taken, whatever the state here says. The state's lock
 * guards the token's hash and the flags. */
#include "daemon/api/setup.h"

#include "daemon/api/handlers.h"
#include "daemon/api/password.h"
#include "daemon/api/signin.h"
#include "daemon/api/throttle.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <unistd.h>

#define SETUP_KEY "setup_at"
#define THROTTLE_NAME "\nsetup" /* no user can be called so */

static struct
{
  P2pMutex lock;
  bool done;                             /* (lock) */
  int64_t ends_at_us;                    /* (lock) */
  uint8_t token_sha256[STORE_HASH_SIZE]; /* constant after start */
  char *path;                            /* (owned) constant after start */
} setup;

/* A new file, so that its mode is ours from the first byte; a reader sees all of it or none. */
static bool
write_token (const char *token, GError **error)
{
  g_autofree char *text = g_strconcat (token, "\n", NULL);
  g_autofree char *temporary = g_strconcat (setup.path, ".new", NULL);
  size_t n = strlen (text);
  p2p_autofd fd = -1;
  bool good;

  (void) g_unlink (temporary); /* of a start that was cut short */
  fd = g_open (temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  good = fd >= 0 && write (fd, text, n) == (ssize_t) n && fsync (fd) == 0
         && g_rename (temporary, setup.path) == 0;
  if (!good)
    g_set_error (error, API_ERROR, API_PROBLEM_INTERNAL, "setup token '%s': %s", setup.path,
                 g_strerror (errno));
  explicit_bzero (text, n);
  return good;
}

static bool
is_done (Store *store, bool *ret_done, GError **error)
{
  g_autoptr (StoreTx) tx = store_begin_read (store, error);
  int64_t admins = tx ? store_user_count (tx, STORE_ROLE_ADMIN, error) : -1;

  if (admins < 0)
    return false;
  *ret_done = admins > 0;
  return true;
}

static bool
open_window (int64_t window_ms, GError **error)
{
  char *token = auth_token_new ("", setup.token_sha256);
  bool good = write_token (token, error);

  auth_secret_free (token);
  if (!good)
    return false;
  setup.ends_at_us = p2p_deadline_ms (window_ms);
  p2p_log (P2P_LOG_WARNING, "setup",
           "there is no administrator yet: create one within %" G_GINT64_FORMAT
           " s, with the setup token that stands in %s",
           window_ms / 1000, setup.path);
  return true;
}

bool
setup_start (const ApiOptions *options, GError **error)
{
  bool done = false;

  if (!is_done (options->store, &done, error))
    return false;
  p2p_mutex_init (&setup.lock, P2P_LOCK_LEAF);
  setup.done = done;
  setup.path = g_strdup (options->setup_token_file);
  if (done)
    (void) g_unlink (setup.path); /* there is none, as a rule */
  else if (!open_window (options->setup_window_ms, error))
    {
      setup_stop ();
      return false;
    }
  return true;
}

void
setup_stop (void)
{
  if (!setup.done)
    (void) g_unlink (setup.path); /* the next start makes its own */
  g_clear_pointer (&setup.path, g_free);
  p2p_mutex_done (&setup.lock);
}

SetupState
setup_get_state (int64_t now_us, int64_t *ret_left_ms)
{
  P2P_LOCKED (&setup.lock);
  *ret_left_ms = setup.done ? 0 : MAX (0, (setup.ends_at_us - now_us) / 1000);
  return setup.done ? SETUP_DONE : now_us < setup.ends_at_us ? SETUP_OPEN : SETUP_OVER;
}

void
setup_age (int64_t by_ms)
{
  P2P_LOCKED (&setup.lock);
  setup.ends_at_us -= by_ms * 1000;
}

static void
close_window (void)
{
  p2p_mutex_lock (&setup.lock);
  setup.done = true;
  p2p_mutex_unlock (&setup.lock);
  (void) g_unlink (setup.path); /* it opens nothing any more */
}

JsonNode *
api_setup_get (ApiCall *call, GError **error)
{
  JsonObject *object = json_object_new ();
  int64_t left_ms;
  SetupState state = setup_get_state (p2p_now_us (), &left_ms);

  (void) call;
  (void) error;
  json_object_set_boolean_member (object, "setup_required", state != SETUP_DONE);
  json_object_set_boolean_member (object, "window_open", state == SETUP_OPEN);
  json_object_set_int_member (object, "window_seconds_left", (left_ms + 999) / 1000);
  return api_node_from_object (object);
}

static bool
setup_done (GError **error)
{
  g_set_error_literal (error, API_ERROR, API_PROBLEM_SETUP_DONE,
                       "the first administrator was created before");
  return false;
}

static bool
check_window (GError **error)
{
  int64_t left_ms;

  switch (setup_get_state (p2p_now_us (), &left_ms))
    {
    case SETUP_DONE:
      return setup_done (error);
    case SETUP_OPEN:
      return true;
    case SETUP_OVER:
      break;
    }
  g_set_error_literal (error, API_ERROR, API_PROBLEM_SETUP_OVER,
                       "the time since the daemon's start is over: start it again");
  return false;
}

static bool
check_token (ApiCall *call, const char *token, GError **error)
{
  uint8_t sha256[STORE_HASH_SIZE];

  call->retry_after = throttle_try (call->in->address, THROTTLE_NAME, p2p_now_us ());
  if (call->retry_after > 0)
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_THROTTLED, "too many tries");
      return false;
    }
  auth_token_hash (p2p_span_from_string (token), sha256);
  if (gnutls_memcmp (sha256, setup.token_sha256, sizeof sha256) == 0)
    {
      throttle_succeeded (call->in->address, THROTTLE_NAME, p2p_now_us ());
      return true;
    }
  g_set_error_literal (error, API_ERROR, API_PROBLEM_WRONG_SETUP_TOKEN,
                       "this is not the setup token of the daemon's present run");
  return false;
}

static bool
insert_admin (StoreTx *tx, StoreUser *user, GError **error)
{
  g_autofree char *now = g_strdup_printf ("%" G_GINT64_FORMAT, p2p_wall_ms ());

  return store_meta_insert (tx, SETUP_KEY, now, error) && store_user_insert (tx, user, error);
}

static JsonNode *
create_admin (ApiCall *call, const Signin *signin, GError **error)
{
  g_autoptr (StoreUser) user = store_user_new ();
  g_autoptr (StoreTx) tx = NULL;
  g_autoptr (GError) why = NULL;
  JsonNode *answer;

  g_free (user->username);
  user->username = g_strdup (signin->username);
  user->role = STORE_ROLE_ADMIN;
  g_free (user->password_hash);
  user->password_hash = password_hash (signin->password, error);
  if (!user->password_hash)
    return NULL;
  tx = store_begin_write (api_core ()->options.store, error);
  if (!tx)
    return NULL;
  if (!insert_admin (tx, user, &why))
    {
      if (g_error_matches (why, STORE_ERROR, STORE_ERROR_CONFLICT))
        (void) setup_done (error);
      else
        g_propagate_error (error, g_steal_pointer (&why));
      return NULL;
    }
  call->principal.text = g_strdup ("setup");
  answer = signin_finish (call, tx, user, signin, "setup", error);
  if (answer)
    close_window ();
  return answer;
}

JsonNode *
api_setup_post (ApiCall *call, GError **error)
{
  g_auto (Signin) signin = { 0 };
  JsonNode *answer;

  /* What the body lacks is told only to those who may. */
  if (!check_window (error) || !signin_parse (call, SIGNIN_SETUP, &signin, error)
      || !check_token (call, signin.setup_token, error) || !signin_check_new (call, &signin, error))
    return NULL;
  answer = create_admin (call, &signin, error);
  if (answer)
    call->status = 201;
  return answer;
}
