/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TCP and Unix sockets as streams. Each call says MSG_DONTWAIT, whatever mode the descriptor is in.
 */
#pragma once

#include "lib/stream.h"

#include <sys/socket.h>

/* Takes over fd. Allocates. TCP_NODELAY is set on TCP sockets. */
P2pStream *p2p_stream_tcp_new (int take_fd);

/* For a connection that may be silent for days: the kernel probes a peer that has been silent for a
 * minute, and gives up on one that answers neither that nor our bytes for two (P2P_IO_RESET).
 * Nothing on a Unix socket. */
void p2p_stream_tcp_watch_peer (int fd);

/* Connects to one address, non-blocking until the deadline. P2P_IO_REFUSED, P2P_IO_TIMEOUT,
 * P2P_IO_SYS; errno tells more. */
P2pIo p2p_stream_tcp_connect (const struct sockaddr *address,
                              socklen_t address_len,
                              int64_t deadline_us,
                              P2pStream **ret_strm);
