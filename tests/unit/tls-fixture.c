/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See tls-fixture.h. The certificate that tls_fixture_wrap () uses is made once and kept; its use
 * is not for two threads at once, the rest has no state. */
#include "tests/unit/tls-fixture.h"

#include "lib/stream-tls-priv.h"

#include <arpa/inet.h>
#include <glib.h>
#include <time.h>

#define GOOD(call) g_assert_cmpint ((call), >=, 0)

static char *
take_pem (gnutls_datum_t *pem)
{
  char *text = g_strndup ((char *) pem->data, pem->size);

  gnutls_free (pem->data);
  return text;
}

static void
set_name (gnutls_x509_crt_t crt, const char *name)
{
  unsigned char address[16];

  GOOD (gnutls_x509_crt_set_dn_by_oid (crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                       (unsigned) strlen (name)));
  if (inet_pton (AF_INET, name, address) == 1)
    GOOD (gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_IPADDRESS, address, 4, 0));
  else
    GOOD (gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_DNSNAME, name,
                                                (unsigned) strlen (name), 0));
}

TlsFixtureCert *
tls_fixture_cert (const TlsFixtureOptions *options)
{
  static unsigned char serial = 1;
  TlsFixtureCert *cert = g_new0 (TlsFixtureCert, 1);
  const TlsFixtureCert *ca = options->ca ? options->ca : cert;
  gnutls_datum_t pem;
  time_t now = time (NULL);

  GOOD (gnutls_x509_privkey_init (&cert->key));
  if (options->rsa)
    GOOD (gnutls_x509_privkey_generate (cert->key, GNUTLS_PK_RSA, options->weak ? 768 : 2048, 0));
  else
    GOOD (gnutls_x509_privkey_generate (cert->key, GNUTLS_PK_ECDSA,
                                        GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0));
  GOOD (gnutls_x509_crt_init (&cert->crt));
  GOOD (gnutls_x509_crt_set_version (cert->crt, 3));
  serial++;
  GOOD (gnutls_x509_crt_set_serial (cert->crt, &serial, 1));
  GOOD (gnutls_x509_crt_set_activation_time (cert->crt, options->early ? now + 3600 : now - 7200));
  GOOD (gnutls_x509_crt_set_expiration_time (cert->crt, options->ends_at ? (time_t) options->ends_at
                                                        : options->expired ? now - 3600
                                                                           : now + 86400));
  GOOD (gnutls_x509_crt_set_key (cert->crt, cert->key));
  GOOD (gnutls_x509_crt_set_ca_status (cert->crt, options->ca == NULL));
  GOOD (gnutls_x509_crt_set_key_purpose_oid (
      cert->crt, options->purpose ? options->purpose : GNUTLS_KP_TLS_WWW_SERVER, 0));
  set_name (cert->crt, options->name);
  GOOD (gnutls_x509_crt_sign2 (cert->crt, ca->crt, ca->key, GNUTLS_DIG_SHA256, 0));
  GOOD (gnutls_x509_crt_export2 (cert->crt, GNUTLS_X509_FMT_PEM, &pem));
  cert->chain_pem = take_pem (&pem);
  GOOD (gnutls_x509_privkey_export2 (cert->key, GNUTLS_X509_FMT_PEM, &pem));
  cert->key_pem = take_pem (&pem);
  return cert;
}

void
tls_fixture_cert_free (TlsFixtureCert *cert)
{
  if (!cert)
    return;
  gnutls_x509_crt_deinit (cert->crt);
  gnutls_x509_privkey_deinit (cert->key);
  g_free (cert->chain_pem);
  g_free (cert->key_pem);
  g_free (cert);
}

P2pTlsCert *
tls_fixture_load (const TlsFixtureCert *cert)
{
  g_autoptr (GError) error = NULL;
  P2pTlsCert *loaded = p2p_tls_cert_new (p2p_span_from_string (cert->chain_pem),
                                         p2p_span_from_string (cert->key_pem), &error);

  g_assert_no_error (error);
  return loaded;
}

P2pTlsServer *
tls_fixture_server (const P2pTlsServerOptions *options)
{
  g_autoptr (GError) error = NULL;
  P2pTlsServer *server = p2p_tls_server_new (options, &error);

  g_assert_no_error (error);
  return server;
}

P2pTlsClient *
tls_fixture_client (const P2pTlsClientOptions *options)
{
  g_autoptr (GError) error = NULL;
  P2pTlsClient *client = p2p_tls_client_new (options, &error);

  g_assert_no_error (error);
  return client;
}

void
tls_fixture_handshake (P2pStream *client, P2pStream *server, P2pIo *ret_client, P2pIo *ret_server)
{
  int64_t deadline = p2p_deadline_ms (20000);

  *ret_client = *ret_server = P2P_IO_AGAIN;
  while (*ret_client == P2P_IO_AGAIN || *ret_server == P2P_IO_AGAIN)
    {
      P2pWait items[2] = { { client, P2P_READABLE, 0 }, { server, P2P_READABLE, 0 } };

      if (*ret_client == P2P_IO_AGAIN)
        *ret_client = p2p_stream_tls_handshake (client, P2P_TRY);
      if (*ret_server == P2P_IO_AGAIN)
        *ret_server = p2p_stream_tls_handshake (server, P2P_TRY);
      /* The one that is done may hold its last flight back. */
      if (*ret_client == P2P_IO_OK)
        (void) p2p_stream_flush (client, P2P_TRY);
      if (*ret_server == P2P_IO_OK)
        (void) p2p_stream_flush (server, P2P_TRY);
      if (*ret_client != P2P_IO_AGAIN)
        items[0].strm = NULL;
      if (*ret_server != P2P_IO_AGAIN)
        items[1].strm = NULL;
      if (items[0].strm || items[1].strm)
        g_assert_cmpint (p2p_stream_wait (items, 2, deadline), ==, P2P_IO_OK);
    }
}

void
tls_fixture_pass_byte (P2pStream *from, P2pStream *to)
{
  struct iovec iov = { "x", 1 };
  char byte;
  size_t n;

  P2pIo io = P2P_IO_AGAIN;

  g_assert_cmpint (p2p_stream_writev (from, &iov, 1, &n, p2p_deadline_ms (20000)), ==, P2P_IO_OK);
  while (io == P2P_IO_AGAIN)
    {
      P2pWait item = { .strm = to, .want = P2P_READABLE };

      (void) p2p_stream_flush (from, P2P_TRY); /* some may not fit yet */
      io = p2p_stream_read (to, &byte, 1, &n, P2P_TRY);
      if (io == P2P_IO_AGAIN)
        (void) p2p_stream_wait (&item, 1, p2p_deadline_ms (1));
    }
  g_assert_cmpint (io, ==, P2P_IO_OK);
}

static TlsFixtureCert *localhost;  /* made at first use, kept */
static P2pTlsCert *localhost_cert; /* made at first use, kept */

static P2pTlsCert *
choose_localhost_cb (const char *server_name, void *data)
{
  (void) data;
  g_assert_cmpstr (server_name, ==, "localhost");
  return p2p_tls_cert_ref (localhost_cert);
}

void
tls_fixture_wrap (bool tls12, P2pStream **a, P2pStream **b)
{
  g_autoptr (P2pTlsServer) server = NULL;
  g_autoptr (P2pTlsClient) client = NULL;
  P2pIo client_io, server_io;

  if (!localhost)
    {
      localhost = tls_fixture_cert (&(TlsFixtureOptions){ .name = "localhost" });
      localhost_cert = tls_fixture_load (localhost);
    }
  server = tls_fixture_server (
      &(P2pTlsServerOptions){ .choose = choose_localhost_cb, .tickets = true });
  client = tls_fixture_client (&(P2pTlsClientOptions){ .ca_pem = localhost->chain_pem });
  *a = p2p_stream_tls_client_new (*a, client, "LocalHost");
  *b = p2p_stream_tls_server_new (*b, server);
  if (tls12)
    GOOD (gnutls_priority_set_direct (p2p_stream_tls_session (*a),
                                      "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL));
  tls_fixture_handshake (*a, *b, &client_io, &server_io);
  g_assert_cmpint (client_io, ==, P2P_IO_OK);
  g_assert_cmpint (server_io, ==, P2P_IO_OK);
  g_assert_cmpint (gnutls_protocol_get_version (p2p_stream_tls_session (*b)), ==,
                   tls12 ? GNUTLS_TLS1_2 : GNUTLS_TLS1_3);
  tls_fixture_pass_byte (*a, *b);
  tls_fixture_pass_byte (*b, *a);
}

void
tls_fixture_set_near_limit (P2pStream *from, P2pStream *to)
{
  static const unsigned char seq[8] = { 0, 0, 0, 0, 0, 0xff, 0xfc, 0x00 };

  g_assert_cmpint (gnutls_record_set_state (p2p_stream_tls_session (from), 0, seq), >=, 0);
  g_assert_cmpint (gnutls_record_set_state (p2p_stream_tls_session (to), 1, seq), >=, 0);
}
