/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Outcome of one operation of the data plane: returned by value, never allocated, never logged.
 * A peer going away is no error here; a GError is made only where the outcome leaves the data
 * plane. */
#pragma once

typedef enum
{
  P2P_IO_OK,       /* done, at least in part: see the count that was returned */
  P2P_IO_AGAIN,    /* would block, and the deadline was P2P_TRY */
  P2P_IO_EOF,      /* the peer ended its direction in order (FIN, close_notify) */
  P2P_IO_TIMEOUT,  /* the deadline passed */
  P2P_IO_RESET,    /* the peer reset, or the transport below went away without an orderly end */
  P2P_IO_OVERFLOW, /* a limit of ours: buffer, window budget, number of streams */
  P2P_IO_PROTO,    /* the peer broke the protocol */
  P2P_IO_TLS,      /* a fatal TLS alert or failed verification */
  P2P_IO_REFUSED,  /* the other end said no: connection refused, stream reset before its ACK */
  P2P_IO_SYS,      /* a system call failed in a way that is ours: EMFILE, ENOMEM, ... */
  P2P_IO_STOPPED,  /* this process is ending */
} P2pIo;

/* A static text for logs and error pages, e.g. "connection reset". */
const char *p2p_io_text (P2pIo io);
