/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Password hashes and the gate in front of them. The gate's counters are guarded by its lock; the
 * hash itself runs without any. */
#include "daemon/api/password.h"

#include "daemon/api/problem.h"
#include "lib/clock.h"
#include "lib/lock.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASHES_MAX 2
#define WAITERS_MAX 8
#define WAIT_MS 10000

static struct
{
  P2pMutex lock;
  pthread_cond_t cond;
  unsigned running; /* (lock) */
  unsigned waiting; /* (lock) */
  char *dummy;      /* (owned) constant after password_start () */
} gate;

static bool
gate_enter (void)
{
  int64_t deadline_us = p2p_deadline_ms (WAIT_MS);
  bool entered;

  P2P_LOCKED (&gate.lock);
  if (gate.running >= HASHES_MAX && gate.waiting >= WAITERS_MAX)
    return false;
  gate.waiting++;
  while (gate.running >= HASHES_MAX)
    if (!p2p_cond_wait (&gate.cond, &gate.lock, deadline_us))
      break;
  gate.waiting--;
  entered = gate.running < HASHES_MAX;
  if (entered)
    gate.running++;
  return entered;
}

static void
gate_leave (void)
{
  P2P_LOCKED (&gate.lock);
  gate.running--;
  p2p_cond_signal (&gate.cond);
}

/* The text of crypt () for this setting (a hash, or a fresh salt), or NULL. */
static char *
crypt_dup (const char *password, const char *setting)
{
  void *data = NULL;
  int size = 0;
  const char *hash = crypt_ra (password, setting, &data, &size);
  char *copy = hash && hash[0] != '*' ? g_strdup (hash) : NULL;

  if (data)
    explicit_bzero (data, (size_t) size); /* holds the password */
  free (data);
  return copy;
}

static char *
hash_new (const char *password, GError **error)
{
  char *salt = crypt_gensalt_ra ("$y$", 0, NULL, 0);
  char *hash = salt ? crypt_dup (password, salt) : NULL;

  if (!hash)
    g_set_error (error, API_ERROR, API_PROBLEM_INTERNAL, "password: yescrypt: %s",
                 g_strerror (errno));
  free (salt);
  return hash;
}

bool
password_start (GError **error)
{
  p2p_mutex_init (&gate.lock, P2P_LOCK_LEAF);
  p2p_cond_init (&gate.cond);
  gate.dummy = hash_new ("the password of nobody", error);
  if (gate.dummy)
    return true;
  password_stop ();
  return false;
}

void
password_stop (void)
{
  g_assert (gate.running == 0 && gate.waiting == 0);
  g_clear_pointer (&gate.dummy, g_free);
  p2p_cond_done (&gate.cond);
  p2p_mutex_done (&gate.lock);
}

char *
password_hash (const char *password, GError **error)
{
  char *hash;

  if (!gate_enter ())
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_THROTTLED,
                           "too many passwords are being checked");
      return NULL;
    }
  hash = hash_new (password, error);
  gate_leave ();
  return hash;
}

/* As long as both hashes are of the same length, which those of one method are, takes the same
 * time. */
static bool
hashes_equal (const char *a, const char *b)
{
  size_t n = strlen (a);
  unsigned char diff = 0;

  if (n != strlen (b))
    return false;
  for (size_t i = 0; i < n; i++)
    diff |= (unsigned char) (a[i] ^ b[i]);
  return diff == 0;
}

PasswordVerdict
password_check (const char *password, const char *hash)
{
  char *again;
  bool right;

  if (!gate_enter ())
    return PASSWORD_BUSY;
  again = crypt_dup (password, hash ? hash : gate.dummy);
  gate_leave ();
  right = again && hashes_equal (again, hash ? hash : gate.dummy);
  g_free (again);
  return right && hash ? PASSWORD_RIGHT : PASSWORD_WRONG;
}
