/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS contexts and handshakes: which certificate is shown, who is believed, what a ticket is good
 * for, and peers that end or speak badly. */
#include "lib/lock.h"
#include "lib/stream-tls-priv.h"
#include "tests/unit/memory-stream.h"
#include "tests/unit/stream-pairs.h"
#include "tests/unit/tls-fixture.h"

#include <glib.h>
#include <malloc.h>
#include <string.h>
#include <sys/socket.h>

#define SOON p2p_deadline_ms (20000)
#define GOOD(call) g_assert_cmpint ((call), >=, 0)

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)                                  \
    || __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* Two sites with a certificate each, from one CA; made in main (). */
static TlsFixtureCert *ca, *other_ca, *sites[2];
static P2pTlsCert *loaded[2];
static char asked_for[256]; /* what choose_cb was asked for last */

static P2pTlsCert *
choose_cb (const char *server_name, void *data)
{
  (void) data;
  g_strlcpy (asked_for, server_name, sizeof asked_for);
  return p2p_tls_cert_ref (loaded[strcmp (server_name, "b.test") == 0]);
}

static P2pTlsServer *
server_new (const char *client_ca_pem)
{
  static const char *const alpn[] = { "http/1.1", NULL };
  g_autoptr (GError) error = NULL;
  P2pTlsServer *server = p2p_tls_server_new (
      &(P2pTlsServerOptions){
          .choose = choose_cb, .alpn = alpn, .tickets = true, .client_ca_pem = client_ca_pem },
      &error);

  g_assert_no_error (error);
  return server;
}

static P2pTlsClient *
client_new (const P2pTlsClientOptions *options)
{
  g_autoptr (GError) error = NULL;
  P2pTlsClient *client = p2p_tls_client_new (options, &error);

  g_assert_no_error (error);
  return client;
}

static void
streams_new (P2pTlsServer *server,
             P2pTlsClient *client,
             const char *name,
             P2pStream **a,
             P2pStream **b)
{
  stream_pair_tcp (a, b);
  *a = p2p_stream_tls_client_new (*a, client, name);
  *b = p2p_stream_tls_server_new (*b, server);
}

static void
streams_close (P2pStream *a, P2pStream *b)
{
  p2p_stream_close (a);
  p2p_stream_close (b);
}

static void
test_certificates (void)
{
  struct
  {
    const char *chain, *key;
    bool good;
  } rows[] = {
    { sites[0]->chain_pem, sites[0]->key_pem, true },
    { sites[0]->chain_pem, sites[1]->key_pem, false },
    { sites[0]->chain_pem, "", false },
    { "", sites[0]->key_pem, false },
    { "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", sites[0]->key_pem, false },
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
  g_autoptr (P2pTlsServer) server = server_new (NULL);
  g_autoptr (P2pTlsClient) client = client_new (&(P2pTlsClientOptions){ .skip_verify = true });

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      gnutls_datum_t der;
      P2pStream *a, *b;
      P2pIo a_io, b_io;
      P2pSpan shown;
      char seen[256];

      strcpy (asked_for, "not asked");
      streams_new (server, client, rows[i].sent, &a, &b);
      tls_fixture_handshake (a, b, &a_io, &b_io);
      g_assert_cmpint (a_io, ==, P2P_IO_OK);
      g_assert_cmpint (b_io, ==, P2P_IO_OK);
      g_assert_cmpstr (asked_for, ==, rows[i].seen);
      p2p_stream_tls_get_server_name (b, seen, sizeof seen);
      g_assert_cmpstr (seen, ==, rows[i].seen);
      shown = p2p_stream_tls_peer_certificate (a);
      GOOD (gnutls_x509_crt_export2 (sites[rows[i].site]->crt, GNUTLS_X509_FMT_DER, &der));
      g_assert_cmpmem (shown.p, shown.n, der.data, der.size);
      gnutls_free (der.data);
      streams_close (a, b);
    }
}

/* GnuTLS refuses what can be no host name (an underscore, too): it never reaches a look-up or a
 * log. */
static void
test_bad_names (void)
{
  static const char *const names[]
      = { "_b.test", "b/.test", "b test", "a.test\n", "<b>.test", "\xc3\xa4.test" };
  g_autoptr (P2pTlsServer) server = server_new (NULL);
  g_autoptr (P2pTlsClient) client = client_new (&(P2pTlsClientOptions){ .skip_verify = true });

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      P2pStream *a, *b;
      P2pIo a_io, b_io;

      strcpy (asked_for, "not asked");
      streams_new (server, client, NULL, &a, &b);
      if (gnutls_server_name_set (p2p_stream_tls_session (a), GNUTLS_NAME_DNS, names[i],
                                  strlen (names[i]))
          < 0)
        {
          streams_close (a, b);
          continue;
        }
      tls_fixture_handshake (a, b, &a_io, &b_io);
      if (b_io == P2P_IO_OK)
        g_assert_true (strspn (asked_for, "abcdefghijklmnopqrstuvwxyz0123456789-_.")
                       == strlen (asked_for));
      else
        g_assert_cmpstr (asked_for, ==, "not asked");
      streams_close (a, b);
    }
}

static void
test_verification (void)
{
  g_autoptr (TlsFixtureCert) expired
      = tls_fixture_cert (&(TlsFixtureOptions){ .name = "a.test", .ca = ca, .expired = true });
  g_autoptr (TlsFixtureCert) address
      = tls_fixture_cert (&(TlsFixtureOptions){ .name = "127.0.0.1", .ca = ca });
  struct
  {
    TlsFixtureCert *shown;
    const char *name, *ca_pem;
    bool skip;
    P2pIo io;
    const char *says;
  } rows[] = {
    { sites[0], "a.test", ca->chain_pem, false, P2P_IO_OK, NULL },
    { sites[0], "A.Test", ca->chain_pem, false, P2P_IO_OK, NULL },
    { sites[0], "b.test", ca->chain_pem, false, P2P_IO_TLS, "'b.test'" },
    { sites[0], "127.0.0.1", ca->chain_pem, false, P2P_IO_TLS, "'127.0.0.1'" },
    { sites[0], "a.test", other_ca->chain_pem, false, P2P_IO_TLS, "issuer is unknown" },
    { sites[0], "a.test", NULL, false, P2P_IO_TLS, "issuer is unknown" },
    { sites[0], "b.test", NULL, true, P2P_IO_OK, NULL },
    { expired, "a.test", ca->chain_pem, false, P2P_IO_TLS, "expired" },
    { address, "127.0.0.1", ca->chain_pem, false, P2P_IO_OK, NULL },
    { address, "127.0.0.2", ca->chain_pem, false, P2P_IO_TLS, "'127.0.0.2'" },
    { sites[0], NULL, ca->chain_pem, false, P2P_IO_OK, NULL },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (P2pTlsServer) server = server_new (NULL);
      g_autoptr (P2pTlsClient) client = client_new (&(P2pTlsClientOptions){
          .ca_pem = rows[i].ca_pem, .skip_verify = rows[i].skip });
      P2pTlsCert *kept = loaded[0];
      g_autofree char *sentence = NULL;
      P2pStream *a, *b;
      P2pIo a_io, b_io;

      loaded[0] = tls_fixture_load (rows[i].shown);
      streams_new (server, client, rows[i].name, &a, &b);
      /* "b.test" must meet the wrong certificate as well. */
      p2p_tls_cert_unref (loaded[1]);
      loaded[1] = p2p_tls_cert_ref (loaded[0]);
      tls_fixture_handshake (a, b, &a_io, &b_io);
      g_assert_cmpint (a_io, ==, rows[i].io);
      sentence = p2p_stream_tls_dup_error (a);
      if (rows[i].says)
        g_assert_nonnull (strstr (sentence, rows[i].says));
      else
        g_assert_null (sentence);
      streams_close (a, b);
      p2p_tls_cert_unref (loaded[0]);
      p2p_tls_cert_unref (loaded[1]);
      loaded[0] = kept;
      loaded[1] = tls_fixture_load (sites[1]);
    }
}

/* A client certificate is asked for and judged, and never fails the handshake. */
static void
test_client_certificates (void)
{
  g_autoptr (TlsFixtureCert) good = tls_fixture_cert (
      &(TlsFixtureOptions){ .name = "agent.test", .purpose = GNUTLS_KP_TLS_WWW_CLIENT, .ca = ca });
  g_autoptr (TlsFixtureCert) foreign = tls_fixture_cert (&(TlsFixtureOptions){
      .name = "agent.test", .purpose = GNUTLS_KP_TLS_WWW_CLIENT, .ca = other_ca });
  g_autoptr (TlsFixtureCert) expired = tls_fixture_cert (
      &(TlsFixtureOptions){ .name = "agent.test", .purpose = GNUTLS_KP_TLS_WWW_CLIENT, .ca = ca,
                            .expired = true });
  struct
  {
    TlsFixtureCert *shown;
    bool asked, verified;
  } rows[] = {
    { NULL, true, false },     { good, true, true },      { foreign, true, false },
    { expired, true, false },  { sites[0], true, false }, { good, false, false },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autoptr (P2pTlsServer) server = server_new (rows[i].asked ? ca->chain_pem : NULL);
      g_autoptr (P2pTlsCert) own = rows[i].shown ? tls_fixture_load (rows[i].shown) : NULL;
      g_autoptr (P2pTlsClient) client = client_new (
          &(P2pTlsClientOptions){ .ca_pem = ca->chain_pem, .certificate = own });
      P2pStream *a, *b;
      P2pIo a_io, b_io;

      streams_new (server, client, "a.test", &a, &b);
      tls_fixture_handshake (a, b, &a_io, &b_io);
      g_assert_cmpint (a_io, ==, P2P_IO_OK);
      g_assert_cmpint (b_io, ==, P2P_IO_OK);
      g_assert_cmpint (p2p_stream_tls_client_verified (b), ==, rows[i].verified);
      g_assert_cmpint (p2p_stream_tls_peer_certificate (b).n > 0, ==,
                       rows[i].shown && rows[i].asked);
      streams_close (a, b);
    }
}

/* A client of GnuTLS's own, for what ours does not do: tickets, renegotiation. */
typedef struct
{
  gnutls_session_t session;
  gnutls_certificate_credentials_t credentials;
  P2pStream *transport, *server;
} Raw;

static int
raw_step (Raw *raw, int (*call) (gnutls_session_t session))
{
  int rc, again = GNUTLS_E_AGAIN;

  do
    {
      P2pIo io = p2p_stream_tls_handshake (raw->server, P2P_TRY);

      g_assert_true (io == P2P_IO_OK || io == P2P_IO_AGAIN);
      if (io == P2P_IO_OK)
        (void) p2p_stream_flush (raw->server, P2P_TRY);
      rc = call (raw->session);
    }
  while (rc == again || rc == GNUTLS_E_INTERRUPTED);
  return rc;
}

static void
raw_start (Raw *raw,
           P2pTlsServer *server,
           const char *name,
           const char *priority,
           gnutls_datum_t *ticket)
{
  P2pStream *b;

  stream_pair_tcp (&raw->transport, &b);
  raw->server = p2p_stream_tls_server_new (b, server);
  GOOD (gnutls_certificate_allocate_credentials (&raw->credentials));
  GOOD (gnutls_init (&raw->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
  GOOD (gnutls_priority_set_direct (raw->session, priority, NULL));
  GOOD (gnutls_credentials_set (raw->session, GNUTLS_CRD_CERTIFICATE, raw->credentials));
  GOOD (gnutls_server_name_set (raw->session, GNUTLS_NAME_DNS, name, strlen (name)));
  gnutls_transport_set_int (raw->session, p2p_stream_fd (raw->transport));
  if (ticket)
    GOOD (gnutls_session_set_data (raw->session, ticket->data, ticket->size));
  g_assert_cmpint (raw_step (raw, gnutls_handshake), ==, 0);
  g_assert_cmpint (p2p_stream_tls_handshake (raw->server, SOON), ==, P2P_IO_OK);
}

static void
raw_stop (Raw *raw)
{
  gnutls_deinit (raw->session);
  gnutls_certificate_free_credentials (raw->credentials);
  streams_close (raw->transport, raw->server);
}

/* Reads a byte, and the tickets that came before it. */
static void
raw_take_ticket (Raw *raw, gnutls_datum_t *ret_ticket)
{
  struct iovec iov = { "x", 1 };
  char byte;
  ssize_t n;

  g_assert_cmpint (p2p_stream_write_all (raw->server, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  do
    n = gnutls_record_recv (raw->session, &byte, 1);
  while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
  g_assert_cmpint (n, ==, 1);
  GOOD (gnutls_session_get_data2 (raw->session, ret_ticket));
}

static void
test_tickets (void)
{
  static const char *const priorities[]
      = { "NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2" };
  static const struct
  {
    const char *name;
    bool resumes;
  } rows[] = { { "a.test", true }, { "b.test", false } };

  for (size_t v = 0; v < G_N_ELEMENTS (priorities); v++)
    for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
      {
        g_autoptr (P2pTlsServer) server = server_new (NULL);
        gnutls_datum_t ticket;
        Raw raw;

        raw_start (&raw, server, "a.test", priorities[v], NULL);
        raw_take_ticket (&raw, &ticket);
        raw_stop (&raw);
        raw_start (&raw, server, rows[i].name, priorities[v], &ticket);
        g_assert_cmpint (gnutls_session_is_resumed (raw.session), ==, rows[i].resumes);
        g_assert_cmpint (gnutls_session_is_resumed (p2p_stream_tls_session (raw.server)), ==,
                         rows[i].resumes);
        raw_stop (&raw);
        gnutls_free (ticket.data);
      }
}

static void
test_renegotiation (void)
{
  g_autoptr (P2pTlsServer) server = server_new (NULL);
  char buf[10];
  size_t n;
  Raw raw;

  raw_start (&raw, server, "a.test", "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL);
  g_assert_cmpint (gnutls_handshake (raw.session), ==, GNUTLS_E_AGAIN); /* a new ClientHello */
  g_assert_cmpint (p2p_stream_read (raw.server, buf, sizeof buf, &n, SOON), ==, P2P_IO_TLS);
  g_assert_cmpint (p2p_stream_read (raw.server, buf, sizeof buf, &n, SOON), ==, P2P_IO_TLS);
  raw_stop (&raw);
}

static void
test_old_versions (void)
{
  g_autoptr (P2pTlsServer) server = server_new (NULL);
  g_autoptr (P2pTlsClient) client = client_new (&(P2pTlsClientOptions){ .skip_verify = true });
  g_autofree char *sentence = NULL;
  P2pStream *a, *b;
  P2pIo a_io, b_io;

  streams_new (server, client, "a.test", &a, &b);
  GOOD (gnutls_priority_set_direct (p2p_stream_tls_session (a), "NORMAL:-VERS-ALL:+VERS-TLS1.1",
                                    NULL));
  tls_fixture_handshake (a, b, &a_io, &b_io);
  g_assert_cmpint (b_io, ==, P2P_IO_TLS);
  g_assert_cmpint (a_io, ==, P2P_IO_TLS);
  sentence = p2p_stream_tls_dup_error (a);
  g_assert_nonnull (strstr (sentence, "the peer refused the TLS handshake"));
  streams_close (a, b);
}

/* Peers that end or speak badly -----------------------------------------------------------------
 */

static void
test_cut (void)
{
  P2pStream *a, *b;
  char buf[10];
  size_t n;

  /* The transport ends without close_notify. */
  stream_pair_tls (&a, &b);
  g_assert_cmpint (shutdown (p2p_stream_fd (a), SHUT_WR), ==, 0);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_RESET);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_RESET);
  streams_close (a, b);

  /* Within a record. */
  stream_pair_tls (&a, &b);
  g_assert_cmpint (send (p2p_stream_fd (a), "\x17\x03\x03\x00\x20xyz", 8, 0), ==, 8);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, p2p_deadline_ms (5)), ==,
                   P2P_IO_TIMEOUT);
  g_assert_cmpint (shutdown (p2p_stream_fd (a), SHUT_WR), ==, 0);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_RESET);
  streams_close (a, b);
}

static void
test_garbage (void)
{
  static const char forged[] = "\x17\x03\x03\x00\x18"
                               "abcdefghijklmnopqrstuvwx";
  g_autoptr (P2pTlsServer) server = server_new (NULL);
  g_autofree char *sentence = NULL;
  struct iovec iov = { "x", 1 };
  P2pStream *a, *b;
  char buf[10];
  size_t n;

  /* A record that nobody encrypted. */
  stream_pair_tls (&a, &b);
  g_assert_cmpint (send (p2p_stream_fd (a), forged, sizeof forged - 1, 0), ==, sizeof forged - 1);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_TLS);
  g_assert_cmpint (p2p_stream_write_all (b, &iov, 1, NULL, SOON), ==, P2P_IO_TLS);
  streams_close (a, b);

  /* Plain HTTP on a TLS port. */
  stream_pair_tcp (&a, &b);
  b = p2p_stream_tls_server_new (b, server);
  g_assert_cmpint (send (p2p_stream_fd (a), "GET / HTTP/1.1\r\n\r\n", 18, 0), ==, 18);
  g_assert_cmpint (p2p_stream_tls_handshake (b, SOON), ==, P2P_IO_TLS);
  sentence = p2p_stream_tls_dup_error (b);
  g_assert_nonnull (sentence);
  streams_close (a, b);

  /* Nothing at all, then a hang-up. */
  stream_pair_tcp (&a, &b);
  b = p2p_stream_tls_server_new (b, server);
  g_assert_cmpint (p2p_stream_tls_handshake (b, P2P_TRY), ==, P2P_IO_AGAIN);
  g_assert_cmpint (p2p_stream_tls_handshake (b, p2p_deadline_ms (5)), ==, P2P_IO_TIMEOUT);
  p2p_stream_close (a);
  g_assert_cmpint (p2p_stream_tls_handshake (b, SOON), ==, P2P_IO_RESET);
  p2p_stream_close (b);
}

/* Every byte of handshake and data comes alone. */
static void
test_byte_by_byte (void)
{
  for (unsigned tls12 = 0; tls12 < 2; tls12++)
    {
      P2pStream *a, *b;
      struct iovec iov = { "hello", 5 };
      char buf[10];
      size_t n = 0;

      memory_stream_pair (1, &a, &b);
      tls_fixture_wrap (tls12, &a, &b);
      g_assert_cmpint (p2p_stream_writev (a, &iov, 1, &n, SOON), ==, P2P_IO_OK);
      g_assert_cmpuint (n, ==, 5);
      for (P2pIo io = P2P_IO_AGAIN; io != P2P_IO_OK;)
        {
          g_assert_cmpint (io, ==, P2P_IO_AGAIN);
          (void) p2p_stream_flush (a, P2P_TRY);
          io = p2p_stream_read (b, buf, sizeof buf, &n, P2P_TRY);
        }
      g_assert_cmpmem (buf, n, "hello", 5);
      streams_close (a, b);
    }
}

/* Two records in one segment: after the first nothing is in the socket, and yet there is something
 * to read. */
static void
test_read_ahead (void)
{
  P2pStream *a, *b;
  struct iovec iov = { "GET 1", 5 };
  P2pWait item = { .want = P2P_READABLE };
  char buf[100];
  size_t n;

  stream_pair_tls (&a, &b);
  item.strm = b;
  for (unsigned i = 0; i < 2; i++)
    g_assert_cmpint (p2p_stream_write_all (a, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpuint (n, ==, 5);
  g_assert_cmpint (recv (p2p_stream_fd (b), buf, 1, MSG_DONTWAIT | MSG_PEEK), ==, -1);
  g_assert_cmpuint (p2p_stream_pending (b), >, 0);
  g_assert_cmpint (p2p_stream_wait (&item, 1, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_read (b, buf, 2, &n, P2P_TRY), ==, P2P_IO_OK);
  /* The rest of a record that GnuTLS has decrypted. */
  g_assert_cmpuint (p2p_stream_pending (b), ==, 3);
  g_assert_cmpint (p2p_stream_wait (&item, 1, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpuint (p2p_stream_pending (b), ==, 0);
  g_assert_cmpint (p2p_stream_wait (&item, 1, P2P_TRY), ==, P2P_IO_AGAIN);
  streams_close (a, b);
}

#define N_IDLE 64

static void
test_idle_memory (void)
{
  P2pStream *idle[N_IDLE];
  size_t before, each;

  if (SANITIZED)
    {
      g_test_skip ("the sanitizers have an allocator of their own");
      return;
    }
  for (unsigned warm = 0; warm < 2; warm++)
    {
      before = mallinfo2 ().uordblks;
      for (unsigned i = 0; i < N_IDLE; i++)
        {
          P2pStream *a;

          stream_pair_tls (&a, &idle[i]);
          p2p_stream_reset (a);
          p2p_stream_close (a);
        }
      each = (mallinfo2 ().uordblks - before) / N_IDLE;
      for (unsigned i = 0; i < N_IDLE; i++)
        p2p_stream_close (idle[i]);
    }
  g_test_message ("%zu bytes for an idle TLS stream", each);
  g_assert_cmpuint (each, <, 28 * 1024);
}

int
main (int argc, char **argv)
{
  int rc;

  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  ca = tls_fixture_cert (&(TlsFixtureOptions){ .name = "ca.test" });
  other_ca = tls_fixture_cert (&(TlsFixtureOptions){ .name = "other-ca.test" });
  for (unsigned i = 0; i < 2; i++)
    {
      sites[i]
          = tls_fixture_cert (&(TlsFixtureOptions){ .name = i ? "b.test" : "a.test", .ca = ca });
      loaded[i] = tls_fixture_load (sites[i]);
    }
  g_test_add_func ("/tls/certificates", test_certificates);
  g_test_add_func ("/tls/server-names", test_server_names);
  g_test_add_func ("/tls/bad-names", test_bad_names);
  g_test_add_func ("/tls/verification", test_verification);
  g_test_add_func ("/tls/client-certificates", test_client_certificates);
  g_test_add_func ("/tls/tickets", test_tickets);
  g_test_add_func ("/tls/renegotiation", test_renegotiation);
  g_test_add_func ("/tls/old-versions", test_old_versions);
  g_test_add_func ("/tls/cut", test_cut);
  g_test_add_func ("/tls/garbage", test_garbage);
  g_test_add_func ("/tls/byte-by-byte", test_byte_by_byte);
  g_test_add_func ("/tls/read-ahead", test_read_ahead);
  g_test_add_func ("/tls/idle-memory", test_idle_memory);
  rc = g_test_run ();
  tls_fixture_cert_free (ca);
  tls_fixture_cert_free (other_ca);
  for (unsigned i = 0; i < 2; i++)
    {
      tls_fixture_cert_free (sites[i]);
      p2p_tls_cert_unref (loaded[i]);
    }
  return rc;
}
