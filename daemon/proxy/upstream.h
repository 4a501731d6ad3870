/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Upstream streams: connections to origins, kept alive between requests. Any worker; upstream_take () blocks to its deadline at most,
 * while it connects. */
#pragma once

#include "daemon/config/config.h"
#include "daemon/proxy/proxy-priv.h"

typedef enum
{
  UPSTREAM_OK,
  UPSTREAM_NO_AGENT,   /* 503 */
  UPSTREAM_OVERLOADED, /* 503 */
  UPSTREAM_BUSY,       /* 503: the target has as many requests as it may have */
  UPSTREAM_TIMEOUT,    /* 504 */
  UPSTREAM_REFUSED,    /* 502: connection refused, no such name */
  UPSTREAM_DENIED,     /* 502: the agent does not allow it */
  UPSTREAM_TLS,        /* 502: the origin's certificate or handshake */
  UPSTREAM_FAILED,     /* 502 */
} UpstreamResult;

typedef struct
{
  P2pStream *strm;   /* (owned) */
  P2pStream *tunnel; /* (borrowed: strm) (nullable) the agent's stream below it */
  uint64_t origin_key;
  bool tls;
  bool reused; /* it carried a request before: it may be dead already */
} Upstream;

void upstreams_setup (void);
void upstreams_teardown (void);

/* An idle connection to req->target's origin, or a new one. fresh: do not reuse. */
UpstreamResult upstream_take (Request *req, bool fresh, int64_t deadline_us, Upstream *ret_up);

/* Gives a connection back that is between two requests, for the next one. */
void upstream_keep (Upstream *up);
/* Ends it. */
void upstream_close (Upstream *up);

/* Closes what was idle for too long; called now and then by the acceptor. */
void upstreams_reap (void);
