/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* New connections to origins: direct or through an agent, TLS on top of either. For requests and
 * for health checks: any thread that may block to the deadline. */
#pragma once

#include "daemon/config/config.h"
#include "lib/pool.h"
#include "lib/stream.h"

typedef enum
{
  UPSTREAM_OK,
  UPSTREAM_NO_AGENT,   /* 503 */
  UPSTREAM_UNUSABLE,   /* 503: unhealthy or cooling down */
  UPSTREAM_OVERLOADED, /* 503 */
  UPSTREAM_UNSEEN,  /* 503: the agent refused the stream and saw nothing of it: elsewhere, or later
                     */
  UPSTREAM_BUSY,    /* 503: the target has as many requests as it may have */
  UPSTREAM_FULL,    /* 503: ... as many connections */
  UPSTREAM_STOPPED, /* 503: the daemon ends and its name is not known */
  UPSTREAM_TIMEOUT, /* 504 */
  UPSTREAM_AGENT_TIMEOUT, /* 504: the agent left too many streams unacknowledged */
  UPSTREAM_REFUSED,       /* 502: connection refused, no such name */
  UPSTREAM_DENIED,        /* 502: the agent does not allow it */
  UPSTREAM_TLS,           /* 502: the origin's certificate or handshake */
  UPSTREAM_AGENT,         /* 502: the agent's connection broke */
  UPSTREAM_FAILED,        /* 502 */
} UpstreamResult;

typedef struct
{
  P2pStream *strm;     /* (owned) */
  const P2pPool *lane; /* (borrowed: only compared) whose epoll set knows the stream */
  P2pStream *tunnel; /* (borrowed: strm) (nullable) the agent's stream below it */
  int64_t agent_id;  /* through which it goes; 0: direct */
  uint64_t origin_key;
  ConfigTargetState
      *counted; /* (owned reference) (nullable) the target among whose connections it is */
  bool tls;
  bool reused; /* it carried a request before: it may be dead already */
} Upstream;

typedef struct
{
  const Config *cfg;
  const ConfigTarget *target;
  int64_t agent_id;       /* 0: a direct target */
  const char *request_id; /* for the agent's log */
  char **ret_why; /* (nullable) gets what TLS had to say, if anything, which is logged otherwise;
                     g_free () */
} UpstreamDial;

/* Between proxy_start () and proxy_stop (). Blocks to the deadline at most. */
UpstreamResult upstream_dial (const UpstreamDial *dial, int64_t deadline_us, Upstream *ret_up);

/* Ends a connection, if there is one; a TLS session is kept for the next one. */
void upstream_close (Upstream *up);

/* One connection less; takes the reference (nullable). */
void upstream_uncount (ConfigTargetState *take_state);

/* What the agent's refusal means. */
UpstreamResult upstream_judge_refusal (const char *kind);
