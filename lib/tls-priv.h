/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the TLS contexts hold, for stream-tls.c. Immutable once made, so no lock guards anything here. */
#pragma once

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

struct P2pTlsClient
{
  gnutls_certificate_credentials_t credentials; /* (owned) */
  gnutls_priority_t priority;                   /* (owned) */
  P2pTlsAlpn alpn;
  bool skip_verify;
};
