/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS contexts and handshakes: which certificate is shown, who is believed, and which versions. */
#include "lib/lock.h"
#include "tests/unit/tls-sites.h"

#include <string.h>

static void
test_certificates (void)
{
  struct
  {
    const char *chain, *key;
    bool good;
  } rows[] = {
    { tls_sites.site[0]->chain_pem, tls_sites.site[0]->key_pem, true },
    { tls_sites.site[0]->chain_pem, tls_sites.site[1]->key_pem, false },
    { tls_sites.site[0]->chain_pem, "", false },
    { "", tls_sites.site[0]->key_pem, false },
    { "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", tls_sites.site[0]->key_pem,
      false },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (P2pTlsCert) cert = p2p_tls_cert_new (p2p_span_from_string (rows[i].chain),
                                                      p2p_span_from_string (rows[i].key), &error);

      g_assert_cmpint (cert != NULL, ==, rows[i].good);
      if (!rows[i].good)
        g_assert_error (error, P2P_TLS_ERROR, P2P_TLS_ERROR_CERTIFICATE);
    }
  g_autoptr (GError) error = NULL;
  g_assert_null (p2p_tls_client_new (&(P2pTlsClientOptions){ .ca_pem = "no PEM" }, &error));
  g_assert_error (error, P2P_TLS_ERROR, P2P_TLS_ERROR_CERTIFICATE);
}

/* The certificate shown follows the name; names are lower case. */
static void
test_server_names (void)
{
  static const struct
  {
    const char *sent, *seen;
    unsigned site;
  } rows[] = {
    { "a.test", "a.test", 0 },   { "b.test", "b.test", 1 }, { "B.TeSt", "b.test", 1 },
    { "127.0.0.1", "", 0 },      { "::1", "", 0 },          { NULL, "", 0 },
    { "c.test", "c.test", 0 },   { "b.test.", "b.test", 1 }, { "x.a-b.test", "x.a-b.test", 0 },
  };
  g_autoptr (P2pTlsServer) server = tls_sites_server (NULL);
  g_autoptr (P2pTlsClient) client
      = tls_fixture_client (&(P2pTlsClientOptions){ .skip_verify = true });

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      gnutls_datum_t der;
      P2pStream *a, *b;
      P2pIo a_io, b_io;
      P2pSpan shown;
      char seen[256];

      strcpy (tls_sites.asked_for, "not asked");
      tls_sites_connect (server, client, rows[i].sent, &a, &b);
      tls_fixture_handshake (a, b, &a_io, &b_io);
      g_assert_cmpint (a_io, ==, P2P_IO_OK);
      g_assert_cmpint (b_io, ==, P2P_IO_OK);
      g_assert_cmpstr (tls_sites.asked_for, ==, rows[i].seen);
      p2p_stream_tls_get_server_name (b, seen, sizeof seen);
      g_assert_cmpstr (seen, ==, rows[i].seen);
      shown = p2p_stream_tls_peer_certificate (a);
      GOOD (gnutls_x509_crt_export2 (tls_sites.site[rows[i].site]->crt, GNUTLS_X509_FMT_DER, &der));
      g_assert_cmpmem (shown.p, shown.n, der.data, der.size);
      gnutls_free (der.data);
      stream_pair_close (a, b);
    }
}

/* GnuTLS refuses what can be no host name (an underscore, too): it never reaches a look-up or a
 * log. */
static void
test_bad_names (void)
{
  static const char *const names[]
      = { "_b.test", "b/.test", "b test", "a.test\n", "<b>.test", "\xc3\xa4.test" };
  g_autoptr (P2pTlsServer) server = tls_sites_server (NULL);
  g_autoptr (P2pTlsClient) client
      = tls_fixture_client (&(P2pTlsClientOptions){ .skip_verify = true });

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      P2pStream *a, *b;
      P2pIo a_io, b_io;

      strcpy (tls_sites.asked_for, "not asked");
      tls_sites_connect (server, client, NULL, &a, &b);
      if (gnutls_server_name_set (p2p_stream_tls_session (a), GNUTLS_NAME_DNS, names[i],
                                  strlen (names[i]))
          < 0)
        {
          stream_pair_close (a, b);
          continue;
        }
      tls_fixture_handshake (a, b, &a_io, &b_io);
      if (b_io == P2P_IO_OK)
        g_assert_true (strspn (tls_sites.asked_for, "abcdefghijklmnopqrstuvwxyz0123456789-_.")
                       == strlen (tls_sites.asked_for));
      else
        g_assert_cmpstr (tls_sites.asked_for, ==, "not asked");
      stream_pair_close (a, b);
    }
}

static void
test_verification (void)
{
  g_autoptr (TlsFixtureCert) expired = tls_fixture_cert (
      &(TlsFixtureOptions){ .name = "a.test", .ca = tls_sites.ca, .expired = true });
  g_autoptr (TlsFixtureCert) address
      = tls_fixture_cert (&(TlsFixtureOptions){ .name = "127.0.0.1", .ca = tls_sites.ca });
  struct
  {
    TlsFixtureCert *shown;
    const char *name, *ca_pem;
    bool skip;
    P2pIo io;
    const char *says;
  } rows[] = {
    { tls_sites.site[0], "a.test", tls_sites.ca->chain_pem, false, P2P_IO_OK, NULL },
    { tls_sites.site[0], "A.Test", tls_sites.ca->chain_pem, false, P2P_IO_OK, NULL },
    { tls_sites.site[0], "b.test", tls_sites.ca->chain_pem, false, P2P_IO_TLS, "'b.test'" },
    { tls_sites.site[0], "127.0.0.1", tls_sites.ca->chain_pem, false, P2P_IO_TLS, "'127.0.0.1'" },
    { tls_sites.site[0], "a.test", tls_sites.other_ca->chain_pem, false, P2P_IO_TLS,
      "issuer is unknown" },
    { tls_sites.site[0], "a.test", NULL, false, P2P_IO_TLS, "issuer is unknown" },
    { tls_sites.site[0], "b.test", NULL, true, P2P_IO_OK, NULL },
    { expired, "a.test", tls_sites.ca->chain_pem, false, P2P_IO_TLS, "expired" },
    { address, "127.0.0.1", tls_sites.ca->chain_pem, false, P2P_IO_OK, NULL },
    { address, "127.0.0.2", tls_sites.ca->chain_pem, false, P2P_IO_TLS, "'127.0.0.2'" },
    { tls_sites.site[0], NULL, tls_sites.ca->chain_pem, false, P2P_IO_OK, NULL },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (P2pTlsServer) server = tls_sites_server (NULL);
      g_autoptr (P2pTlsClient) client = tls_fixture_client (
          &(P2pTlsClientOptions){ .ca_pem = rows[i].ca_pem, .skip_verify = rows[i].skip });
      P2pTlsCert *kept = tls_sites.loaded[0];
      g_autofree char *sentence = NULL;
      P2pStream *a, *b;
      P2pIo a_io, b_io;

      tls_sites.loaded[0] = tls_fixture_load (rows[i].shown);
      tls_sites_connect (server, client, rows[i].name, &a, &b);
      /* "b.test" must meet the wrong certificate as well. */
      p2p_tls_cert_unref (tls_sites.loaded[1]);
      tls_sites.loaded[1] = p2p_tls_cert_ref (tls_sites.loaded[0]);
      tls_fixture_handshake (a, b, &a_io, &b_io);
      g_assert_cmpint (a_io, ==, rows[i].io);
      sentence = p2p_stream_tls_dup_error (a);
      if (rows[i].says)
        g_assert_nonnull (strstr (sentence, rows[i].says));
      else
        g_assert_null (sentence);
      stream_pair_close (a, b);
      p2p_tls_cert_unref (tls_sites.loaded[0]);
      p2p_tls_cert_unref (tls_sites.loaded[1]);
      tls_sites.loaded[0] = kept;
      tls_sites.loaded[1] = tls_fixture_load (tls_sites.site[1]);
    }
}

/* A client certificate is asked for and judged, and never fails the handshake. */
static void
test_client_certificates (void)
{
  g_autoptr (TlsFixtureCert) good = tls_fixture_cert (&(TlsFixtureOptions){
      .name = "agent.test", .purpose = GNUTLS_KP_TLS_WWW_CLIENT, .ca = tls_sites.ca });
  g_autoptr (TlsFixtureCert) foreign = tls_fixture_cert (&(TlsFixtureOptions){
      .name = "agent.test", .purpose = GNUTLS_KP_TLS_WWW_CLIENT, .ca = tls_sites.other_ca });
  g_autoptr (TlsFixtureCert) expired
      = tls_fixture_cert (&(TlsFixtureOptions){ .name = "agent.test",
                                                .purpose = GNUTLS_KP_TLS_WWW_CLIENT,
                                                .ca = tls_sites.ca,
                                                .expired = true });
  g_autoptr (TlsFixtureCert) rsa = tls_fixture_cert (&(TlsFixtureOptions){
      .name = "agent.test", .purpose = GNUTLS_KP_TLS_WWW_CLIENT, .ca = tls_sites.ca, .rsa = true });
  g_autoptr (TlsFixtureCert) weak
      = tls_fixture_cert (&(TlsFixtureOptions){ .name = "agent.test",
                                                .purpose = GNUTLS_KP_TLS_WWW_CLIENT,
                                                .ca = tls_sites.ca,
                                                .rsa = true,
                                                .weak = true });
  struct
  {
    TlsFixtureCert *shown;
    bool asked, verified;
  } rows[] = {
    { NULL, true, false },
    { good, true, true },
    { foreign, true, false },
    { expired, true, false },
    { rsa, true, true },
    { weak, true, false },
    { tls_sites.site[0], true, false },
    { good, false, false },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (P2pTlsServer) server
          = tls_sites_server (rows[i].asked ? tls_sites.ca->chain_pem : NULL);
      g_autoptr (P2pTlsCert) own = rows[i].shown ? tls_fixture_load (rows[i].shown) : NULL;
      g_autoptr (P2pTlsClient) client = tls_fixture_client (
          &(P2pTlsClientOptions){ .ca_pem = tls_sites.ca->chain_pem, .certificate = own });
      P2pStream *a, *b;
      P2pIo a_io, b_io;

      tls_sites_connect (server, client, "a.test", &a, &b);
      tls_fixture_handshake (a, b, &a_io, &b_io);
      g_assert_cmpint (a_io, ==, P2P_IO_OK);
      g_assert_cmpint (b_io, ==, P2P_IO_OK);
      g_assert_cmpint (p2p_stream_tls_client_verified (b), ==, rows[i].verified);
      g_assert_cmpint (p2p_stream_tls_peer_certificate (b).n > 0, ==,
                       rows[i].shown && rows[i].asked);
      stream_pair_close (a, b);
    }
}

static void
test_old_versions (void)
{
  g_autoptr (P2pTlsServer) server = tls_sites_server (NULL);
  g_autoptr (P2pTlsClient) client
      = tls_fixture_client (&(P2pTlsClientOptions){ .skip_verify = true });
  g_autofree char *sentence = NULL;
  P2pStream *a, *b;
  P2pIo a_io, b_io;

  tls_sites_connect (server, client, "a.test", &a, &b);
  GOOD (gnutls_priority_set_direct (p2p_stream_tls_session (a), "NORMAL:-VERS-ALL:+VERS-TLS1.1",
                                    NULL));
  tls_fixture_handshake (a, b, &a_io, &b_io);
  g_assert_cmpint (b_io, ==, P2P_IO_TLS);
  g_assert_cmpint (a_io, ==, P2P_IO_TLS);
  sentence = p2p_stream_tls_dup_error (a);
  g_assert_nonnull (strstr (sentence, "the peer refused the TLS handshake"));
  stream_pair_close (a, b);
}

int
main (int argc, char **argv)
{
  int rc;

  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  tls_sites_init ();
  g_test_add_func ("/tls/certificates", test_certificates);
  g_test_add_func ("/tls/server-names", test_server_names);
  g_test_add_func ("/tls/bad-names", test_bad_names);
  g_test_add_func ("/tls/verification", test_verification);
  g_test_add_func ("/tls/client-certificates", test_client_certificates);
  g_test_add_func ("/tls/old-versions", test_old_versions);
  rc = g_test_run ();
  tls_sites_done ();
  return rc;
}
