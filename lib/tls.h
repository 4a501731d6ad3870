/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS contexts: what many TLS streams share. Both are reference counted, immutable once made, and
 * may be used by any thread. */
#pragma once

#include "lib/span.h"

#include <glib.h>
#include <gnutls/gnutls.h>

typedef struct P2pTlsCert P2pTlsCert;     /* one key and its chain, parsed; and its ticket key */
typedef struct P2pTlsServer P2pTlsServer; /* how to accept */
typedef struct P2pTlsClient P2pTlsClient; /* how to dial and what to trust */

typedef enum
{
  P2P_TLS_ERROR_CERTIFICATE, /* cannot be parsed, or key and certificate do not belong together */
  P2P_TLS_ERROR_FILE,
  P2P_TLS_ERROR_INTERNAL,
} P2pTlsError;
#define P2P_TLS_ERROR (p2p_tls_error_quark ())
GQuark p2p_tls_error_quark (void);

/* Once, before the first thread: registers the error domain, sets GnuTLS up. */
void p2p_tls_setup (void);

/* Chain (leaf first) and key as PEM. */
P2pTlsCert *p2p_tls_cert_new (P2pSpan chain_pem, P2pSpan key_pem, GError **error);
/* One for both kinds of keys of one name: the client gets the first whose key it can check. A
 * ticket key of its own, as each. */
P2pTlsCert *p2p_tls_cert_join (P2pTlsCert *first, P2pTlsCert *second, GError **error);
P2pTlsCert *p2p_tls_cert_ref (P2pTlsCert *cert);
void p2p_tls_cert_unref (P2pTlsCert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (P2pTlsCert, p2p_tls_cert_unref)

/* Chooses the certificate by the client's SNI (lower case, may be empty): a new reference, or NULL:
 * the handshake fails. Called inside the handshake; must not block and must not make a key. */
typedef P2pTlsCert *(*P2pTlsChooseFunc) (const char *server_name, void *data);

typedef struct
{
  P2pTlsChooseFunc choose;
  void *data;
  const char *const *alpn; /* (nullable) NULL-terminated, in order of preference */
  bool tickets;            /* session tickets, with the chosen certificate's own key */
  const char
      *client_ca_pem; /* (nullable) request a client certificate, never fail the handshake for it */
} P2pTlsServerOptions;

P2pTlsServer *p2p_tls_server_new (const P2pTlsServerOptions *options, GError **error);
P2pTlsServer *p2p_tls_server_ref (P2pTlsServer *server);
void p2p_tls_server_unref (P2pTlsServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (P2pTlsServer, p2p_tls_server_unref)

typedef struct
{
  const char *ca_pem; /* (nullable) trust these alone; NULL: the system's */
  bool skip_verify;
  const char *const *alpn;   /* (nullable) */
  P2pTlsCert *certificate;   /* (nullable) the client's own */
} P2pTlsClientOptions;

P2pTlsClient *p2p_tls_client_new (const P2pTlsClientOptions *options, GError **error);
P2pTlsClient *p2p_tls_client_ref (P2pTlsClient *client);
void p2p_tls_client_unref (P2pTlsClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (P2pTlsClient, p2p_tls_client_unref)
