/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the system knows of names: its look-up, which blocks for as long as it likes; what a name
 * may be, addresses as text, and their order. No state; any thread. */
#include "lib/resolver-priv.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

int
p2p_resolver_ask_system (const char *name,
                         P2pAddress ret_addresses[P2P_ADDRESSES_MAX],
                         unsigned *ret_n,
                         void *data)
{
  /* No AI_ADDRCONFIG: it hides loopback addresses on a host without others, and connecting passes
   * over a family that leads nowhere at once. */
  const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
  struct addrinfo *found = NULL;
  int rc = getaddrinfo (name, NULL, &hints, &found);
  unsigned n = 0;

  (void) data;
  if (rc != 0)
    return rc;
  for (const struct addrinfo *at = found; at && n < P2P_ADDRESSES_MAX; at = at->ai_next)
    if ((at->ai_family == AF_INET || at->ai_family == AF_INET6)
        && at->ai_addrlen <= sizeof ret_addresses[n].address)
      {
        memcpy (&ret_addresses[n].address, at->ai_addr, at->ai_addrlen);
        ret_addresses[n++].len = at->ai_addrlen;
      }
  freeaddrinfo (found);
  *ret_n = n;
  return n > 0 ? 0 : EAI_NONAME;
}

/* An address needs no thread and no cache. */
bool
p2p_resolver_parse_address (const char *text, P2pAddress *ret_address)
{
  struct sockaddr_in *in = (struct sockaddr_in *) &ret_address->address;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &ret_address->address;
  const struct addrinfo hints = { .ai_family = AF_INET6, .ai_flags = AI_NUMERICHOST };
  struct addrinfo *found;

  memset (ret_address, 0, sizeof *ret_address);
  if (inet_pton (AF_INET, text, &in->sin_addr) == 1)
    {
      in->sin_family = AF_INET;
      ret_address->len = sizeof *in;
      return true;
    }
  if (inet_pton (AF_INET6, text, &in6->sin6_addr) == 1)
    {
      in6->sin6_family = AF_INET6;
      ret_address->len = sizeof *in6;
      return true;
    }
  /* fe80::1%eth0 */
  if (!strchr (text, '%') || getaddrinfo (text, NULL, &hints, &found) != 0)
    return false;
  memcpy (in6, found->ai_addr, sizeof *in6);
  ret_address->len = sizeof *in6;
  freeaddrinfo (found);
  return true;
}

void
p2p_resolver_interleave (P2pAddress addresses[P2P_ADDRESSES_MAX], unsigned n)
{
  P2pAddress ordered[P2P_ADDRESSES_MAX];
  bool taken[P2P_ADDRESSES_MAX] = { false };
  int family = n > 0 ? addresses[0].address.ss_family : AF_UNSPEC;

  for (unsigned i = 0; i < n; i++)
    {
      unsigned pick = n;

      for (unsigned j = n; j > 0; j--)
        if (!taken[j - 1]
            && (pick == n || addresses[j - 1].address.ss_family == family
                || addresses[pick].address.ss_family != family))
          pick = j - 1;
      taken[pick] = true;
      ordered[i] = addresses[pick];
      family = ordered[i].address.ss_family == AF_INET ? AF_INET6 : AF_INET;
    }
  memcpy (addresses, ordered, n * sizeof *addresses);
}

void
p2p_resolver_set_ports (P2pAddress *addresses, unsigned n, uint16_t port)
{
  for (unsigned i = 0; i < n; i++)
    if (addresses[i].address.ss_family == AF_INET)
      ((struct sockaddr_in *) &addresses[i].address)->sin_port = htons (port);
    else
      ((struct sockaddr_in6 *) &addresses[i].address)->sin6_port = htons (port);
}

bool
p2p_resolver_copy_name (P2pSpan host, char ret_name[P2P_RESOLVER_NAME_MAX + 1])
{
  if (host.n == 0 || host.n > P2P_RESOLVER_NAME_MAX)
    return false;
  for (size_t i = 0; i < host.n; i++)
    {
      if (!g_ascii_isalnum (host.p[i]) && !(host.p[i] != '\0' && strchr ("-_.:%", host.p[i])))
        return false;
      ret_name[i] = g_ascii_tolower (host.p[i]);
    }
  ret_name[host.n] = '\0';
  return true;
}
