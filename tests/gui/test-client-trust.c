/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who gets a byte of HTTP from the client: only a server that shows the pinned certificate, made
 * for its name, within its dates. The oracle is the server, which counts what arrives inside TLS.
 */
#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "client/error.h"
#include "client/probe.h"
#include "tests/gui/await.h"
#include "tests/gui/byte-server.h"
#include "tests/gui/certs.h"

#define HOUR ((time_t) 3600)

static P2pAddress *
address_of (ByteServer *server, const char *host)
{
  g_autofree char *text = g_strdup_printf ("%s:%u", host, byte_server_get_port (server));
  g_autoptr (GError) error = NULL;
  P2pAddress *address = p2p_address_parse (text, &error);

  g_assert_no_error (error);
  return address;
}

static bool
call (P2pClient *client, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (JsonNode) node = NULL;

  p2p_client_call_async (client, "GET", "/about", NULL, NULL, NULL, await_cb, &result);
  await_result (&result);
  node = p2p_client_call_finish (client, result, error);
  return node != NULL;
}

static P2pCertificate *
probe (const P2pAddress *address, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  p2p_probe_async (address, NULL, await_cb, &result);
  await_result (&result);
  return p2p_probe_finish (result, error);
}

/* The server has seen the end of the connection when its thread is joined, so the count after it is
 * final. */
static int
bytes_after_close (ByteServer *server)
{
  int n_bytes;

  await_idle ();
  n_bytes = byte_server_get_n_bytes (server);
  byte_server_free (server);
  return n_bytes;
}

static void
test_pinned (void)
{
  g_autoptr (GTlsCertificate) certificate = test_cert_new_local ();
  ByteServer *server = byte_server_new (certificate);
  g_autoptr (P2pAddress) address = address_of (server, "127.0.0.1");
  g_autoptr (P2pClient) client = NULL;
  g_autoptr (GError) error = NULL;
  P2pPin pin;

  p2p_pin_of_certificate (certificate, &pin);
  client = p2p_client_new (address, &pin);
  for (int i = 0; i < 3; i++)
    {
      call (client, &error);
      g_assert_no_error (error);
    }
  g_assert_cmpint (byte_server_get_n_connections (server), ==, 1);
  g_clear_object (&client);
  g_assert_cmpint (bytes_after_close (server), >, 100);
}

static void
test_doubts (void)
{
  const time_t now = time (NULL);
  const struct
  {
    const char *name;
    CertSpec spec;
    const char *host;
    bool pinned;
    P2pDoubt doubt;
  } cases[] = {
    { "not pinned",
      { "a", "localhost", "127.0.0.1", now - HOUR, now + HOUR },
      "127.0.0.1",
      false,
      P2P_DOUBT_UNPINNED },
    { "another address",
      { "b", "localhost", "127.0.0.2", now - HOUR, now + HOUR },
      "127.0.0.1",
      true,
      P2P_DOUBT_NAME },
    { "another name",
      { "localhost", "other.test", "127.0.0.1", now - HOUR, now + HOUR },
      "localhost",
      true,
      P2P_DOUBT_NAME },
    { "expired",
      { "d", "localhost", "127.0.0.1", now - 2 * HOUR, now - HOUR },
      "127.0.0.1",
      true,
      P2P_DOUBT_EXPIRED },
    { "not valid yet",
      { "e", "localhost", "127.0.0.1", now + HOUR, now + 2 * HOUR },
      "127.0.0.1",
      true,
      P2P_DOUBT_EARLY },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GTlsCertificate) certificate = test_cert_new (&cases[i].spec);
      ByteServer *server = byte_server_new (certificate);
      g_autoptr (P2pAddress) address = address_of (server, cases[i].host);
      g_autoptr (P2pClient) client = NULL;
      g_autoptr (P2pCertificate) seen = NULL;
      g_autoptr (GError) error = NULL;
      P2pPin pin;

      g_test_message ("%s", cases[i].name);
      p2p_pin_of_certificate (certificate, &pin);
      client = p2p_client_new (address, cases[i].pinned ? &pin : NULL);
      g_assert_false (call (client, &error));
      g_assert_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_NOT_TRUSTED);
      g_assert_nonnull (p2p_client_get_refused (client));
      g_assert_true (
          p2p_pin_equal (p2p_certificate_get_pin (p2p_client_get_refused (client)), &pin));

      seen = probe (address, NULL);
      g_assert_nonnull (seen);
      g_assert_cmpint (p2p_certificate_judge (seen, cases[i].pinned ? &pin : NULL), ==,
                       cases[i].doubt);
      g_clear_object (&client);
      g_assert_cmpint (bytes_after_close (server), ==, 0);
    }
}

/* The rule that an ordinary client breaks: it asks nobody about a certificate that the system
 * trusts. */
static void
test_trusted_by_system (void)
{
  g_autoptr (GTlsCertificate) certificate = test_cert_new_local ();
  ByteServer *server = byte_server_new (certificate);
  g_autoptr (P2pAddress) address = address_of (server, "localhost");
  g_autoptr (P2pClient) client = p2p_client_new (address, NULL);
  g_autoptr (GTlsDatabase) system = NULL;
  g_autofree char *pem = NULL;
  g_autofree char *path = NULL;
  g_autofree char *url = g_strconcat (address->url, "/", NULL);
  g_autoptr (SoupSession) ordinary = soup_session_new ();
  g_autoptr (SoupMessage) msg = soup_message_new ("GET", url);
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GBytes) body = NULL;
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("p2pstream-ca-XXXXXX.pem", &path, NULL);
  int n_before;

  g_assert_cmpint (fd, >=, 0);
  close (fd);
  g_object_get (certificate, "certificate-pem", &pem, NULL);
  g_assert_true (g_file_set_contents (path, pem, -1, NULL));
  system = g_tls_file_database_new (path, &error);
  g_assert_no_error (error);
  g_tls_backend_set_default_database (g_tls_backend_get_default (), system);

  soup_session_send_and_read_async (ordinary, msg, G_PRIORITY_DEFAULT, NULL, await_cb, &result);
  await_result (&result);
  body = soup_session_send_and_read_finish (ordinary, result, &error);
  g_assert_no_error (error);
  n_before = byte_server_get_n_bytes (server);
  g_assert_cmpint (n_before, >, 0);

  g_assert_false (call (client, &error));
  g_assert_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_NOT_TRUSTED);
  g_clear_object (&client);
  soup_session_abort (ordinary);
  g_assert_cmpint (bytes_after_close (server), ==, n_before);
  g_tls_backend_set_default_database (g_tls_backend_get_default (), NULL);
  g_assert_cmpint (g_unlink (path), ==, 0);
}

/* Another certificate for the same name, between two calls. */
static void
test_swapped (void)
{
  g_autoptr (GTlsCertificate) certificate = test_cert_new_local ();
  g_autoptr (GTlsCertificate) other = test_cert_new_local ();
  ByteServer *server = byte_server_new (certificate);
  g_autoptr (P2pAddress) address = address_of (server, "127.0.0.1");
  g_autoptr (P2pClient) client = NULL;
  g_autoptr (GError) error = NULL;
  P2pPin pin;
  int n_before;

  p2p_pin_of_certificate (certificate, &pin);
  client = p2p_client_new (address, &pin);
  call (client, &error);
  g_assert_no_error (error);
  g_clear_object (&client);
  n_before = byte_server_get_n_bytes (server);

  byte_server_set_certificate (server, other);
  client = p2p_client_new (address, &pin);
  g_assert_false (call (client, &error));
  g_assert_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_NOT_TRUSTED);
  g_assert_nonnull (strstr (error->message, "another certificate"));
  g_clear_object (&client);
  g_assert_cmpint (bytes_after_close (server), ==, n_before);
}

static void
test_probe (void)
{
  g_autoptr (GTlsCertificate) certificate = test_cert_new_local ();
  ByteServer *server = byte_server_new (certificate);
  g_autoptr (P2pAddress) address = address_of (server, "127.0.0.1");
  g_autoptr (P2pCertificate) seen = NULL;
  g_autoptr (GError) error = NULL;
  P2pPin pin;

  p2p_pin_of_certificate (certificate, &pin);
  seen = probe (address, &error);
  g_assert_no_error (error);
  g_assert_true (p2p_pin_equal (p2p_certificate_get_pin (seen), &pin));
  g_assert_cmpint (p2p_certificate_judge (seen, &pin), ==, 0);
  g_assert_true (g_strv_contains (p2p_certificate_get_names (seen), "localhost"));
  g_assert_true (g_strv_contains (p2p_certificate_get_names (seen), "127.0.0.1"));
  g_assert_true (p2p_certificate_is_self_signed (seen));
  g_assert_cmpint (bytes_after_close (server), ==, 0);

  g_clear_object (&seen);
  seen = probe (address, &error);
  g_assert_null (seen);
  g_assert_error (error, P2P_CLIENT_ERROR, P2P_CLIENT_ERROR_UNREACHABLE);
}

int
main (int argc, char **argv)
{
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/client/trust/pinned", test_pinned);
  g_test_add_func ("/client/trust/doubts", test_doubts);
  g_test_add_func ("/client/trust/trusted-by-system", test_trusted_by_system);
  g_test_add_func ("/client/trust/swapped", test_swapped);
  g_test_add_func ("/client/trust/probe", test_probe);
  return g_test_run ();
}
