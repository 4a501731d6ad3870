/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Signing in: what set-up and login share. Any thread that may block on the disk. */
#pragma once

#include "daemon/api/call.h"

typedef struct
{
  char *setup_token, *username, *password; /* (owned) wiped at the end */
  StoreSessionKind session;
} Signin;

typedef enum
{
  SIGNIN_LOGIN,
  SIGNIN_SETUP, /* with setup_token */
} SigninKind;

bool signin_parse (ApiCall *call, SigninKind kind, Signin *ret_signin, GError **error);
/* Whether name and password are good for a new user. */
bool signin_check_new (ApiCall *call, const Signin *signin, GError **error);
/* Makes the session, with the audit row, and commits; the answer of setup and login. */
JsonNode *signin_finish (ApiCall *call,
                         StoreTx *tx,
                         StoreUser *user,
                         const Signin *signin,
                         const char *action,
                         GError **error);

void signin_clear (Signin *signin);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Signin, signin_clear)

/* {id, username, role, created_at, last_login_at} */
JsonObject *signin_user_to_json (const StoreUser *user);
