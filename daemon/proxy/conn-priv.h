/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A connection, shared by conn.c (birth, end, phases without a request) and conn-serve.c (heads and
 * requests). Each function is the worker's that has it; after one that may park or end it, the
 * connection must not be touched any more. */
#pragma once

#include "daemon/proxy/proxy-priv.h"

/* Leaves the roster and lets go of all but the stream, which is the caller's, and the place among
 * those of its address, which conn_uncount () gives back. */
P2pStream *conn_dissolve (Conn *conn);
void conn_uncount (AddressCount *count);

/* Closes it; resets it, so that the client learns that what it got may not be all. */
void conn_end (Conn *conn);
void conn_reset (Conn *conn);
/* Behind an answer that came before the request's end. */
void conn_linger (Conn *conn);

/* Until the client says something, or the phase's deadline. */
static inline void
conn_park (Conn *conn)
{
  P2pWait item = { .strm = conn->strm, .want = P2P_READABLE };

  p2p_park (&conn->parked, &item, 1, conn->deadline_us);
}

/* The phases. conn_late: its deadline has passed. */
void conn_source (Conn *conn);
void conn_handshake (Conn *conn);
void conn_drain (Conn *conn);
void conn_late (Conn *conn);

/* Heads and requests, as long as their first bytes are there. */
void conn_serve (Conn *conn);
/* It was woken, in whatever phase. */
void conn_run (P2pParked *parked, P2pWake wake);
