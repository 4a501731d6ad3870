/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See tls-sites.h. */
#include "tests/unit/tls-sites.h"

#include <string.h>

TlsSites tls_sites;

void
tls_sites_init (void)
{
  tls_sites.ca = tls_fixture_cert (&(TlsFixtureOptions){ .name = "ca.test" });
  tls_sites.other_ca = tls_fixture_cert (&(TlsFixtureOptions){ .name = "other-ca.test" });
  for (unsigned i = 0; i < 2; i++)
    {
      tls_sites.site[i] = tls_fixture_cert (
          &(TlsFixtureOptions){ .name = i ? "b.test" : "a.test", .ca = tls_sites.ca });
      tls_sites.loaded[i] = tls_fixture_load (tls_sites.site[i]);
    }
}

void
tls_sites_done (void)
{
  tls_fixture_cert_free (tls_sites.ca);
  tls_fixture_cert_free (tls_sites.other_ca);
  for (unsigned i = 0; i < 2; i++)
    {
      tls_fixture_cert_free (tls_sites.site[i]);
      p2p_tls_cert_unref (tls_sites.loaded[i]);
    }
}

static P2pTlsCert *
choose_cb (const char *server_name, void *data)
{
  (void) data;
  g_strlcpy (tls_sites.asked_for, server_name, sizeof tls_sites.asked_for);
  return p2p_tls_cert_ref (tls_sites.loaded[strcmp (server_name, "b.test") == 0]);
}

P2pTlsServer *
tls_sites_server (const char *client_ca_pem)
{
  static const char *const alpn[] = { "http/1.1", NULL };

  return tls_fixture_server (&(P2pTlsServerOptions){
      .choose = choose_cb, .alpn = alpn, .tickets = true, .client_ca_pem = client_ca_pem });
}

void
tls_sites_connect (P2pTlsServer *server,
                   P2pTlsClient *client,
                   const char *name,
                   P2pStream **ret_client,
                   P2pStream **ret_server)
{
  stream_pair_tcp (ret_client, ret_server);
  *ret_client = p2p_stream_tls_client_new (*ret_client, client, name);
  *ret_server = p2p_stream_tls_server_new (*ret_server, server);
}
