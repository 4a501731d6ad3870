/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who is calling, and may they: principals from sessions and tokens, and the one function that says
 * what is allowed. Any thread; looks into the store, so it may block on the disk. */
#pragma once

#include "daemon/store/store.h"

#define AUTH_USED_EVERY_MS 60000 /* how exact last_used_at is: not a write for each request */

#define AUTH_TOKEN_PREFIX "p2pat_"
#define AUTH_SESSION_PREFIX "p2pst_"
#define AUTH_AGENT_PREFIX "p2pag_"

typedef enum
{
  AUTH_NOBODY,
  AUTH_SESSION,
  AUTH_TOKEN,
  AUTH_AGENT,
} AuthKind;

typedef struct
{
  AuthKind kind;
  StoreRole role;
  bool by_cookie;
  int64_t user_id;    /* AUTH_SESSION */
  int64_t session_id; /* AUTH_SESSION */
  int64_t token_id;   /* AUTH_TOKEN */
  int64_t agent_id;   /* AUTH_AGENT */
  int64_t expires_at; /* 0: never */
  char *name;         /* (owned) of the user or the token */
  char *text;         /* (owned) "user:alice", "token:ci": for the audit */
} ApiPrincipal;

void api_principal_clear (ApiPrincipal *principal);

/* What a route, or a handler that has loaded its object, asks leave for. */
typedef enum
{
  API_PUBLIC,  /* anyone */
  API_AGENT,   /* an agent, with its own token */
  API_OWN,     /* anyone signed in; objects that have an owner: the owner, or an admin */
  API_READ,    /* viewer */
  API_OPERATE, /* operator */
  API_ADMIN,   /* admin */
} ApiAction;

typedef struct
{
  const char *resource; /* for the text of a refusal */
  int64_t id;           /* 0: all of them, or one to be made */
  int64_t owner_id;     /* user; 0: nobody in particular */
} ApiObject;

/* API_PROBLEM_NOT_SIGNED_IN or API_PROBLEM_FORBIDDEN. */
bool api_authorize (const ApiPrincipal *principal,
                    ApiAction action,
                    const ApiObject *object,
                    GError **error);

/* Finds who the credentials belong to: a bearer token, else the cookie (nullable). Without any the
 * principal is AUTH_NOBODY; with wrong ones API_PROBLEM_NOT_SIGNED_IN. */
bool auth_identify (Store *store,
                    P2pSpan bearer,
                    P2pSpan cookie,
                    ApiPrincipal *ret_principal,
                    GError **error);

/* A new 256-bit token as text, and what is stored of it. g_free () after wiping. */
char *auth_token_new (const char *prefix, uint8_t ret_sha256[STORE_HASH_SIZE]);
void auth_token_hash (P2pSpan token, uint8_t ret_sha256[STORE_HASH_SIZE]);
/* Wipes and frees; accepts NULL. */
void auth_secret_free (char *secret);

/* NULL, or what is wrong with it (static). */
const char *auth_check_username (const char *username);
const char *auth_check_password (const char *password);
