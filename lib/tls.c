/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS contexts: certificates with their ticket keys, what a server offers, what a client trusts.
 * Each is made by one thread, then immutable and shared by reference count; GnuTLS allows
 * credentials and priorities to be used by many sessions at once as long as nobody changes them. */
#include "lib/tls-priv.h"

#include <gnutls/x509.h>

/* TLS 1.3 and 1.2 only. Of equally strong choices the one that costs least comes first: X25519,
 * AES-128-GCM. A server takes AEAD ciphers with forward secrecy; a client also meets older origins.
 */
#define GROUPS ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1"
#define VERSIONS ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define AEAD ":-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"
static const char server_priority[]
    = "NORMAL" VERSIONS GROUPS AEAD ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:%SERVER_PRECEDENCE";
static const char client_priority[] = "NORMAL" VERSIONS GROUPS AEAD ":+AES-128-CBC:+AES-256-CBC";

G_DEFINE_QUARK (p2p-tls-error-quark, p2p_tls_error)

void
p2p_tls_setup (void)
{
  int rc = gnutls_global_init ();

  if (rc < 0)
    g_error ("GnuTLS: %s", gnutls_strerror (rc));
  /* The first call of a quark function must not be made by two threads at once. */
  (void) p2p_tls_error_quark ();
}

static bool
check (int rc, P2pTlsError code, const char *what, GError **error)
{
  if (rc >= 0)
    return true;
  g_set_error (error, P2P_TLS_ERROR, (int) code, "%s: %s", what, gnutls_strerror (rc));
  return false;
}

static gnutls_datum_t
span_datum (P2pSpan span)
{
  return (gnutls_datum_t){ .data = (unsigned char *) span.p, .size = (unsigned) span.n };
}

static void
alpn_init (P2pTlsAlpn *alpn, const char *const *names)
{
  alpn->names = g_strdupv ((char **) names);
  alpn->n = names ? g_strv_length (alpn->names) : 0;
  g_assert (alpn->n <= P2P_TLS_ALPN_MAX);
  for (unsigned i = 0; i < alpn->n; i++)
    alpn->datums[i] = span_datum (p2p_span_from_string (alpn->names[i]));
}

/* Certificates ----------------------------------------------------------------------------------
 */

static void
cert_clear (void *data)
{
  P2pTlsCert *cert = data;

  if (cert->credentials)
    gnutls_certificate_free_credentials (cert->credentials);
  if (cert->ticket_key.data)
    gnutls_memset (cert->ticket_key.data, 0, cert->ticket_key.size);
  gnutls_free (cert->ticket_key.data);
}

/* Piece by piece: gnutls_certificate_set_x509_key_mem2 () loses memory when a certificate is
 * broken. */
static int
set_key_and_chain (gnutls_certificate_credentials_t credentials, P2pSpan chain_pem, P2pSpan key_pem)
{
  gnutls_datum_t chain_datum = span_datum (chain_pem), key_datum = span_datum (key_pem);
  gnutls_x509_crt_t *chain = NULL;
  gnutls_x509_privkey_t key = NULL;
  unsigned n_chain = 0;
  int rc = gnutls_x509_crt_list_import2 (&chain, &n_chain, &chain_datum, GNUTLS_X509_FMT_PEM,
                                         GNUTLS_X509_CRT_LIST_SORT);

  if (rc >= 0)
    rc = gnutls_x509_privkey_init (&key);
  if (rc >= 0)
    rc = gnutls_x509_privkey_import2 (key, &key_datum, GNUTLS_X509_FMT_PEM, NULL, 0);
  /* Copies both, and compares them. */
  if (rc >= 0)
    rc = gnutls_certificate_set_x509_key (credentials, chain, (int) n_chain, key);
  gnutls_x509_privkey_deinit (key);
  for (unsigned i = 0; i < n_chain; i++)
    gnutls_x509_crt_deinit (chain[i]);
  gnutls_free (chain);
  return rc;
}

P2pTlsCert *
p2p_tls_cert_new (P2pSpan chain_pem, P2pSpan key_pem, GError **error)
{
  g_autoptr (P2pTlsCert) cert = g_atomic_rc_box_new0 (P2pTlsCert);

  if (!check (gnutls_certificate_allocate_credentials (&cert->credentials), P2P_TLS_ERROR_INTERNAL,
              "certificate", error)
      || !check (set_key_and_chain (cert->credentials, chain_pem, key_pem),
                 P2P_TLS_ERROR_CERTIFICATE, "certificate", error)
      || !check (gnutls_session_ticket_key_generate (&cert->ticket_key), P2P_TLS_ERROR_INTERNAL,
                 "ticket key", error))
    return NULL;
  return g_steal_pointer (&cert);
}

/* GnuTLS copies both the chain and the key. */
static int
copy_key_and_chain (gnutls_certificate_credentials_t credentials, P2pTlsCert *cert)
{
  gnutls_x509_privkey_t key = NULL;
  gnutls_x509_crt_t *chain = NULL;
  unsigned n_chain = 0;
  int rc = gnutls_certificate_get_x509_key (cert->credentials, 0, &key);

  if (rc >= 0)
    rc = gnutls_certificate_get_x509_crt (cert->credentials, 0, &chain, &n_chain);
  if (rc >= 0)
    rc = gnutls_certificate_set_x509_key (credentials, chain, (int) n_chain, key);
  for (unsigned i = 0; i < n_chain; i++)
    gnutls_x509_crt_deinit (chain[i]);
  gnutls_free (chain);
  gnutls_x509_privkey_deinit (key);
  return rc;
}

P2pTlsCert *
p2p_tls_cert_join (P2pTlsCert *first, P2pTlsCert *second, GError **error)
{
  g_autoptr (P2pTlsCert) cert = g_atomic_rc_box_new0 (P2pTlsCert);

  if (!check (gnutls_certificate_allocate_credentials (&cert->credentials), P2P_TLS_ERROR_INTERNAL,
              "certificate", error)
      || !check (copy_key_and_chain (cert->credentials, first), P2P_TLS_ERROR_CERTIFICATE,
                 "certificate", error)
      || !check (copy_key_and_chain (cert->credentials, second), P2P_TLS_ERROR_CERTIFICATE,
                 "certificate", error)
      || !check (gnutls_session_ticket_key_generate (&cert->ticket_key), P2P_TLS_ERROR_INTERNAL,
                 "ticket key", error))
    return NULL;
  return g_steal_pointer (&cert);
}

P2pTlsCert *
p2p_tls_cert_ref (P2pTlsCert *cert)
{
  return g_atomic_rc_box_acquire (cert);
}

void
p2p_tls_cert_unref (P2pTlsCert *cert)
{
  if (cert)
    g_atomic_rc_box_release_full (cert, cert_clear);
}

/* Server ----------------------------------------------------------------------------------------
 */

static void
server_clear (void *data)
{
  P2pTlsServer *server = data;

  if (server->priority)
    gnutls_priority_deinit (server->priority);
  if (server->client_cas)
    gnutls_x509_trust_list_deinit (server->client_cas, 1);
  g_strfreev (server->alpn.names);
}

static bool
load_client_cas (P2pTlsServer *server, const char *pem, GError **error)
{
  gnutls_datum_t cas = span_datum (p2p_span_from_string (pem));
  int n;

  if (!check (gnutls_x509_trust_list_init (&server->client_cas, 0), P2P_TLS_ERROR_INTERNAL,
              "client CA", error))
    return false;
  n = gnutls_x509_trust_list_add_trust_mem (server->client_cas, &cas, NULL, GNUTLS_X509_FMT_PEM, 0,
                                            0);
  if (!check (n == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : n, P2P_TLS_ERROR_CERTIFICATE, "client CA",
              error))
    return false;
  return true;
}

P2pTlsServer *
p2p_tls_server_new (const P2pTlsServerOptions *options, GError **error)
{
  g_autoptr (P2pTlsServer) server = g_atomic_rc_box_new0 (P2pTlsServer);

  g_assert (options->choose);
  server->choose = options->choose;
  server->data = options->data;
  server->tickets = options->tickets;
  alpn_init (&server->alpn, options->alpn);
  if (!check (gnutls_priority_init (&server->priority, server_priority, NULL),
              P2P_TLS_ERROR_INTERNAL, "TLS priorities", error))
    return NULL;
  if (options->client_ca_pem && !load_client_cas (server, options->client_ca_pem, error))
    return NULL;
  return g_steal_pointer (&server);
}

P2pTlsServer *
p2p_tls_server_ref (P2pTlsServer *server)
{
  return g_atomic_rc_box_acquire (server);
}

void
p2p_tls_server_unref (P2pTlsServer *server)
{
  if (server)
    g_atomic_rc_box_release_full (server, server_clear);
}

/* Client ----------------------------------------------------------------------------------------
 */

static void
client_clear (void *data)
{
  P2pTlsClient *client = data;

  p2p_tls_sessions_done (&client->sessions);
  if (client->credentials)
    gnutls_certificate_free_credentials (client->credentials);
  if (client->priority)
    gnutls_priority_deinit (client->priority);
  g_strfreev (client->alpn.names);
}

static bool
load_trust (P2pTlsClient *client, const char *ca_pem, GError **error)
{
  gnutls_datum_t cas = span_datum (p2p_span_from_string (ca_pem));
  int n;

  /* A system without any trusted certificate trusts nobody: every handshake says so. */
  if (!ca_pem)
    return check (gnutls_certificate_set_x509_system_trust (client->credentials),
                  P2P_TLS_ERROR_FILE, "the system's trusted certificates", error);
  n = gnutls_certificate_set_x509_trust_mem (client->credentials, &cas, GNUTLS_X509_FMT_PEM);
  return check (n == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : n, P2P_TLS_ERROR_CERTIFICATE, "CA", error);
}

P2pTlsClient *
p2p_tls_client_new (const P2pTlsClientOptions *options, GError **error)
{
  g_autoptr (P2pTlsClient) client = g_atomic_rc_box_new0 (P2pTlsClient);

  p2p_tls_sessions_init (&client->sessions);
  client->skip_verify = options->skip_verify;
  alpn_init (&client->alpn, options->alpn);
  if (!check (gnutls_certificate_allocate_credentials (&client->credentials),
              P2P_TLS_ERROR_INTERNAL, "TLS credentials", error)
      || !check (gnutls_priority_init (&client->priority, client_priority, NULL),
                 P2P_TLS_ERROR_INTERNAL, "TLS priorities", error))
    return NULL;
  if (!options->skip_verify && !load_trust (client, options->ca_pem, error))
    return NULL;
  if (options->certificate
      && !check (copy_key_and_chain (client->credentials, options->certificate),
                 P2P_TLS_ERROR_INTERNAL, "client certificate", error))
    return NULL;
  return g_steal_pointer (&client);
}

P2pTlsClient *
p2p_tls_client_ref (P2pTlsClient *client)
{
  return g_atomic_rc_box_acquire (client);
}

void
p2p_tls_client_unref (P2pTlsClient *client)
{
  if (client)
    g_atomic_rc_box_release_full (client, client_clear);
}
