/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The resolver's inside, and the resolver with another look-up function and other times, for tests.
 */
#pragma once

#include "lib/resolver.h"

/* As getaddrinfo (): 0 or an EAI_ code; at most P2P_ADDRESSES_MAX addresses, ports unset. Called on
 * the resolver's threads, may block. */
typedef int (*P2pResolverFunc) (const char *name,
                                P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
                                unsigned *ret_n,
                                void *data);

typedef struct
{
  unsigned n_threads;     /* at most, made as they are needed */
  unsigned cache_max;     /* names; also bounds those being looked up */
  int64_t good_ms;        /* how long an answer is fresh */
  int64_t failed_ms; /* how long "no such name" is believed, and the pause after DNS was silent */
  int64_t stale_after_ms; /* how long a new look-up is waited for while there is a stale answer */
  P2pResolverFunc func;
  void *data;
} P2pResolverOptions;

P2pResolver *p2p_resolver_new_full (const P2pResolverOptions *options, GError **error);

/* --- resolver-system.c ------------------------------------------------------------------------ */

/* getaddrinfo (): a P2pResolverFunc. */
int p2p_resolver_ask_system (const char *name,
                             P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
                             unsigned *ret_n,
                             void *data);

/* False: the text is no address, of either family. Does not block; port unset. */
bool p2p_resolver_parse_address (const char *text, P2pAddress *ret_address);
