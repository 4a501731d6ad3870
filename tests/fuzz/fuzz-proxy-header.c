/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The PROXY header: however the bytes are cut, the same answer, which never depends on what follows
 * the header. The first byte says which versions are accepted. */
#include "tests/fuzz/fuzz.h"

#include "lib/peer.h"
#include "lib/proxy-header.h"

#include <glib.h>

static P2pProxyHeaderResult
parse_exact (const uint8_t *data, size_t n, unsigned versions, P2pProxyHeader *ret_header)
{
  g_autofree char *exact = n > 0 ? g_memdup2 (data, n) : NULL;

  return p2p_proxy_header_parse ((P2pSpan){ exact, n }, versions, ret_header);
}

static void
check_header (const P2pProxyHeader *header, size_t n)
{
  char address[INET6_ADDRSTRLEN];
  uint16_t port;

  g_assert_cmpuint (header->size, >, 14);
  g_assert_cmpuint (header->size, <=, n);
  g_assert_cmpuint (header->size, <=, P2P_PROXY_HEADER_MAX);
  p2p_peer_format ((const struct sockaddr *) &header->source, address, &port);
  g_assert_true (g_str_equal (address, "unix") == (header->source.ss_family == AF_UNSPEC));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  P2pProxyHeaderResult result = P2P_PROXY_HEADER_MORE;
  P2pProxyHeader whole, part = { .size = 0 };
  unsigned versions;
  size_t n = 0;

  if (size < 1)
    return 0;
  versions = data[0] % 4;
  result = parse_exact (data + 1, size - 1, versions, &whole);
  if (result == P2P_PROXY_HEADER_OK)
    check_header (&whole, size - 1);
  g_assert_true (result != P2P_PROXY_HEADER_BAD || whole.reason_bad.n > 0);
  /* Byte by byte: more, until what the whole gave as well. */
  while (n < size - 1 && parse_exact (data + 1, n, versions, &part) == P2P_PROXY_HEADER_MORE)
    n++;
  g_assert_cmpint (parse_exact (data + 1, n, versions, &part), ==, result);
  if (result == P2P_PROXY_HEADER_OK)
    {
      g_assert_cmpuint (n, ==, whole.size);
      g_assert_cmpuint (part.size, ==, whole.size);
      g_assert_cmpmem (&part.source, sizeof part.source, &whole.source, sizeof whole.source);
    }
  return 0;
}
