/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* To an origin, where AGENT_ALLOW and AGENT_DENY let the daemon (allow.h). A name is resolved once,
 * each address is judged, and the connection goes to a judged address, so that the name cannot
 * change in between. */
#pragma once

#include "lib/stream.h"

#include <glib.h>
#include <stdint.h>

bool judge_setup (GError **error);
/* Nobody waits for a name or a connection any more: P2P_IO_STOPPED. For good; does not block. */
void judge_stop (void);
void judge_teardown (void);

/* Resolves, judges, connects to the first that answers; blocks to the deadline, or until
 * judge_stop (). *ret_denied (static) is set when it was the judgement that said no. */
P2pIo judge_and_connect (const char *host,
                         uint16_t port,
                         int64_t deadline_us,
                         P2pStream **ret_strm,
                         const char **ret_denied);
