/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Names to addresses: a small pool of threads that alone call getaddrinfo (), and a cache (30 s;
 * failures 5 s; a stale answer serves while DNS is silent). Any thread; blocks to the deadline at
 * most. */
#pragma once

#include "lib/clock.h"
#include "lib/stream.h"

#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef struct P2pResolver P2pResolver;

typedef struct
{
  struct sockaddr_storage address;
  socklen_t len;
} P2pAddress;

#define P2P_ADDRESSES_MAX 16

/* n_threads: at most so many, made as they are needed. */
P2pResolver *p2p_resolver_new (unsigned n_threads, unsigned cache_max, GError **error);
/* From now on nobody waits for a name: a look-up gets what is known already, a fresh one nothing,
 * else P2P_IO_STOPPED. Does not block. */
void p2p_resolver_stop (P2pResolver *resolver);
/* Joins its threads but those that a name server keeps for longer than half a second: they end when
 * it answers, or with the process. Nobody waits for a name any more. */
void p2p_resolver_free (P2pResolver *resolver);

/* host is a name, an IPv4 or an IPv6 address without brackets. Addresses come in the order of RFC
 * 8305 section 4 (families take turns). P2P_IO_REFUSED: no such name. P2P_IO_TIMEOUT.
 * P2P_IO_STOPPED. */
P2pIo p2p_resolver_lookup (P2pResolver *resolver,
                           P2pSpan host,
                           uint16_t port,
                           P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
                           unsigned *ret_n,
                           int64_t deadline_us);

/* The same by a look-up that begins now, beside one that may hang: for who has found that what was
 * true before is not any more. No answer of the past is believed, but while DNS is silent the
 * addresses known before serve after a second. */
P2pIo p2p_resolver_lookup_fresh (P2pResolver *resolver,
                                 P2pSpan host,
                                 uint16_t port,
                                 P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
                                 unsigned *ret_n,
                                 int64_t deadline_us);

/* Looks up and connects, RFC 8305: addresses 250 ms apart, the first that answers wins. Host may be
 * "unix:/absolute/path" (port ignored). errno tells more on P2P_IO_SYS and P2P_IO_REFUSED. */
P2pIo p2p_connect (P2pResolver *resolver,
                   P2pSpan host,
                   uint16_t port,
                   int64_t deadline_us,
                   P2pStream **ret_strm);

/* The second half of it, for who judges the addresses first; n is 1 to P2P_ADDRESSES_MAX.
 * P2P_IO_STOPPED as soon as stop_fd (-1: never) is readable. */
P2pIo p2p_connect_addresses_unless (const P2pAddress *addresses,
                                    unsigned n,
                                    int stop_fd,
                                    int64_t deadline_us,
                                    P2pStream **ret_strm);
