/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The PROXY header, versions 1 and 2, that a load balancer puts before a connection's first byte to
 * say whose connection it passes on (HAProxy's doc/proxy-protocol.txt). Pure functions: nothing
 * allocates, nothing blocks, nothing is kept; any thread. */
#pragma once

#include "lib/span.h"

#include <sys/socket.h>

/* The longest header that is read: version 1 has at most 107 bytes, version 2 carries what else the
 * sender tells. */
#define P2P_PROXY_HEADER_MAX 4096

enum
{
  P2P_PROXY_HEADER_V1 = 1 << 0,
  P2P_PROXY_HEADER_V2 = 1 << 1,
};

typedef enum
{
  P2P_PROXY_HEADER_OK,
  P2P_PROXY_HEADER_MORE, /* all bytes so far belong to a header, and more are to come */
  P2P_PROXY_HEADER_BAD,  /* not a header of a version that is accepted */
} P2pProxyHeaderResult;

typedef struct
{
  size_t size; /* what follows is the client's */
  /* AF_UNSPEC: the sender speaks for itself (LOCAL), or does not know, or it is no address of the
   * Internet: the connection's own peer stands. */
  struct sockaddr_storage source;
  P2pSpan reason_bad; /* static: which rule was broken; set with P2P_PROXY_HEADER_BAD alone */
} P2pProxyHeader;

/* data: what has come so far, from the connection's first byte on. */
P2pProxyHeaderResult
p2p_proxy_header_parse (P2pSpan data, unsigned versions, P2pProxyHeader *ret_header);
