/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS with a client of GnuTLS's own, for what ours does not do: tickets kept by hand,
 * renegotiation. */
#include "lib/lock.h"
#include "tests/unit/tls-sites.h"

#include <string.h>

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
  stream_pair_close (raw->transport, raw->server);
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
        g_autoptr (P2pTlsServer) server = tls_sites_server (NULL);
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
  g_autoptr (P2pTlsServer) server = tls_sites_server (NULL);
  char buf[10];
  size_t n;
  Raw raw;

  raw_start (&raw, server, "a.test", "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL);
  g_assert_cmpint (gnutls_handshake (raw.session), ==, GNUTLS_E_AGAIN); /* a new ClientHello */
  g_assert_cmpint (p2p_stream_read (raw.server, buf, sizeof buf, &n, SOON), ==, P2P_IO_TLS);
  g_assert_cmpint (p2p_stream_read (raw.server, buf, sizeof buf, &n, SOON), ==, P2P_IO_TLS);
  raw_stop (&raw);
}

int
main (int argc, char **argv)
{
  int rc;

  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  tls_sites_init ();
  g_test_add_func ("/tls/tickets", test_tickets);
  g_test_add_func ("/tls/renegotiation", test_renegotiation);
  rc = g_test_run ();
  tls_sites_done ();
  return rc;
}
