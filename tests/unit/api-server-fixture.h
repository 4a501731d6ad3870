/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The management port on a store of its own, over real sockets, and a client of it that blocks
 * until PATIENCE_MS. One thread. */
#pragma once

#include "tests/unit/api-fixture.h"
#include "tests/unit/tls-fixture.h"

typedef struct
{
  ApiFixture base; /* its store; the core is started by api_start () here */
  P2pTlsServer *tls;
  TlsFixtureCert *cert;
  P2pTlsCert *loaded;
} ServerFixture;

/* On a port of the kernel's choice, without or with TLS; bound_ms: for a handshake, a head and a
 * body. */
void server_fixture_start (ServerFixture *fixture, bool tls, int64_t bound_ms);
/* Without TLS, and with more time than any test takes. */
void server_fixture_init (ServerFixture *fixture, const void *data);
void server_fixture_done (ServerFixture *fixture, const void *data);

P2pStream *server_dial (void);
void server_send (P2pStream *strm, const char *text, size_t n);
/* Until the answer's body is complete, or the end. Bytes beyond it must not come. g_free (). */
char *server_receive (P2pStream *strm);
/* Until the end. g_free (). */
char *server_receive_all (P2pStream *strm);
/* Whether what comes next is the end. */
bool server_has_closed (P2pStream *strm);

void server_assert_status (const char *answer, unsigned status);
/* What is sent on a connection of its own is answered so. */
void server_assert_answered (const char *bytes, size_t n, unsigned status);
