/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Listening sockets. Any thread; blocks for bind () and listen () only. */
#pragma once

#include <glib.h>
#include <stdint.h>

typedef enum
{
  P2P_LISTEN_ERROR_FAILED,
} P2pListenError;
#define P2P_LISTEN_ERROR (p2p_listen_error_quark ())
GQuark p2p_listen_error_quark (void);

/* bind_address: "" all addresses of both families, an address, or "unix:/path". *ret_port: the port
 * bound (0 for a Unix socket). Non-blocking, CLOEXEC; -1 with a sentence: "port 443: permission
 * denied". */
int p2p_listen (const char *bind_address, uint16_t port, uint16_t *ret_port, GError **error);
