/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Where the agent may connect to. Each address that a name resolves to is judged, and the
 * connection goes to a judged address, so that a name cannot change in between. Link-local
 * addresses and those of cloud metadata services are refused under every spelling. */
#pragma once

#include "lib/stream.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* True: refused. */
bool judge_is_forbidden (const struct sockaddr *address);

/* Resolves, judges, connects to the first that answers; blocks to the deadline. *ret_denied
 * (static) is set when it was the judgement that said no. */
P2pIo judge_and_connect (const char *host,
                         uint16_t port,
                         int64_t deadline_us,
                         P2pStream **ret_strm,
                         const char **ret_denied);
