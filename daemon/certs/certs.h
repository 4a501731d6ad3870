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

const char *certs_management_get_host (const CertsManagement *management); /* what is advertised */
const char *certs_management_get_ca_path (const CertsManagement *management); /* for people */
/* The CA's certificate as PEM; g_free (). */
char *certs_management_dup_ca_pem (CertsManagement *management);
