/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A TLS server that counts every byte that arrives inside TLS, and answers each request head with
 * "{}". It tells whether anything at all left the client. Made, read and freed on the main thread;
 * a thread for each connection. */
#pragma once

#include <gio/gio.h>
#include <stdint.h>

typedef struct ByteServer ByteServer;

ByteServer *byte_server_new (GTlsCertificate *certificate);
void byte_server_free (ByteServer *server);
uint16_t byte_server_get_port (ByteServer *server);
int byte_server_get_n_connections (ByteServer *server);
int byte_server_get_n_resumed (ByteServer *server);
int byte_server_get_n_bytes (ByteServer *server);

/* From the next connection on. */
void byte_server_set_certificate (ByteServer *server, GTlsCertificate *certificate);
