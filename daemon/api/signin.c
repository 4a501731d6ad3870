/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Signing in and out. A wrong password and an unknown name cost the same time and read the same. No
 * state of its own: throttle.c and password.c have theirs. */
#include "daemon/api/signin.h"

#include "daemon/api/handlers.h"
#include "daemon/api/password.h"
#include "daemon/api/throttle.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <string.h>

#define CLIENT_MAX_BYTES 256
#define BUSY_RETRY_AFTER 2

static void *
signin_row_new (void)
{
  return g_new0 (Signin, 1);
}

static void
signin_row_free (void *row)
{
  signin_clear (row);
  g_free (row);
}

#define SIGNIN(member) offsetof (Signin, member)
#define SIGNIN_FIELDS                                                                              \
  API_FIELD ("username", API_TEXT, API_REQUIRED, SIGNIN (username), .min = 1, .max = 256),         \
      API_FIELD ("password", API_TEXT, API_REQUIRED | API_LINES, SIGNIN (password), .min = 1,      \
                 .max = 1024),                                                                     \
      API_FIELD ("session", API_ENUM, 0, SIGNIN (session), .words = store_session_kind_words),

static const ApiField login_fields[] = { SIGNIN_FIELDS };
static const ApiField setup_fields[] = {
  API_FIELD ("setup_token", API_TEXT, API_REQUIRED, offsetof (Signin, setup_token), .min = 1,
             .max = 256),
  SIGNIN_FIELDS
};

static const ApiSchema schemas[] = {
  [SIGNIN_LOGIN] = { login_fields, G_N_ELEMENTS (login_fields), signin_row_new, signin_row_free },
  [SIGNIN_SETUP] = { setup_fields, G_N_ELEMENTS (setup_fields), signin_row_new, signin_row_free },
};

void
signin_clear (Signin *signin)
{
  g_clear_pointer (&signin->setup_token, auth_secret_free);
  g_clear_pointer (&signin->username, g_free);
  g_clear_pointer (&signin->password, auth_secret_free);
}

bool
signin_parse (ApiCall *call, SigninKind kind, Signin *ret_signin, GError **error)
{
  Signin signin = { 0 };

  if (!api_fields_apply (&schemas[kind], &signin, call->body, API_CREATE, call->errors, error))
    {
      signin_clear (&signin);
      return false;
    }
  *ret_signin = signin;
  return true;
}

bool
signin_check_new (ApiCall *call, const Signin *signin, GError **error)
{
  const char *bad_name = auth_check_username (signin->username);
  const char *bad_password = auth_check_password (signin->password);

  if (bad_name)
    api_field_errors_add (call->errors, "username", "%s", bad_name);
  if (bad_password)
    api_field_errors_add (call->errors, "password", "%s", bad_password);
  if (!bad_name && !bad_password)
    return true;
  api_field_errors_set_error (call->errors, API_PROBLEM_INVALID, error);
  return false;
}

JsonObject *
signin_user_to_json (const StoreUser *user)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "id", user->id);
  json_object_set_string_member (object, "username", user->username);
  json_object_set_string_member (object, "role", store_role_words[user->role]);
  json_object_set_member (object, "created_at", api_time_to_json (user->created_at));
  json_object_set_member (object, "last_login_at", api_time_to_json (user->last_login_at));
  return object;
}

static char *
cookie_new (const char *token, int64_t max_age_s)
{
  return g_strdup_printf ("p2pstream_session_%u=%s; Path=/; Max-Age=%" G_GINT64_FORMAT
                          "; HttpOnly; SameSite=Lax%s",
                          api_core ()->port, token, max_age_s,
                          g_str_equal (api_core ()->scheme, "https") ? "; Secure" : "");
}

static StoreSession *
session_new (ApiCall *call, const StoreUser *user, StoreSessionKind kind, int64_t now)
{
  StoreSession *sess = store_session_new ();
  P2pSpan client = call->in->user_agent;
  g_autofree char *raw = NULL;

  client.n = MIN (client.n, CLIENT_MAX_BYTES);
  raw = client.n > 0 ? p2p_span_dup (client) : g_strdup ("");
  sess->user_id = user->id;
  sess->kind = kind;
  sess->created_at = sess->last_used_at = now;
  sess->expires_at = now + api_core ()->options.session_idle_ms;
  g_free (sess->address);
  sess->address = g_strdup (call->in->address);
  g_free (sess->client);
  sess->client = g_utf8_make_valid (raw, -1);
  return sess;
}

JsonNode *
signin_finish (ApiCall *call,
               StoreTx *tx,
               StoreUser *user,
               const Signin *signin,
               const char *action,
               GError **error)
{
  int64_t now = p2p_wall_ms ();
  g_autoptr (StoreSession) sess = session_new (call, user, signin->session, now);
  JsonObject *answer;

  call->secret = auth_token_new (AUTH_SESSION_PREFIX, sess->token_sha256);
  user->last_login_at = now;
  if (!store_session_delete_expired (tx, now, error) || !store_session_insert (tx, sess, error)
      || !store_user_set_last_login (tx, user->id, now, error)
      || !api_call_audit (call, tx, action, "sessions", sess->id, NULL, error)
      || !store_commit (tx, error))
    return NULL;

  answer = json_object_new ();
  json_object_set_object_member (answer, "user", signin_user_to_json (user));
  json_object_set_member (answer, "expires_at", api_time_to_json (sess->expires_at));
  if (signin->session == STORE_SESSION_COOKIE)
    call->cookie = cookie_new (call->secret, api_core ()->options.session_idle_ms / 1000);
  else
    json_object_set_string_member (answer, "token", call->secret);
  return api_node_from_object (answer);
}

static bool
throttled (ApiCall *call, unsigned retry_after, GError **error)
{
  call->retry_after = retry_after;
  g_set_error (error, API_ERROR, API_PROBLEM_THROTTLED,
               "too many tries to sign in: try again in %u s", retry_after);
  return false;
}

/* Whether this is the user's password; user NULL: nobody has that name. Charges and clears the
 * throttle. */
static bool
check_password (ApiCall *call,
                const char *username,
                const StoreUser *user,
                const char *password,
                GError **error)
{
  unsigned wait = throttle_try (call->in->address, username, p2p_now_us ());

  if (wait > 0)
    return throttled (call, wait, error);
  switch (password_check (password, user ? user->password_hash : NULL))
    {
    case PASSWORD_RIGHT:
      throttle_succeeded (call->in->address, username, p2p_now_us ());
      return true;
    case PASSWORD_BUSY:
      return throttled (call, BUSY_RETRY_AFTER, error);
    case PASSWORD_WRONG:
      break;
    }
  /* The name is not logged: people type passwords into the wrong field. */
  p2p_log (P2P_LOG_WARNING, "api", "sign-in refused, from %s, request %s", call->in->address,
           call->request_id);
  g_set_error_literal (error, API_ERROR, API_PROBLEM_WRONG_CREDENTIALS,
                       "the user name or the password is wrong");
  return false;
}

/* NULL without an error when there is no such user. */
static StoreUser *
find_user (const char *username, GError **error)
{
  g_autoptr (StoreTx) tx = store_begin_read (api_core ()->options.store, error);
  g_autoptr (GError) why = NULL;
  StoreUser *user = tx ? store_user_find (tx, username, &why) : NULL;

  if (why && !g_error_matches (why, STORE_ERROR, STORE_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&why));
  return user;
}

JsonNode *
api_login_post (ApiCall *call, GError **error)
{
  g_auto (Signin) signin = { 0 };
  g_autoptr (StoreUser) user = NULL;
  g_autoptr (StoreUser) now = NULL;
  g_autoptr (StoreTx) tx = NULL;
  g_autoptr (GError) why = NULL;

  if (!signin_parse (call, SIGNIN_LOGIN, &signin, error))
    return NULL;
  user = find_user (signin.username, &why);
  if (why)
    {
      g_propagate_error (error, g_steal_pointer (&why));
      return NULL;
    }
  if (!check_password (call, signin.username, user, signin.password, error))
    return NULL;

  tx = store_begin_write (api_core ()->options.store, error);
  now = tx ? store_user_get (tx, user->id, error) : NULL;
  if (!now)
    return NULL;
  /* The password may have been changed while it was being hashed: then this was the old one. */
  if (strcmp (now->password_hash, user->password_hash) != 0)
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_WRONG_CREDENTIALS,
                           "the user name or the password is wrong");
      return NULL;
    }
  call->principal.text = g_strconcat ("user:", now->username, NULL);
  return signin_finish (call, tx, now, &signin, "login", error);
}

JsonNode *
api_logout_post (ApiCall *call, GError **error)
{
  g_autoptr (StoreTx) tx = NULL;

  if (call->principal.kind != AUTH_SESSION)
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_FORBIDDEN,
                           "an API token has no session to end: disable or delete it");
      return NULL;
    }
  tx = store_begin_write (api_core ()->options.store, error);
  if (tx && store_session_delete (tx, call->principal.session_id, error)
      && api_call_audit (call, tx, "logout", "sessions", call->principal.session_id, NULL, error)
      && store_commit (tx, error) && call->principal.by_cookie)
    call->cookie = cookie_new ("", 0);
  return NULL;
}

/* --- Me --------------------------------------------------------------------------------------- */

static StoreUser *
own_user (ApiCall *call, GError **error)
{
  g_autoptr (StoreTx) tx = store_begin_read (api_core ()->options.store, error);

  return tx ? store_user_get (tx, call->principal.user_id, error) : NULL;
}

JsonNode *
api_me_get (ApiCall *call, GError **error)
{
  const ApiPrincipal *principal = &call->principal;
  bool session = principal->kind == AUTH_SESSION;
  g_autoptr (StoreUser) user = session ? own_user (call, error) : NULL;
  JsonObject *object;

  if (session && !user)
    return NULL;
  object = json_object_new ();
  json_object_set_string_member (object, "kind", session ? "session" : "token");
  json_object_set_string_member (object, "name", principal->name);
  json_object_set_string_member (object, "role", store_role_words[principal->role]);
  json_object_set_member (object, "expires_at", api_time_to_json (principal->expires_at));
  if (session)
    {
      json_object_set_object_member (object, "user", signin_user_to_json (user));
      json_object_set_int_member (object, "session_id", principal->session_id);
    }
  else
    {
      json_object_set_null_member (object, "user");
      json_object_set_null_member (object, "session_id");
    }
  return api_node_from_object (object);
}

typedef struct
{
  char *current_password, *new_password; /* (owned) wiped at the end */
} PasswordChange;

static void *
password_change_new (void)
{
  return g_new0 (PasswordChange, 1);
}

static void
password_change_free (void *row)
{
  PasswordChange *change = row;

  auth_secret_free (change->current_password);
  auth_secret_free (change->new_password);
  g_free (change);
}

static const ApiField password_fields[] = {
  API_FIELD ("current_password", API_TEXT, API_REQUIRED | API_LINES, offsetof (PasswordChange,
             current_password), .min = 1, .max = 1024),
  API_FIELD ("new_password", API_TEXT, API_REQUIRED | API_LINES, offsetof (PasswordChange,
             new_password), .min = 1, .max = 1024, .check = auth_check_password),
};

static const ApiSchema password_schema = { password_fields, G_N_ELEMENTS (password_fields),
                                           password_change_new, password_change_free };

/* All other sessions of the user end: whoever has stolen one has it no more. */
static bool
store_password (ApiCall *call, StoreUser *user, const char *hash, GError **error)
{
  g_autoptr (StoreTx) tx = store_begin_write (api_core ()->options.store, error);
  int64_t version = user->version;

  g_free (user->password_hash);
  user->password_hash = g_strdup (hash);
  return tx && store_user_update (tx, user, version, error)
         && store_session_delete_of_user (tx, user->id, call->principal.session_id, error)
         && api_call_audit (call, tx, "password", "users", user->id, NULL, error)
         && store_commit (tx, error);
}

static void
change_password (ApiCall *call, const PasswordChange *change, GError **error)
{
  g_autoptr (StoreUser) user = own_user (call, error);
  g_autofree char *hash = NULL;

  if (!user || !check_password (call, user->username, user, change->current_password, error))
    return;
  hash = password_hash (change->new_password, error);
  if (hash)
    (void) store_password (call, user, hash, error); /* error says so */
}

JsonNode *
api_me_password_post (ApiCall *call, GError **error)
{
  PasswordChange *change;

  if (call->principal.kind != AUTH_SESSION)
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_FORBIDDEN, "an API token has no password");
      return NULL;
    }
  change = password_change_new ();
  if (api_fields_apply (&password_schema, change, call->body, API_CREATE, call->errors, error))
    change_password (call, change, error);
  password_change_free (change);
  return NULL;
}
