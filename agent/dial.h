/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The way to the daemon, in parts: tries for a tunnel take all of them, reports only the
 * connection. On threads that may wait; all block to their deadlines, or until stopped from
 * another. why: a sentence for the log, g_free (). */
#pragma once

#include "agent/agent.h"
#include "lib/lock.h"

typedef enum
{
  DIAL_OK,
  DIAL_FAILED,  /* not reached, or not verified */
  DIAL_REFUSED, /* the daemon said no */
} DialResult;

/* What ends a try before its deadline, but for its look-up of the name: p2p_resolver_stop () of
 * agent.daemon_resolver does. */
typedef struct
{
  int bell_fd; /* constant; readable once stopped */
  P2pMutex lock;
  bool stopped;    /* (lock: lock) */
  P2pStream *strm; /* (lock: lock) (borrowed) (nullable) the connection, once there is one */
} DialStop;

/* False: no descriptor is free. */
bool dial_stop_init (DialStop *stop);
void dial_stop_done (DialStop *stop);
/* Any thread; does not block. */
void dial_stop (DialStop *stop);

/* Connects and verifies. first: with which of the daemon's addresses, counted from the one that the
 * system prefers, and round and round; the others are for those that do not connect (RFC 8305), but
 * one that does may hang in TLS, or be another machine. stop goes on to end the stream, which is
 * then to be closed by dial_close () and nothing else. */
P2pIo dial_connect (P2pStream **ret_strm,
                    DialStop *stop,
                    unsigned first,
                    int64_t deadline_us,
                    char **ret_why);
void dial_close (P2pStream *take_strm, DialStop *stop);

/* Asks for the tunnel; why is set unless DIAL_OK. */
DialResult dial_ask (P2pStream *strm, int64_t deadline_us, char **ret_why);

/* Reads a head and not a byte more. */
P2pIo
dial_read_head (P2pStream *strm, char *buf, size_t size, size_t *ret_size, int64_t deadline_us);
