/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A TLS ticket of a trusted connection must not carry a client that trusts something else past the
 * judge: GLib keeps tickets for the whole process, and a resumed session asks nobody about its
 * certificate. Not a GLib test program, because GLib resumes nothing in those. */
#include <stdio.h>

#include "client/client.h"
#include "client/error.h"
#include "tests/gui/await.h"
#include "tests/gui/byte-server.h"
#include "tests/gui/certs.h"

static bool
call (const P2pAddress *address, const P2pPin *pin, GError **error)
{
  g_autoptr (P2pClient) client = p2p_client_new (address, pin);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (JsonNode) node = NULL;

  p2p_client_call_async (client, "GET", "/about", NULL, NULL, NULL, await_cb, &result);
  await_result (&result);
  node = p2p_client_call_finish (client, result, error);
  return node != NULL;
}

int
main (void)
{
  g_autoptr (GTlsCertificate) certificate = test_cert_new_local ();
  ByteServer *server = byte_server_new (certificate);
  g_autofree char *text = g_strdup_printf ("localhost:%u", byte_server_get_port (server));
  g_autoptr (P2pAddress) address = p2p_address_parse (text, NULL);
  const P2pPin other = { { 1, 2, 3 } };
  P2pPin pin;
  int n_before, n_resumed;

  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  p2p_pin_of_certificate (certificate, &pin);
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (call (address, &pin, &error));
    }
  n_before = byte_server_get_n_bytes (server);
  n_resumed = byte_server_get_n_resumed (server);
  g_assert_cmpint (n_resumed, >, 0);
  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (call (address, i == 0 ? &other : NULL, &error));
      g_assert_true (g_error_matches (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_NOT_TRUSTED));
    }
  await_idle ();
  g_assert_cmpint (byte_server_get_n_resumed (server), >, n_resumed);
  g_assert_cmpint (byte_server_get_n_bytes (server), ==, n_before);
  byte_server_free (server);
  puts ("1..1\nok 1 - a resumed session of an untrusted certificate gets no byte");
  return 0;
}
