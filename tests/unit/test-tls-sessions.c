/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Clients that remember sessions, and certificates of two kinds of keys. */
#include "lib/lock.h"
#include "lib/stream-tls-priv.h"
#include "tests/unit/stream-pairs.h"
#include "tests/unit/tls-fixture.h"

#include <glib.h>

static TlsFixtureCert *ecdsa, *rsa;
static P2pTlsCert *shown; /* by the server, at the time */

static P2pTlsCert *
choose_cb (const char *server_name, void *data)
{
  (void) server_name;
  (void) data;
  return p2p_tls_cert_ref (shown);
}

static P2pTlsServer *
server_new (void)
{
  return tls_fixture_server (&(P2pTlsServerOptions){ .choose = choose_cb, .tickets = true });
}

static P2pTlsClient *
client_new (const TlsFixtureCert *trusted)
{
  return tls_fixture_client (&(P2pTlsClientOptions){ .ca_pem = trusted->chain_pem });
}

/* One connection; whether it was resumed, -1 when it did not come about. key 0: one that remembers
 * nothing. */
static int
connect_once (P2pTlsServer *server, P2pTlsClient *client, uint64_t key, bool tls12)
{
  P2pStream *a, *b;
  P2pIo a_io, b_io;
  int resumed = -1;

  stream_pair_tcp (&a, &b);
  a = key ? p2p_stream_tls_client_new_resuming (a, client, "a.test", key)
          : p2p_stream_tls_client_new (a, client, "a.test");
  b = p2p_stream_tls_server_new (b, server);
  if (tls12)
    g_assert_cmpint (gnutls_priority_set_direct (p2p_stream_tls_session (a),
                                                 "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL),
                     >=, 0);
  p2p_stream_tls_remember (a); /* too early: nothing happens */
  tls_fixture_handshake (a, b, &a_io, &b_io);
  if (a_io == P2P_IO_OK && b_io == P2P_IO_OK)
    {
      tls_fixture_pass_byte (a, b);
      tls_fixture_pass_byte (b, a);
      resumed = p2p_stream_tls_is_resumed (a);
      g_assert_cmpint (p2p_stream_tls_is_resumed (b), ==, resumed);
      p2p_stream_tls_remember (a);
      p2p_stream_tls_remember (a);
    }
  stream_pair_close (a, b);
  return resumed;
}

static void
test_resumption (gconstpointer data)
{
  bool tls12 = GPOINTER_TO_INT (data);
  g_autoptr (P2pTlsServer) server = server_new ();
  g_autoptr (P2pTlsClient) client = client_new (ecdsa);
  g_autoptr (P2pTlsClient) another = client_new (ecdsa);

  shown = tls_fixture_load (ecdsa);
  g_assert_cmpint (connect_once (server, client, 0, tls12), ==, 0);
  g_assert_cmpint (connect_once (server, client, 0, tls12), ==, 0); /* not without a key */
  g_assert_cmpint (connect_once (server, client, 7, tls12), ==, 0);
  g_assert_cmpint (connect_once (server, client, 7, tls12), ==, 1);
  g_assert_cmpint (connect_once (server, client, 7, tls12), ==, 1);
  g_assert_cmpint (connect_once (server, client, 8, tls12), ==, 0);  /* another peer */
  g_assert_cmpint (connect_once (server, another, 7, tls12), ==, 0); /* another way of judging */

  /* The peer has another certificate now: its tickets are worth nothing, and it is judged again. */
  p2p_tls_cert_unref (shown);
  shown = tls_fixture_load (rsa);
  g_assert_cmpint (connect_once (server, client, 7, tls12), ==, -1);
  p2p_tls_cert_unref (shown);
  shown = tls_fixture_load (ecdsa);
  g_assert_cmpint (connect_once (server, client, 7, tls12), ==, 0);
  g_assert_cmpint (connect_once (server, client, 7, tls12), ==, 1);
  g_clear_pointer (&shown, p2p_tls_cert_unref);
}

/* More peers than places: whoever comes later takes one, and nobody resumes with another. */
static void
test_places (void)
{
  g_autoptr (P2pTlsServer) server = server_new ();
  g_autoptr (P2pTlsClient) client = client_new (ecdsa);
  unsigned n_resumed = 0;

  shown = tls_fixture_load (ecdsa);
  for (uint64_t key = 1; key <= 2 * P2P_TLS_SESSIONS_MAX; key++)
    g_assert_cmpint (connect_once (server, client, key, false), ==, 0);
  for (uint64_t key = 1; key <= 2 * P2P_TLS_SESSIONS_MAX; key++)
    n_resumed += connect_once (server, client, key, false) == 1;
  g_assert_cmpuint (n_resumed, <=, P2P_TLS_SESSIONS_MAX);
  g_clear_pointer (&shown, p2p_tls_cert_unref);
}

static void
test_join (void)
{
  static const struct
  {
    const char *priority;
    bool is_rsa;
  } rows[] = {
    { "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA", true },
    { "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA", false },
    { "NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256", true },
    { "NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-ALL:+SIGN-ECDSA-SECP256R1-SHA256", false },
  };
  g_autoptr (P2pTlsServer) server = server_new ();
  g_autoptr (P2pTlsCert) one = tls_fixture_load (ecdsa);
  g_autoptr (P2pTlsCert) two = tls_fixture_load (rsa);
  g_autoptr (GError) error = NULL;

  for (unsigned order = 0; order < 2; order++)
    {
      shown = p2p_tls_cert_join (order ? one : two, order ? two : one, &error);
      g_assert_no_error (error);
      for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++)
        {
          const TlsFixtureCert *wanted = rows[i].is_rsa ? rsa : ecdsa;
          g_autoptr (P2pTlsClient) client = client_new (wanted); /* trusts that one alone */
          P2pStream *a, *b;
          P2pIo a_io, b_io;

          stream_pair_tcp (&a, &b);
          a = p2p_stream_tls_client_new (a, client, "a.test");
          b = p2p_stream_tls_server_new (b, server);
          g_assert_cmpint (
              gnutls_priority_set_direct (p2p_stream_tls_session (a), rows[i].priority, NULL), >=,
              0);
          tls_fixture_handshake (a, b, &a_io, &b_io);
          g_test_message ("%s", rows[i].priority);
          g_assert_cmpint (a_io, ==, P2P_IO_OK);
          g_assert_cmpint (b_io, ==, P2P_IO_OK);
          stream_pair_close (a, b);
        }
      g_clear_pointer (&shown, p2p_tls_cert_unref);
    }
}

int
main (int argc, char **argv)
{
  int status;

  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  ecdsa = tls_fixture_cert (&(TlsFixtureOptions){ .name = "a.test" });
  rsa = tls_fixture_cert (&(TlsFixtureOptions){ .name = "a.test", .rsa = true });
  g_test_add_data_func ("/tls/sessions/tls12", GINT_TO_POINTER (true), test_resumption);
  g_test_add_data_func ("/tls/sessions/tls13", GINT_TO_POINTER (false), test_resumption);
  g_test_add_func ("/tls/sessions/places", test_places);
  g_test_add_func ("/tls/join", test_join);
  status = g_test_run ();
  tls_fixture_cert_free (ecdsa);
  tls_fixture_cert_free (rsa);
  return status;
}
