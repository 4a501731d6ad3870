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
  int64_t leave_after_ms; /* how long the end waits for look-ups that are under way */
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

/* RFC 8305 section 4: families take turns, the one that the system prefers first; the order within
 * each stays. */
void p2p_resolver_interleave (P2pAddress addresses[P2P_ADDRESSES_MAX], unsigned n);
void p2p_resolver_set_ports (P2pAddress *addresses, unsigned n, uint16_t port);

#define P2P_RESOLVER_NAME_MAX 253

/* In lower case. False: no name in DNS or in a hosts file, which does not go to the system. */
bool p2p_resolver_copy_name (P2pSpan host, char ret_name[P2P_RESOLVER_NAME_MAX + 1]);
