/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates made on the spot, and TLS over pairs of streams. */
#pragma once

#include "lib/stream.h"
#include "lib/tls.h"

#include <gnutls/x509.h>

typedef struct
{
  gnutls_x509_crt_t crt;
  gnutls_x509_privkey_t key;
  char *chain_pem;
  char *key_pem;
} TlsFixtureCert;

typedef struct
{
  const char *name;           /* DNS name or IP address */
  const char *purpose;        /* (nullable) GNUTLS_KP_...; NULL: server */
  const TlsFixtureCert *ca;   /* (nullable: signs itself and is a CA) */
  bool expired;
  bool early; /* not valid yet */
  int64_t ends_at; /* seconds since 1970; 0: tomorrow, unless expired */
  bool rsa;
  bool weak; /* with rsa: of a size that can be broken */
} TlsFixtureOptions;

TlsFixtureCert *tls_fixture_cert (const TlsFixtureOptions *options);
void tls_fixture_cert_free (TlsFixtureCert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (TlsFixtureCert, tls_fixture_cert_free)

/* As a context would load it. */
P2pTlsCert *tls_fixture_load (const TlsFixtureCert *cert);

/* These must come about. */
P2pTlsServer *tls_fixture_server (const P2pTlsServerOptions *options);
P2pTlsClient *tls_fixture_client (const P2pTlsClientOptions *options);

/* Both handshakes in turns, without blocking; the outcomes of both. */
void
tls_fixture_handshake (P2pStream *client, P2pStream *server, P2pIo *ret_client, P2pIo *ret_server);

/* One byte, so that what the handshake left behind (tickets) is out of the way. */
void tls_fixture_pass_byte (P2pStream *from, P2pStream *to);

/* TLS over a connected pair, handshake done; server_name "localhost", its certificate verified. a
 * is the client. */
void tls_fixture_wrap (bool tls12, P2pStream **a, P2pStream **b);

/* The records of one direction, at both ends, counted from close below 2^24, where GnuTLS makes new
 * keys by itself. */
void tls_fixture_set_near_limit (P2pStream *from, P2pStream *to);
