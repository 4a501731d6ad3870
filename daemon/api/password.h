/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Passwords: yescrypt by libcrypt, which takes tens of milliseconds and megabytes on purpose, so at
 * most two are hashed at once and eight callers wait. Any thread; blocks for the hash, and for its
 * turn with a deadline. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define PASSWORD_MIN_CHARS 12
#define PASSWORD_MAX_BYTES 512 /* CRYPT_MAX_PASSPHRASE_SIZE */

/* Makes the hash that unknown names are compared with. */
bool password_start (GError **error);
void password_stop (void);

/* g_free (); NULL with API_PROBLEM_THROTTLED when too many wait. */
char *password_hash (const char *password, GError **error);

typedef enum
{
  PASSWORD_RIGHT,
  PASSWORD_WRONG,
  PASSWORD_BUSY, /* too many wait */
} PasswordVerdict;

/* hash NULL: there is no such user; takes the same time and is PASSWORD_WRONG. */
PasswordVerdict password_check (const char *password, const char *hash);
