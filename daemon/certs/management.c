/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The management port's CA and server certificate in `auto` mode. The CA is made once and kept,
 * since people and agents pin it; the server certificate follows the wanted names. A key is written
 * before its certificate, so that a crash between the two leaves a key without a certificate, which
 * the next start takes up again.
 *
 * certs_management_open () and _close () on the main thread; choosing and reloading by any thread;
 * lock guards cert and ca_pem. */
#include "daemon/certs/certs-priv.h"

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"

#define DAY_S (24 * 60 * 60)

struct CertsManagement
{
  char *dir, *host;
  char **names; /* wanted, sorted */
  char *ca_path;

  P2pMutex lock;
  P2pTlsCert *cert; /* (owned reference) (lock: lock) */
  char *ca_pem;     /* (lock: lock) */
};

static bool
refuse (GError **error, const char *path, const char *cause)
{
  g_set_error (error, CERTS_ERROR, CERTS_ERROR_INVALID, "%s: %s", path, cause);
  return false;
}

static time_t
now_s (void)
{
  return (time_t) (p2p_wall_ms () / 1000);
}

/* ---- The CA ---- */

static bool
make_ca (CertsFiles *ca, GError **error)
{
  static const char *const no_names[] = { NULL };
  CertsRequest request = { .common_name = "p2pstream management CA",
                           .names = no_names,
                           .ca = true };

  if (!ca->key && (!(ca->key = certs_make_key (error)) || !certs_files_write_key (ca, error)))
    return false;
  request.key = ca->key;
  ca->crt = certs_make_certificate (&request, error);
  if (!ca->crt || !certs_files_write_crt (ca, error))
    return false;
  p2p_log (P2P_LOG_INFO, "certs", "made a new management CA: %s", ca->crt_path);
  return true;
}

static bool
check_ca (const CertsFiles *ca, GError **error)
{
  if (gnutls_x509_crt_get_ca_status (ca->crt, NULL) <= 0)
    return refuse (error, ca->crt_path, "is not the certificate of a CA");
  if (gnutls_x509_crt_get_expiration_time (ca->crt) <= now_s ())
    return refuse (error, ca->crt_path,
                   "has expired: move the four files away to have new ones made");
  return true;
}

/* ---- The server certificate ---- */

static bool
is_signed_by (gnutls_x509_crt_t crt, gnutls_x509_crt_t ca)
{
  unsigned status = 0;

  return gnutls_x509_crt_verify (crt, &ca, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status) == 0
         && status == 0;
}

static bool
check_server (const CertsFiles *server, const CertsFiles *ca, GError **error)
{
  return is_signed_by (server->crt, ca->crt)
             ? true
             : refuse (error, server->crt_path, "is not signed by the CA in ca.crt.pem");
}

/* Why it must be made anew, or NULL. */
static const char *
why_not (const CertsFiles *server, char **wanted)
{
  g_auto (GStrv) names = NULL;

  if (!server->crt || !server->key)
    return "there was none";
  names = certs_names_of (server->crt);
  if (!g_strv_equal ((const char *const *) names, (const char *const *) wanted))
    return "the names changed";
  if (gnutls_x509_crt_get_expiration_time (server->crt)
      < now_s () + (time_t) CERTS_RENEW_DAYS * DAY_S)
    return "its end was near";
  return NULL;
}

static bool
make_server (CertsManagement *management,
             CertsFiles *server,
             const CertsFiles *ca,
             const char *why,
             GError **error)
{
  CertsRequest request = {
    .common_name = management->host,
    .names = (const char *const *) management->names,
    .issuer = ca->crt,
    .issuer_key = ca->key,
  };

  if (!ca->key)
    return refuse (error, ca->key_path,
                   "is missing, and is needed to make a new server certificate");
  if (!server->key)
    {
      /* A certificate whose key is lost: out of the way first, or a crash would leave a pair that
       * does not match. */
      g_clear_pointer (&server->crt, gnutls_x509_crt_deinit);
      if (!certs_remove_file (server->crt_path, error) || !(server->key = certs_make_key (error))
          || !certs_files_write_key (server, error))
        return false;
    }
  g_clear_pointer (&server->crt, gnutls_x509_crt_deinit);
  request.key = server->key;
  server->crt = certs_make_certificate (&request, error);
  if (!server->crt || !certs_files_write_crt (server, error))
    return false;
  p2p_log (P2P_LOG_INFO, "certs", "made the management server certificate: %s", why);
  return true;
}

/* ---- Both ---- */

/* Reads and checks; makes what is missing or no longer fits when may_make. */
static bool
prepare (CertsManagement *management,
         bool may_make,
         CertsFiles *ca,
         CertsFiles *server,
         GError **error)
{
  const char *why;

  certs_files_init (ca, management->dir, "ca");
  certs_files_init (server, management->dir, "server");
  if (!certs_files_read (ca, error) || !certs_files_read (server, error))
    return false;
  if (!ca->crt && (server->crt || !may_make))
    return refuse (error, ca->crt_path,
                   server->crt ? "is missing, although server.crt.pem is there" : "is missing");
  if ((!ca->crt && !make_ca (ca, error)) || !check_ca (ca, error))
    return false;
  if (server->crt && !check_server (server, ca, error))
    return false;
  if (!may_make && !server->crt)
    return refuse (error, server->crt_path, "is missing");
  if (!may_make && !server->key)
    return refuse (error, server->key_path, "is missing");
  why = may_make ? why_not (server, management->names) : NULL;
  return !why || make_server (management, server, ca, why, error);
}

/* What was in force comes back, to be freed without the lock; the certificate was NULL before the
 * first. */
static void
swap (CertsManagement *management, P2pTlsCert **cert, char **ca_pem)
{
  P2pTlsCert *old_cert;
  char *old_ca_pem;

  P2P_LOCKED (&management->lock);
  old_cert = management->cert;
  old_ca_pem = management->ca_pem;
  management->cert = *cert;
  management->ca_pem = *ca_pem;
  *cert = old_cert;
  *ca_pem = old_ca_pem;
}

static bool
load (CertsManagement *management, bool may_make, GError **error)
{
  g_auto (CertsFiles) ca = { 0 };
  g_auto (CertsFiles) server = { 0 };
  g_autofree char *chain = NULL;
  g_autofree char *key = NULL;
  g_autofree char *ca_pem = NULL;
  P2pTlsCert *cert;

  if (!prepare (management, may_make, &ca, &server, error)
      || !(ca_pem = certs_certificate_to_pem (ca.crt, error))
      || !(chain = certs_certificate_to_pem (server.crt, error))
      || !(key = certs_key_to_pem (server.key, error)))
    return false;
  cert = p2p_tls_cert_new (p2p_span_from_string (chain), p2p_span_from_string (key), error);
  explicit_bzero (key, strlen (key));
  if (!cert)
    {
      g_prefix_error (error, "%s: ", server.crt_path);
      return false;
    }
  swap (management, &cert, &ca_pem);
  g_clear_pointer (&cert, p2p_tls_cert_unref);
  return true;
}

CertsManagement *
certs_management_open (const CertsManagementOptions *options, GError **error)
{
  g_autoptr (CertsManagement) management = g_new0 (CertsManagement, 1);
  g_autofree char *parent = g_build_filename (options->config_dir, "certs", NULL);

  (void) CERTS_ERROR; /* registered before the first thread */
  p2p_mutex_init (&management->lock, P2P_LOCK_LEAF);
  management->dir = g_build_filename (parent, "management", NULL);
  management->ca_path = g_build_filename (management->dir, "ca.crt.pem", NULL);
  management->host = options->advertise_host && *options->advertise_host
                         ? g_strdup (options->advertise_host)
                         : certs_detect_host ();
  management->names = certs_wanted_names (management->host, options->extra_hosts, error);
  if (!management->names || !certs_make_directory (parent, error)
      || !certs_make_directory (management->dir, error) || !load (management, true, error))
    return NULL;
  return g_steal_pointer (&management);
}

void
certs_management_close (CertsManagement *management)
{
  if (!management)
    return;
  p2p_mutex_done (&management->lock);
  g_clear_pointer (&management->cert, p2p_tls_cert_unref);
  g_strfreev (management->names);
  g_free (management->ca_pem);
  g_free (management->ca_path);
  g_free (management->dir);
  g_free (management->host);
  g_free (management);
}

bool
certs_management_reload (CertsManagement *management, GError **error)
{
  return load (management, false, error);
}

P2pTlsCert *
certs_management_choose (const char *server_name, void *data)
{
  CertsManagement *management = data;

  (void) server_name; /* one certificate for every name */
  P2P_LOCKED (&management->lock);
  return p2p_tls_cert_ref (management->cert);
}

char *
certs_management_dup_url (const CertsManagement *management, uint16_t port)
{
  const char *host = management->host;

  return g_strdup_printf (strchr (host, ':') ? "https://[%s]:%u" : "https://%s:%u", host, port);
}

const char *
certs_management_get_ca_path (const CertsManagement *management)
{
  return management->ca_path;
}

char *
certs_management_dup_ca_pem (CertsManagement *management)
{
  P2P_LOCKED (&management->lock);
  return g_strdup (management->ca_pem);
}
