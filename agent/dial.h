/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The way to the daemon, in parts: the link asks for a tunnel, reports only for a connection. On a
 * worker; all block to their deadlines. */
#pragma once

#include "agent/agent.h"

typedef enum
{
  DIAL_OK,
  DIAL_FAILED,  /* not reached, or not verified */
  DIAL_REFUSED, /* the daemon said no */
} DialResult;

/* Connects, verifies, asks for the tunnel. why: a sentence for the log, g_free (). */
DialResult dial_tunnel (P2pStream **ret_strm, char **ret_why);

/* Connects and verifies. */
P2pIo dial_daemon (P2pStream **ret_strm, int64_t deadline_us, char **ret_why);

/* Reads a head and not a byte more. */
P2pIo
dial_read_head (P2pStream *strm, char *buf, size_t size, size_t *ret_size, int64_t deadline_us);
