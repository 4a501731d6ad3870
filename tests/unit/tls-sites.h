/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* For the tests of TLS: a server of two sites, each with a certificate of one CA, and connections
 * to it. One thread. */
#pragma once

#include "lib/stream-tls-priv.h"
#include "tests/unit/stream-pairs.h"
#include "tests/unit/tls-fixture.h"

#include <glib.h>

#define SOON p2p_deadline_ms (20000)
#define GOOD(call) g_assert_cmpint ((call), >=, 0)

typedef struct
{
  TlsFixtureCert *ca, *other_ca; /* (owned) */
  TlsFixtureCert *site[2];       /* (owned) a.test, b.test; from ca */
  P2pTlsCert *loaded[2];         /* (owned) what the server shows for b.test: 1, for others: 0 */
  char asked_for[256];           /* the name the server was asked for last */
} TlsSites;

extern TlsSites tls_sites;

void tls_sites_init (void);
void tls_sites_done (void);

/* Gives tickets; asks for certificates of this CA (nullable). */
P2pTlsServer *tls_sites_server (const char *client_ca_pem);
/* A client that asks for name (nullable), over TCP; without a handshake yet. */
void tls_sites_connect (P2pTlsServer *server,
                        P2pTlsClient *client,
                        const char *name,
                        P2pStream **ret_client,
                        P2pStream **ret_server);
