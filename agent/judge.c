/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Where the agent may connect to. See judge.h. */
#include "agent/judge.h"

#include "agent/agent.h"
#include "lib/resolver.h"

#include <arpa/inet.h>
#include <glib.h>

static bool
is_forbidden_v4 (uint32_t address)
{
  return (address >> 16) == 0xa9fe; /* 169.254.0.0/16 */
}

static bool
has_prefix (const struct in6_addr *address, const char *prefix, unsigned n_bytes)
{
  struct in6_addr wanted;

  return inet_pton (AF_INET6, prefix, &wanted) == 1
         && memcmp (address, &wanted, n_bytes) == 0;
}

static uint32_t
v4_at (const struct in6_addr *address, unsigned at)
{
  const uint8_t *b = address->s6_addr + at;

  return (uint32_t) b[0] << 24 | (uint32_t) b[1] << 16 | (uint32_t) b[2] << 8 | b[3];
}

/* IPv4 stands inside IPv6 in three places: mapped, NAT64 (RFC 6052) and 6to4 (RFC 3056). */
static bool
is_forbidden_v6 (const struct in6_addr *address)
{
  if (IN6_IS_ADDR_LINKLOCAL (address) || has_prefix (address, "fd00:ec2::254", 16))
    return true;
  if (IN6_IS_ADDR_V4MAPPED (address) || has_prefix (address, "64:ff9b::", 12))
    return is_forbidden_v4 (v4_at (address, 12));
  return has_prefix (address, "2002::", 2) && is_forbidden_v4 (v4_at (address, 2));
}

bool
judge_is_forbidden (const struct sockaddr *address)
{
  if (address->sa_family == AF_INET)
    return is_forbidden_v4 (
        ntohl (((const struct sockaddr_in *) (const void *) address)->sin_addr.s_addr));
  if (address->sa_family == AF_INET6)
    return is_forbidden_v6 (&((const struct sockaddr_in6 *) (const void *) address)->sin6_addr);
  return true;
}

P2pIo
judge_and_connect (const char *host,
                   uint16_t port,
                   int64_t deadline_us,
                   P2pStream **ret_strm,
                   const char **ret_denied)
{
  P2pAddress addresses[P2P_ADDRESSES_MAX];
  unsigned n, n_allowed = 0;
  P2pIo io;

  *ret_denied = NULL;
  if (g_str_has_prefix (host, "unix:"))
    {
      *ret_denied = "Unix sockets are not reached through an agent";
      return P2P_IO_REFUSED;
    }
  io = p2p_resolver_lookup (agent.resolver, p2p_span_from_string (host), port, addresses, &n,
                            deadline_us);
  if (io != P2P_IO_OK)
    return io;
  for (unsigned i = 0; i < n; i++)
    if (!judge_is_forbidden ((const struct sockaddr *) &addresses[i].address))
      addresses[n_allowed++] = addresses[i];
  if (n_allowed == 0)
    {
      *ret_denied = "link-local and metadata addresses are not reached through this agent";
      return P2P_IO_REFUSED;
    }
  return p2p_connect_addresses (addresses, n_allowed, deadline_us, ret_strm);
}
