/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A resolver whose look-up function the test commands. Any thread, but for the two that make and
 * free it. */
#pragma once

#include "lib/lock.h"
#include "lib/resolver-priv.h"

/* Far more than anything here takes, so that a hang fails. */
#define SOON p2p_deadline_ms (20000)

/* What the fake DNS says. */
typedef struct
{
  P2pMutex lock;
  pthread_cond_t changed;
  const char *addresses[4]; /* (lock: lock) */
  int rc;                   /* (lock: lock) */
  bool silent;              /* blocks while set (lock: lock) */
  unsigned hang;            /* the first so many block until dns_release () (lock: lock) */
  unsigned n_hanging;       /* (lock: lock) */
  int hang_rc;              /* what they answer then (lock: lock) */
  unsigned n_asked;         /* (lock: lock) */
  bool left;                /* constant: the resolver's end does not wait for it */
} Dns;

/* On dns as the caller has filled it in; its lock is made here. Times as in P2pResolverOptions. */
P2pResolver *dns_resolver_new (Dns *dns, int64_t good_ms, int64_t failed_ms, unsigned cache_max);
/* Lets go who waits in dns. */
void dns_resolver_free (P2pResolver *resolver, Dns *dns);

void dns_set (Dns *dns, int rc, bool silent);
void dns_set_address (Dns *dns, const char *address);
/* Those that hang answer. Waits until they have. */
void dns_release (Dns *dns, int rc);
/* How often it was asked. */
unsigned dns_asked (Dns *dns);
/* Waits until it was asked so often. */
void dns_await (Dns *dns, unsigned n_asked);
