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

/* files.c. A file that is not there: true and NULL. secret: mode 0600. */
bool certs_make_directory (const char *path, GError **error);
bool certs_read_file (const char *path, bool secret, char **ret_text, GError **error);
bool certs_write_file (const char *path, bool secret, const char *text, GError **error);
bool certs_remove_file (const char *path, GError **error);

/* names.c. Sorted, each once, in one form; g_strfreev (). */
char *certs_detect_host (void);
char **certs_wanted_names (const char *host, const char *const *extra, GError **error);
char **certs_names_of (gnutls_x509_crt_t crt);

/* pair.c: a certificate and its key as they stand in two files. */
typedef struct
{
  char *crt_path, *key_path; /* (owned) */
  gnutls_x509_crt_t crt;     /* (owned) (nullable) */
  gnutls_x509_privkey_t key; /* (owned) (nullable) */
} CertsFiles;

void certs_files_init (CertsFiles *files, const char *dir, const char *name);
void certs_files_clear (CertsFiles *files);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CertsFiles, certs_files_clear)
/* What is not there stays NULL; what is there is whole and belongs together. */
bool certs_files_read (CertsFiles *files, GError **error);
bool certs_files_write_key (CertsFiles *files, GError **error);
bool certs_files_write_crt (CertsFiles *files, GError **error);
