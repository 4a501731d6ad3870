/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Principals and leave. No state: sessions and tokens live in the store, as hashes. */
#include "daemon/api/auth.h"

#include "daemon/api/call.h"
#include "daemon/api/password.h"
#include "daemon/api/problem.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <gnutls/crypto.h>
#include <string.h>

#define TOKEN_BYTES 32

void
api_principal_clear (ApiPrincipal *principal)
{
  g_free (principal->name);
  g_free (principal->text);
  *principal = (ApiPrincipal){ 0 };
}

static const char *
role_needed (ApiAction action)
{
  return action == API_ADMIN ? "admin" : action == API_OPERATE ? "operator" : "viewer";
}

static bool
role_allows (StoreRole role, ApiAction action)
{
  switch (role)
    {
    case STORE_ROLE_ADMIN:
      return true;
    case STORE_ROLE_OPERATOR:
      return action != API_ADMIN;
    case STORE_ROLE_VIEWER:
      return action == API_READ;
    }
  return false; /* a role of a newer version: nothing */
}

bool
api_authorize (const ApiPrincipal *principal,
               ApiAction action,
               const ApiObject *object,
               GError **error)
{
  if (action == API_PUBLIC)
    return true;
  if (principal->kind == AUTH_NOBODY)
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_NOT_SIGNED_IN, "sign in first");
      return false;
    }
  if (action == API_AGENT || principal->kind == AUTH_AGENT)
    {
      if (action == API_AGENT && principal->kind == AUTH_AGENT)
        return true;
      g_set_error_literal (error, API_ERROR, API_PROBLEM_NOT_SIGNED_IN,
                           "the token is not of the kind that is needed here");
      return false;
    }
  if (action == API_OWN)
    {
      if (object->owner_id == 0 || object->owner_id == principal->user_id
          || principal->role == STORE_ROLE_ADMIN)
        return true;
      g_set_error (error, API_ERROR, API_PROBLEM_FORBIDDEN, "%s: this one belongs to somebody else",
                   object->resource);
      return false;
    }
  if (role_allows (principal->role, action))
    return true;
  g_set_error (error, API_ERROR, API_PROBLEM_FORBIDDEN, "%s: needs the role %s, %s has %s",
               object->resource, role_needed (action), principal->text,
               store_role_words[principal->role]);
  return false;
}

static bool
refuse (GError **error, const char *why)
{
  g_set_error_literal (error, API_ERROR, API_PROBLEM_NOT_SIGNED_IN, why);
  return false;
}

/* A stamp that cannot be written (disk full, read-only) must not end what can be read. */
static void
note_used (Store *store, const ApiPrincipal *principal, int64_t now)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (StoreTx) tx = store_begin_write (store, &error);
  bool good = tx != NULL;

  if (good && principal->kind == AUTH_SESSION)
    good = store_session_set_used (tx, principal->session_id, now,
                                   now + api_core ()->options.session_idle_ms, &error);
  else if (good)
    good = store_token_set_used (tx, principal->token_id, now, &error);
  if (good)
    good = store_commit (tx, &error);
  if (!good)
    p2p_log (P2P_LOG_WARNING, "api", "last use of %s is not noted: %s", principal->text,
             error->message);
}

static bool
take_session (const StoreSession *sess, int64_t now, ApiPrincipal *principal, GError **error)
{
  if (sess->expires_at <= now)
    return refuse (error, "the session has expired");
  *principal = (ApiPrincipal){
    .kind = AUTH_SESSION,
    .role = sess->role,
    .user_id = sess->user_id,
    .session_id = sess->id,
    .expires_at = sess->expires_at,
    .name = g_strdup (sess->username),
    .text = g_strconcat ("user:", sess->username, NULL),
  };
  return true;
}

static bool
take_token (const StoreToken *token, int64_t now, ApiPrincipal *principal, GError **error)
{
  if (!token->enabled)
    return refuse (error, "the token is disabled");
  if (token->expires_at != 0 && token->expires_at <= now)
    return refuse (error, "the token has expired");
  *principal = (ApiPrincipal){
    .kind = AUTH_TOKEN,
    .role = token->role,
    .token_id = token->id,
    .expires_at = token->expires_at,
    .name = g_strdup (token->name),
    .text = g_strconcat ("token:", token->name, NULL),
  };
  return true;
}

/* The store finds by hash, so the time says nothing about a token that is nearly right; the hash
 * itself is compared again in constant time. */
static bool
hash_equal (const uint8_t *a, const uint8_t *b)
{
  return gnutls_memcmp (a, b, STORE_HASH_SIZE) == 0;
}

static bool
identify_session (StoreTx *tx,
                  const uint8_t *sha256,
                  StoreSessionKind kind,
                  int64_t now,
                  ApiPrincipal *principal,
                  int64_t *ret_last_used,
                  GError **error)
{
  g_autoptr (StoreSession) sess = store_session_find (tx, sha256, error);

  if (!sess)
    return false;
  if (!hash_equal (sess->token_sha256, sha256) || sess->kind != kind)
    return refuse (error, "the token is unknown");
  *ret_last_used = sess->last_used_at;
  return take_session (sess, now, principal, error);
}

static bool
identify_token (StoreTx *tx,
                const uint8_t *sha256,
                int64_t now,
                ApiPrincipal *principal,
                int64_t *ret_last_used,
                GError **error)
{
  g_autoptr (StoreToken) token = store_token_find (tx, sha256, error);

  if (!token)
    return false;
  if (!hash_equal (token->token_sha256, sha256))
    return refuse (error, "the token is unknown");
  *ret_last_used = token->last_used_at;
  return take_token (token, now, principal, error);
}

static bool
identify (Store *store, P2pSpan secret, bool cookie, ApiPrincipal *principal, GError **error)
{
  uint8_t sha256[STORE_HASH_SIZE];
  int64_t now = p2p_wall_ms ();
  int64_t last_used = 0;
  bool session = p2p_span_has_prefix (secret, P2P_SPAN (AUTH_SESSION_PREFIX));
  g_autoptr (StoreTx) tx = NULL;
  bool good;

  if (!session && (cookie || !p2p_span_has_prefix (secret, P2P_SPAN (AUTH_TOKEN_PREFIX))))
    return refuse (error, "the token is unknown");
  auth_token_hash (secret, sha256);
  tx = store_begin_read (store, error);
  if (!tx)
    return false;
  if (session)
    good = identify_session (tx, sha256, cookie ? STORE_SESSION_COOKIE : STORE_SESSION_BEARER, now,
                             principal, &last_used, error);
  else
    good = identify_token (tx, sha256, now, principal, &last_used, error);
  g_clear_pointer (&tx, store_end);
  /* A clock that was set back must not leave the stamp where it is for ever. */
  if (good && (now - last_used >= AUTH_USED_EVERY_MS || now < last_used))
    note_used (store, principal, now);
  return good;
}

bool
auth_identify (Store *store,
               P2pSpan bearer,
               P2pSpan cookie,
               ApiPrincipal *ret_principal,
               GError **error)
{
  ApiPrincipal principal = { .kind = AUTH_NOBODY };
  bool by_cookie = bearer.n == 0 && cookie.n > 0;
  g_autoptr (GError) why = NULL;

  if (bearer.n > 0 || by_cookie)
    {
      if (!identify (store, by_cookie ? cookie : bearer, by_cookie, &principal, &why))
        {
          if (g_error_matches (why, STORE_ERROR, STORE_ERROR_NOT_FOUND))
            return refuse (error, "the token is unknown");
          g_propagate_error (error, g_steal_pointer (&why));
          return false;
        }
      principal.by_cookie = by_cookie;
    }
  *ret_principal = principal;
  return true;
}

char *
auth_token_new (const char *prefix, uint8_t ret_sha256[STORE_HASH_SIZE])
{
  unsigned char bytes[TOKEN_BYTES];
  char *base64, *token;
  int rc = gnutls_rnd (GNUTLS_RND_KEY, bytes, sizeof bytes);

  if (rc < 0)
    g_error ("random bytes: %s", gnutls_strerror (rc)); /* going on would give guessable tokens */
  base64 = g_base64_encode (bytes, sizeof bytes);
  g_strdelimit (base64, "+", '-');
  g_strdelimit (base64, "/", '_');
  g_strdelimit (base64, "=", '\0');
  token = g_strconcat (prefix, base64, NULL);
  auth_secret_free (base64);
  explicit_bzero (bytes, sizeof bytes);
  auth_token_hash (p2p_span_from_string (token), ret_sha256);
  return token;
}

void
auth_token_hash (P2pSpan token, uint8_t ret_sha256[STORE_HASH_SIZE])
{
  int rc = gnutls_hash_fast (GNUTLS_DIG_SHA256, token.p, token.n, ret_sha256);

  g_assert (rc == 0);
}

void
auth_secret_free (char *secret)
{
  if (secret)
    explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

const char *
auth_check_username (const char *username)
{
  size_t n = strlen (username);

  if (n < 3 || n > 64)
    return "must be 3 to 64 characters long";
  if (strspn (username, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n)
    return "may have a-z, 0-9, _ and - only";
  return NULL;
}

const char *
auth_check_password (const char *password)
{
  if (g_utf8_strlen (password, -1) < PASSWORD_MIN_CHARS)
    return "must have at least 12 characters";
  if (strlen (password) >= PASSWORD_MAX_BYTES)
    return "must be shorter than 512 bytes";
  return NULL;
}
