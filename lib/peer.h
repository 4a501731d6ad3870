/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who is at the other end of a socket, as text. Any thread; nothing blocks. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/* The one form that is used everywhere: IPv4 also where the socket says IPv4-mapped IPv6, no
 * brackets; "unix" without a port for anything else. */
void
p2p_peer_format (const struct sockaddr *peer, char address[INET6_ADDRSTRLEN], uint16_t *ret_port);
