/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* X.509 with GnuTLS, in PEM: what make.c offers to the files beside it. Any thread; no state. */
#pragma once

#include "daemon/certs/certs.h"

#include <gnutls/x509.h>

#define CERTS_DAYS 3650
/* A server certificate that ends sooner is made anew. */
#define CERTS_RENEW_DAYS 30

G_DEFINE_AUTO_CLEANUP_FREE_FUNC (gnutls_x509_privkey_t, gnutls_x509_privkey_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC (gnutls_x509_crt_t, gnutls_x509_crt_deinit, NULL)

typedef struct
{
  const char *common_name;
  const char *const *names; /* DNS names and addresses, NULL-terminated; may be empty */
  gnutls_x509_privkey_t key;
  bool ca;
  gnutls_x509_crt_t issuer;         /* (nullable) NULL: signs itself */
  gnutls_x509_privkey_t issuer_key; /* (nullable) */
} CertsRequest;

/* These return NULL with error set. */
gnutls_x509_privkey_t certs_make_key (GError **error);
gnutls_x509_crt_t certs_make_certificate (const CertsRequest *request, GError **error);
char *certs_key_to_pem (gnutls_x509_privkey_t key, GError **error);
char *certs_certificate_to_pem (gnutls_x509_crt_t crt, GError **error);

/* Bytes of an address in binary form, 4 or 16; 0 when text is none. */
size_t certs_parse_address (const char *text, uint8_t ret_address[16]);

void certs_set_gnutls_error (GError **error, const char *object, int rc);
