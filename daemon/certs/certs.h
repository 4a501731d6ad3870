/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Certificates that the daemon makes: the management port's own CA and server certificate, kept as
 * files, and self-signed ones for public names, kept by the store. All are ECDSA P-256, valid for
 * ten years.
 *
 * Making a key blocks for less than a millisecond of CPU; files are written so that a crash leaves
 * the old or the new. */
#pragma once

#include "lib/tls.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum
{
  CERTS_ERROR_FILE,    /* cannot be read or written */
  CERTS_ERROR_INVALID, /* a file is broken, or does not belong to the others */
  CERTS_ERROR_INTERNAL,
} CertsError;
#define CERTS_ERROR (certs_error_quark ())
GQuark certs_error_quark (void);

typedef struct
{
  char *certificate_pem;
  char *private_key_pem;
  int64_t not_after; /* UTC milliseconds */
} CertsPair;

void certs_pair_clear (CertsPair *pair);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CertsPair, certs_pair_clear)

/* name: a host name, "*.example.com", or "" for a fallback that names nothing. Any thread. */
bool certs_self_signed (const char *name, CertsPair *ret_pair, GError **error);

/* ---- What a certificate says ---- */

typedef struct
{
  char *subject, *issuer; /* (owned) RFC 4514 */
  char **names;           /* (owned) lower case, sorted */
  int64_t not_before, not_after; /* UTC milliseconds */
  char sha256[65];
  bool rsa; /* else ECDSA or EdDSA */
} CertsFacts;

void certs_facts_clear (CertsFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CertsFacts, certs_facts_clear)

typedef enum
{
  CERTS_PART_CERTIFICATE,
  CERTS_PART_KEY,
} CertsPart;

/* Whether a chain and a key as PEM can be read, belong together and stand in order; else ret_part
 * is what is wrong, and the error a sentence on it. Dates are the caller's matter. */
bool certs_inspect (const char *chain_pem,
                    const char *key_pem,
                    CertsFacts *ret_facts,
                    CertsPart *ret_part,
                    GError **error);
/* Whether a client would take the certificate for all names of the pattern. */
bool certs_facts_name (const CertsFacts *facts, const char *pattern);

/* The text of a file of moderate size; NULL with error set, also when there is none. It blocks on
 * the disk, and on nothing else: what is no regular file is an error. */
char *certs_read_text (const char *path, GError **error);

/* ---- The management port ---- */

typedef struct CertsManagement CertsManagement;

typedef struct
{
  const char *config_dir;
  const char *advertise_host;     /* (nullable) NULL or "": found out */
  const char *const *extra_hosts; /* (nullable) NULL-terminated */
} CertsManagementOptions;

/* Reads ca.crt.pem, ca.key.pem, server.crt.pem and server.key.pem under
 * config_dir/certs/management; makes what is not there, and the server certificate anew when its
 * names are not those wanted or its end is near. A file that is broken or does not fit the others
 * is an error that names it; nothing is overwritten then. Before the first thread. */
CertsManagement *certs_management_open (const CertsManagementOptions *options, GError **error);
void certs_management_close (CertsManagement *management);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CertsManagement, certs_management_close)

/* Reads the files again (SIGHUP); on failure what was in force stays. Connections that are open
 * keep theirs. Any thread. */
bool certs_management_reload (CertsManagement *management, GError **error);

/* A P2pTlsChooseFunc, data is the CertsManagement: one certificate for every name. */
P2pTlsCert *certs_management_choose (const char *server_name, void *data);

/* "https://HOST:PORT" of what is advertised; g_free (). */
char *certs_management_dup_url (const CertsManagement *management, uint16_t port);
const char *certs_management_get_ca_path (const CertsManagement *management); /* for people */
/* The CA's certificate as PEM; g_free (). */
char *certs_management_dup_ca_pem (CertsManagement *management);
