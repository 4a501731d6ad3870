/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the TLS contexts hold, for stream-tls.c. Immutable once made, but for the sessions of a
 * client, which have a lock of their own. */
#pragma once

#include "lib/lock.h"
#include "lib/tls.h"

#include <gnutls/x509.h>
#include <stdbool.h>

#define P2P_TLS_ALPN_MAX 8

struct P2pTlsCert
{
  gnutls_certificate_credentials_t credentials; /* (owned) */
  gnutls_datum_t ticket_key;                    /* (owned) */
};

typedef struct
{
  char **names;                            /* (owned) (nullable) */
  gnutls_datum_t datums[P2P_TLS_ALPN_MAX]; /* (borrowed: names) */
  unsigned n;
} P2pTlsAlpn;

struct P2pTlsServer
{
  P2pTlsChooseFunc choose;
  void *data;                 /* (borrowed: whoever made the context) */
  P2pTlsAlpn alpn;
  bool tickets;
  gnutls_priority_t priority;           /* (owned) */
  gnutls_x509_trust_list_t client_cas; /* (owned) (nullable: no client certificate is asked for) */
};

#define P2P_TLS_SESSIONS_BITS 6
#define P2P_TLS_SESSIONS_MAX (1u << P2P_TLS_SESSIONS_BITS)

typedef struct
{
  uint64_t key;
  gnutls_datum_t data; /* (owned) (nullable) */
} P2pTlsPlace;

typedef struct
{
  P2pMutex lock;
  P2pTlsPlace places[P2P_TLS_SESSIONS_MAX]; /* (lock: lock) */
} P2pTlsSessions;

/* tls-sessions.c */
void p2p_tls_sessions_init (P2pTlsSessions *sessions);
void p2p_tls_sessions_done (P2pTlsSessions *sessions);
/* Whether there is one, which the session then asks for. */
bool p2p_tls_sessions_use (P2pTlsSessions *sessions, uint64_t key, gnutls_session_t session);
void p2p_tls_sessions_keep (P2pTlsSessions *sessions, uint64_t key, gnutls_datum_t *take_data);
void p2p_tls_sessions_forget (P2pTlsSessions *sessions, uint64_t key);

struct P2pTlsClient
{
  P2pTlsSessions sessions;

  gnutls_certificate_credentials_t credentials; /* (owned) */
  gnutls_priority_t priority;                   /* (owned) */
  P2pTlsAlpn alpn;
  bool skip_verify;
};
