/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The steps of a TCP connect, for connect.c, which has several under way at once. Nothing here
 * blocks. */
#pragma once

#include "lib/stream-tcp.h"

/* 0, and a non-blocking socket that becomes writable when connected or failed; or an errno. */
int
p2p_stream_tcp_connect_begin (const struct sockaddr *address, socklen_t address_len, int *ret_fd);

/* How the attempt ended: 0 or an errno. */
int p2p_stream_tcp_connect_error (int fd);

/* The errno of an attempt as an outcome; sets errno to it. */
P2pIo p2p_stream_tcp_connect_outcome (int error);
