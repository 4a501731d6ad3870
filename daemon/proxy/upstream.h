/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Upstream streams: connections to origins, kept alive between requests. Any worker; upstream_take
 * () blocks to its deadline at most, while it connects. */
#pragma once

#include "daemon/proxy/proxy-priv.h"
#include "daemon/proxy/upstream-dial.h"

void upstreams_setup (void);
void upstreams_teardown (void);

/* An idle connection to req->target's origin, through that agent (0: directly), or a new one.
 * fresh: do not reuse. */
UpstreamResult upstream_take (Request *req, int64_t agent_id, bool fresh, Upstream *ret_up);

/* Gives a connection back that is between two requests, for the next one. */
void upstream_keep (Upstream *up);
/* Closes what was idle for too long, and what goes through a tunnel that drains; called now and
 * then by the acceptor. */
void upstreams_reap (void);
