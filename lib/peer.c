/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who is at the other end of a socket. No state. */
#include "lib/peer.h"

#include <arpa/inet.h>
#include <glib.h>
#include <stdbool.h>

void
p2p_peer_format (const struct sockaddr *peer, char address[INET6_ADDRSTRLEN], uint16_t *ret_port)
{
  const struct sockaddr_in *in = (const void *) peer;
  const struct sockaddr_in6 *in6 = (const void *) peer;

  *ret_port = 0;
  g_strlcpy (address, "unix", INET6_ADDRSTRLEN);
  if (peer->sa_family == AF_INET)
    {
      (void) inet_ntop (AF_INET, &in->sin_addr, address, INET6_ADDRSTRLEN); /* fits, as below */
      *ret_port = ntohs (in->sin_port);
    }
  else if (peer->sa_family == AF_INET6)
    {
      bool mapped = IN6_IS_ADDR_V4MAPPED (&in6->sin6_addr);

      (void) inet_ntop (mapped ? AF_INET : AF_INET6,
                        mapped ? (const void *) &in6->sin6_addr.s6_addr[12] : &in6->sin6_addr,
                        address, INET6_ADDRSTRLEN);
      *ret_port = ntohs (in6->sin6_port);
    }
}
